"""The values of expressions in a frame: variables, registers, memory; computed as 16-bit C does."""

from __future__ import annotations

import operator
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Protocol

from blink16.client.code import offset_in
from blink16.client.conditions import HALVES
from blink16.client.program import types
from blink16.client.program.grammar import (
    Binary,
    Cast,
    ElementOf,
    ExpressionError,
    MemoryAt,
    Name,
    Node,
    Number,
    Select,
    Unary,
    parse,
)
from blink16.client.program.lines import ProgramMap
from blink16.client.program.types import ValueType, pointer_to
from blink16.client.program.view import FrameView
from blink16.memory import ADDRESS_MASK, linear
from blink16.reports.sources import VariableFacts
from blink16.reports.state import FLAG_BITS, REGISTER_NAMES
from blink16.symbols import Symbol, SymbolKind, SymbolTable

WORD_REGISTERS = REGISTER_NAMES
MAX_VALUE = 1 << 16
"""Bytes of one value."""
_WORD = 0xFFFF


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value lies: in memory, in a register (``ax``, ``al``, ``dx:ax``), or in a flag."""

    address: int = 0
    """Linear, in memory."""
    segment: int = 0
    """What near pointers in it, and to it, count from."""
    register: str = ""
    bits: int = 0
    """The width of a bit field."""
    bit_offset: int = 0


@dataclass(frozen=True, slots=True)
class TypedValue:
    """A value; ``data`` are its bytes as they would lie in memory."""

    type: ValueType
    data: bytes
    place: Place | None = None

    @property
    def number(self) -> int | float:
        """What it is as a number; of an array, its address's offset."""
        if self.place is not None and self.place.bits:
            word = int.from_bytes(self.data, "little") >> self.place.bit_offset
            return word & ((1 << self.place.bits) - 1)
        return self.type.number(self.data)

    @property
    def far(self) -> tuple[int, int]:
        """Segment and offset that a pointer means."""
        offset = int.from_bytes(self.data[:2], "little")
        if self.type.is_far:
            return int.from_bytes(self.data[2:4], "little"), offset
        return self.place.segment if self.place else 0, offset


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
            return _number(types.DWORD, self.view.pc)
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
            address = _whole(value)
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


_REGISTERS = {*WORD_REGISTERS, *HALVES, *(name.lower() for name in FLAG_BITS), "icount", "pc"}


async def evaluate(source: str, scene: Scene) -> TypedValue:
    """Return the value of an expression; ExpressionError says why there is none."""
    return await _Evaluator(scene).value(parse(source, lambda name: _typedef(scene, name)))


async def assign(target: TypedValue, value: TypedValue, scene: Scene) -> TypedValue:
    """Store a value in another's place, as its type; return what is there now."""
    if scene.write is None:
        raise ExpressionError("nothing can be changed here")
    place = target.place
    if place is None or target.type.kind in ("function", "array"):
        raise ExpressionError("this is no place in which something could be stored")
    if target.type.kind in ("struct", "union"):
        data = value.data
        if value.type.kind != target.type.kind or len(data) != target.type.size:
            raise ExpressionError("a structure takes another of its kind only")
    else:
        data = _converted(target, value)
    await scene.write(place, data)
    return replace(target, data=data)


def _converted(target: TypedValue, value: TypedValue) -> bytes:
    place = target.place
    assert place is not None
    number = _numeric(value) if value.type.kind != "array" else 0
    if value.type.kind == "array":
        assert value.place is not None
        number = (value.place.address - linear(value.place.segment, 0)) & _WORD
    if place.bits:
        mask = ((1 << place.bits) - 1) << place.bit_offset
        old = int.from_bytes(target.data, "little")
        word = old & ~mask | (_whole(value) << place.bit_offset) & mask
        return word.to_bytes(16, "little")[: len(target.data)]
    return target.type.data(number)


def _typedef(scene: Scene, name: str) -> bool:
    return any(
        facts.kind == "typedef" and facts.name == name
        for table in scene.program.types.values()
        for facts in table.values()
    )


def _number(kind: ValueType, number: int | float) -> TypedValue:
    try:
        return TypedValue(kind, kind.data(number))
    except ValueError as error:
        raise ExpressionError(str(error)) from None


_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<<": lambda a, b: a << b if 0 <= b < 64 else 0,
    ">>": lambda a, b: a >> b if 0 <= b < 64 else 0,
}
_COMPARISONS: dict[str, Callable[[int | float, int | float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


class _Evaluator:
    """Evaluates trees."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    async def value(self, node: Node) -> TypedValue:
        match node:
            case Number(number, is_character):
                return _constant(number, is_character)
            case Name(name):
                return await self._named(name)
            case Unary(sign, operand):
                return await self._unary(sign, operand)
            case Binary("=", left, right):
                return await assign(await self.value(left), await self.value(right), self.scene)
            case Binary(":", left, right):
                return await self._far(left, right)
            case Binary("&&" | "||" as sign, left, right):
                holds = _truth(await self.value(left))
                if holds == (sign == "&&"):
                    holds = _truth(await self.value(right))
                return _number(types.INT, holds)
            case Binary(sign, left, right):
                return await self._binary(sign, await self.value(left), await self.value(right))
            case ElementOf(array, index):
                base = await self.value(array)
                return await self._element(base, await self.value(index))
            case Select(structure, member):
                return self._member(await self.value(structure), member)
            case MemoryAt():
                return await self._memory(node)
        return await self._cast(node)

    async def _named(self, name: str) -> TypedValue:
        """Return what a name means; behind dots there may be members, or labels of nasm's."""
        try:
            return await self.scene.named(name)
        except ExpressionError:
            first, *members = name.split(".")
            if not members or not first:
                raise
            value = await self.scene.named(first)
            for member in members:
                value = self._member(value, member)
            return value

    def _member(self, value: TypedValue, name: str) -> TypedValue:
        for member, kind in value.type.members:
            if member.name == name:
                return member_of(value, member.offset, kind, member.bits, member.bit_offset)
        raise ExpressionError(f"{value.type.name} has no member {name!r}")

    async def _unary(self, sign: str, operand: Node) -> TypedValue:
        value = await self.value(operand)
        match sign:
            case "*":
                return await self.scene.pointed_to(value)
            case "&":
                return address_of(value)
            case "!":
                return _number(types.INT, not _truth(value))
        kind = _promoted(value.type)
        number = _numeric(value)
        if sign == "~":
            return _number(kind, ~_whole(value))
        return _number(kind, -number if sign == "-" else number)

    async def _far(self, left: Node, right: Node) -> TypedValue:
        segment = _whole(await self.value(left))
        offset = _whole(await self.value(right))
        data = (offset & _WORD).to_bytes(2, "little") + (segment & _WORD).to_bytes(2, "little")
        return TypedValue(types.FAR_BYTES, data)

    async def _binary(self, sign: str, left: TypedValue, right: TypedValue) -> TypedValue:
        left, right = _decayed(left), _decayed(right)
        if sign in ("+", "-") and left.type.kind == "pointer" and right.type.kind != "pointer":
            return _moved(left, _whole(right) * (1 if sign == "+" else -1))
        if sign == "+" and right.type.kind == "pointer":
            return _moved(right, _whole(left))
        a, b = _numeric(left), _numeric(right)
        kind = _common(left.type, right.type)
        if not kind.is_float:
            a, b = kind.number(kind.data(a)), kind.number(kind.data(b))
        if sign in _COMPARISONS:
            return _number(types.INT, _COMPARISONS[sign](a, b))
        if sign in ("/", "%"):
            return _number(kind, _divided(sign, a, b))
        if isinstance(a, float) or isinstance(b, float):
            if sign not in ("+", "-", "*"):
                raise ExpressionError(f"{sign} is not for floating-point numbers")
            return _number(kind, {"+": a + b, "-": a - b, "*": a * b}[sign])
        return _number(kind, _ARITHMETIC[sign](a, b))

    async def _element(self, array: TypedValue, index: TypedValue) -> TypedValue:
        number = _whole(index)
        if array.type.kind not in ("array", "pointer"):
            if array.place is None or array.place.register:
                raise ExpressionError(f"a {array.type.name} has no elements")
            place = replace(array.place, address=array.place.address + number * array.type.size)
            return await self.scene.at(array.type, place)  # an assembler's table
        return await self.scene.pointed_to(_moved(_decayed(array), number))

    async def _memory(self, node: MemoryAt) -> TypedValue:
        offset = _whole(await self.value(node.offset))
        segment = self.scene.data_segment
        address = offset
        if node.segment is not None:
            segment = _whole(await self.value(node.segment)) & _WORD
            address = self.scene.view.registers.linear(segment, offset & _WORD)
        elif not 0 <= address < await self.scene.machine.memory_end():
            address &= ADDRESS_MASK
        kind = {1: types.BYTE, 2: types.WORD, 4: types.DWORD}[node.size]
        return await self.scene.at(kind, Place(address, segment))

    async def _cast(self, node: Cast) -> TypedValue:
        kind = self._type(node.words)
        for far in node.stars:
            kind = pointer_to(kind, far=far)
        value = _decayed(await self.value(node.operand))
        if kind.kind == "pointer":
            segment, offset = value.far if value.type.kind == "pointer" else _as_far(value)
            data = offset.to_bytes(2, "little") + segment.to_bytes(2, "little")
            own = segment if value.type.kind == "pointer" or value.place else None
            place = Place(segment=self.scene.data_segment if own is None else own)
            if not kind.is_far and value.type.is_far:
                place = Place(segment=segment)
            return TypedValue(kind, data[: kind.size], place)
        if not kind.is_number:
            raise ExpressionError(f"nothing can be made a {kind.name}")
        return _number(kind, _numeric(value))

    def _type(self, words: tuple[str, ...]) -> ValueType:
        name = " ".join(words)
        if name in types.NAMED:
            return types.NAMED[name]
        kind, _, tag = name.rpartition(" ")
        for table in self.scene.program.types.values():
            for facts in table.values():
                if (facts.kind, facts.name) == (kind or "typedef", tag):
                    return ValueType(facts, table)
        without = " ".join(word for word in words if word not in ("int", "signed"))
        if without in types.NAMED:
            return types.NAMED[without]
        raise ExpressionError(f"there is no type {name!r}")


def member_of(
    value: TypedValue, offset: int, kind: ValueType, bits: int = 0, bit_offset: int = 0
) -> TypedValue:
    """Return a part of a value, of a type, at an offset in bytes."""
    place = value.place
    if place is not None and not place.register:
        place = replace(place, address=place.address + offset, bits=bits, bit_offset=bit_offset)
    elif bits:
        place = Place(bits=bits, bit_offset=bit_offset)
    return TypedValue(kind, value.data[offset : offset + kind.size], place)


def address_of(value: TypedValue) -> TypedValue:
    """Return a pointer to a value's place; ExpressionError if it has none in memory."""
    place = value.place
    if (
        place is None
        or place.register
        or not 0 <= place.address <= linear(_WORD, _WORD, 1)
        or (not place.address and not value.data)
    ):
        raise ExpressionError("this is nowhere in memory")
    offset = place.address - linear(place.segment, 0)
    if not 0 <= offset <= _WORD:
        segment, offset = offset_in(place.address >> 4, place.address)
        data = offset.to_bytes(2, "little") + segment.to_bytes(2, "little")
        return TypedValue(pointer_to(value.type, far=True), data, Place(segment=segment))
    near = pointer_to(value.type, far=False)
    return TypedValue(near, offset.to_bytes(2, "little"), Place(segment=place.segment))


def _decayed(value: TypedValue) -> TypedValue:
    """Return an array as a pointer to its first element."""
    if value.type.kind != "array" or value.place is None:
        return value
    return address_of(TypedValue(value.type.target, value.data, value.place))


def _moved(pointer: TypedValue, count: int) -> TypedValue:
    """Return a pointer so many elements further; its segment stays."""
    distance = count * max(1, pointer.type.target.size)
    offset = (int.from_bytes(pointer.data[:2], "little") + distance) & _WORD
    return replace(pointer, data=offset.to_bytes(2, "little") + pointer.data[2:])


def _as_far(value: TypedValue) -> tuple[int, int]:
    """Return segment and offset of a number: in a register an offset, else 16 bits or linear."""
    number = _whole(value)
    if value.place is not None and value.place.segment:
        return value.place.segment, number & _WORD
    return (number >> 16 & _WORD) if number > _WORD else 0, number & _WORD


def _constant(number: int, is_character: bool) -> TypedValue:
    if is_character:
        return _number(types.CHAR, number)
    for kind in (types.INT, types.WORD, types.LONG, types.DWORD):
        if kind.number(kind.data(number)) == number:
            return _number(kind, number)
    kind = types.base("number", 8, "unsigned")
    if number >= 1 << 64:
        raise ExpressionError(f"{number} is too large")
    return _number(kind, number)


def _promoted(kind: ValueType) -> ValueType:
    plain = kind.plain
    if plain.is_float or plain.size > 2 or (plain.size == 2 and not plain.is_signed):
        return plain
    return types.INT


def _common(left: ValueType, right: ValueType) -> ValueType:
    one, other = _promoted(left), _promoted(right)
    if one.is_float or other.is_float:
        return types.NAMED["double"]
    size = max(one.size, other.size)
    unsigned = any(not kind.is_signed for kind in (one, other) if kind.size == size)
    if size <= 2:
        return types.WORD if unsigned else types.INT
    if size <= 4:
        return types.DWORD if unsigned else types.LONG
    return types.base("number", 8, "unsigned" if unsigned else "signed")


def _numeric(value: TypedValue) -> int | float:
    """Return a value as a number; of code, its linear address."""
    if value.type.kind == "function" and value.place is not None:
        return value.place.address
    if value.type.kind == "pointer":
        segment, offset = value.far
        return segment << 16 | offset if value.type.is_far else offset
    if not value.type.is_number:
        raise ExpressionError(f"a {value.type.name} is no number")
    return value.number


def _whole(value: TypedValue) -> int:
    """Return the same, cut off behind the point."""
    number = _numeric(value)
    if isinstance(number, float) and not isfinite(number):
        raise ExpressionError(f"{number} is no whole number")
    return int(number)


def _truth(value: TypedValue) -> bool:
    return bool(_numeric(_decayed(value)))


def _divided(sign: str, a: int | float, b: int | float) -> int | float:
    if b == 0:
        raise ExpressionError("a division by zero")
    if isinstance(a, float) or isinstance(b, float):
        if sign == "%":
            raise ExpressionError("% is not for floating-point numbers")
        return a / b
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return quotient if sign == "/" else a - quotient * b
