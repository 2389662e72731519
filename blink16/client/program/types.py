"""Types of values, and what their bytes mean."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import inf, isfinite

from blink16.reports.sources import MemberFacts, TypeFacts

_DEEP = 32
"""Typedefs of typedefs that are looked through, and parts of a name."""
MAX_SIZE = 1 << 20
"""Bytes of the largest thing in memory."""
MAX_NUMBER = 16
"""Bytes of the largest number or pointer."""
MAX_BITS = 64
"""Of a bit field, and before it."""
_FLOATS = {4: "<f", 8: "<d"}


@dataclass(frozen=True, slots=True)
class ValueType:
    """A type of a unit, or one of the language itself."""

    facts: TypeFacts
    table: Mapping[int, TypeFacts] = field(default_factory=dict, compare=False, repr=False)
    """The types of its unit, by their numbers there."""

    def of(self, number: int) -> ValueType:
        """Return another type of the same unit; void if there is none of that number."""
        found = self.table.get(number)
        return ValueType(found, self.table) if found is not None else VOID

    @property
    def plain(self) -> ValueType:
        """What a typedef names."""
        found = self
        for _ in range(_DEEP):
            if found.facts.kind != "typedef":
                return found
            found = found.of(found.facts.target)
        return VOID

    @property
    def kind(self) -> str:
        """As in `TypeFacts`, but for typedefs, and ``void``."""
        return self.plain.facts.kind

    @property
    def size(self) -> int:
        """In bytes."""
        return self.plain.facts.size

    @property
    def target(self) -> ValueType:
        """What a pointer points to, an array consists of, a function returns."""
        plain = self.plain
        return plain.of(plain.facts.target)

    @property
    def is_far(self) -> bool:
        """Whether a pointer brings its segment."""
        return self.plain.facts.far

    @property
    def is_signed(self) -> bool:
        """Whether its numbers may be negative."""
        return self.plain.facts.encoding in ("signed", "signed character", "float")

    @property
    def is_number(self) -> bool:
        """Whether it is computed with: no structure, no array."""
        return self.kind in ("base", "enum", "pointer")

    @property
    def is_character(self) -> bool:
        """Whether it is a char of either sign."""
        return "character" in self.plain.facts.encoding

    @property
    def is_float(self) -> bool:
        """Whether it is a floating-point number."""
        return self.plain.facts.encoding == "float"

    @property
    def length(self) -> int:
        """How many elements an array has."""
        each = self.target.size
        return self.size // each if each > 0 else 0

    @property
    def members(self) -> Iterator[tuple[MemberFacts, ValueType]]:
        """The members of a structure, with their types."""
        plain = self.plain
        if plain.facts.kind in ("struct", "union"):
            for member in plain.facts.members:
                yield member, plain.of(member.type)

    @property
    def name(self) -> str:
        """As C writes it, nearly."""
        return self._name(0)

    def _name(self, depth: int) -> str:
        facts = self.facts
        if depth > _DEEP:
            return "…"
        match facts.kind:
            case "struct" | "union" | "enum":
                return f"{facts.kind} {facts.name}".rstrip()
            case "pointer":
                star = "far *" if facts.far else "*"
                return f"{self.target._name(depth + 1)} {star}"
            case "array":
                return f"{self.target._name(depth + 1)} [{self.length or ''}]"
            case "function":
                return f"{self.target._name(depth + 1)} ()"
        return facts.name or facts.kind

    def number(self, data: bytes) -> int | float:
        """Return the number that bytes of this type are; a far pointer as offset and segment."""
        if self.is_float and len(data) in _FLOATS:
            return float(struct.unpack(_FLOATS[len(data)], data)[0])
        return int.from_bytes(data, "little", signed=self.is_signed)

    def data(self, number: int | float) -> bytes:
        """Return the bytes of a number, which is cut off to what fits.

        ValueError if it is infinite or none, and this is no type of such.
        """
        if self.is_float and self.size in _FLOATS:
            try:
                return struct.pack(_FLOATS[self.size], number)
            except OverflowError:  # as C rounds it
                return struct.pack(_FLOATS[self.size], inf if number > 0 else -inf)
        if isinstance(number, float) and not isfinite(number):
            raise ValueError(f"{number} is no number of type {self.name}")
        return (int(number) & ((1 << 8 * self.size) - 1)).to_bytes(self.size, "little")


def possible(facts: TypeFacts) -> TypeFacts:
    """Return facts that can be computed with: what a program of an 8086 can't have is left away.

    They come from symbol files and servers, which may say anything.
    """
    largest = MAX_SIZE if facts.kind in ("array", "struct", "union") else MAX_NUMBER
    members = facts.members
    if facts.kind in ("struct", "union"):
        members = tuple(filter(_is_possible, members))
    return replace(facts, size=facts.size if 0 <= facts.size <= largest else 0, members=members)


def _is_possible(member: MemberFacts) -> bool:
    inside = 0 <= member.offset <= MAX_SIZE
    return inside and 0 <= member.bits <= MAX_BITS and 0 <= member.bit_offset <= MAX_BITS


def base(name: str, size: int, encoding: str) -> ValueType:
    """Return a type of the language itself."""
    return ValueType(TypeFacts("base", name, size, encoding=encoding))


def pointer_to(target: ValueType, *, far: bool) -> ValueType:
    """Return the type of pointers to a type."""
    number = min(target.table, default=0) - 1000
    table = {**target.table, number: target.facts}
    return ValueType(TypeFacts("pointer", size=4 if far else 2, target=number, far=far), table)


VOID = ValueType(TypeFacts("void", "void"))
CHAR = base("char", 1, "signed character")
BYTE = base("unsigned char", 1, "unsigned character")
INT = base("int", 2, "signed")
WORD = base("unsigned int", 2, "unsigned")
LONG = base("long", 4, "signed")
DWORD = base("unsigned long", 4, "unsigned")
FLAG = base("flag", 1, "unsigned")
ICOUNT = base("icount", 8, "unsigned")
CODE = ValueType(TypeFacts("function", "code"))
FAR_BYTES = pointer_to(BYTE, far=True)

NAMED = {
    "char": CHAR,
    "unsigned char": BYTE,
    "signed char": CHAR,
    "byte": BYTE,
    "int": INT,
    "short": INT,
    "unsigned": WORD,
    "unsigned int": WORD,
    "unsigned short": WORD,
    "word": WORD,
    "long": LONG,
    "unsigned long": DWORD,
    "dword": DWORD,
    "float": base("float", 4, "float"),
    "double": base("double", 8, "float"),
    "void": VOID,
}
"""Types that can be named in a cast without any debugging information."""
