"""Line numbers in the maps of Microsoft's LINK (/LI) and Borland's TLINK (/l).

A block for each source file: a heading, then pairs of a line's number and its address.  The maps
don't say where a file's code ends: there, where that of another begins, or its segment ends.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from blink16.symbolfiles.source import SymbolFileError
from blink16.symbolfiles.toolchain import SourceLine, Toolchain, Unit, language_of

MAX_LINES = 200_000
"""Lines of source in a map."""
_HEADING = re.compile(r"^\s*Line numbers for (\S+?)(?:\((.+)\))? segment (\S+)\s*$")
_PAIR = re.compile(r"\s*(\d{1,6}) ([0-9A-F]{4}):([0-9A-F]{4})")
_SEGMENT = re.compile(r"^\s*([0-9A-F]{5,8})H\s+([0-9A-F]{5,8})H\s+([0-9A-F]{5,8})H\s+\S+")


def read(lines: Sequence[str]) -> Toolchain:
    """Return the lines of source that a map tells of.  SymbolFileError if they are too many."""
    found = sorted(_lines(lines), key=lambda line: line.address)
    if len(found) > MAX_LINES:
        raise SymbolFileError(f"there are more than {MAX_LINES} line numbers")
    ends = sorted(
        int(m[2], 16) + 1 for line in lines if (m := _SEGMENT.match(line)) and m[3].strip("0")
    )
    files = dict.fromkeys(line.file for line in found)
    return Toolchain(tuple(_unit(file, found, ends) for file in files))


def _lines(lines: Sequence[str]) -> Iterator[SourceLine]:
    file = ""
    for text in lines:
        if heading := _HEADING.match(text):
            file = heading[2] or heading[1]
        elif file and _PAIR.match(text):
            for number, segment, offset in _PAIR.findall(text):
                yield SourceLine(int(segment, 16) * 16 + int(offset, 16), file, int(number))
        elif text.strip():
            file = ""


def _unit(file: str, found: Sequence[SourceLine], ends: Sequence[int]) -> Unit:
    """Return a file's unit: stretches of lines, each up to the next file's or a segment's end."""
    own, spans = [], []
    start = None
    for line in found:
        if line.file == file:
            own.append(line)
            start = line.address if start is None else start
        elif start is not None:
            spans.append(range(start, line.address))
            start = None
    if start is not None:
        at = bisect_right(ends, own[-1].address)
        spans.append(range(start, ends[at] if at < len(ends) else own[-1].address + 1))
    return Unit(file, language_of(file), tuple(spans), tuple(own))
