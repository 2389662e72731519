"""What an instruction works on where it is executed at once: registers, memory, ports, control."""

from __future__ import annotations

from collections.abc import Callable

from blink16.bus import Bus
from blink16.cpu import planar
from blink16.cpu.engine import NEVER, Witness
from blink16.cpu.model import Model
from blink16.cpu.operands import Index, Repeat
from blink16.cpu.registers import Cell, Registers
from blink16.cpu.semantics import DOUBLE_FAULT_VECTOR
from blink16.cpu.timing import NOTHING
from blink16.cpu.values import Value
from blink16.memory import (
    ADDRESS_BITS,
    ADDRESS_MASK,
    MIRROR_BIT,
    PAGE_SHIFT,
    Access,
    Memory,
    PageState,
    linear,
)

BYTE_OFFSETS = (0, 2, 4, 6, 1, 3, 5, 7)
"""Where AL CL DL BL AH CH DH BH lie in the packed state."""
# numbers: a flag of an enum takes ten times as long to look at
_WATCH_READ, _WATCH_WRITE = int(PageState.WATCH_READ), int(PageState.WATCH_WRITE)
_PLANAR, _MIRROR, _ROM = int(PageState.PLANAR), int(PageState.MIRROR), int(PageState.ROM)
_LOADS_MIND = _WATCH_READ | _PLANAR
_WRITE_MINDS = int(PageState.CLEAN | PageState.CODE) | _WATCH_WRITE | _ROM


class FaultError(Exception):
    """An instruction that is given up for an interrupt that returns to it."""

    def __init__(self, vector: int) -> None:
        super().__init__(vector)
        self.vector = vector


class ShutDownError(Exception):
    """An interrupt that can't be entered, nor can INT 8 in its place."""


class ReferenceContext:
    """The `Context` of one instruction after the other, whose values are known."""

    def __init__(self, model: Model, registers: Registers, memory: Memory, bus: Bus) -> None:
        self.model = model
        self.fixed_flags = model.fixed_flags
        self.timing = model.timing
        self.cost = NOTHING
        self._spent = 0
        self.registers = registers
        self.memory = memory
        self.bus = bus
        self.repeat: Repeat | None = None
        self._physical = self._beyond if model.reaches_high else linear
        self._cells = registers.cells
        self._state = registers.state
        self._segment: int | None = None
        self._next_ip = 0
        self._until = NEVER
        self._jump: int | None = None
        self._lockup: str | None = None
        self._wants_attention = False
        self._was_open = 0
        self.between_rounds = False
        self.witness: Witness | None = None

    def _beyond(self, segment: int, offset: int) -> int:
        """Return the linear address of ``segment:offset``, with address line 20 if it is open."""
        mask = ADDRESS_MASK | self._cells[Cell.A20] << ADDRESS_BITS
        return ((segment << 4) + (offset & 0xFFFF)) & mask

    def plain(self, value: Value) -> int:
        """Return the number that a value is."""
        return _known(value)

    # -- context: registers ------------------------------------------------------------------

    def constant(self, value: int, width: int) -> Value:
        """Return a known value."""
        return Value(value & ((1 << width) - 1), width)

    def get_register(self, index: Index, width: int) -> Value:
        """Read a register."""
        assert isinstance(index, int)
        if width == 16:
            return Value(self._cells[index], 16)
        return Value(self._state[BYTE_OFFSETS[index]], 8)

    def set_register(self, index: Index, width: int, value: Value) -> None:
        """Write a register."""
        assert isinstance(index, int)
        assert isinstance(value.handle, int)
        if width == 16:
            self._cells[index] = value.handle
        else:
            self._state[BYTE_OFFSETS[index]] = value.handle

    def get_cell(self, cell: Cell) -> Value:
        """Read a cell."""
        return Value(self._cells[cell], 16)

    def set_cell(self, cell: Cell, value: Value) -> None:
        """Write a cell."""
        self._cells[cell] = _known(value)

    def get_segment(self, index: Index) -> Value:
        """Read a segment register."""
        return Value(self._cells[Cell.ES + _number(index)], 16)

    def set_segment(self, index: Index, value: Value) -> None:
        """Write a segment register."""
        self._cells[Cell.ES + _number(index)] = _known(value)

    def override(self, segment: int) -> Index:
        """Return the prefix's segment, or the default."""
        return segment if self._segment is None else self._segment

    # -- context: memory and ports -----------------------------------------------------------

    def load(self, segment: Index, offset: Value, width: int) -> Value:
        """Read memory."""
        base, at = self._cells[Cell.ES + _number(segment)], _known(offset)
        low = self._load_byte(self._physical(base, at))
        if width == 8:
            return Value(low, 8)
        return Value(low | self._load_byte(self._physical(base, at + 1)) << 8, 16)

    def check_vector(self, vector: Value) -> None:
        """Enter INT 8 instead where the table has no such vector, or shut down."""
        if not self.model.reaches_high:
            return
        number = _known(vector)
        if 4 * number + 3 > self._cells[Cell.IDT]:
            raise (
                ShutDownError if number == DOUBLE_FAULT_VECTOR else FaultError(DOUBLE_FAULT_VECTOR)
            )

    def load_vector(self, offset: Value) -> Value:
        """Read a word of the interrupt vector table."""
        at = _known(offset)
        if self.registers.moved_vectors:
            cells = self._cells
            at += cells[Cell.IDT_HIGH] << 16 | cells[Cell.IDT_BASE]
            return Value(int.from_bytes(self.memory.read(at, 2), "little"), 16)
        return Value(self._load_byte(at) | self._load_byte(at + 1) << 8, 16)

    def store(self, segment: Index, offset: Value, value: Value) -> None:
        """Write memory."""
        base, at = self._cells[Cell.ES + _number(segment)], _known(offset)
        number = _known(value)
        self._store_byte(self._physical(base, at), number & 0xFF)
        if value.width == 16:
            self._store_byte(self._physical(base, at + 1), number >> 8)

    def _load_byte(self, address: int) -> int:
        state = self.memory.pages[address >> PAGE_SHIFT]
        if state & _LOADS_MIND:
            if state & _WATCH_READ:
                self.memory.touch(address, 1, Access.READ)
            if state & _PLANAR:
                return planar.load(self.memory, address)
        return self.memory.whole[address]

    def _store_byte(self, address: int, byte: int) -> None:
        state = self.memory.pages[address >> PAGE_SHIFT]
        if state & _PLANAR:
            planar.store(self.memory, address, byte)
            if state & _WATCH_WRITE:
                self.memory.touch(address, 1, Access.WRITE)
            return
        self._put(address, byte)
        if state & _MIRROR:
            self._put(address ^ MIRROR_BIT, byte)

    def _put(self, address: int, byte: int) -> None:
        page = address >> PAGE_SHIFT
        state = self.memory.pages[page]
        if state & _WRITE_MINDS:
            if state & _ROM:
                if state & PageState.TELL and self.witness is not None:
                    ip, icount = self._cells[Cell.IP], self.registers.icount
                    self._wants_attention |= self.witness.stored_to_rom(address, ip, icount)
                return
            if state & _WATCH_WRITE:
                self.memory.touch(address, 1, Access.WRITE)
            self.memory.note_write(page)
        self.memory.whole[address] = byte

    def port_in(self, port: Value, width: int) -> Value:
        """Read an I/O port."""
        self._wants_attention = True
        return Value(self.bus.read(_known(port), width), width)

    def port_out(self, port: Value, value: Value) -> None:
        """Write an I/O port."""
        self._wants_attention = True
        self.bus.write(_known(port), _known(value), value.width)

    # -- context: control --------------------------------------------------------------------

    def next_ip(self) -> Value:
        """Return the offset of the instruction that follows."""
        return Value(self._next_ip, 16)

    def instruction_offset(self) -> Value:
        """Return where the instruction begins, with its prefixes."""
        return Value(self._cells[Cell.IP], 32)

    def jump(self, ip: Value) -> None:
        """Go on at an offset in the code segment."""
        self._jump = _known(ip)

    def branch(self, condition: Value, ip: Value) -> None:
        """Go on at an offset if the condition holds."""
        if condition.handle:
            self._jump = _known(ip)
            self._spent += self.cost.taken

    def interrupted(self, vector: Value) -> None:
        """Note nothing: there are no probes."""

    def spend(self, cycles: Value) -> None:
        """Let more clock cycles pass."""
        self._spent += _known(cycles)

    def when(
        self,
        condition: Value,
        then: Callable[[], None],
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        """Do one thing or the other."""
        if condition.handle:
            then()
        elif otherwise is not None:
            otherwise()

    def rounds(self, body: Callable[[], Value], each: Value) -> None:
        """Repeat while the body returns 1, unless a trap or the host interrupts.

        The chip backs up by two bytes for the instruction and one prefix: further prefixes
        are lost when the interrupt returns.
        """
        cells, registers = self._cells, self.registers
        again = True
        while again:
            again = bool(body().handle)
            registers.cycles += _known(each)
            wanted = cells[Cell.ATTENTION] or registers.cycles >= self._until
            if again and (wanted or cells[Cell.TRAP]):
                self.between_rounds = True
                self._jump = (self._next_ip - 2) & 0xFFFF
                return

    def fault_if(self, condition: Value, vector: int) -> None:
        """Give the instruction up for an interrupt that returns to it, if the condition holds."""
        if condition.handle:
            raise FaultError(vector)

    def lock_up(self, text: str) -> None:
        """Stop at this instruction."""
        self._lockup = text

    def halt(self) -> None:
        """Stop executing until an interrupt."""
        self._cells[Cell.HALTED] = 1

    def hold_interrupts(self) -> None:
        """Let no interrupt in before the next instruction has retired."""
        self._cells[Cell.SHADOW] = 1

    def flags_opened(self) -> None:
        """Leave the run if TF is set, or IF newly while an interrupt is requested."""
        cells = self._cells
        opened = cells[Cell.INTERRUPT] and not self._was_open and cells[Cell.REQUEST]
        self._wants_attention = bool(opened or cells[Cell.TRAP])


def _known(value: Value) -> int:
    assert isinstance(value.handle, int)
    return value.handle


def _number(index: Index) -> int:
    assert isinstance(index, int)
    return index
