"""Libraries: ELFs that gdb reads from us beside its program's file, and again when they change.

gdb takes its program's file once; but it asks for a list of libraries whenever it attaches, runs
a program afresh, or hears that there are others (qXfer:libraries, "solib-target").  So all that
may change is in libraries:

- the user's debugging information, a library for each ELF, with the symbols at its addresses;
- all other names, with call frame information and our own compilation units for the rest of
  memory.

A library is named after its content: gdb keeps what it has read by its name, and so takes leave
of what is no more.  The name begins with ``target:``, which tells gdb to read it from us even
where its user has set a sysroot.

Unlike the program's file a library is for the i386, or gdb refuses it ("architecture unknown is
not compatible with target architecture i8086"); code is 16-bit to gdb all the same, for that
follows from target.xml.  Its section can't begin at 0: gdb 18 takes a library there for one that
it has already.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from blink16.board import cfi, dwarf
from blink16.board.survey import (
    Area,
    ProgramFacts,
    Survey,
    behind_prologues,
    code_of,
    cut,
    debug_sections,
    elf_symbols,
    functions,
    memory_sections,
)
from blink16.symbolfiles import DebugInformation, elf
from blink16.symbolfiles.elf import ElfSection, SectionType
from blink16.symbols import SymbolKind


@dataclass(frozen=True, slots=True)
class Library:
    """An ELF, and where it lies in memory."""

    name: str
    """Its name among our files: gdb calls it ``target:`` and this."""
    content: bytes
    start: int
    """The linear address of its one segment, where the ELF says that it is."""


def make(known: Survey, program: ProgramFacts) -> tuple[Library, ...]:
    """Return the libraries about a machine."""
    apart = [debug for debug in program.debug if debug.code]
    known = replace(known, symbols=behind_prologues(known.symbols, program.debug))
    return names(known, program), *(lines(known, debug) for debug in apart)


def lines(known: Survey, debug: DebugInformation) -> Library:
    """Return a user's debugging information, with the symbols of the code that it is about."""
    areas = [Area(span, SymbolKind.CODE) for span in code_of([debug])]
    return _library("lines", known, areas, dwarf.all_trusted(dict(debug.sections)))


def names(known: Survey, program: ProgramFacts) -> Library:
    """Return what is known of the places that no debugging information of the user's is about."""
    holes = code_of(program.debug)
    units = dwarf.extend({}, functions(known, holes), holes)
    frame = ElfSection(
        ".debug_frame", SectionType.PROGBITS, content=cfi.debug_frame(known.outermost)
    )
    return _library("names", known, cut(known.areas, holes), units, frame)


def _library(
    kind: str, known: Survey, areas: list[Area], debug: Mapping[str, bytes], *more: ElfSection
) -> Library:
    symbols = elf_symbols(known.symbols, areas)
    span = range(areas[0].span.start, areas[-1].span.stop) if areas else range(0)
    sections = [*memory_sections(areas), *debug_sections(debug), *more]
    content = elf.build(sections, symbols, known.start, segment=span)
    return Library(f"/blink16-{kind}-{zlib.crc32(content):08x}.elf", content, span.start)
