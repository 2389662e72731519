"""Libraries: ELFs that gdb reads from us beside its program's file, and again when they change.

gdb takes its program's file once; but it asks for a list of libraries whenever it attaches, runs
a program afresh, or hears that there are others (qXfer:libraries, "solib-target").  So all that
may change is in libraries:

- the user's debugging information, a library for each ELF, with the symbols at its addresses;
- all other names.  Those of code lie in a file for an x86-64, which gdb finds beside the library by
  its .gnu_debuglink (`board/dwarf.py` says why), or, for a gdb that can't read that
  (`board/probe.py`), in one of 32 bits;
- call frame information, and our own compilation units for the rest of memory.

A program of which only a file of gdb's user knows (`gdb main.elf`) we leave to that.

gdb keeps what it has read by its name, and so takes leave of what is no more; `Titles` sees to it
that a name has one content.  gdb shows that of names behind each frame without lines, so the first
is short.  gdb puts ``target:`` before it, as the list says, and reads it from us even where its
user has set a sysroot.

Unlike the program's file a library is for the i386, or gdb refuses it ("architecture unknown is
not compatible with target architecture i8086"); code is 16-bit to gdb all the same, for that
follows from target.xml.  Its section can't begin at 0: gdb 18 takes a library there for one that
it has already.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from construct import Aligned, CString, Int32ul, Struct

from blink16.board import cfi, dwarf, probe
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
from blink16.symbolfiles.elf import ElfSection, SectionFlag, SectionType, SymbolType
from blink16.symbols import SymbolKind

NAMES = "/names"
"""What the first library of names is called that a client reads."""
UNITS = "/functions"
"""What the first library of call frame information and compilation units is called."""
SYMBOLS = ".symbols"
"""What follows a library's name in that of the file with its symbols."""
MAIN = "main"
"""What main is called too: gdb 13, which ends backtraces there, looks for its name before it reads
libraries, and then knows no other."""
DEBUG_LINK = Struct("name" / Aligned(4, CString("ascii")), "checksum" / Int32ul)
"""Source: the GDB manual, "Debugging Information in Separate Files"."""
CONVENTIONAL = range(0xA0000)
"""Memory of programs: where a file of the user's tells gdb of them, and nothing tells us, we have
no names and units for it, since gdb looks no further once it has read a unit about a place.
"""
CODE = SectionFlag.ALLOC | SectionFlag.EXECINSTR
FUNC, OBJECT = SymbolType.FUNC, SymbolType.OBJECT


class Titles:
    """What one client calls libraries, from its first packet to its last, and can read."""

    def __init__(self) -> None:
        self.reads_x86_64 = True
        """Whether it can read files for an x86-64."""
        self.has_own_file = False
        """Whether it has a file of its user's for its program's, in the place of ours."""
        self._first: dict[str, int] = {}

    def of(self, first: str, checksum: int) -> str:
        """Return the name of the library with some content, of a kind whose first has a name."""
        known = self._first.setdefault(first, checksum)
        return first if known == checksum else f"{first}-{checksum:08x}"


@dataclass(frozen=True, slots=True)
class BoardLibrary:
    """An ELF, and where it lies in memory."""

    name: str
    """Its name among our files."""
    content: bytes
    start: int
    """The linear address of its one segment, where the ELF says that it is."""
    symbols: bytes = b""
    """What lies beside it under its name and `SYMBOLS`, if anything does."""


def make(known: Survey, program: ProgramFacts, titles: Titles) -> tuple[BoardLibrary, ...]:
    """Return the libraries about a machine."""
    apart = [debug for debug in program.debug if debug.code]
    holes = code_of(program.debug)
    known = replace(known, symbols=behind_prologues(known.without_labels, program.debug))
    if titles.has_own_file and not any(s.kind is SymbolKind.CODE for s in program.symbols):
        holes = dwarf.merged([*holes, CONVENTIONAL])
    own = names(known, holes, titles), units(known, holes, titles)
    return *own, *(lines(known, debug) for debug in apart)


def lines(known: Survey, debug: DebugInformation) -> BoardLibrary:
    """Return a user's debugging information, with the symbols of the code that it is about."""
    areas = [Area(span, SymbolKind.CODE) for span in code_of([debug])]
    content, span = _elf(known, areas, dwarf.all_trusted(dict(debug.sections)))
    return BoardLibrary(f"/blink16-lines-{zlib.crc32(content):08x}.elf", content, span.start)


def names(known: Survey, holes: list[range], titles: Titles) -> BoardLibrary:
    """Return the names of the places that no debugging information of the user's is about."""
    areas = cut(known.areas, holes)
    span = _span(areas)
    sections = memory_sections(areas)
    found = elf_symbols(known.symbols, areas)
    code, data = ([s for s in found if s.type is kind] for kind in (FUNC, OBJECT))
    build = elf.build_64 if titles.reads_x86_64 else elf.build
    symbols = build([*sections, probe.padding()], code, known.start)
    checksum = zlib.crc32(symbols)
    title = titles.of(NAMES, zlib.crc32(elf.build(sections, data, known.start), checksum))
    sections.append(_debug_link(title.removeprefix("/") + SYMBOLS, checksum))
    # gdb compares the sections of both by their distance to the entry
    content = elf.build(sections, data, known.start, segment=span)
    return BoardLibrary(title, content, span.start, symbols)


def units(known: Survey, holes: list[range], titles: Titles) -> BoardLibrary:
    """Return call frame information, and our debugging information about the same places."""
    aside, found = dwarf.ASIDE, list(functions(known, holes))
    found += [replace(f, name=MAIN) for f in found if f.is_main and f.name != MAIN]
    found += [dwarf.Subprogram(label.name, label.address, label.size) for label in known.labels]
    sections = [
        ElfSection(".text", SectionType.NOBITS, CODE, aside.start, size=len(aside)),
        *debug_sections(dwarf.by_name(found, holes)),
        ElfSection(".debug_frame", SectionType.PROGBITS, content=cfi.debug_frame(known.outermost)),
    ]
    content = elf.build(sections, [], 0, segment=aside)
    return BoardLibrary(titles.of(UNITS, zlib.crc32(content)), content, aside.start)


def _debug_link(name: str, checksum: int) -> ElfSection:
    """Return the section in which gdb finds the name and the checksum of a file with symbols."""
    content = DEBUG_LINK.build({"name": name, "checksum": checksum})
    return ElfSection(".gnu_debuglink", SectionType.PROGBITS, content=bytes(content))


def _elf(known: Survey, areas: list[Area], debug: Mapping[str, bytes]) -> tuple[bytes, range]:
    """Return an ELF, and the linear addresses from its first to its last area."""
    span = _span(areas)
    sections = [*memory_sections(areas), *debug_sections(debug)]
    symbols = elf_symbols(known.symbols, areas)
    return elf.build(sections, symbols, known.start, segment=span), span


def _span(areas: Sequence[Area]) -> range:
    return range(areas[0].span.start, areas[-1].span.stop) if areas else range(0)
