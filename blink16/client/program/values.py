"""Typed values in the places where they lie, and what 16-bit C computes with their numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite

from blink16.client.code import offset_in
from blink16.client.program import types
from blink16.client.program.grammar import ExpressionError
from blink16.client.program.types import ValueType, pointer_to
from blink16.memory import linear

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


def typed(kind: ValueType, number: int | float) -> TypedValue:
    """Return a number as a value of a type; ExpressionError if that can't hold it."""
    try:
        return TypedValue(kind, kind.data(number))
    except ValueError as error:
        raise ExpressionError(str(error)) from None


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


def decayed(value: TypedValue) -> TypedValue:
    """Return an array as a pointer to its first element."""
    if value.type.kind != "array" or value.place is None:
        return value
    return address_of(TypedValue(value.type.target, value.data, value.place))


def moved(pointer: TypedValue, count: int) -> TypedValue:
    """Return a pointer so many elements further; its segment stays."""
    distance = count * max(1, pointer.type.target.size)
    offset = (int.from_bytes(pointer.data[:2], "little") + distance) & _WORD
    return replace(pointer, data=offset.to_bytes(2, "little") + pointer.data[2:])


def as_far(value: TypedValue) -> tuple[int, int]:
    """Return segment and offset of a number: in a register an offset, else 16 bits or linear."""
    number = whole(value)
    if value.place is not None and value.place.segment:
        return value.place.segment, number & _WORD
    return (number >> 16 & _WORD) if number > _WORD else 0, number & _WORD


def constant(number: int, is_character: bool) -> TypedValue:
    """Return a number as it is written, of the first type that holds it."""
    if is_character:
        return typed(types.CHAR, number)
    for kind in (types.INT, types.WORD, types.LONG, types.DWORD):
        if kind.number(kind.data(number)) == number:
            return typed(kind, number)
    kind = types.base("number", 8, "unsigned")
    if number >= 1 << 64:
        raise ExpressionError(f"{number} is too large")
    return typed(kind, number)


def promoted(kind: ValueType) -> ValueType:
    """Return the type of what is computed with one number: an int at least."""
    plain = kind.plain
    if plain.is_float or plain.size > 2 or (plain.size == 2 and not plain.is_signed):
        return plain
    return types.INT


def common(left: ValueType, right: ValueType) -> ValueType:
    """Return the type of what is computed with two numbers."""
    one, other = promoted(left), promoted(right)
    if one.is_float or other.is_float:
        return types.NAMED["double"]
    size = max(one.size, other.size)
    unsigned = any(not kind.is_signed for kind in (one, other) if kind.size == size)
    if size <= 2:
        return types.WORD if unsigned else types.INT
    if size <= 4:
        return types.DWORD if unsigned else types.LONG
    return types.base("number", 8, "unsigned" if unsigned else "signed")


def numeric(value: TypedValue) -> int | float:
    """Return a value as a number; of code, its linear address."""
    if value.type.kind == "function" and value.place is not None:
        return value.place.address
    if value.type.kind == "pointer":
        segment, offset = value.far
        return segment << 16 | offset if value.type.is_far else offset
    if not value.type.is_number:
        raise ExpressionError(f"a {value.type.name} is no number")
    return value.number


def whole(value: TypedValue) -> int:
    """Return the same, cut off behind the point."""
    number = numeric(value)
    if isinstance(number, float) and not isfinite(number):
        raise ExpressionError(f"{number} is no whole number")
    return int(number)


def truth(value: TypedValue) -> bool:
    """Return whether a value is not 0."""
    return bool(numeric(decayed(value)))


def divided(sign: str, a: int | float, b: int | float) -> int | float:
    """Return the quotient, or the rest (%), as C has them: towards 0."""
    if b == 0:
        raise ExpressionError("a division by zero")
    if isinstance(a, float) or isinstance(b, float):
        if sign == "%":
            raise ExpressionError("% is not for floating-point numbers")
        return a / b
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return quotient if sign == "/" else a - quotient * b
