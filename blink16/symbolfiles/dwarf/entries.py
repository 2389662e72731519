"""Debugging information entries, and the sections that they become."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from construct import (
    Byte,
    GreedyBytes,
    Int8ul,
    Int16ul,
    Int32ul,
    Prefixed,
    Struct,
    VarInt,
)

from blink16.symbolfiles.dwarf_names import ABBREVIATION, At, Form, Tag

UNIT = Prefixed(
    Int32ul,
    Struct(
        "version" / Int16ul,
        "abbreviations" / Int32ul,
        "address_size" / Byte,
        "entries" / GreedyBytes,
    ),
)
UNIT_HEADER_SIZE = 11
VERSION = 4
ADDRESS_SIZE = 4


@dataclass
class DebugEntry:
    """A debugging information entry; a reference is another entry."""

    tag: Tag
    attributes: list[tuple[At, Form, object]] = field(default_factory=list)
    children: list[DebugEntry] = field(default_factory=list)
    offset: int = 0
    """Where it stands in its unit."""

    def add(self, name: At, form: Form, value: object) -> None:
        """Give it an attribute."""
        self.attributes.append((name, form, value))


@dataclass
class Sections:
    """Sections that grow unit by unit."""

    info: bytearray = field(default_factory=bytearray)
    lines: bytearray = field(default_factory=bytearray)
    ranges: bytearray = field(default_factory=bytearray)
    locations: bytearray = field(default_factory=bytearray)
    shapes: dict[tuple[Tag, bool, tuple[tuple[At, Form], ...]], int] = field(default_factory=dict)
    """Abbreviations' codes by what they stand for."""
    bodies: list[tuple[int, int]] = field(default_factory=list)
    """See `DebugInformation`."""

    def contents(self) -> tuple[tuple[str, bytes], ...]:
        """Return the sections by name."""
        return (
            (".debug_info", bytes(self.info)),
            (".debug_abbrev", self._abbreviations()),
            (".debug_line", bytes(self.lines)),
            (".debug_ranges", bytes(self.ranges)),
            (".debug_loc", bytes(self.locations)),
        )

    def _abbreviations(self) -> bytes:
        rows = (
            {
                "code": code,
                "tag": tag,
                "children": children,
                "attributes": [{"name": name, "form": form} for name, form in attributes],
            }
            for (tag, children, attributes), code in self.shapes.items()
        )
        return b"".join(map(ABBREVIATION.build, rows)) + b"\0"

    def add_ranges(self, spans: Iterable[range]) -> int:
        """Add a list of ranges; return where it begins."""
        at = len(self.ranges)
        for span in spans:
            self.ranges += Int32ul.build(span.start) + Int32ul.build(span.stop)
        self.ranges += bytes(8)
        return at

    def add_locations(self, places: Iterable[tuple[range, bytes]], base: int) -> int:
        """Add a list of locations, which count from the unit's base; return where it begins."""
        at = len(self.locations)
        for span, expression in places:
            self.locations += Int32ul.build(span.start - base) + Int32ul.build(span.stop - base)
            self.locations += Int16ul.build(len(expression)) + expression
        self.locations += bytes(8)
        return at

    def write(self, root: DebugEntry) -> None:
        """Add a unit: first the places of its entries, then their contents."""
        self._place(root, UNIT_HEADER_SIZE)
        entries = bytearray()
        self._put(root, entries)
        fields = {"version": VERSION, "abbreviations": 0, "address_size": ADDRESS_SIZE}
        self.info += UNIT.build(fields | {"entries": bytes(entries)})

    def _place(self, entry: DebugEntry, at: int) -> int:
        entry.offset = at
        at += len(VarInt.build(self._code(entry)))
        at += sum(len(_value(form, value, entry)) for _, form, value in entry.attributes)
        for child in entry.children:
            at = self._place(child, at)
        return at + bool(entry.children)

    def _put(self, entry: DebugEntry, into: bytearray) -> None:
        into += VarInt.build(self._code(entry))
        for _, form, value in entry.attributes:
            into += _value(form, value, entry)
        for child in entry.children:
            self._put(child, into)
        if entry.children:
            into += b"\0"

    def _code(self, entry: DebugEntry) -> int:
        attributes = tuple((name, form) for name, form, _ in entry.attributes)
        shape = entry.tag, bool(entry.children), attributes
        return self.shapes.setdefault(shape, len(self.shapes) + 1)


_FIXED = {
    Form.ADDRESS: Int32ul,
    Form.DATA1: Int8ul,
    Form.DATA2: Int16ul,
    Form.DATA4: Int32ul,
    Form.SECTION_OFFSET: Int32ul,
}


def _value(form: Form, value: object, entry: DebugEntry) -> bytes:
    """Return an attribute's value as it stands in .debug_info."""
    if form in _FIXED:
        return bytes(_FIXED[form].build(value))
    match form, value:
        case Form.REFERENCE, DebugEntry():
            return bytes(Int32ul.build(value.offset))
        case Form.STRING, str():
            return value.encode("utf-8").replace(b"\0", b"?") + b"\0"
        case Form.UDATA, int():
            return bytes(VarInt.build(max(value, 0)))
        case Form.SDATA, int():
            return signed(value)
        case Form.EXPRESSION, bytes():
            return bytes(VarInt.build(len(value))) + value
    return b""


def uint32(value: int) -> bytes:
    """Return a number as 4 bytes."""
    return value.to_bytes(4, "little")


def signed(value: int) -> bytes:
    """Return a number as SLEB128."""
    out = bytearray()
    while True:
        part, value = value & 0x7F, value >> 7
        done = value == -(part >> 6)
        out.append(part if done else part | 0x80)
        if done:
            return bytes(out)
