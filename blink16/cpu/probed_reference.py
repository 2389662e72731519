"""The reference engine with probes: the oracle of all others.

It marks nothing and looks at every access, so that it can hardly overlook one.
"""

from __future__ import annotations

from collections.abc import Sequence

from blink16.bus import Bus
from blink16.cpu.engine import Stop
from blink16.cpu.model import Model
from blink16.cpu.opcodes import UNDEFINED, ControlFlow, Row
from blink16.cpu.operands import Index
from blink16.cpu.probes import OPAQUE, WAYS, Direction, Probe, ProbeEvent, Tape, Way
from blink16.cpu.reference import ReferenceEngine
from blink16.cpu.registers import Cell, Registers
from blink16.cpu.timing import NOTHING
from blink16.cpu.values import Value
from blink16.memory import PAGE_SHIFT, Memory, PageState


class ProbedReference(ReferenceEngine):
    """Executes instructions one by one, and writes down what was asked for."""

    sees_words = True

    def __init__(
        self, model: Model, registers: Registers, memory: Memory, bus: Bus, tape: Tape
    ) -> None:
        super().__init__(model, registers, memory, bus)
        self._tape = tape
        self._wanted = tape.probes.wanted
        self._place = (0, 0)
        self._row: Row | None = None
        self._entered = self._given_up = False

    def _step(self) -> Stop | None:
        cells, icount = self._cells, self.registers.icount
        self._place = cells[Cell.CS], cells[Cell.IP]
        self._entered = self._given_up = False
        stop = super()._step()
        if self.registers.icount != icount:
            if self._wanted & Probe.EXECUTED:
                self._tape.executed(icount, *self._place)
            if self._jump is not None and not self._entered:
                self._note_way(icount)
        return stop

    def _pay(self, i, start):  # type: ignore[no-untyped-def]
        self._row = i.row
        super()._pay(i, start)

    def _note_way(self, icount: int) -> None:
        assert self._row is not None
        found = None if self._row.mnemonic == UNDEFINED else WAYS.get(self._row.control_flow)
        if found is not None and self._wanted & found[0]:
            self._note_going(found[1], found[2], icount, 0)

    def _note_going(self, kind: ProbeEvent, way: Way, icount: int, by: int) -> None:
        cells = self._cells
        target = cells[Cell.CS] << 16 | (self._jump or 0)
        stack = {"was": cells[Cell.SS], "now": cells[Cell.SP]}
        self._tape.note(kind, icount, self._place, target, detail=way, by=by, **stack)

    def interrupt(self, vector: int) -> None:
        """Enter an interrupt between two instructions."""
        self._place = self._cells[Cell.CS], self._cells[Cell.IP]
        self._row, self.cost = None, NOTHING
        super().interrupt(vector)

    def interrupted(self, vector: Value) -> None:
        """Note that an interrupt has been entered."""
        self._entered = True
        if self._wanted & Probe.INTERRUPTS:
            way = Way.HARDWARE
            if self._row is not None:
                is_soft = self._row.control_flow is ControlFlow.INTERRUPT
                way = Way.SOFTWARE if is_soft and not self._given_up else Way.FAULT
            assert isinstance(vector.handle, int)
            self._note_going(ProbeEvent.INTERRUPT, way, self.registers.icount, vector.handle)

    def fault_if(self, condition: Value, vector: int) -> None:
        """Give the instruction up for an interrupt that returns to it, if the condition holds."""
        self._given_up = bool(condition.handle)
        super().fault_if(condition, vector)

    def abandon_rounds(self) -> None:
        """Retire the REP instruction between two rounds of which the run ended."""
        icount, place = self.registers.icount, (self.registers.cs, self.registers.ip)
        super().abandon_rounds()
        if self._wanted & Probe.EXECUTED:
            self._tape.executed(icount, *place)

    # -- memory and ports --------------------------------------------------------------------

    def load(self, segment: Index, offset: Value, width: int) -> Value:
        """Read memory."""
        value = super().load(segment, offset, width)
        if self._wanted & Probe.READS:
            assert isinstance(segment, int)
            self._note_load(self._cells[Cell.ES + segment], offset, value)
        return value

    def load_vector(self, offset: Value) -> Value:
        """Read a word of the interrupt vector table."""
        value = super().load_vector(offset)
        if self._wanted & Probe.READS:
            self._note_load(0, offset, value)
        return value

    def _note_load(self, base: int, offset: Value, value: Value) -> None:
        assert isinstance(offset.handle, int)
        assert isinstance(value.handle, int)
        for address, bits, part in self._parts(base, offset.handle, value.handle, value.width, 0):
            if _meets(self._tape.probes.reads, address, bits):
                icount = self.registers.icount
                self._tape.note(
                    ProbeEvent.READ, icount, self._place, address, detail=bits, now=part
                )

    def store(self, segment: Index, offset: Value, value: Value) -> None:
        """Write memory."""
        if self._wanted & Probe.WRITES:
            assert isinstance(segment, int)
            self._note_store(self._cells[Cell.ES + segment], offset, value)
        super().store(segment, offset, value)

    def _note_store(self, base: int, offset: Value, value: Value) -> None:
        assert isinstance(offset.handle, int)
        assert isinstance(value.handle, int)
        minds = PageState.ROM | PageState.PLANAR
        for address, bits, now in self._parts(
            base, offset.handle, value.handle, value.width, minds
        ):
            state = self.memory.pages[address >> PAGE_SHIFT]
            if state & PageState.ROM or not _meets(self._tape.probes.writes, address, bits):
                continue
            planar = bool(state & PageState.PLANAR)
            was = int.from_bytes(self.memory.whole[address : address + bits // 8], "little")
            self._tape.note(
                ProbeEvent.WRITE,
                self.registers.icount,
                self._place,
                address,
                detail=bits | (OPAQUE if planar else 0),
                was=0 if planar else was,
                now=now,
            )

    def _parts(
        self, base: int, offset: int, value: int, width: int, minds: int
    ) -> list[tuple[int, int, int]]:
        """Return the address, bits and value of each part of an access that lies in one piece.

        ``minds``: page states that are to be the same for both bytes of a word.
        """
        low, high = self._physical(base, offset), self._physical(base, offset + 1)
        if width == 8:
            return [(low, 8, value)]
        pages = self.memory.pages
        if high == low + 1 and not (pages[low >> PAGE_SHIFT] ^ pages[high >> PAGE_SHIFT]) & minds:
            return [(low, 16, value)]
        return [(low, 8, value & 0xFF), (high, 8, value >> 8)]

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
        if self._wanted & Probe.PORTS:
            assert isinstance(port.handle, int)
            assert isinstance(value.handle, int)
            self._tape.note(
                ProbeEvent.PORT,
                self.registers.icount,
                self._place,
                port.handle,
                detail=value.width,
                now=value.handle,
                by=direction,
            )


def _meets(ranges: Sequence[range], address: int, bits: int) -> bool:
    """Return whether a byte of an access lies in one of some ranges."""
    return any(r.start < address + bits // 8 and address < r.stop for r in ranges)
