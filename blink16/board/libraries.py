"""Libraries: ELFs that gdb reads from us beside its program's file, and again when they change.

gdb takes its program's file once; but it asks for a list of libraries whenever it attaches, runs
a program afresh, or hears that there are others (qXfer:libraries, "solib-target").  So all that
may change is in libraries:

- the user's debugging information, a library for each ELF, with the symbols at its addresses;
- all other names, with call frame information and our own compilation units for the rest of
  memory.

gdb keeps what it has read by its name, and so takes leave of what is no more; `Titles` sees to it
that a name has one content.  gdb shows it behind each frame without lines, so the first is short.
gdb puts ``target:`` before it, as the list says, and reads it from us even where its user has set
a sysroot.

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

FIRST = "/names"
"""What the first library of names is called that a client reads."""


class Titles:
    """What one client calls the libraries of names, from its first packet to its last."""

    def __init__(self) -> None:
        self._first: int | None = None

    def of(self, checksum: int) -> str:
        """Return the name of the library with some content."""
        if self._first is None:
            self._first = checksum
        return FIRST if self._first == checksum else f"{FIRST}-{checksum:08x}"


@dataclass(frozen=True, slots=True)
class BoardLibrary:
    """An ELF, and where it lies in memory."""

    name: str
    """Its name among our files."""
    content: bytes
    start: int
    """The linear address of its one segment, where the ELF says that it is."""


def make(known: Survey, program: ProgramFacts, titles: Titles) -> tuple[BoardLibrary, ...]:
    """Return the libraries about a machine."""
    apart = [debug for debug in program.debug if debug.code]
    known = replace(known, symbols=behind_prologues(known.symbols, program.debug))
    return names(known, program, titles), *(lines(known, debug) for debug in apart)


def lines(known: Survey, debug: DebugInformation) -> BoardLibrary:
    """Return a user's debugging information, with the symbols of the code that it is about."""
    areas = [Area(span, SymbolKind.CODE) for span in code_of([debug])]
    content, span = _elf(known, areas, dwarf.all_trusted(dict(debug.sections)))
    return BoardLibrary(f"/blink16-lines-{zlib.crc32(content):08x}.elf", content, span.start)


def names(known: Survey, program: ProgramFacts, titles: Titles) -> BoardLibrary:
    """Return what is known of the places that no debugging information of the user's is about."""
    holes = code_of(program.debug)
    units = dwarf.extend({}, functions(known, holes), holes)
    frame = ElfSection(
        ".debug_frame", SectionType.PROGBITS, content=cfi.debug_frame(known.outermost)
    )
    content, span = _elf(known, cut(known.areas, holes), units, frame)
    return BoardLibrary(titles.of(zlib.crc32(content)), content, span.start)


def _elf(
    known: Survey, areas: list[Area], debug: Mapping[str, bytes], *more: ElfSection
) -> tuple[bytes, range]:
    """Return an ELF, and the linear addresses from its first to its last area."""
    symbols = elf_symbols(known.symbols, areas)
    span = range(areas[0].span.start, areas[-1].span.stop) if areas else range(0)
    sections = [*memory_sections(areas), *debug_sections(debug), *more]
    return elf.build(sections, symbols, known.start, segment=span), span
