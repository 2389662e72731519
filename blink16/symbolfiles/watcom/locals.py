"""Symbols of a module: its variables, and functions and blocks with theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from blink16.memory import MEMORY_SIZE
from blink16.symbolfiles.source import SymbolFileError
from blink16.symbolfiles.toolchain import (
    Function,
    LocalPlace,
    Scope,
    Static,
    TypeId,
    Variable,
    without_underscore,
)
from blink16.symbolfiles.watcom.reading import Record, records
from blink16.symbolfiles.watcom.types import WatcomTypes

MAX_DEPTH = 32
"""Blocks within blocks of a function."""


class LocalKind(IntEnum):
    """The kinds of symbols; those with 386 have offsets of 32 bits."""

    MODULE = 0x10
    LOCAL = 0x11
    MODULE_386 = 0x12
    MODULE_PLACE = 0x13
    BLOCK = 0x20
    NEAR_ROUTINE = 0x21
    FAR_ROUTINE = 0x22
    BLOCK_386 = 0x23
    NEAR_ROUTINE_386 = 0x24
    FAR_ROUTINE_386 = 0x25
    MEMBER_SCOPE = 0x26
    ADD_SEGMENT = 0x30
    SET_BASE = 0x31
    SET_BASE_386 = 0x32


_ROUTINES = {
    LocalKind.NEAR_ROUTINE: False,
    LocalKind.NEAR_ROUTINE_386: False,
    LocalKind.FAR_ROUTINE: True,
    LocalKind.FAR_ROUTINE_386: True,
}
"""Whether they return with RETF."""


@dataclass
class _Block:
    span: range
    parent: int
    """Where its record is; 0 for none."""
    function: tuple[str, TypeId, bool] | None = None
    variables: list[Variable] = field(default_factory=list)
    inner: list[_Block] = field(default_factory=list)

    def scope(self, depth: int = 0) -> Scope:
        """Return it as a scope, with those inside."""
        if depth > MAX_DEPTH:
            raise SymbolFileError("the Watcom debugging information is damaged: blocks in a circle")
        inner = sorted(self.inner, key=lambda block: block.span.start)
        below = (block.scope(depth + 1) for block in inner)
        return Scope(self.span, tuple(self.variables), tuple(below))


class _Symbols:
    """Reads a module's symbols; ``base``: the segment and offset that code counts from."""

    def __init__(self, base: tuple[int, int], types: WatcomTypes) -> None:
        self.blocks: dict[int, _Block] = {}
        self.variables: list[Variable] = []
        self._base = base
        self._types = types
        self._open: _Block | None = None

    def take(self, at: int, kind: int, record: Record) -> None:
        """Meet a record."""
        match kind:
            case LocalKind.MODULE | LocalKind.MODULE_386:
                segment, offset = record.address(2 if kind == LocalKind.MODULE else 4)
                self._variable(Static(segment * 16 + offset, segment), record)
            case LocalKind.MODULE_PLACE:
                place = record.place()
                if isinstance(place, Static):
                    self._variable(place, record)
            case LocalKind.LOCAL:
                self._local(record)
            case LocalKind.BLOCK | LocalKind.BLOCK_386:
                self._begin(at, kind, record)
            case LocalKind.MEMBER_SCOPE:
                self._open = None
                self.blocks[at] = _Block(range(0), record.number(2))
            case LocalKind.SET_BASE | LocalKind.SET_BASE_386:
                self._base = record.address(2 if kind == LocalKind.SET_BASE else 4)
            case LocalKind.ADD_SEGMENT:
                self._base = self._base[0] + record.number(2), 0
            case _ if kind in _ROUTINES:
                self._routine(at, kind, record)
            case _:  # what others have is passed over: each record says how long it is
                pass

    def _variable(self, place: Static, record: Record) -> None:
        type_id = self._types.own(record.index())
        self.variables.append(Variable(without_underscore(record.name()), type_id, place))

    def _local(self, record: Record) -> None:
        place = record.place()
        type_id = self._types.own(record.index())
        if place is not None and self._open is not None:
            parameter = isinstance(place, LocalPlace) and place.offset > 0
            self._open.variables.append(Variable(record.name(), type_id, place, parameter))

    def _begin(self, at: int, kind: int, record: Record) -> _Block:
        size = 4 if kind >= LocalKind.BLOCK_386 else 2
        segment, offset = self._base
        start = min(segment * 16 + offset + record.number(size), MEMORY_SIZE)
        span = range(start, min(start + record.number(size), MEMORY_SIZE))
        self._open = self.blocks[at] = _Block(span, record.number(2))
        return self._open

    def _routine(self, at: int, kind: int, record: Record) -> None:
        block = self._begin(at, kind, record)
        record.take(2)  # the sizes of prologue and epilogue
        record.take(4 if kind >= LocalKind.BLOCK_386 else 2)  # where its return address is
        type_id = self._types.own(record.index())
        record.place()  # of what it returns
        for _ in range(record.number(1)):
            record.place()  # of a parameter
        name = without_underscore(record.name())
        block.function = name, type_id, _ROUTINES[LocalKind(kind)]


def read_locals(
    blocks: Sequence[bytes], base: tuple[int, int], types: WatcomTypes
) -> tuple[tuple[Function, ...], tuple[Variable, ...]]:
    """Return a module's functions, in the order of their addresses, and its variables."""
    variables: list[Variable] = []
    functions: list[Function] = []
    for content in blocks:
        symbols = _Symbols(base, types)
        for at, kind, record in records(content):
            symbols.take(at, kind, record)
        variables += symbols.variables
        functions += _functions(symbols.blocks)
    functions.sort(key=lambda function: function.scope.span.start)
    return tuple(functions), tuple(variables)


def _functions(blocks: dict[int, _Block]) -> list[Function]:
    for block in blocks.values():
        parent = blocks.get(block.parent) if block.parent else None
        if block.function is None and parent is not None and parent is not block:
            parent.inner.append(block)
    return [
        Function(block.function[0], block.function[1], block.scope(), block.function[2])
        for block in blocks.values()
        if block.function is not None
    ]
