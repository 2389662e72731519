"""Native code with probes: the same functions and regions, which write on a tape besides.

The interpreter has all probes in it and asks the tape which are wanted.  Regions are compiled for
what is wanted and have nothing else.  Pages with addresses that are asked for are marked as watched
ones are.  Stores and loads there find out themselves whether they are asked for; where a page has
something else to mind, the helpers do.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence

from blink16.cpu.model import Model
from blink16.cpu.native import meter, noting, runtime, slots
from blink16.cpu.native.blocks import CodeCopy, RegionPlan
from blink16.cpu.native.emitter import Emitter
from blink16.cpu.native.function import OpcodeFunction
from blink16.cpu.native.region import RegionFunction
from blink16.cpu.native.text import text
from blink16.cpu.opcodes import UNDEFINED, ControlFlow, Row
from blink16.cpu.operands import Repeat
from blink16.cpu.probes import (
    COUNTS_WORD,
    NOW_WORD,
    PROBES_WORD,
    TAPE,
    WAYS,
    Direction,
    Probe,
    ProbeEvent,
    Way,
)
from blink16.cpu.registers import Cell
from blink16.cpu.semantics import SP
from blink16.cpu.timing import NOTHING, Cost
from blink16.cpu.values import Value
from blink16.memory import (
    ATTRIBUTES_OFFSET,
    Attribute,
    PageState,
)

WORD = 64
_PROBED_PAGE = PageState.WATCH_WRITE | PageState.WATCH_READ
"""What pages are marked with in which somebody asks for accesses."""
FAULTED = "faulted"
"""The function in which an instruction is given up."""


def way_of(row: Row) -> tuple[Probe, ProbeEvent, Way] | None:
    """Return what is noted where an instruction takes control elsewhere; None for interrupts."""
    return None if row.mnemonic == UNDEFINED else WAYS.get(row.control_flow)


def interrupt_of(row: Row | None) -> Way:
    """Return how an interrupt is entered; ``row``: by which instruction, if by one."""
    if row is None:
        return Way.HARDWARE
    return Way.SOFTWARE if row.control_flow is ControlFlow.INTERRUPT else Way.FAULT


class Probing(Emitter):
    """Emits the writing of events."""

    @abstractmethod
    def icount(self) -> Value:
        """Return the instructions retired before this one, 64 bits wide."""

    def tape(self) -> str:
        """Return a pointer to the tape's head."""
        return self.name(f"load ptr, ptr {self.address('%state', TAPE.offset)}")

    def note_access(self) -> None:
        """Let the helpers know who it is that loads or stores."""
        now = self.address(self.tape(), 8 * NOW_WORD)
        self.emit(f"store i64 {text(self.icount())}, ptr {now}")
        self.store_slot(slots.STORE_AT, text(self.instruction_offset()))

    def note(
        self, kind: ProbeEvent, detail: int, target: Value, rest: Value, by: Value | int = 0
    ) -> None:
        """Emit an event; ``rest``: 32 bits, ``was`` and ``now``."""
        cs = (Value("%base", 32, self) >> 4).zero_extend(WORD)
        ip = (self.instruction_offset() & 0xFFFF).zero_extend(WORD)
        what = (ip << 48) | (cs << 32) | (kind | detail << 16)
        where = rest.zero_extend(WORD) << 32 | target.zero_extend(WORD)
        words = [self.icount(), what, where, by]
        given = ", ".join(f"i64 {w if isinstance(w, int) else text(w)}" for w in words)
        self.emit(f"call preserve_mostcc void @note(ptr %state, {given})")

    def store_on_the_way(
        self, linear: Value, state: Value, odd: Value, value: Value, join: str
    ) -> None:
        """Store to a page of which nothing but probes is to be minded."""
        width, here = value.width, self.address("%memory", linear)
        asked, done, rare = self._fork_if_asked(linear, state, odd, width, Attribute.WATCH_WRITE)
        self.begin(asked)
        was = self.value(f"load i{width}, ptr {here}, align 1", width).zero_extend(32)
        self.note(ProbeEvent.WRITE, width, linear, value.zero_extend(32) << 16 | was)
        self.go(done)
        self.begin(done)
        self.emit(f"store i{width} {text(value)}, ptr {here}, align 1")
        self.go(join)
        self.begin(rare)

    def load_on_the_way(
        self, linear: Value, state: Value, odd: Value, width: int, join: str
    ) -> list[tuple[str, str]]:
        """Load from a page of which nothing but probes is to be minded."""
        here = self.address("%memory", linear)
        asked, done, rare = self._fork_if_asked(linear, state, odd, width, Attribute.WATCH_READ)
        self.begin(asked)
        value = self.value(f"load i{width}, ptr {here}, align 1", width)
        self.note(ProbeEvent.READ, width, linear, value.zero_extend(32) << 16)
        self.go(done)
        self.begin(done)
        value = self.value(f"load i{width}, ptr {here}, align 1", width)
        self.go(join)
        self.begin(rare)
        return [(text(value), done)]

    def _fork_if_asked(
        self, linear: Value, state: Value, odd: Value, width: int, mark: Attribute
    ) -> tuple[str, str, str]:
        """Fork to where an access is noted, is done without that, and is left to the helpers."""
        plain, asked, done, rare = self.labels(4)
        minded = state & (~_PROBED_PAGE & 0xFF)
        self.fork(odd | minded.is_not_zero(), rare, plain)
        self.begin(plain)
        attributes = self.address(self.address("%memory", ATTRIBUTES_OFFSET), linear)
        marks = self.value(f"load i{width}, ptr {attributes}, align 1", width)
        mask = mark * 0x101 if width == 16 else mark
        self.fork((marks & mask).is_not_zero(), asked, done)
        return asked, done, rare

    def note_way(
        self,
        kind: ProbeEvent,
        way: Way,
        cs: Value,
        ip: Value,
        ss: Value,
        sp: Value,
        by: Value | int,
    ) -> None:
        """Emit that control goes to CS:IP, with SS:SP there."""
        target = cs.zero_extend(32) << 16 | ip.zero_extend(32)
        self.note(kind, way, target, sp.zero_extend(32) << 16 | ss.zero_extend(32), by)

    def count(self, counter: str, *, may_be_first: bool) -> None:
        """Count an executed instruction at a pointer."""
        before = self.value(f"load i64, ptr {counter}", WORD)
        if may_be_first:
            first, go_on = self.labels(2)
            self.fork(before.is_zero(), first, go_on, rare=True)
            self.begin(first)
            address = Value("%base", 32, self) + self.instruction_offset()
            self.note(ProbeEvent.FIRST, 0, address, self.constant(0, 32))
            self.go(go_on)
            self.begin(go_on)
        self.emit(f"store i64 {text(before + 1)}, ptr {counter}")


class ProbedFunction(Probing, OpcodeFunction):
    """A function of the interpreter, with all probes."""

    def __init__(
        self,
        model: Model,
        name: str,
        repeat: Repeat | None = None,
        opcode_size: int = 1,
        cost: Cost = NOTHING,
        row: Row | None = None,
    ) -> None:
        super().__init__(model, name, repeat, opcode_size, cost, row)

    def icount(self) -> Value:
        """Return the instructions retired before this one."""
        retired = self.value("load i64, ptr %left", WORD) & meter.RETIRED
        return self.load_slot(slots.ICOUNT) + retired

    def _if_wanted(self, probe: Probe, emit: Callable[[], None]) -> None:
        wanted, go_on = self.labels(2)
        probes = self.value(f"load i64, ptr {self.address(self.tape(), 8 * PROBES_WORD)}", WORD)
        self.fork((probes & probe).is_not_zero(), wanted, go_on)
        self.begin(wanted)
        emit()
        self.go(go_on)
        self.begin(go_on)

    def _midway(self) -> Value:
        """Let the machine retire it, whose reference engine notes that."""
        return self.constant(0, 32)

    def finish(self) -> None:
        """Retire the instruction, and note that."""
        self._if_wanted(Probe.EXECUTED, self._count_executed)
        found = None if self.row is None else way_of(self.row)
        if found is not None and self._target is not None:
            probe, kind, way = found
            self._if_wanted(probe, lambda: self._note_way(kind, way, 0))
        super().finish()

    def _count_executed(self) -> None:
        counts = self.name(f"load ptr, ptr {self.address(self.tape(), 8 * COUNTS_WORD)}")
        place = Value("%base", 32, self) + self.instruction_offset()
        self.count(self.address(counts, place << 3), may_be_first=True)

    def _note_way(self, kind: ProbeEvent, way: Way, by: Value | int) -> None:
        assert self._target is not None
        ip, cs = self._target.truncate(16), self.get_cell(Cell.CS)
        self.note_way(kind, way, cs, ip, self.get_cell(Cell.SS), self.get_register(SP, 16), by)

    def interrupted(self, vector: Value) -> None:
        """Note that an interrupt has been entered."""
        way = Way.FAULT if self.symbol == FAULTED else interrupt_of(self.row)
        number = vector.zero_extend(WORD)
        self._if_wanted(Probe.INTERRUPTS, lambda: self._note_way(ProbeEvent.INTERRUPT, way, number))

    def port_in(self, port: Value, width: int) -> Value:
        """Read an I/O port."""
        value = super().port_in(port, width)
        self._note_port(Direction.IN, port, value)
        return value

    def port_out(self, port: Value, value: Value) -> None:
        """Write an I/O port."""
        super().port_out(port, value)
        self._note_port(Direction.OUT, port, value)

    def _note_port(self, direction: Direction, port: Value, value: Value) -> None:
        number, rest = port.zero_extend(32), value.zero_extend(32) << 16
        self._if_wanted(
            Probe.PORTS,
            lambda: self.note(ProbeEvent.PORT, value.width, number, rest, int(direction)),
        )


class ProbedRegion(Probing, RegionFunction):
    """A region with the probes that are wanted."""

    helpers = runtime.HELPERS | noting.HELPERS
    shorter = "step"

    def __init__(
        self,
        segment: CodeCopy,
        flow: RegionPlan,
        watching: bool,
        wanted: Probe,
        counts: Sequence[int],
    ) -> None:
        """Emit a region; ``counts``: where an instruction was executed, by CS * 16 + IP."""
        self._wanted = wanted
        self._base = segment.base
        self._counts = counts
        super().__init__(segment.model, flow, watching)

    def store_on_the_way(
        self, linear: Value, state: Value, odd: Value, value: Value, join: str
    ) -> None:
        """Store to a page of which nothing but probes is to be minded, if there are any."""
        if self._wanted & (Probe.WRITES | Probe.READS):
            super().store_on_the_way(linear, state, odd, value, join)

    def prologue(self) -> list[str]:
        """Return what finds the counters."""
        if not self._wanted & Probe.EXECUTED:
            return []
        return [
            f"%tape_at = getelementptr inbounds i8, ptr %state, i32 {TAPE.offset}",
            "%tape = load ptr, ptr %tape_at",
            f"%counts_at = getelementptr inbounds i8, ptr %tape, i32 {8 * COUNTS_WORD}",
            "%all_counts = load ptr, ptr %counts_at",
            "%base64 = zext i32 %base to i64",
            "%counts = getelementptr inbounds i64, ptr %all_counts, i64 %base64",
        ]

    def icount(self) -> Value:
        """Return the instructions retired before this one."""
        left = self.value("load i64, ptr %left", WORD) + (self._charge - meter.charge(1, 0))
        return self.load_slot(slots.ICOUNT) + (left & meter.RETIRED)

    def retires(self) -> None:
        """Count the instruction."""
        if self._wanted & Probe.EXECUTED:
            ip = self._place.ip
            counter = self.name(f"getelementptr inbounds i64, ptr %counts, i32 {ip}")
            self.count(counter, may_be_first=not self._counts[self._base + ip])

    def goes(self, target: Value) -> None:
        """Note that control goes elsewhere."""
        found = way_of(self._place.instruction.row)
        if found is None:
            return
        probe, kind, way = found
        if self._wanted & probe:
            cs, ss, sp = (self._flushed(cell) for cell in (Cell.CS, Cell.SS, Cell.SP))
            self.note_way(kind, way, cs, target.truncate(16), ss, sp, 0)

    def port_in(self, port: Value, width: int) -> Value:
        """Read a hot device's port."""
        value = super().port_in(port, width)
        self._note_port(Direction.IN, port, value)
        return value

    def port_out(self, port: Value, value: Value) -> None:
        """Write a hot device's port."""
        super().port_out(port, value)
        self._note_port(Direction.OUT, port, value)

    def _note_port(self, direction: Direction, port: Value, value: Value) -> None:
        if self._wanted & Probe.PORTS:
            rest = value.zero_extend(32) << 16
            self.note(ProbeEvent.PORT, value.width, port.zero_extend(32), rest, int(direction))

    def _flushed(self, cell: Cell) -> Value:
        """Read a cell where all are in place, on a way that need not be the only one."""
        self._used.add(cell)
        return self.value(f"load i16, ptr %c{cell:d}", 16)

    def interrupted(self, vector: Value) -> None:
        """Note that an interrupt has been entered."""
        if self._wanted & Probe.INTERRUPTS:
            assert self._target is not None
            way, number = interrupt_of(self._place.instruction.row), vector.zero_extend(WORD)
            cells = (self.get_cell(Cell.CS), self._target, self.get_cell(Cell.SS))
            self.note_way(ProbeEvent.INTERRUPT, way, *cells, self.get_cell(Cell.SP), number)
