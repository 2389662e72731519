"""Symbols in text: maps of nasm, GNU ld, ld86, Watcom's and Borland's linkers, and nm's output.

A reader takes the lines and the place of the program and yields symbols.  Lines that it doesn't
know are the rest of the map, and passed over.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from blink16.memory import ADDRESS_MASK, MEMORY_SIZE, linear
from blink16.symbolfiles.source import LoadSegments
from blink16.symbols import Symbol, SymbolKind

Reader = Callable[[Sequence[str], LoadSegments], Iterator[Symbol]]
MAX_LINE = 1000
"""Characters of a line; longer ones hold no symbol."""
_NAME = r"([^\s=]{1,255})"


@dataclass(frozen=True, slots=True)
class MapFormat:
    """A kind of map, told by a line that it begins with."""

    mark: re.Pattern[str]
    read: Reader
    linear: bool
    """Whether its addresses are linear unless somebody says otherwise."""


def section_kind(name: str) -> SymbolKind:
    """Return what a section of that name holds."""
    return SymbolKind.CODE if name.lstrip("._").lower().startswith(_CODE_NAMES) else SymbolKind.DATA


_CODE_NAMES = ("text", "code", "fartext", "init", "fini", "far")


# -- nasm's: [map symbols FILE] --------------------------------------------------------------

_NASM_SECTION = re.compile(r"^-+ (Section (\S+)|No Section) -+$")
_NASM_SYMBOL = re.compile(rf"^\s*([0-9A-F]{{1,16}})\s+([0-9A-F]{{1,16}})\s+{_NAME}$")


def _nasm(lines: Sequence[str], place: LoadSegments) -> Iterator[Symbol]:
    section, symbols = None, False
    for line in lines:
        header = _NASM_SECTION.match(line)
        if line.startswith("-- "):
            symbols = line.startswith("-- Symbols")
        elif header:
            section = header[2]
        elif symbols and section and (found := _NASM_SYMBOL.match(line)):
            kind = section_kind(section)
            yield Symbol(found[3], place.address(kind, int(found[2], 16)), kind)


# -- GNU ld's: -Map FILE ---------------------------------------------------------------------

_LD_SECTION = re.compile(r"^ ?(\.[\w.$]+)(?:\s|$)")
_LD_SYMBOL = re.compile(rf"^\s+0x([0-9a-f]{{1,16}})\s+{_NAME}$")


def _ld(lines: Sequence[str], place: LoadSegments) -> Iterator[Symbol]:
    section = ""
    for line in lines:
        header = _LD_SECTION.match(line)
        if header:
            section = header[1]
        elif section and not section.startswith(".debug") and (found := _LD_SYMBOL.match(line)):
            kind = section_kind(section)
            yield Symbol(found[2], place.address(kind, int(found[1], 16)), kind)


# -- ld86's, bcc's linker: -M ------------------------------------------------------------------

_LD86_SYMBOL = re.compile(
    rf"^ *\S{{1,255}} +{_NAME} +([0-9a-f]) +([0-9a-f]{{8}})  ([a-zA-Z])(?: [A-Z])*\s*$"
)
_LD86_TEXT, _LD86_ABSOLUTE = "0", "a"
_LD86_DATA_END = "__edata"


def _ld86(lines: Sequence[str], place: LoadSegments) -> Iterator[Symbol]:
    """Segment 0 is the text, the others are data; "a" are constants, as of ``rel.off``.

    Names are those of C, which bcc begins with an underscore.
    """
    rows = [found for line in lines if (found := _LD86_SYMBOL.match(line))]
    rows = [found for found in rows if found[4] != _LD86_ABSOLUTE]
    data = _ld86_data([(row[1], row[2] == _LD86_TEXT, int(row[3], 16)) for row in rows], place)
    for row in rows:
        name, value = row[1].removeprefix("_"), int(row[3], 16)
        if row[2] == _LD86_TEXT:
            yield Symbol(name, place.address(SymbolKind.CODE, value), SymbolKind.CODE)
        elif data is not None:
            yield Symbol(name, data + value & ADDRESS_MASK, SymbolKind.DATA)


def _ld86_data(rows: Sequence[tuple[str, bool, int]], place: LoadSegments) -> int | None:
    """Return the linear address of data at 0, None if nothing says where that lies.

    A COM program that bcc has made begins in one segment, but has its data in one of its own
    behind the text: its initialised data is the end of its file.
    """
    ends = [value for name, is_text, value in rows if name == _LD86_DATA_END and not is_text]
    text = max((value for _, is_text, value in rows if is_text), default=0)
    if place.text != place.data or not ends or ends[0] > text:
        return place.data * 16
    return None if place.end is None else place.end - ends[0]


# -- nm --------------------------------------------------------------------------------------

_NM_SYMBOL = re.compile(
    r"^([0-9a-fA-F]{1,16})\s+(?:([0-9a-fA-F]{1,16})\s+)?([A-Za-z?])\s+(\S{1,255})$"
)
_NM_UNDEFINED = re.compile(r"^\s+[Uwv]\s+\S+$")
_NM_CODE, _NM_DATA = "TtWwFf", "DdBbRrGgSsVvC"


def _nm(lines: Sequence[str], place: LoadSegments) -> Iterator[Symbol]:
    for line in lines:
        found = _NM_SYMBOL.match(line)
        if found and found[3] in _NM_CODE + _NM_DATA:
            kind = SymbolKind.CODE if found[3] in _NM_CODE else SymbolKind.DATA
            size = min(int(found[2] or "0", 16), MEMORY_SIZE)
            yield Symbol(found[4], place.address(kind, int(found[1], 16)), kind, size)


def is_nm(lines: Sequence[str]) -> bool:
    """Tell whether all lines are what nm prints."""
    full = [line for line in lines if line.strip()]
    return bool(full) and all(_NM_SYMBOL.match(line) or _NM_UNDEFINED.match(line) for line in full)


# -- linkers for DOS: addresses are segment:offset from the image's first paragraph ----------

_SEGMENT_BORLAND = re.compile(
    r"^\s*([0-9A-F]{5,8})H\s+[0-9A-F]{5,8}H\s+[0-9A-F]{5,8}H\s+\S+\s+(\S+)\s*$"
)
_SEGMENT_WATCOM = re.compile(
    r"^\S+\s+(\S+)\s+\S+\s+([0-9a-f]{4}):([0-9a-f]{4,8})\s+[0-9a-f]{8}\s*$"
)
_PUBLIC_BORLAND = re.compile(
    rf"^\s*([0-9A-F]{{4}}):([0-9A-F]{{4}})\s+(?:(Abs|idle)\s+)?{_NAME}\s*$"
)
_PUBLIC_WATCOM = re.compile(rf"^([0-9a-f]{{4}}):([0-9a-f]{{4,8}})[*+ ]?\s+{_NAME}\s*$")


class _Segments:
    """The segments of an image by their linear addresses in it."""

    def __init__(self, segments: Iterable[tuple[int, str]]) -> None:
        self._segments = sorted(segments)
        self._starts = [start for start, _ in self._segments]

    def kind(self, address: int) -> SymbolKind:
        """Return what lies at an address; where the map doesn't say, code."""
        at = bisect_right(self._starts, address)
        code = at == 0 or self._segments[at - 1][1].upper().endswith(("CODE", "TEXT"))
        return SymbolKind.CODE if code else SymbolKind.DATA


def _in_image(
    place: LoadSegments, segment: str, offset: str, name: str, segments: _Segments
) -> Symbol:
    within = int(segment, 16) * 16 + int(offset, 16)
    return Symbol(name, linear(place.image, 0) + within, segments.kind(within))


def _borland(lines: Sequence[str], place: LoadSegments) -> Iterator[Symbol]:
    """Read the maps of Borland's TLINK and Microsoft's LINK, which list publics twice."""
    starts = (_SEGMENT_BORLAND.match(line) for line in lines)
    segments = _Segments((int(found[1], 16), found[2]) for found in starts if found)
    for line in lines:
        found = _PUBLIC_BORLAND.match(line)
        if found and found[3] != "Abs":
            yield _in_image(place, found[1], found[2], found[4], segments)


def _watcom(lines: Sequence[str], place: LoadSegments) -> Iterator[Symbol]:
    starts = (_SEGMENT_WATCOM.match(line) for line in lines)
    segments = _Segments(
        (int(found[2], 16) * 16 + int(found[3], 16), found[1]) for found in starts if found
    )
    for line in lines:
        found = _PUBLIC_WATCOM.match(line)
        if found:
            yield _in_image(place, found[1], found[2], found[3], segments)


FORMATS = (
    MapFormat(re.compile(r"- NASM Map file"), _nasm, linear=False),
    MapFormat(re.compile(r"Linker script and memory map"), _ld, linear=True),
    MapFormat(
        re.compile(r"(Open )?(Watcom|WATCOM) Linker|Address +Symbol$"), _watcom, linear=False
    ),
    MapFormat(re.compile(r"\s*Address +Publics by (Name|Value)"), _borland, linear=False),
    MapFormat(_LD86_SYMBOL, _ld86, linear=False),
)
NM = MapFormat(_NM_SYMBOL, _nm, linear=True)


def find_format(lines: Sequence[str]) -> MapFormat | None:
    """Return the format of a text; None if none fits."""
    for line in lines:
        for candidate in FORMATS:
            if candidate.mark.match(line):
                return candidate
    return NM if is_nm(lines) else None


def read_map(lines: Sequence[str], known: MapFormat, place: LoadSegments) -> Iterator[Symbol]:
    """Yield the symbols of a map."""
    return known.read([line for line in lines if len(line) <= MAX_LINE], place)
