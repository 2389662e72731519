"""Listings of MASM (``masm /l``, ``ml /Fl``), TASM (``tasm /l``) and JWasm (``jwasm -Fl``).

A row has the offset of its code in its segment, the code in hex, where relocations are marked, and
from a fixed column on the source's text; TASM and, with cross references, MASM 5 put a number
before it.  That counts rows, so it isn't the line's in the source once an include file or a macro
was listed: a line's number is found by its text, in the source if that is at hand, else by counting
the rows that are not of macros, include files or data that goes on.

Microsoft, "Macro Assembler 5.1 Programmer's Guide", "Reading Listings" (2.5); Borland, "Turbo
Assembler User's Guide", "Listing file format"; captured: ml 6.14, TASM 2.5 (published listings).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from blink16.symbolfiles.source import SymbolFileError
from blink16.symbolfiles.toolchain import Label, Language, SourceLine, Toolchain, Unit

MAX_LINES = 200_000
MAX_SEGMENTS = 1000


class ListingForm(Enum):
    """Where rows have their parts; the column at which the source's text begins, tabs expanded."""

    MASM = 32
    TASM = 37


_HEADING = re.compile(
    r"^(?:Microsoft \(R\)|(?:The )?IBM Personal Computer) Macro Assembler\b", re.IGNORECASE
)
_TASM_HEADING = re.compile(r"^Turbo Assembler\s+Version [0-9]")
_JWASM_HEADING = re.compile(r"^(?:JWasm|UASM|ASMC) v?[0-9]", re.IGNORECASE)
_FILE = re.compile(r"^([\w$~.\\/:-]+\.\w{1,3})(?:\s+Page\s.*|,.*)?$", re.IGNORECASE)
_TABLES = re.compile(
    r"^(?:Macros|Structures and Records|Segments and Groups|Symbols|Procedures"
    r"|Groups & Segments|Segments/Groups|Symbol Name|Symbol Table)\b",
    re.IGNORECASE,
)
"""What begins the tables behind the rows."""
_NUMBERED = re.compile(r"^ {2,7}[1-9][0-9]{0,5}\t(.*)$")
"""A row of MASM 5's with a number, which is aligned to the right; offsets are to the left."""
_MASM_ROW = re.compile(r"^ {0,2}([0-9A-F]{4}|[0-9A-F]{8})(?= |$)")
_TASM_ROW = re.compile(r"^(?P<depth>[0-9]{1,3})? *(?P<number>[0-9]{1,6})(?: |$)(?P<rest>.*)$")
_TASM_OFFSET = re.compile(r"^ ?([0-9A-F]{4}|[0-9A-F]{8})(?= |$)")
_MARK = re.compile(r"^(?:[0-9]{1,3}|[0-9]*C|\*)$")
"""A macro's or an include file's depth, or the assembler's own code, before the text."""
_TOKEN = re.compile(r"^([0-9A-F]{2}(?:[0-9A-F]{2})*|(?:--){1,4})[a-zA-Z:|/+*]*$")
_NAME = r"[A-Za-z_?@$][\w?@$]*"
_SIMPLE = re.compile(
    r"^(\.code|\.data\??|\.const|\.fardata\??|codeseg|u?dataseg)(?![\w?])\s*(\w*)",
    re.IGNORECASE,
)
_SEGMENT = re.compile(rf"^(?:({_NAME})\s+segment|segment\s+({_NAME}))(?!\w)", re.IGNORECASE)
_ENDS = re.compile(rf"^(?:{_NAME}\s+ends|ends(?:\s+{_NAME})?)\s*$", re.IGNORECASE)
_STRUCTURE = re.compile(rf"^(?:{_NAME}\s+)?(?:struct?|union)\b", re.IGNORECASE)
_MACRO = re.compile(
    rf"^(?:{_NAME}\s+macro|macro\s+\w+|rept|repeat|irpc?|forc?|while)\b", re.IGNORECASE
)
_ENDM = re.compile(r"^endm\b", re.IGNORECASE)
_END = re.compile(rf"^end\s+({_NAME})", re.IGNORECASE)
_DATA_WORD = r"(?:d[bwdfqpt]|real[48]|real10|s?byte|s?d?word|[fqt]word|tbyte)(?!\s+ptr\b)(?!\w)"
_LABEL = re.compile(
    rf"^(?:proc\s+({_NAME})|({_NAME})(?::(?!=)|\s+(?:proc|label)\b|(?=\s+{_DATA_WORD})))",
    re.IGNORECASE,
)
_DATA = re.compile(rf"^(?:{_NAME}:?\s+)?(?:{_DATA_WORD}|(?:org|align|even)\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Row:
    text: str
    offset: int | None
    size: int
    expanded: bool
    """It is of a macro, an include file or the assembler itself."""


@dataclass(slots=True)
class ListedSegment:
    """What is known of a segment of the listing; offsets as there."""

    lines: list[tuple[int, int]] = field(default_factory=list)
    """Offsets and line numbers of code."""
    labels: list[tuple[str, int, bool]] = field(default_factory=list)
    """Names, offsets, and whether code is there."""
    end: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """What a listing says: segments under their names."""

    file: str
    """The source file, as its assembler was given it; empty if it doesn't say."""
    segments: Mapping[str, ListedSegment]
    entry: str | None
    """The segment of the label at which the program begins, if this module has it."""

    @property
    def code(self) -> str:
        """The first segment that has code."""
        return next(name for name, segment in self.segments.items() if segment.lines)

    def told(self, bases: Mapping[str, int]) -> Toolchain:
        """Return it with each segment at its linear address; those without one are left out."""
        lines, labels, code = [], [], []
        for name, base in bases.items():
            segment = self.segments[name]
            lines += [SourceLine(base + at, self.file, number) for at, number in segment.lines]
            labels += [Label(label, base + at, code) for label, at, code in segment.labels]
            if segment.lines:
                code.append(range(base + segment.lines[0][0], base + segment.end))
        lines.sort(key=lambda line: line.address)
        code.sort(key=lambda span: span.start)
        unit = Unit(self.file, Language.ASSEMBLER, tuple(code), tuple(lines))
        return Toolchain((unit,), tuple(labels))


def form_of(lines: Sequence[str]) -> ListingForm | None:
    """Tell whose listing a text is, None if it is none of these."""
    for line in lines[:3]:
        if _TASM_HEADING.match(line):
            return ListingForm.TASM
        if _HEADING.match(line) or _JWASM_HEADING.match(line):
            return ListingForm.MASM
    return None


def file_name(lines: Sequence[str]) -> str:
    """Return the name of the source that a listing's heading gives, without folders, or ""."""
    for line in lines[1:3]:
        if (match := _FILE.match(line.strip())) is not None:
            return re.split(r"[\\/:]", match[1])[-1]
    return ""


def read(lines: Sequence[str], file: str, source: Sequence[str] | None = None) -> Listing:
    """Return what a listing says of a source file, whose lines are its own if they're given.

    SymbolFileError if there is no code in it.
    """
    where = form_of(lines)
    if where is None or len(lines) > MAX_LINES:
        raise SymbolFileError(f"this is no listing of {MAX_LINES} lines at most")
    rows = list(_rows(lines, where))
    numbers = _numbers(rows, source)
    at = _Reading()
    for row, number in zip(rows, numbers, strict=True):
        at.row(row, number)
    if not any(segment.lines for segment in at.segments.values()):
        raise SymbolFileError("there is no code in this listing")
    for segment in at.segments.values():
        segment.lines = list(_first_of_each(sorted(segment.lines)))
    return Listing(file, at.segments, at.entry())


def _first_of_each(lines: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Leave out what goes on in the same line: a macro's further instructions."""
    last = None
    for offset, number in lines:
        if number != last:
            yield offset, number
        last = number


@dataclass(slots=True)
class _Reading:
    """What is known at a row."""

    segments: dict[str, ListedSegment] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    """Segments that were opened, the last is the one that rows are in."""
    structures: int = 0
    macros: int = 0
    start: str = ""

    def row(self, row: _Row, number: int | None) -> None:
        """Meet a row, and the line that it belongs to, if that is known."""
        text = row.text.partition(";")[0].strip()
        if self._definition(text, expanded=row.expanded) or self._directive(text):
            return
        if row.offset is None or not self.open:
            return
        segment = self.segments.setdefault(self.open[-1], ListedSegment())
        if len(self.segments) > MAX_SEGMENTS:
            raise SymbolFileError(f"there are more than {MAX_SEGMENTS} segments")
        is_code = not _DATA.match(text)
        if (label := _LABEL.match(text)) is not None:
            segment.labels.append((label[1] or label[2], row.offset, is_code))
        if row.size and is_code and number is not None:
            segment.lines.append((row.offset, number))
        segment.end = max(segment.end, row.offset + row.size)

    def _definition(self, text: str, *, expanded: bool) -> bool:
        """Pass over the insides of macros and structures, whose rows are no code."""
        if self.macros:
            self.macros += 1 if _MACRO.match(text) else -1 if _ENDM.match(text) else 0
            return True
        if not expanded and _MACRO.match(text):
            self.macros = 1
            return True
        if _STRUCTURE.match(text):
            self.structures += 1
            return True
        if self.structures:
            self.structures -= 1 if re.match(r"^(?:\S+\s+)?ends\b", text, re.IGNORECASE) else 0
            return True
        return False

    def _directive(self, text: str) -> bool:
        """See whether a row opens or closes a segment, or ends the program."""
        if (simple := _SIMPLE.match(text)) is not None:
            self.open = [f"{simple[1]} {simple[2]}".strip().lower()]
        elif (segment := _SEGMENT.match(text)) is not None:
            self.open.append((segment[1] or segment[2]).upper())
        elif _ENDS.match(text) is not None:
            self.open = self.open[:-1]
        elif (end := _END.match(text)) is not None:
            self.start = end[1].upper()
        else:
            return False
        return True

    def entry(self) -> str | None:
        """Return the segment of the label at which the program begins."""
        for name, segment in self.segments.items():
            if any(label.upper() == self.start for label, _, _ in segment.labels):
                return name
        return None


def _rows(lines: Sequence[str], where: ListingForm) -> Iterator[_Row]:
    heading = 0
    for line, behind in zip(lines, [*lines[1:], ""], strict=True):
        if not line and form_of((behind,)) is not None:
            continue  # a form feed was here
        if form_of((line,)) is not None:
            heading = 4
        elif _TABLES.match(line):
            return  # what follows are the tables of names
        if heading and (heading := heading - 1) >= 0 and (heading >= 2 or not line.strip()):
            continue  # the heading's two lines, and two that are empty
        heading = 0
        row = _masm_row(line) if where is ListingForm.MASM else _tasm_row(line)
        if row is not None:
            yield row


def _masm_row(line: str) -> _Row | None:
    """Return a row, None if it only goes on with the code of the last one."""
    if (numbered := _NUMBERED.match(line)) is not None:
        line = numbered[1]
    line = line.expandtabs()
    head, text = line[: ListingForm.MASM.value], line[ListingForm.MASM.value :]
    match = _MASM_ROW.match(head)
    mark = head[28:].strip()
    expanded = bool(_MARK.match(mark))
    if expanded:
        head = head[:28]
    if match is None:
        goes_on = head.strip() and not text.strip() and not head.lstrip().startswith("=")
        return None if goes_on else _Row(text, None, 0, expanded)
    return _Row(text, int(match[1], 16), _size(head[match.end() :]), expanded)


def _tasm_row(line: str) -> _Row | None:
    line = line.expandtabs()
    match = _TASM_ROW.match(line)
    if match is None:
        return None
    expanded = match["depth"] is not None
    head, text = line[match.start("rest") : ListingForm.TASM.value], line[ListingForm.TASM.value :]
    offset = _TASM_OFFSET.match(head)
    if offset is None:
        goes_on = head.strip() and not text.strip() and not head.lstrip().startswith("=")
        return None if goes_on else _Row(text, None, 0, expanded)
    return _Row(text, int(offset[1], 16), _size(head[offset.end() :]), expanded)


def _size(code: str) -> int:
    """Return how many bytes a row shows, up to what is no code."""
    size = 0
    for token in code.split():
        match = _TOKEN.match(token)
        if match is None:
            if token not in ("R", "E", "s", "r", "e", "+"):
                break
            continue
        size += len(match[1]) // 2
    return size


def _numbers(rows: Sequence[_Row], source: Sequence[str] | None) -> list[int | None]:
    """Return the line that each row belongs to: by its text in the source, or by counting."""
    if source is not None:
        found = _matched(rows, source)
        own = [n for row, n in zip(rows, found, strict=True) if row.text.strip()]
        if sum(n is not None for n in own) * 2 >= len(own):
            return found
    counted: list[int | None] = []
    number = 0
    for row in rows:
        number += 0 if row.expanded else 1
        counted.append(number or None)
    return counted


def _matched(rows: Sequence[_Row], source: Sequence[str]) -> list[int | None]:
    """Find each row's text behind the last one's; what is not there belongs to the last one's."""
    places: dict[str, list[int]] = {}
    for number, text in enumerate(source, 1):
        places.setdefault(_words(text), []).append(number)
    found: list[int | None] = []
    last = 0
    for row in rows:
        words = _words(row.text)
        if words and not row.expanded:
            numbers = places.get(words, [])
            place = bisect_left(numbers, last + 1)
            last = numbers[place] if place < len(numbers) else last
        found.append(last or None)
    return found


def _words(text: str) -> str:
    return " ".join(text.split())
