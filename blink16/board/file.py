"""The board: ELFs made by us, from what we know about the machine's code.

`program_file` is what gdb takes for the file of its program.  It stays the same whatever becomes
known of the program, for gdb keeps it as long as it lives; names, lines and call frame
information are in `libraries`, which gdb reads anew when they change.  Its ``e_machine`` is
EM_NONE, so that gdb keeps the architecture of target.xml.

`build` returns all of that in one file, for debuggers that ask for no libraries.
"""

from __future__ import annotations

from dataclasses import dataclass

from blink16.board import cfi, dwarf
from blink16.board.survey import (
    ProgramFacts,
    behind_prologues,
    code_of,
    cut,
    debug_sections,
    elf_symbols,
    functions,
    memory_sections,
    survey,
)
from blink16.machine import Machine
from blink16.memory import RAM_SIZE
from blink16.symbolfiles import elf
from blink16.symbolfiles.elf import ElfSection, ElfSymbol, SectionFlag, SectionType, SymbolType

MARK = "blink16"
"""The symbol in all programs' files: a gdb that does not know it has a file of its user's."""
ENTRY_SIZE = 16
"""Bytes of code at the program's entry that its file holds."""
BUILD_ID = b"blink16".ljust(elf.BUILD_ID_SIZE)
"""That of all programs' files: gdb, which must not find another, has it look at the `probe`."""


@dataclass(frozen=True, slots=True)
class Board:
    """The ELF, and the functions at which gdb, knowing it, ends its backtraces."""

    content: bytes
    ends: tuple[range, ...]
    """Linear addresses of the function at the program's entry, and of main."""


def program_file(entry: int, code: bytes) -> bytes:
    """Return the ELF that stands for a program whose code begins with ``code`` at ``entry``.

    `info files` wants a section around the entry, `compare-sections` something to compare.  It
    is one of thread-local data, which gdb leaves out when it looks for the symbol at an address.

    `start` looks for main before there are libraries, and asks whether to wait for it; if its
    file had no symbol at all gdb would say that a file is missing.
    """
    flags = SectionFlag.ALLOC | SectionFlag.EXECINSTR | SectionFlag.TLS
    section = ElfSection(".entry", SectionType.PROGBITS, flags, entry, code)
    mark = ElfSymbol(MARK, 0, 0, SymbolType.NOTYPE, elf.SHN_ABS)
    sections = [elf.build_id(BUILD_ID), *debug_sections(dwarf.nothing())]
    return elf.build([section, *sections] if code else sections, [mark], entry)


def entry_code(machine: Machine, entry: int) -> bytes:
    """Return the code at a linear address, as it is now."""
    return bytes(machine.memory.whole[entry : min(entry + ENTRY_SIZE, RAM_SIZE)])


def build(machine: Machine, program: ProgramFacts) -> Board:
    """Return all that is known of a machine in one file, with what its memory shows now.

    Where a program brought no names for its code, those that its code calls are made up.  A file
    holds one piece of debugging information, so it has that of the user's first ELF.
    """
    known = survey(machine, program)
    symbols = behind_prologues(known.symbols, program.debug)
    areas = cut(known.areas, code_of(program.debug[1:]))
    holes = code_of(program.debug)
    users = dict(program.debug[0].sections) if program.debug else {}
    contents = dwarf.extend(users, functions(known, holes), holes)
    sections = [*memory_sections(areas), *debug_sections(contents)]
    sections.append(ElfSection(".debug_frame", SectionType.PROGBITS, content=cfi.debug_frame()))
    content = elf.build(sections, elf_symbols(symbols, areas), known.start)
    return Board(content, known.ends)
