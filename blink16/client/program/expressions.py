"""The values of expressions in a frame, computed as 16-bit C does."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace

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
from blink16.client.program.scene import Scene
from blink16.client.program.types import ValueType, pointer_to
from blink16.client.program.values import (
    Place,
    TypedValue,
    address_of,
    as_far,
    common,
    constant,
    decayed,
    divided,
    member_of,
    moved,
    numeric,
    promoted,
    truth,
    typed,
    whole,
)
from blink16.memory import ADDRESS_MASK, linear

_WORD = 0xFFFF
_SIZE_OF_OFFSET = 2
"""Bytes of what can't hold a linear address: an offset, in a variable, is no place by itself."""
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
    number = numeric(value) if value.type.kind != "array" else 0
    if value.type.kind == "array":
        assert value.place is not None
        number = (value.place.address - linear(value.place.segment, 0)) & _WORD
    if place.bits:
        mask = ((1 << place.bits) - 1) << place.bit_offset
        old = int.from_bytes(target.data, "little")
        word = old & ~mask | (whole(value) << place.bit_offset) & mask
        return word.to_bytes(16, "little")[: len(target.data)]
    if target.type is types.FLAG:
        number = bool(number)
    return target.type.data(number)


def _typedef(scene: Scene, name: str) -> bool:
    return any(
        facts.kind == "typedef" and facts.name == name
        for table in scene.program.types.values()
        for facts in table.values()
    )


class _Evaluator:
    """Evaluates trees."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    async def value(self, node: Node) -> TypedValue:
        match node:
            case Number(number, is_character):
                return constant(number, is_character)
            case Name(name):
                return await self._named(name)
            case Unary(sign, operand):
                return await self._unary(sign, operand)
            case Binary("=", left, right):
                return await assign(await self.value(left), await self.value(right), self.scene)
            case Binary(":", left, right):
                return await self._far(left, right)
            case Binary("&&" | "||" as sign, left, right):
                holds = truth(await self.value(left))
                if holds == (sign == "&&"):
                    holds = truth(await self.value(right))
                return typed(types.INT, holds)
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
                return typed(types.INT, not truth(value))
        kind = promoted(value.type)
        number = numeric(value)
        if sign == "~":
            return typed(kind, ~whole(value))
        return typed(kind, -number if sign == "-" else number)

    async def _far(self, left: Node, right: Node) -> TypedValue:
        segment = whole(await self.value(left))
        offset = whole(await self.value(right))
        data = (offset & _WORD).to_bytes(2, "little") + (segment & _WORD).to_bytes(2, "little")
        return TypedValue(types.FAR_BYTES, data)

    async def _binary(self, sign: str, left: TypedValue, right: TypedValue) -> TypedValue:
        left, right = decayed(left), decayed(right)
        if sign in ("+", "-") and left.type.kind == "pointer" and right.type.kind != "pointer":
            return moved(left, whole(right) * (1 if sign == "+" else -1))
        if sign == "+" and right.type.kind == "pointer":
            return moved(right, whole(left))
        a, b = numeric(left), numeric(right)
        kind = common(left.type, right.type)
        if not kind.is_float:
            a, b = kind.number(kind.data(a)), kind.number(kind.data(b))
        if sign in _COMPARISONS:
            return typed(types.INT, _COMPARISONS[sign](a, b))
        if sign in ("/", "%"):
            return typed(kind, divided(sign, a, b))
        if isinstance(a, float) or isinstance(b, float):
            if sign not in ("+", "-", "*"):
                raise ExpressionError(f"{sign} is not for floating-point numbers")
            return typed(kind, {"+": a + b, "-": a - b, "*": a * b}[sign])
        return typed(kind, _ARITHMETIC[sign](a, b))

    async def _element(self, array: TypedValue, index: TypedValue) -> TypedValue:
        number = whole(index)
        if array.type.kind not in ("array", "pointer"):
            if array.place is None or array.place.register:
                raise ExpressionError(f"a {array.type.name} has no elements")
            place = replace(array.place, address=array.place.address + number * array.type.size)
            return await self.scene.at(array.type, place)  # an assembler's table
        return await self.scene.pointed_to(moved(decayed(array), number))

    async def _memory(self, node: MemoryAt) -> TypedValue:
        segment = self.scene.data_segment
        if node.segment is not None:
            segment = whole(await self.value(node.segment)) & _WORD
            offset = whole(await self.value(node.offset))
            address = self.scene.view.registers.linear(segment, offset & _WORD)
        else:
            address = await self._linear(node.offset)
            if not 0 <= address < await self.scene.machine.memory_end():
                address &= ADDRESS_MASK
        kind = {1: types.BYTE, 2: types.WORD, 4: types.DWORD}[node.size]
        return await self.scene.at(kind, Place(address, segment))

    async def _linear(self, node: Node) -> int:
        """Return the linear address that is meant; a name's is its own, as to an assembler."""
        if isinstance(node, Binary) and node.operator in ("+", "-"):
            distance = await self._linear(node.right)
            return await self._linear(node.left) + (distance if node.operator == "+" else -distance)
        value = await self.value(node)
        if value.type.kind == "pointer":
            return self.scene.view.registers.linear(*value.far)
        place = value.place
        if place is None or place.register:
            return whole(value)
        is_label = isinstance(node, Name) and len(value.data) <= _SIZE_OF_OFFSET
        if is_label or value.type.kind in ("array", "function"):
            return place.address
        return whole(value)

    async def _cast(self, node: Cast) -> TypedValue:
        kind = self._type(node.words)
        for far in node.stars:
            kind = pointer_to(kind, far=far)
        value = decayed(await self.value(node.operand))
        if kind.kind == "pointer":
            segment, offset = value.far if value.type.kind == "pointer" else as_far(value)
            data = offset.to_bytes(2, "little") + segment.to_bytes(2, "little")
            own = segment if value.type.kind == "pointer" or value.place else None
            place = Place(segment=self.scene.data_segment if own is None else own)
            if not kind.is_far and value.type.is_far:
                place = Place(segment=segment)
            return TypedValue(kind, data[: kind.size], place)
        if not kind.is_number:
            raise ExpressionError(f"nothing can be made a {kind.name}")
        return typed(kind, numeric(value))

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
