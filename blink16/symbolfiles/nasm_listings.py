"""Listings of NASM's (``nasm -f bin -l PROG.LST``): lines and labels of programs without tables.

A listing has a row for each source line: its number, the offset of its code in its section, the
code in hex, and the text; what a macro or an included file brings has a depth, like ``<1>``.  Only
the first section's addresses are known: an ``org`` says where it begins, and is 0 without one.

NASM manual, "Generating a Listing File", and captured from NASM 2.16.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from blink16.memory import ADDRESS_MASK
from blink16.symbolfiles.assembler_data import SIZES, ListedData, variables
from blink16.symbolfiles.source import SymbolFileError
from blink16.symbolfiles.toolchain import Label, Language, SourceLine, Toolchain, Unit
from blink16.words.numerals import NumeralError, digits, literal

MAX_LINES = 200_000
TEXT = 40
"""The column at which the source's text begins."""
FIRST_SECTION = ".text"
"""Where what stands before any section directive belongs."""
LOOKED_AT = 50
"""Rows by which a listing is known."""
_ROW = re.compile(
    r"^ {0,5}(?P<number>[0-9]{1,6}) (?:(?P<offset>[0-9A-F]{8}) (?P<code>\S+?)(?P<more>-?))?"
    r" *(?P<depth><[0-9]+>)?(?: .*)?$"
)
_HEX = re.compile(r"[0-9A-F]{2}")
_REPEATED = re.compile(r"<re([ps]) ([0-9A-Fa-f]+)h>")
_ORIGIN = re.compile(r"^\s*\[?\s*org\s+([^\s;\]]+)", re.IGNORECASE)
_SECTION = re.compile(r"^\s*\[?\s*(?:section|segment)\s+([^\s;\]]+)", re.IGNORECASE)
_LABEL = re.compile(r"^\s*([A-Za-z_?@][\w$#@~.?]*)\s*(:?)\s*(.*)$")
_DATA = re.compile(
    r"^\s*(?:times\s+.*?\s)?(?:d[bwdqto]|res[bwdqto]|incbin|align|equ)\b", re.IGNORECASE
)
_ELEMENT = re.compile(r"^\s*(times\s+.*?\s)?(?:d|res)([bwdq])\b", re.IGNORECASE)
_CONSTANT = re.compile(r"^\s*equ\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    """Of its line in the file that was assembled, or of the one that brought it there."""
    offset: int | None
    size: int
    text: str


def is_listing(lines: Sequence[str]) -> bool:
    """Whether a text is a listing of NASM's."""
    rows = [_ROW.match(line) for line in lines[:LOOKED_AT]]
    return bool(rows) and all(rows) and any(row and row["offset"] for row in rows)


def read(lines: Sequence[str], file: str) -> Toolchain:
    """Return what a listing says of the program that was made from a file.  SymbolFileError."""
    if len(lines) > MAX_LINES:
        raise SymbolFileError(f"a listing of more than {MAX_LINES} lines")
    origin, end = 0, 0
    found: list[SourceLine] = []
    labels: list[Label] = []
    data: list[ListedData] = []
    waiting: list[str] = []
    here, home = FIRST_SECTION, ""
    for row in _rows(lines):
        if (switch := _SECTION.match(row.text)) is not None:
            here = switch[1].lower()
            waiting.clear()
        if (where := _ORIGIN.match(row.text)) is not None:
            origin = _origin(where[1])
        name, statement = _parted(row.text)
        if name and not _CONSTANT.match(statement):
            waiting.append(name)
        if row.offset is None:
            continue
        home = home or here
        if here != home:
            continue
        is_code = not _DATA.match(statement)
        address = origin + row.offset
        labels += [Label(one, address, is_code) for one in waiting]
        _take_data(data, waiting, statement, address, row)
        waiting.clear()
        end = max(end, address + row.size)
        if is_code:
            found.append(SourceLine(address, file, row.number))
    if not found:
        raise SymbolFileError("there is no code in this listing")
    found.sort(key=lambda line: line.address)
    first = found[0].address
    named, types = variables(data)
    unit = Unit(
        file,
        Language.ASSEMBLER,
        (range(first, end),),
        tuple(_first_of_each(found)),
        variables=named,
        types=types,
    )
    return Toolchain((unit,), tuple(labels))


def _take_data(
    data: list[ListedData], names: list[str], statement: str, address: int, row: _Row
) -> None:
    """Note what a row's labels name; a row without any may go on with the one before."""
    match = _ELEMENT.match(statement)
    if names:
        if match is not None and row.size:
            element = SIZES[match[2].lower()]
            data += [ListedData(name, address, element, row.size, row.number) for name in names]
        return
    if not data or data[-1].end != address:
        return
    goes_on = row.number == data[-1].line  # the bytes of a long line
    if match is not None and not match[1]:  # TIMES fills up, as to a boot sector's end
        goes_on = SIZES[match[2].lower()] == data[-1].element
    if goes_on:
        data[-1].size += row.size
        data[-1].line = row.number


def _rows(lines: Sequence[str]) -> Iterator[_Row]:
    line = 0
    for text in islice(lines, MAX_LINES):
        match = _ROW.match(text)
        if match is None:
            raise SymbolFileError(f"{text[:40]!r} is no row of a listing of NASM's")
        deep = match["depth"] is not None
        if not deep:
            line = int(match["number"])
        offset = int(match["offset"], 16) if match["offset"] else None
        size = len(_HEX.findall((match["code"] or "").partition("<")[0]))
        repeated = _REPEATED.search(text[:TEXT])
        if repeated is not None:  # RESB and its like, or TIMES
            size = _times(repeated[2]) * (1 if repeated[1] == "s" else size)
        yield _Row(line, offset, size, text[TEXT:] if not deep else "")


def _times(text: str) -> int:
    try:
        return digits(text, 16, ADDRESS_MASK)
    except NumeralError as error:
        raise SymbolFileError(str(error)) from None


def _parted(text: str) -> tuple[str, str]:
    """Return the label of a line, if it has one, and the rest; not those of a function's own."""
    match = _LABEL.match(text.partition(";")[0])
    if match is None:
        return "", text
    if match[2] or _DATA.match(match[3]):
        return match[1], match[3]
    return "", text


def _origin(text: str) -> int:
    if text[-1:] in "hH":
        text = f"0x{text[:-1]}"
    if text.startswith("$"):
        text = f"0x{text[1:]}"
    try:
        return literal(text, ADDRESS_MASK)
    except NumeralError:
        return 0


def _first_of_each(lines: Sequence[SourceLine]) -> Iterator[SourceLine]:
    """Leave out what goes on in the same line: a macro's further instructions."""
    last = None
    for line in lines:
        if line.number != last:
            yield line
        last = line.number
