"""What names and places mean in a frame: variables, registers, symbols, memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from blink16.client.conditions import HALVES
from blink16.client.program import types
from blink16.client.program.grammar import ExpressionError
from blink16.client.program.lines import ProgramMap
from blink16.client.program.types import ValueType
from blink16.client.program.values import Place, TypedValue, typed, whole
from blink16.client.program.view import FrameView
from blink16.memory import ADDRESS_MASK
from blink16.reports.sources import VariableFacts
from blink16.reports.state import FLAG_BITS, REGISTER_NAMES
from blink16.symbols import Symbol, SymbolKind, SymbolTable

WORD_REGISTERS = REGISTER_NAMES
MAX_VALUE = 1 << 16
"""Bytes of one value."""
_WORD = 0xFFFF
_REGISTERS = {*WORD_REGISTERS, *HALVES, *(name.lower() for name in FLAG_BITS), "icount", "pc"}


class Machinery(Protocol):
    """What is asked about a machine while expressions are evaluated."""

    async def read_memory(self, where: int, length: int) -> bytes:
        """Return bytes from a linear address on."""

    async def memory_end(self) -> int:
        """Return the linear address at which memory ends."""

    async def symbols(self) -> SymbolTable:
        """Return the names of addresses."""


@dataclass
class Scene:
    """Where expressions are evaluated: a frame of a program."""

    machine: Machinery
    program: ProgramMap
    view: FrameView
    icount: int = 0
    write: Callable[[Place, bytes], Awaitable[None]] | None = None
    """Stores bytes in a place; None: nothing may be changed."""
    _variables: dict[str, tuple[VariableFacts, int]] | None = field(default=None, repr=False)

    # -- names -------------------------------------------------------------------------------

    async def named(self, name: str) -> TypedValue:
        """Return what a name means: ExpressionError if nothing."""
        if name.startswith("$"):
            return self._register(name[1:].lower(), name)
        variable = self.variable(name)
        if variable is not None:
            return await self.value_of(*variable)
        if name.lower() in _REGISTERS:
            return self._register(name.lower(), name)
        return await self._symbol(name)

    def variable(self, name: str) -> tuple[VariableFacts, int] | None:
        """Return a variable that can be named here, and its unit."""
        if self._variables is None:
            function, found = self.view.variables(self.program)
            self._variables = {one.name: (one, function.unit) for one in found if function}
            own = function.unit if function else -1
            for one, unit in sorted(self.program.globals, key=lambda pair: pair[1] != own):
                self._variables.setdefault(one.name, (one, unit))
        found_one = self._variables.get(name)
        if found_one is None and name.lower() not in _REGISTERS:
            lowered = name.lower()
            return next((v for n, v in self._variables.items() if n.lower() == lowered), None)
        return found_one

    async def value_of(self, variable: VariableFacts, unit: int) -> TypedValue:
        """Return a variable's value."""
        kind = self.type_of(variable, unit)
        place = self._place(variable)
        if place is None:
            raise ExpressionError(f"nobody knows where {variable.name} is")
        if place.register:
            return TypedValue(kind, self._register_bytes(place.register, kind.size), place)
        return await self.at(kind, place)

    def type_of(self, variable: VariableFacts, unit: int) -> ValueType:
        """Return a variable's type."""
        table = self.program.types.get(unit, {})
        found = table.get(variable.type)
        return ValueType(found, table) if found is not None else types.WORD

    def _place(self, variable: VariableFacts) -> Place | None:
        if variable.register:
            parts = variable.register.split(":")
            if len(parts) > 2 or not {*parts} <= {*WORD_REGISTERS, *HALVES}:
                return None
            return Place(register=variable.register, segment=self.data_segment)
        if variable.address is not None:
            return Place(variable.address & ADDRESS_MASK, variable.segment & _WORD)
        if variable.offset is not None:
            registers = self.view.registers
            address = registers.linear(registers.ss, (self.view.base + variable.offset) & _WORD)
            return Place(address, self.data_segment)
        return None

    @property
    def data_segment(self) -> int:
        """What near pointers outside of fixed places count from: the program's data, or DS."""
        segments = [one.segment for one, _ in self.program.globals if one.address is not None]
        if not segments:
            return self.view.registers.ds
        return max(sorted(set(segments)), key=segments.count) & _WORD

    def _register(self, name: str, written: str) -> TypedValue:
        place = Place(register=name, segment=self.view.registers.ds)
        if name in WORD_REGISTERS:
            segment = self.view.registers
            if name in ("bp", "sp"):
                place = replace(place, segment=segment.ss)
            return TypedValue(types.WORD, self._register_bytes(name, 2), place)
        if name in HALVES:
            return TypedValue(types.BYTE, self._register_bytes(name, 1), place)
        if name.upper() in FLAG_BITS:
            return TypedValue(types.FLAG, bytes([self.view.registers.flag(name)]), place)
        if name == "icount":
            return TypedValue(
                types.base("icount", 8, "unsigned"), self.icount.to_bytes(8, "little")
            )
        if name == "pc":
            return typed(types.DWORD, self.view.pc)
        raise ExpressionError(f"an 8086 has no register {written!r}")

    def _register_bytes(self, names: str, size: int) -> bytes:
        """Return a register's bytes; of two, high and low (``dx:ax``), the low one comes first."""
        data = b""
        for name in reversed(names.split(":")):
            word, shift = HALVES.get(name, (name, 0))
            value = getattr(self.view.registers, word, 0) >> shift
            data += (value & _WORD).to_bytes(2, "little")
        size = min(size, MAX_VALUE)
        return data[:size].ljust(size, b"\0")

    async def _symbol(self, name: str) -> TypedValue:
        symbol = (await self.machine.symbols()).lookup(name)
        if symbol is None:
            raise ExpressionError(f"there is no {name!r} here: no variable, register or symbol")
        if symbol.kind is SymbolKind.CODE:
            return TypedValue(types.CODE, b"", self._symbol_place(symbol))
        kind = {1: types.BYTE, 4: types.DWORD}.get(symbol.size, types.WORD)
        return await self.at(kind, self._symbol_place(symbol))

    def _symbol_place(self, symbol: Symbol) -> Place:
        registers = self.view.registers
        segment = registers.cs if symbol.kind is SymbolKind.CODE else registers.ds
        if not 0 <= symbol.address - (segment << 4) <= _WORD:
            segment = symbol.address >> 4
        return Place(symbol.address, segment)

    # -- memory ------------------------------------------------------------------------------

    async def at(self, kind: ValueType, place: Place) -> TypedValue:
        """Return what lies in memory."""
        size = min(kind.size, MAX_VALUE)
        if place.address < 0 or place.address + size > await self.machine.memory_end():
            raise ExpressionError(f"{place.address:#x} and what is behind it is not in memory")
        data = await self.machine.read_memory(place.address, size) if size else b""
        return TypedValue(kind, data, place)

    async def pointed_to(self, value: TypedValue) -> TypedValue:
        """Return what a pointer points to; of a number, the byte at that linear address."""
        if value.type.kind == "array":
            assert value.place is not None
            return await self.at(value.type.target, value.place)
        if value.type.kind != "pointer":
            address = whole(value)
            if value.type.kind != "base" or not 0 <= address < await self.machine.memory_end():
                raise ExpressionError(f"a {value.type.name} points to nothing")
            if value.place is not None and value.place.register:
                address = self.view.registers.linear(value.place.segment, address)
            return await self.at(types.BYTE, Place(address, self.data_segment))
        segment, offset = value.far
        target = value.type.target
        if target.kind == "function" and not value.type.is_far:
            segment = self.view.registers.cs
        if target.kind == "void":
            target = types.BYTE
        return await self.at(target, Place(self.view.registers.linear(segment, offset), segment))
