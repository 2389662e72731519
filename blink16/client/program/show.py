"""Values as text, nearly as gdb writes them."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from itertools import islice

from blink16.client.program.values import TypedValue, member_of
from blink16.memory import linear

MAX_ELEMENTS = 32
"""Elements of an array that are written; gdb's limit is 200, but editors have one line."""
MAX_CHARACTERS = 200
MAX_LEVELS = 4
MAX_PARTS = 500
"""Members and elements of all levels together."""
_NAMED = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 27: "\\033"}


class Notation(Enum):
    """How numbers are written: as usual for their type, or as a letter behind a comma says."""

    USUAL = ""
    HEXADECIMAL = "x"
    DECIMAL = "d"
    BINARY = "b"


def noted(source: str) -> tuple[str, Notation]:
    """Return an expression and its notation: ``total,x`` is ``total``, in hexadecimal."""
    expression, comma, letter = source.rpartition(",")
    for notation in (Notation.HEXADECIMAL, Notation.DECIMAL, Notation.BINARY):
        if comma and letter.strip() == notation.value:
            return expression, notation
    return source, Notation.USUAL


def text_of(value: TypedValue, notation: Notation = Notation.USUAL) -> str:
    """Return a value as text, without what it points to."""
    return _Text(notation).of(value, 0)


class _Text:
    """Makes text of a value and its parts, which may have parts: their product is bounded."""

    def __init__(self, notation: Notation) -> None:
        self._notation = notation
        self._parts = 0
        """Shown so far."""

    def of(self, value: TypedValue, level: int) -> str:
        kind = value.type
        match kind.kind:
            case "pointer":
                segment, offset = value.far
                return f"{segment:04x}:{offset:04x}" if kind.is_far else f"{offset:#06x}"
            case "struct" | "union":
                return self._structure(value, level)
            case "array":
                return self._array(value, level)
            case "function":
                place = value.place
                if place is None:
                    return "{code}"
                offset = place.address - linear(place.segment, 0)
                return f"{place.segment:04x}:{offset:04x}"
            case "enum":
                number = int.from_bytes(value.data, "little", signed=kind.is_signed)
                for member in kind.plain.facts.members:
                    if member.offset == number:
                        return member.name
                return str(number)
            case "base":
                return _number(value, self._notation)
        return "void"

    def _structure(self, value: TypedValue, level: int) -> str:
        if level >= MAX_LEVELS:
            return "{...}"
        shown = [f"{name} = {text}" for name, text in self._shown(value, level, MAX_PARTS)]
        more = [] if len(shown) == number_of_parts(value)[0] else ["..."]
        return "{" + ", ".join([*shown, *more]) + "}"

    def _array(self, value: TypedValue, level: int) -> str:
        if value.type.target.is_character and self._notation is Notation.USUAL:
            return string(value.data)
        if level >= MAX_LEVELS:
            return "{...}"
        shown = [text for _, text in self._shown(value, level, MAX_ELEMENTS)]
        more = "..." if value.type.length > len(shown) else ""
        return "{" + ", ".join(shown) + more + "}"

    def _shown(self, value: TypedValue, level: int, most: int) -> Iterator[tuple[str, str]]:
        """Yield the names and texts of the first parts, as many as may be shown."""
        for name, part in islice(parts_of(value), most):
            self._parts += 1
            if self._parts > MAX_PARTS:
                return
            yield name, self.of(part, level + 1)


def _number(value: TypedValue, notation: Notation) -> str:
    number = value.number
    if isinstance(number, float):
        return f"{number:g}"
    if notation is Notation.DECIMAL:
        return str(number)
    bits = 8 * value.type.size
    if notation is Notation.BINARY:
        return f"{number & ((1 << bits) - 1):#0{2 + bits}b}"
    if value.place is not None and value.place.register and not value.type.is_signed:
        width = 2 + 2 * value.type.size
        return str(number) if value.type.name == "flag" else f"{number:#0{width}x}"
    if notation is Notation.HEXADECIMAL:
        return f"{number & ((1 << bits) - 1):#x}"
    if value.type.is_character:
        return f"{number} {_quoted(bytes([number & 0xFF]), chr(39))}"
    return str(number)


def string(data: bytes) -> str:
    """Return characters as C writes them, without the zeros behind them but one less."""
    text = data.rstrip(b"\0")
    return _quoted(text[:MAX_CHARACTERS], '"') + ("..." if len(text) > MAX_CHARACTERS else "")


def _quoted(data: bytes, quote: str) -> str:
    shown = "".join(_character(byte, quote) for byte in data)
    return f"{quote}{shown}{quote}"


def _character(byte: int, quote: str) -> str:
    if chr(byte) in (quote, "\\"):
        return f"\\{chr(byte)}"
    if 32 <= byte < 127:
        return chr(byte)
    return _NAMED.get(byte, f"\\{byte:03o}")


def parts_of(
    value: TypedValue, start: int = 0, count: int | None = None
) -> Iterator[tuple[str, TypedValue]]:
    """Yield the members of a structure, or elements of an array, with their names."""
    kind = value.type
    if kind.kind in ("struct", "union"):
        for member, part in kind.members:
            yield member.name, member_of(value, member.offset, part, member.bits, member.bit_offset)
    elif kind.kind == "array":
        element = kind.target
        stop = kind.length if count is None else min(kind.length, start + count)
        for at in range(start, stop):
            yield f"[{at}]", member_of(value, at * element.size, element)


def number_of_parts(value: TypedValue) -> tuple[int, int]:
    """Return how many members and how many elements a value has."""
    if value.type.kind == "array":
        return 0, value.type.length
    return sum(1 for _ in value.type.members), 0
