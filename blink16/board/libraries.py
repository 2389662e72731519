"""Libraries: ELFs that gdb reads from us beside the board.

gdb takes its program's file once, and debugging information from one ELF there; but it asks again
for a list of libraries whenever it hears that there are others (qXfer:libraries, "solib-target").
So what does not fit on the board is in libraries:

- the lines of each further ELF, and the symbols at the same addresses, which the board leaves out;
- all names anew, if some have come since gdb has read the board.  Of two sections about one address
  gdb believes that which begins first, so each of the names' begins just before the board's.  (They
  can't begin at 0: gdb 18 takes a library there for one that it has already.)

Lines that come after the board are in no library: gdb goes by the board's units until it has read
those of the library, which it does when somebody mentions a name in them.

Unlike the board a library is for the i386, or gdb refuses it ("architecture unknown is not
compatible with target architecture i8086"); code is 16-bit to gdb all the same, for that follows
from the board and target.xml.

A library is named after its content: gdb keeps what it has read by its name.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from blink16.board import dwarf
from blink16.board.file import (
    Area,
    Survey,
    code_of,
    cut,
    debug_sections,
    elf_symbols,
    functions,
    memory_sections,
)
from blink16.symbolfiles import DebugInformation, elf
from blink16.symbols import SymbolKind


@dataclass(frozen=True, slots=True)
class Library:
    """An ELF, and where it lies in memory."""

    name: str
    content: bytes
    start: int
    """The linear address of its one segment, where the ELF says that it is."""


def lines(known: Survey, debug: DebugInformation) -> Library:
    """Return a user's debugging information, with the symbols of the code that it is about."""
    areas = [Area(span, SymbolKind.CODE) for span in code_of([debug])]
    return _library("lines", known, areas, dwarf.all_trusted(dict(debug.sections)))


def names(known: Survey, added: Collection[str], read: Sequence[DebugInformation]) -> Library:
    """Return all names, and new ones as functions.

    ``added``: those that are new.  ``read``: the debugging information that gdb has.
    """
    areas = _before_the_boards(known.areas)
    new = (f for f in functions(known, code_of(read)) if f.name in added)
    return _library("names", known, cut(areas, code_of(read[1:])), dwarf.apart(new))


def _before_the_boards(areas: Sequence[Area]) -> list[Area]:
    """Return areas that each begin a little before the board's at the same place."""
    starts = [dwarf.START // 2, *(area.span.start - 1 for area in areas[1:])]
    stops = [*starts[1:], areas[-1].span.stop]
    spans = zip(starts, stops, areas, strict=True)
    return [Area(range(start, stop), area.kind) for start, stop, area in spans]


def _library(kind: str, known: Survey, areas: list[Area], debug: Mapping[str, bytes]) -> Library:
    symbols = elf_symbols(known.symbols, areas)
    span = range(areas[0].span.start, areas[-1].span.stop) if areas else range(0)
    content = elf.build(
        [*memory_sections(areas), *debug_sections(debug)], symbols, known.start, segment=span
    )
    return Library(f"/blink16-{kind}-{zlib.crc32(content):08x}.elf", content, span.start)
