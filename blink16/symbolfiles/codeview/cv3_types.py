"""The types of CodeView's first formats: descriptions whose parts begin with a byte of their kind.

Sources: as cv3.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from construct import Int16ul

from blink16.symbolfiles.source import SymbolFileError
from blink16.symbolfiles.toolchain import (
    VOID,
    ArrayType,
    BaseEncoding,
    BaseType,
    DataType,
    FunctionType,
    Member,
    PointerType,
    StructureType,
    TypeId,
    TypeName,
)

FIRST_TYPE = 512
"""Types below are the language's own."""


class Leaf(IntEnum):
    """What the parts of a type's description begin with."""

    BIT_FIELD = 0x5C
    NEW_NAME = 0x5D
    HUGE = 0x5E
    FAR = 0x73
    NEAR = 0x74
    PROCEDURE = 0x75
    ARRAY = 0x78
    STRUCTURE = 0x79
    POINTER = 0x7A
    LIST = 0x7F
    NIL = 0x80
    NAME = 0x82
    INDEX = 0x83
    UINT16 = 0x85
    UINT32 = 0x86
    INT8 = 0x88
    INT16 = 0x89
    INT32 = 0x8A


_NUMBERS = {
    Leaf.UINT16: (2, False),
    Leaf.UINT32: (4, False),
    Leaf.INT8: (1, True),
    Leaf.INT16: (2, True),
    Leaf.INT32: (4, True),
}


class Cv3Types:
    """The types of a module, from their descriptions."""

    def __init__(self, content: bytes) -> None:
        self.table: dict[TypeId, DataType] = {}
        self._leaves = [_leaves(description) for description in _descriptions(content)]
        for number in range(len(self._leaves)):
            if (made := self._made(number)) is not None:
                self.table[FIRST_TYPE + number] = made

    def own(self, number: int) -> TypeId:
        """Return a type by its number, and see that it is in the table; VOID if it's none."""
        if number < FIRST_TYPE and (basic := _basic(number)) is not None:
            if number not in self.table:
                self.table[number] = basic
                if isinstance(basic, PointerType):
                    self.own(basic.target)
            return number
        return number if number in self.table else VOID

    def _refer(self, leaf: object) -> TypeId:
        """Return the type that an index names; those of the module may come later."""
        if not isinstance(leaf, _Index):
            return VOID
        if leaf.number < FIRST_TYPE:
            return self.own(leaf.number)
        return leaf.number if leaf.number - FIRST_TYPE < len(self._leaves) else VOID

    def _made(self, number: int) -> DataType | None:
        match self._leaves[number]:
            case [Leaf.ARRAY, int(bits), element, *_]:
                return ArrayType(self._refer(element), bits // 8)
            case [Leaf.POINTER, Leaf.NEAR | Leaf.FAR | Leaf.HUGE as model, target, *_]:
                return PointerType(self._refer(target), far=model is not Leaf.NEAR)
            case [Leaf.STRUCTURE, int(bits), int(), kinds, names, *rest]:
                name = rest[0] if rest and isinstance(rest[0], str) else ""
                return StructureType(name, bits // 8, self._members(kinds, names))
            case [Leaf.PROCEDURE, _, result, *_]:
                return FunctionType(self._refer(result))
            case [Leaf.NEW_NAME, target, str(name), *_]:
                return TypeName(name, self._refer(target))
        return None

    def _members(self, kinds: object, names: object) -> tuple[Member, ...]:
        types = [leaf for leaf in self._list(kinds) if isinstance(leaf, _Index)]
        texts = self._list(names)
        pairs = zip(texts[::2], texts[1::2], strict=False)
        return tuple(
            self._member(name, offset, kind)
            for (name, offset), kind in zip(pairs, types, strict=False)
            if isinstance(name, str) and isinstance(offset, int)
        )

    def _member(self, name: str, offset: int, kind: _Index) -> Member:
        index = kind.number - FIRST_TYPE
        if 0 <= index < len(self._leaves):
            match self._leaves[index]:
                case [Leaf.BIT_FIELD, int(bits), base, int(first), *_]:
                    return Member(name, self._refer(base), offset, bits, first)
        return Member(name, self._refer(kind), offset)

    def _list(self, leaf: object) -> list[object]:
        if isinstance(leaf, _Index) and 0 <= leaf.number - FIRST_TYPE < len(self._leaves):
            match self._leaves[leaf.number - FIRST_TYPE]:
                case [Leaf.LIST, *items]:
                    return items
        return []


@dataclass(frozen=True, slots=True)
class _Index:
    """A type, by its number."""

    number: int


def _descriptions(content: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(content):
        size = Int16ul.parse(content[at + 1 : at + 3])
        if at + 3 + size > len(content):
            raise SymbolFileError("the CodeView information is damaged: a type without an end")
        yield content[at + 3 : at + 3 + size]
        at += 3 + size


def _leaves(description: bytes) -> list[object]:
    """Return the parts of a type's description: leaves, numbers, names and indexes."""
    parts: list[object] = []
    at = 0
    while at < len(description):
        code = description[at]
        at += 1
        if code in _NUMBERS:
            size, signed = _NUMBERS[Leaf(code)]
            parts.append(int.from_bytes(description[at : at + size], "little", signed=signed))
            at += size
        elif code == Leaf.INDEX:
            parts.append(_Index(int.from_bytes(description[at : at + 2], "little")))
            at += 2
        elif code == Leaf.NAME:
            size = description[at]
            parts.append(description[at + 1 : at + 1 + size].decode("latin-1"))
            at += 1 + size
        elif _is_leaf(code, parts):
            parts.append(Leaf(code))
        else:
            parts.append(code)  # a number below 80h is written as it is
    return parts


def _is_leaf(code: int, parts: list[object]) -> bool:
    """Tell a leaf from a small number, which stand for each other: by where it stands."""
    if code == Leaf.NIL or not parts:
        return code in tuple(Leaf)
    return parts == [Leaf.POINTER] and code in (Leaf.NEAR, Leaf.FAR, Leaf.HUGE)


_INTEGERS = {0: "char", 1: "int", 2: "long"}
_UNSIGNED = {0: "unsigned char", 1: "unsigned int", 2: "unsigned long"}
_FLOATS = {0: ("float", 4), 1: ("double", 8), 2: ("long double", 10)}


def _basic(number: int) -> DataType | None:
    """Return one of the language's own types.

    Bits: 7 set; 6-5 direct, near, far or huge pointer; 4-2 signed, unsigned, real, complex,
    boolean, character; 1-0 the size.
    """
    if not number & 0x80 or number > 0xFF:
        return None
    mode, kind, size = number >> 5 & 3, number >> 2 & 7, number & 3
    if mode:
        return PointerType(number & ~0x60, far=mode > 1)
    match kind:
        case 0 if size in _INTEGERS:
            encoding = BaseEncoding.SIGNED_CHARACTER if size == 0 else BaseEncoding.SIGNED
            return BaseType(_INTEGERS[size], 1 << size, encoding)
        case 1 if size in _UNSIGNED:
            encoding = BaseEncoding.UNSIGNED_CHARACTER if size == 0 else BaseEncoding.UNSIGNED
            return BaseType(_UNSIGNED[size], 1 << size, encoding)
        case 2 if size in _FLOATS:
            name, length = _FLOATS[size]
            return BaseType(name, length, BaseEncoding.FLOAT)
        case 4:
            return BaseType("boolean", 1 << size, BaseEncoding.BOOLEAN)
        case 5:
            return BaseType("char", 1, BaseEncoding.SIGNED_CHARACTER)
    return None
