"""The tables of Borland's debug information, and what is found in them by number or address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from construct import Bytes, Construct, Container

from blink16.memory import MEMORY_SIZE
from blink16.symbolfiles.source import SymbolFileError
from blink16.symbolfiles.tds.records import (
    CORRELATION,
    HEADER,
    LINE,
    MEMBER,
    MODULE,
    SCOPE,
    SEGMENT,
    SOURCE,
    SYMBOL,
    TYPE,
    SymbolClass,
)
from blink16.symbolfiles.toolchain import Spans

VERSIONS = range(0x0200, 0x0500)
"""2.0x of Turbo C 2 up to 4.xx of Borland C++ 4, whose tables for 16 bits are the same."""
MAX_NAMES = 0x10000
MAX_TAKEN = 2_000_000
"""Records that may be named, those that several name counted each time; tables have 65,535."""
UNIT_SCOPE = 0xFFFE
"""From here on the function of a scope says that it belongs to a unit of Pascal's."""


@dataclass
class TdsTables:
    """The tables, each record at its number less 1."""

    symbols: Sequence[Container]
    global_count: int
    modules: Sequence[Container]
    sources: Sequence[Container]
    scopes: Sequence[Container]
    lines: Sequence[Container]
    segments: Sequence[Container]
    correlations: Sequence[Container]
    types: Sequence[bytes]
    members: Sequence[Container]
    names: Sequence[str]
    taken: int = 0
    """Records that were taken from them."""

    @classmethod
    def read(cls, content: bytes) -> TdsTables:
        """Cut the tables out, which lie one behind the other."""
        header = HEADER.parse(content)
        if header.version not in VERSIONS:
            version = f"{header.version >> 8}.{header.version & 0xFF:02x}"
            raise SymbolFileError(f"version {version} of Borland's debug information is unknown")
        at = HEADER.sizeof() + header.extension_size

        def table(record: Construct, count: int) -> Sequence[Container]:
            nonlocal at
            size = record.sizeof() * count
            rows, at = content[at : at + size], at + size
            return list(record[count].parse(rows))

        symbols = table(SYMBOL, header.symbols)
        modules = table(MODULE, header.modules)
        sources = table(SOURCE, header.sources)
        lines, scopes = _lines_and_scopes(content, at, header)
        at += SCOPE.sizeof() * header.scopes + LINE.sizeof() * header.lines
        segments = table(SEGMENT, header.segments)
        correlations = table(CORRELATION, header.correlations)
        types = [bytes(one) for one in table(Bytes(TYPE.sizeof()), header.types)]
        members = table(MEMBER, header.members)
        pool = content[len(content) - header.names_size :] if header.names_size else b""
        if header.names_size > len(content) - at or header.names > MAX_NAMES:
            raise SymbolFileError("Borland's debug information is cut off")
        names = [name.decode("latin-1") for name in pool.split(b"\0")[: header.names]]
        return cls(
            symbols, header.globals, modules, sources, scopes, lines, segments, correlations,
            types, members, names,
        )  # fmt: skip

    def __post_init__(self) -> None:
        self.code = Spans(map(code_of, self.segments))
        self.segments_of: dict[int, list[Container]] = {}
        for segment in self.segments:
            self.segments_of.setdefault(segment.module, []).append(segment)
        self.statics = {
            address(symbol.segment, symbol.offset): symbol
            for symbol in reversed(self.symbols)
            if symbol.flags & 7 == SymbolClass.STATIC
        }
        self.tags = {
            symbol.offset: self.name(symbol.name)
            for symbol in reversed(self.symbols)
            if symbol.flags & 7 == SymbolClass.TAG
        }

    def part(self, table: Sequence[Container], first: int, count: int) -> Sequence[Container]:
        """Return records from a number on, as many as there are."""
        found = table[first - 1 : first - 1 + count] if first else ()
        self.taken += len(found)
        if self.taken > MAX_TAKEN:
            raise SymbolFileError("Borland's debug information is damaged: it repeats itself")
        return found

    def name(self, number: int) -> str:
        """Return a name; "" if there is none."""
        return self.names[number - 1] if 0 < number <= len(self.names) else ""


def _lines_and_scopes(
    content: bytes, at: int, header: Container
) -> tuple[Sequence[Container], Sequence[Container]]:
    """Return the tables of lines and of scopes.

    The handbook has the scopes first, TLINK 4.0 writes the lines first (captured): scopes name
    their symbols and what they lie in, by which they are told.
    """
    first = _records(SCOPE, content, at, header.scopes)
    behind = at + SCOPE.sizeof() * header.scopes
    if header.scopes and all(_is_scope(scope, header) for scope in first):
        return _records(LINE, content, behind, header.lines), first
    lines = _records(LINE, content, at, header.lines)
    return lines, _records(SCOPE, content, at + LINE.sizeof() * header.lines, header.scopes)


def _is_scope(scope: Container, header: Container) -> bool:
    behind = header.symbols + 1
    symbols_fit = scope.symbols + scope.symbol_count <= behind or scope.symbols == 0
    return bool(
        symbols_fit
        and scope.parent <= header.scopes
        and (scope.function <= header.symbols or scope.function >= UNIT_SCOPE)
        and scope.size > 0
    )


def _records(record: Construct, content: bytes, at: int, count: int) -> Sequence[Container]:
    return list(record[count].parse(content[at : at + record.sizeof() * count]))


def code_of(segment: Container) -> range:
    """Return where the code of a segment lies."""
    start = address(segment.segment, segment.offset)
    return range(start, min(start + segment.size, MEMORY_SIZE))


def address(segment: int, offset: int) -> int:
    """Return the linear address."""
    return int(segment * 16 + offset)
