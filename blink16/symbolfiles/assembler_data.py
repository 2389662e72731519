"""What an assembler's labels of data name, by the directives that reserve their bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from blink16.symbolfiles.toolchain import (
    ArrayType,
    BaseEncoding,
    BaseType,
    DataType,
    Static,
    TypeId,
    Variable,
)

SIZES = {"b": 1, "w": 2, "d": 4, "q": 8}
"""Bytes of an element by the last letter of DB, DW, DD, DQ, RESB…"""
_ELEMENTS = {
    1: BaseType("unsigned char", 1, BaseEncoding.UNSIGNED_CHARACTER),
    2: BaseType("unsigned int", 2, BaseEncoding.UNSIGNED),
    4: BaseType("unsigned long", 4, BaseEncoding.UNSIGNED),
    8: BaseType("unsigned long long", 8, BaseEncoding.UNSIGNED),
}


@dataclass(slots=True)
class ListedData:
    """A label of data; its address counts from the image, sizes are in bytes."""

    name: str
    address: int
    element: int
    size: int
    line: int
    """Of its last bytes so far."""

    @property
    def end(self) -> int:
        """Where its bytes end."""
        return self.address + self.size


def variables(data: Iterable[ListedData]) -> tuple[tuple[Variable, ...], dict[TypeId, DataType]]:
    """Return labels of data as variables, more than one element as arrays, and their types."""
    numbers: dict[tuple[int, int], TypeId] = {}
    types: dict[TypeId, DataType] = dict(_ELEMENTS)
    found = []
    for one in data:
        kind = one.element
        if one.size > one.element:
            kind = numbers.setdefault((one.element, one.size), max(_ELEMENTS) + 1 + len(numbers))
            types[kind] = ArrayType(one.element, one.size)
        found.append(Variable(one.name, kind, Static(one.address, 0)))
    return tuple(found), types
