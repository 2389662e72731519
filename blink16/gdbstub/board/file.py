"""The board: an ELF that gdb reads from us, made of what we know about the machine's code.

Its ``e_machine`` is EM_NONE, so that gdb takes symbols and call frame information from it and
keeps the architecture of target.xml.  All addresses are linear.  Sections without content cover
the megabyte: gdb takes a symbol for code or for data by the section that it lies in.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from blink16.gdbstub.board import cfi, dwarf
from blink16.machine import STUB_SIZE, Machine
from blink16.memory import MEMORY_SIZE, linear
from blink16.symbolfiles import DebugInformation, elf
from blink16.symbolfiles.elf import ElfSymbol, Section, SectionFlag, SectionType, SymbolType
from blink16.symbols import Symbol, SymbolKind, SymbolTable
from blink16.unwind.functions import discover, follow_jumps

MAX_SYMBOLS = 50_000
"""Symbols on a board; the DOS kernel has 2,000, the largest that fit a megabyte about 20,000."""
MAX_NAME = 255
"""Characters of a symbol's name; longer ones are left out."""
SEGMENT_SIZE = 1 << 16
"""A symbol's bytes end with a segment, if no other symbol comes before."""
MAINS = ("main", "_main", "main_", "start_kernel")
"""What compilers for C make of "main" (the second: bcc, Borland and Microsoft; the third: Watcom),
and where ELKS and Linux begin in C.  What these were called by says nothing to users."""

_FLAGS = {
    SymbolKind.CODE: SectionFlag.ALLOC | SectionFlag.EXECINSTR,
    SymbolKind.DATA: SectionFlag.ALLOC | SectionFlag.WRITE,
}
_TYPES = {SymbolKind.CODE: SymbolType.FUNC, SymbolKind.DATA: SymbolType.OBJECT}


@dataclass(frozen=True, slots=True)
class Program:
    """What is known of the program that a machine was loaded with."""

    symbols: SymbolTable
    entry: tuple[int, int]
    """CS and IP of its first instruction."""
    debug: DebugInformation | None = None
    """Debugging information from an ELF of the user's."""

    @classmethod
    def of(
        cls,
        machine: Machine,
        symbols: SymbolTable | None = None,
        debug: DebugInformation | None = None,
    ) -> Program:
        """Return what is known of a machine that stands before its program's first instruction."""
        entry = machine.registers.cs, machine.registers.ip
        return cls(symbols or SymbolTable(), entry, debug)


@dataclass(frozen=True, slots=True)
class _Area:
    """Memory from an address on that holds code, or data."""

    start: int
    kind: SymbolKind


@dataclass(frozen=True, slots=True)
class Board:
    """The ELF, and the functions at which gdb, knowing it, ends its backtraces."""

    content: bytes
    ends: tuple[range, ...]
    """Linear addresses of the function at the program's entry, and of main."""


def build(machine: Machine, program: Program) -> Board:
    """Return the board of a machine, with what its memory shows now.

    Where a program brought no names for its code, those that its code calls are made up.
    """
    entry = follow_jumps(machine.memory, *program.entry)
    symbols = {*program.symbols, *_stubs(machine)}
    if all(symbol.kind is not SymbolKind.CODE for symbol in program.symbols):
        symbols.update(discover(machine.memory, *entry))
    known = sorted(filter(_usable, symbols), key=lambda symbol: (symbol.address, symbol.name))
    known = known[:MAX_SYMBOLS]
    areas = _areas(known)
    sections = [_section(number, area, end) for number, (area, end) in enumerate(_ends(areas), 1)]
    elf_symbols = _elf_symbols(known, areas)
    start = linear(*entry)
    main = _main(elf_symbols)
    ends = (range(s.address, s.address + s.size) for s in elf_symbols)
    debug = _debug_sections(elf_symbols, main, program.debug)
    return Board(
        elf.build([*sections, *debug], elf_symbols, start),
        tuple(end for end in ends if end.start in (start, main)),
    )


def _main(symbols: list[ElfSymbol]) -> int | None:
    """Return the address of the function that gdb shall take for main."""
    functions = {s.name: s.address for s in symbols if s.type is SymbolType.FUNC}
    return next((functions[name] for name in MAINS if name in functions), None)


def _debug_sections(
    symbols: list[ElfSymbol], main: int | None, debug: DebugInformation | None
) -> list[Section]:
    """Return the user's debugging information with ours behind it, but for its CFI."""
    contents = dict(debug.sections) if debug else {}
    holes = dwarf.merged(debug.code if debug else ())
    contents = dwarf.extend(contents, _functions(symbols, main, holes), holes)
    contents[".debug_frame"] = cfi.debug_frame()
    return [Section(name, SectionType.PROGBITS, content=c) for name, c in contents.items()]


def _functions(
    symbols: list[ElfSymbol], main: int | None, holes: Sequence[range]
) -> Iterator[dwarf.Function]:
    """Yield the functions outside the holes, none reaching into another, or into a hole."""
    functions = [symbol for symbol in symbols if symbol.type is SymbolType.FUNC]
    edges = sorted({f.address for f in functions} | {h.start for h in holes} | {MEMORY_SIZE})
    for f in functions:
        if not _within(f.address, holes):
            end = edges[bisect_right(edges, f.address)]
            size = min(f.size, end - f.address)
            yield dwarf.Function(
                f.name, f.address, size, is_main=f.address == main and f.name in MAINS
            )


def _within(address: int, ranges: Sequence[range]) -> bool:
    """Tell whether one of some ranges, which ascend and don't overlap, has an address."""
    index = bisect_right(ranges, address, key=lambda one: one.start)
    return index > 0 and address in ranges[index - 1]


def _stubs(machine: Machine) -> Iterator[Symbol]:
    """Name the services' stubs.  Of several with one name, the one that was hung last has it."""
    last = {name: address for address, name in machine.service_names.items()}
    for address, name in machine.service_names.items():
        unique = name if last[name] == address else f"{name}_{address & 0xFFFF:04x}"
        yield Symbol(unique, address, SymbolKind.CODE, STUB_SIZE)


def _usable(symbol: Symbol) -> bool:
    name = symbol.name
    return 0 <= symbol.address < MEMORY_SIZE and 0 < len(name) <= MAX_NAME and name.isprintable()


def _areas(symbols: list[Symbol]) -> list[_Area]:
    """Part memory where code and data meet; what has no symbols counts as code."""
    areas = [_Area(0, SymbolKind.CODE)]
    end_of_data = 0
    for symbol in symbols:
        if areas[-1].kind is SymbolKind.DATA and symbol.address > end_of_data:
            areas.append(_Area(end_of_data, SymbolKind.CODE))
        if symbol.kind is not areas[-1].kind and symbol.address > areas[-1].start:
            areas.append(_Area(symbol.address, symbol.kind))
        if symbol.kind is SymbolKind.DATA:
            end_of_data = symbol.address + SEGMENT_SIZE
    if areas[-1].kind is SymbolKind.DATA and end_of_data < MEMORY_SIZE:
        areas.append(_Area(end_of_data, SymbolKind.CODE))
    return areas


def _ends(areas: list[_Area]) -> Iterator[tuple[_Area, int]]:
    for area, following in pairwise([*areas, _Area(MEMORY_SIZE, SymbolKind.CODE)]):
        yield area, following.start


def _elf_symbols(symbols: list[Symbol], areas: list[_Area]) -> list[ElfSymbol]:
    """Return the symbols with their sections, each reaching up to the next unless it says more."""
    starts = [area.start for area in areas]
    ends = sorted({*(symbol.address for symbol in symbols), *starts, MEMORY_SIZE})
    result = []
    for symbol in symbols:
        index = bisect_right(starts, symbol.address)
        room = ends[bisect_right(ends, symbol.address)] - symbol.address
        size = symbol.size or min(room, SEGMENT_SIZE)
        kind = _TYPES[areas[index - 1].kind]
        result.append(ElfSymbol(symbol.name, symbol.address, size, kind, index))
    return result


def _section(number: int, area: _Area, end: int) -> Section:
    name = ".text" if area.kind is SymbolKind.CODE else ".data"
    flags, size = _FLAGS[area.kind], end - area.start
    return Section(f"{name}{number}", SectionType.NOBITS, flags, area.start, size=size)
