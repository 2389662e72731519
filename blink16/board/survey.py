"""What lies where in a machine's memory, by its symbols and its code, as gdb is to see it.

All addresses are linear.  Sections without content cover the megabyte: gdb takes a symbol for
code or for data by the section that it lies in.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from blink16.assembly import STUB_SIZE
from blink16.board import dwarf
from blink16.machine import Machine
from blink16.memory import RAM_SIZE, SEGMENT_SIZE, linear
from blink16.symbolfiles import DebugInformation
from blink16.symbolfiles.elf import ElfSection, ElfSymbol, SectionFlag, SectionType, SymbolType
from blink16.symbols import Symbol, SymbolKind, SymbolTable
from blink16.unwind.functions import discover, follow_jumps
from blink16.unwind.labels import labels_behind_calls
from blink16.unwind.walk import CodeMemory

MAX_SYMBOLS = 50_000
"""Symbols on a board; the DOS kernel has 2,000, the largest that fit a megabyte about 20,000."""
MAX_NAME = 255
"""Characters of a symbol's name; longer ones are left out."""
KERNEL_MAIN = "start_kernel"
"""Where ELKS and Linux begin in C, on a stack without a return address."""
MAINS = ("main", "_main", "main_", KERNEL_MAIN)
"""What compilers for C make of "main" (the second: bcc, Borland and Microsoft; the third: Watcom),
and a kernel's.  What these were called by says nothing to users."""

_FLAGS = {
    SymbolKind.CODE: SectionFlag.ALLOC | SectionFlag.EXECINSTR,
    SymbolKind.DATA: SectionFlag.ALLOC | SectionFlag.WRITE,
}
_TYPES = {SymbolKind.CODE: SymbolType.FUNC, SymbolKind.DATA: SymbolType.OBJECT}


@dataclass(frozen=True, slots=True)
class ProgramFacts:
    """What is known of the program that a machine was loaded with."""

    symbols: SymbolTable
    entry: tuple[int, int]
    """CS and IP of its first instruction."""
    debug: tuple[DebugInformation, ...] = ()
    """Debugging information from ELFs of the user's."""
    jump: int | None = None
    """The linear address of the jump in ROM to there at which the machine stands, if it does."""

    @property
    def begin(self) -> int:
        """The linear address at which the machine stands."""
        return linear(*self.entry) if self.jump is None else self.jump

    @classmethod
    def of(
        cls,
        machine: Machine,
        symbols: SymbolTable | None = None,
        debug: tuple[DebugInformation, ...] = (),
    ) -> ProgramFacts:
        """Return what is known of a machine that stands before its program's first instruction."""
        place = machine.registers.cs, machine.registers.ip
        in_rom = any(machine.pc == symbol.address for symbol in machine.rom_symbols)
        entry = follow_jumps(CodeMemory(machine.memory, machine.model), *place) if in_rom else place
        jump = machine.pc if in_rom else None
        return cls(symbols or SymbolTable(), entry, debug, jump)


@dataclass(frozen=True, slots=True)
class Area:
    """Linear addresses that hold code, or data."""

    span: range
    kind: SymbolKind


@dataclass(frozen=True, slots=True)
class Survey:
    """What lies where in a machine's memory."""

    symbols: list[Symbol]
    areas: list[Area]
    start: int
    """The linear address of the program's first instruction."""
    begin: int
    """That at which the machine stood."""
    functions: list[ElfSymbol]
    main: int | None
    """The address of the function that gdb is told to take for main."""
    holes: list[range]
    """What debugging information of the user's is about."""
    labels: list[ElfSymbol]
    """Code's symbols that are no functions: `unwind/labels.py` says why gdb must know."""

    @property
    def without_labels(self) -> list[Symbol]:
        """The symbols but for labels."""
        labels = {label.address for label in self.labels}
        return [symbol for symbol in self.symbols if symbol.address not in labels]

    @property
    def ends(self) -> tuple[range, ...]:
        """The functions at which gdb ends its backtraces: where the machine and the program begin,
        and main.
        """
        ends = (range(f.address, f.address + f.size) for f in self.functions)
        return tuple(end for end in ends if end.start in (self.begin, self.start, self.main))

    @property
    def outermost(self) -> tuple[range, ...]:
        """The function whose frame has no identity: where the machine stood, if that is not where
        the program begins, nor in code of the user's.
        """
        return self._without_lines({self.begin} - {self.start})

    @property
    def uncalled(self) -> tuple[range, ...]:
        """The function at the program's entry, and a kernel's main, which never returns.

        Not those that the user has debugging information for.
        """
        kernel_mains = {f.address for f in self.functions if f.name == KERNEL_MAIN}
        return self._without_lines({self.start} | kernel_mains & {self.main})

    def _without_lines(self, starts: Collection[int | None]) -> tuple[range, ...]:
        places = (end for end in self.ends if end.start in starts)
        return tuple(dwarf.merged(end for end in places if not self.has_lines(end.start)))

    def has_lines(self, address: int) -> bool:
        """Whether debugging information of the user's is about a linear address."""
        return _within(address, self.holes)


def first_function(machine: Machine, program: ProgramFacts) -> tuple[int, int]:
    """Return CS and IP of where the jumps at a program's entry lead."""
    return follow_jumps(CodeMemory(machine.memory, machine.model), *program.entry)


def survey(machine: Machine, program: ProgramFacts) -> Survey:
    """Find out what lies where."""
    reader = CodeMemory(machine.memory, machine.model)
    entry = first_function(machine, program)
    symbols = {*program.symbols, *_stubs(machine), *machine.rom_symbols}
    if all(symbol.kind is not SymbolKind.CODE for symbol in program.symbols):
        symbols.update(discover(reader, *entry))
    known = sorted(filter(_usable, symbols), key=lambda symbol: (symbol.address, symbol.name))
    known = known[:MAX_SYMBOLS]
    areas = _areas(known)
    own = (s.address for s in program.symbols if s.kind is SymbolKind.CODE and s.name not in MAINS)
    inner = labels_behind_calls(reader, entry[0], own)
    inner -= {linear(*entry), program.begin, *(at for one in program.debug for at, _ in one.bodies)}
    labels = [s for s in elf_symbols(known, areas) if s.address in inner]
    outer = [symbol for symbol in known if symbol.address not in inner]
    code = [s for s in elf_symbols(outer, areas) if s.type is SymbolType.FUNC]
    named = {f.name: f.address for f in code}
    main = next((named[name] for name in MAINS if name in named), None)
    holes = code_of(program.debug)
    if main is not None and _within(main, holes):
        main = None  # assemblers' debugging information doesn't say that it is a function
    return Survey(known, areas, linear(*entry), program.begin, code, main, holes, labels)


def code_of(debug: Iterable[DebugInformation]) -> list[range]:
    """Return the linear addresses that debugging information is about, in order."""
    return dwarf.merged(span for one in debug for span in one.code)


def debug_sections(contents: Mapping[str, bytes]) -> list[ElfSection]:
    """Return sections of debugging information, but for CFI: the board's covers memory."""
    return [
        ElfSection(name, SectionType.PROGBITS, content=content)
        for name, content in contents.items()
        if name != ".debug_frame"
    ]


def functions(known: Survey, holes: Sequence[range]) -> Iterator[dwarf.Subprogram]:
    """Yield the functions outside the holes, none reaching into another, or into a hole."""
    edges = sorted({f.address for f in known.functions} | {h.start for h in holes} | {RAM_SIZE})
    for f in known.functions:
        if not _within(f.address, holes):
            end = edges[bisect_right(edges, f.address)]
            size = min(f.size, end - f.address)
            yield dwarf.Subprogram(
                f.name, f.address, size, is_main=f.address == known.main and f.name in MAINS
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
    return 0 <= symbol.address < RAM_SIZE and 0 < len(name) <= MAX_NAME and name.isprintable()


def _areas(symbols: list[Symbol]) -> list[Area]:
    """Part memory where code and data meet; what has no symbols counts as code."""
    starts = [(dwarf.START, SymbolKind.CODE)]
    end_of_data = 0
    for symbol in symbols:
        start, kind = starts[-1]
        if kind is SymbolKind.DATA and symbol.address > end_of_data:
            start, kind = end_of_data, SymbolKind.CODE
            starts.append((start, kind))
        if symbol.kind is not kind and symbol.address > start:
            starts.append((symbol.address, symbol.kind))
        if symbol.kind is SymbolKind.DATA:
            end_of_data = symbol.address + SEGMENT_SIZE
    if starts[-1][1] is SymbolKind.DATA and end_of_data < RAM_SIZE:
        starts.append((end_of_data, SymbolKind.CODE))
    ends = [*(start for start, _ in starts[1:]), RAM_SIZE]
    return [Area(range(start, end), kind) for (start, kind), end in zip(starts, ends, strict=True)]


def cut(areas: Iterable[Area], holes: Sequence[range]) -> list[Area]:
    """Return areas without some places, which ascend and don't overlap."""
    pieces = []
    for area in areas:
        start = area.span.start
        for hole in holes:
            if start < hole.stop and hole.start < area.span.stop:
                pieces.append(Area(range(start, hole.start), area.kind))
                start = hole.stop
        pieces.append(Area(range(start, area.span.stop), area.kind))
    return [piece for piece in pieces if piece.span]


def behind_prologues(symbols: Iterable[Symbol], debug: Iterable[DebugInformation]) -> list[Symbol]:
    """Return symbols, functions' names behind their prologues if debugging information says so.

    gdb takes a name in the symbol table and a function's entry for two places where they differ.
    The first instruction keeps a name that linkers know, with an underscore.
    """
    bodies = dict(pair for one in debug for pair in one.bodies)
    moved = []
    for symbol in symbols:
        if symbol.kind is SymbolKind.CODE and (body := bodies.get(symbol.address)) is not None:
            prologue = body - symbol.address
            moved.append(replace(symbol, name=f"_{symbol.name}", size=prologue))
            symbol = replace(symbol, address=body, size=max(symbol.size - prologue, 0))
        moved.append(symbol)
    return sorted(moved, key=lambda symbol: (symbol.address, symbol.name))


def elf_symbols(symbols: list[Symbol], areas: list[Area]) -> list[ElfSymbol]:
    """Return the symbols in areas, each reaching up to the next unless it says more."""
    starts = [area.span.start for area in areas]
    stops = (area.span.stop for area in areas)
    ends = sorted({*(symbol.address for symbol in symbols), *starts, *stops, RAM_SIZE})
    result = []
    for symbol in symbols:
        index = bisect_right(starts, symbol.address)
        if index == 0 or symbol.address not in areas[index - 1].span:
            continue
        room = ends[bisect_right(ends, symbol.address)] - symbol.address
        size = symbol.size or min(room, SEGMENT_SIZE)
        kind = _TYPES[areas[index - 1].kind]
        result.append(ElfSymbol(symbol.name, symbol.address, size, kind, index))
    return result


def memory_sections(areas: Iterable[Area]) -> list[ElfSection]:
    """Return sections without content for areas."""
    return [_section(number, area) for number, area in enumerate(areas, 1)]


def _section(number: int, area: Area) -> ElfSection:
    name = ".text" if area.kind is SymbolKind.CODE else ".data"
    flags, size = _FLAGS[area.kind], len(area.span)
    return ElfSection(f"{name}{number}", SectionType.NOBITS, flags, area.span.start, size=size)
