"""Listings of as86's below bcc (``bcc -C-t -A-l -APROG.LST``): the lines of a program in C.

bcc puts the source into its assembly as comments, each with its line's number; as86 lists them with
the code's offsets in its object file.  Where the linker put that file only the program's own
symbol table says.  A row has its number, the offset and code in hex, and from column 48 the text.

Captured from bcc 0.16.21 (Debian), as86's listing, with and without -O.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from blink16.symbolfiles.bcc_branches import Branches
from blink16.symbolfiles.source import SymbolFileError
from blink16.symbolfiles.toolchain import (
    BaseEncoding,
    BaseType,
    Function,
    FunctionType,
    Label,
    Language,
    Scope,
    SourceLine,
    Toolchain,
    Unit,
)

MAX_LINES = 500_000
LOOKED_AT = 20
"""Rows by which a listing is known."""
TEXT = 48
"""The column at which what was assembled begins."""
_ROW = re.compile(r"^[0-9]{5}(?: (?P<offset>[0-9A-F]{4}) | +(?P<label>[0-9A-F]{8})>| |$)")
_SOURCE = re.compile(r"^! (?P<number>[0-9]{1,6}) (?P<text>.*)$")
_MARKER = re.compile(r'# (?P<number>[0-9]{1,6})(?: "(?P<file>[^"]{1,255})")?')
_LABEL = re.compile(r"^_(?P<name>[A-Za-z_][A-Za-z0-9_]*):")
_COMPILER_S_LABEL = re.compile(r"\.([0-9A-F]{1,6}):")
_STATEMENT_END = "!BCC_EOS"
_SECTION = re.compile(r"^\.(text|data|bss)\b")
_PROLOGUE = re.compile(r"push\t(bp|di|si)|mov\tbp,sp|dec\tsp|add\tsp,.*|sub\tsp,.*|push\t[abc]x")
INT, FUNCTION = 1, 2
TYPES: Mapping[int, BaseType | FunctionType] = {
    INT: BaseType("int", 2, BaseEncoding.SIGNED),
    FUNCTION: FunctionType(INT),
}
"""What bcc says of types is not in a listing."""


def is_listing(lines: Sequence[str]) -> bool:
    """Whether a text is a listing of what bcc has compiled."""
    rows = lines[:LOOKED_AT]
    return (
        bool(rows)
        and all(_ROW.match(line) for line in rows if line.strip())
        and any(_SOURCE.match(line[TEXT:]) for line in rows)
    )


@dataclass(slots=True)
class _Reading:
    """What is known at a row."""

    file: str
    compiled: str = ""
    """The file that was given to the compiler: the first that is named."""
    number: int = 0
    brace: int = 0
    """The last line that is an opening brace."""
    function: str = ""
    opened: int | None = None
    """The line of the function's brace, until its first statement's code begins."""
    in_text: bool = True
    branches: Branches = field(default_factory=Branches)
    """What the function's jumps say."""
    rows: list[SourceLine] = field(default_factory=list)
    """Its instructions, each below its line."""
    lines: list[SourceLine] = field(default_factory=list)
    starts: dict[str, int] = field(default_factory=dict)
    end: int = 0

    def source(self, number: int, text: str) -> None:
        """Meet a line of the source, or the preprocessor's word on where one is from."""
        self.number = number
        self.branches.source(number, text)
        if text.strip() == "{":
            self.brace = number
            if self.function and self.end <= self.starts[self.function]:
                self.opened = number
        for marker in _MARKER.finditer(text):
            self.file = marker["file"] or self.file
            self.compiled = self.compiled or self.file

    def begin(self, name: str, start: int) -> None:
        """Meet a function's label."""
        self.finish()
        self.function = name
        self.starts[name] = start
        self.opened = self.brace if self.brace == self.number else None

    def code(self, offset: int, text: str) -> None:
        """Meet an instruction."""
        self.end = max(self.end, offset + 1)
        if not self.function:
            return
        self.branches.code(offset, text, self.number)
        if offset == self.starts[self.function]:
            self.rows.append(SourceLine(offset, self.file, self.opened or self.number))
        elif not _PROLOGUE.fullmatch(text) or self.opened is None:
            self.opened = None
            self.rows.append(SourceLine(offset, self.file, self.number))

    def finish(self) -> None:
        """Leave a function."""
        moved = self.branches.lines()
        for row in self.rows:
            line = replace(row, number=moved.get(row.address, row.number))
            last = self.lines[-1] if self.lines else None
            if last is None or (last.number, last.file) != (line.number, line.file):
                self.lines.append(line)
        self.rows.clear()
        self.branches = Branches()


def read(lines: Sequence[str], file: str) -> Toolchain:
    """Return what a listing says; addresses are offsets in its object file.  SymbolFileError."""
    if len(lines) > MAX_LINES:
        raise SymbolFileError(f"a listing of more than {MAX_LINES} lines")
    at = _Reading(file)
    for line in islice(lines, MAX_LINES):
        row = _ROW.match(line)
        if row is None:
            continue  # the table of symbols behind the rows
        text = line[TEXT:].rstrip()
        if (section := _SECTION.match(text)) is not None:
            at.in_text = section[1] == "text"
        elif (source := _SOURCE.match(text)) is not None:
            at.source(int(source["number"]), source["text"])
        elif not at.in_text:
            continue
        elif text == _STATEMENT_END:
            at.branches.statement_end()
        elif (mark := _COMPILER_S_LABEL.match(text)) is not None:
            at.branches.label(int(mark[1], 16))
        elif row["label"] and (label := _LABEL.match(text)) is not None:
            at.begin(label["name"], int(row["label"], 16))
        elif row["offset"] and text:
            at.code(int(row["offset"], 16), text)
    at.finish()
    if not at.lines:
        raise SymbolFileError("there is no code in this listing")
    return _told(at, at.compiled or file)


def _told(read: _Reading, file: str) -> Toolchain:
    """Return functions from where one begins to where the next does."""
    starts = sorted((start, name) for name, start in read.starts.items())
    ends = [*(start for start, _ in starts[1:]), max(read.end, starts[-1][0] + 1)]
    spans = [(name, range(start, end)) for (start, name), end in zip(starts, ends, strict=True)]
    functions = tuple(Function(name, FUNCTION, Scope(span)) for name, span in spans if span)
    lines = tuple(sorted(read.lines, key=lambda line: line.address))
    code = (range(starts[0][0], ends[-1]),)
    unit = Unit(file, Language.C, code, lines, functions, types=TYPES)
    return Toolchain((unit,), tuple(Label(name, span.start, code=True) for name, span in spans))
