"""What an instruction of a region works on: cells that are remembered, memory, ports, control."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection

from blink16.cpu.decoder import execute
from blink16.cpu.model import Model
from blink16.cpu.native import meter, slots
from blink16.cpu.native.blocks import PlacedInstruction
from blink16.cpu.native.emitter import ADDRESS, Emitter
from blink16.cpu.native.text import text
from blink16.cpu.operands import Index, Repeat
from blink16.cpu.registers import Cell
from blink16.cpu.timing import NOTHING
from blink16.cpu.values import Value


class RegionContext(Emitter):
    """The `Context` of one instruction of a region after the other.

    Cells live in allocas, which LLVM turns into registers.  Within a block the emitter itself
    remembers their values.  A block's instructions are paid for where it is left.
    """

    def __init__(self, model: Model, watching: bool) -> None:
        super().__init__()
        self.model = model
        self.fixed_flags = model.fixed_flags
        self.timing = model.timing
        self.watching = watching
        self.cost = NOTHING
        self._used: set[int] = set()
        self._ports: set[str] = set()
        """Functions of single ports that are called."""
        self._written: set[int] = set()
        self._known: dict[int, Value] = {}
        self._dirty: set[int] = set()
        self._place: PlacedInstruction
        self._charge = 0
        """What the block owes the meter, this instruction included."""
        self._target: Value | None = None
        self._condition: Value | None = None
        self._may_end = False
        self._opened: Value | None = None
        """Whether the instruction lets in what may wait: a trap or an interrupt."""
        self._was_open: Value | None = None

    @abstractmethod
    def _go_to(self, ip: Value, ways: Collection[int] = ()) -> None:
        """Go on at an offset; ``ways``: where in the region it may be if it is not known."""

    @abstractmethod
    def _leave_if(self, condition: Value, ip: Value, charge: int, way: str) -> None:
        """Leave the region where a condition holds, with all registers in place."""

    @abstractmethod
    def _end_if_event(self) -> None:
        """Leave behind this instruction if it wrote to code or touched what is watched."""

    def retires(self) -> None:
        """Called on each way on which an instruction retires; only probes mind."""

    def begin_instruction(self, place: PlacedInstruction) -> None:
        """Turn to the next instruction."""
        self._place, self.cost = place, place.cost(self.timing)
        self._before = self._charge, dict(self._known), set(self._dirty)
        self._charge += meter.charge(1, self.cost.cycles)
        self._target = self._condition = None
        self._may_end = False
        self._opened = self._was_open = None

    def execute(self, place: PlacedInstruction) -> None:
        """Do what an instruction does."""
        execute(self, place.instruction, self.model.semantics)

    # -- the meter ---------------------------------------------------------------------------

    def _left(self) -> Value:
        return self.value("load i64, ptr %left", 64)

    def _is_short(self, cycles: int) -> Value:
        """Whether there are fewer cycles left."""
        return self.value(f"icmp slt i64 {text(self._left())}, {cycles << meter.SHIFT}", 1)

    def _move_meter(self, by: Value | int) -> None:
        """Add to the meter."""
        self.emit(f"store i64 {text(self._left() + by)}, ptr %left")

    def spend(self, cycles: Value) -> None:
        """Let more clock cycles pass."""
        if cycles.handle != 0:
            self._move_meter(self.constant(0, 64) - (cycles.zero_extend(64) << meter.SHIFT))

    def instruction_offset(self) -> Value:
        """Return where the instruction begins."""
        return self.constant(self._place.ip, 32)

    def note_event(self) -> None:
        """Make the run end after this instruction."""
        self.emit("store i1 true, ptr %ended")

    # -- context: registers ------------------------------------------------------------------

    @property
    def repeat(self) -> Repeat | None:
        """The repeat prefix in front of the instruction."""
        return self._place.repeat

    def get_cell(self, cell: int) -> Value:
        """Read a cell."""
        if cell not in self._known:
            self._used.add(cell)
            self._known[cell] = self.value(f"load i16, ptr {self._place_of(cell)}", 16)
        return self._known[cell]

    def _place_of(self, cell: int) -> str:
        """Return a pointer to where a cell is kept."""
        return f"%c{cell:d}"

    def set_cell(self, cell: int, value: Value) -> None:
        """Write a cell."""
        if cell == Cell.INTERRUPT:
            self._was_open = self.get_cell(cell)
        self._used.add(cell)
        self._written.add(cell)
        self._dirty.add(cell)
        self._known[cell] = value

    def _flush(self) -> None:
        for cell in sorted(self._dirty):
            self.emit(f"store i16 {text(self._known[cell])}, ptr {self._place_of(cell)}")
        self._dirty = set()

    def get_register(self, index: Index, width: int) -> Value:
        """Read a register."""
        assert isinstance(index, int)
        if width == 16:
            return self.get_cell(index)
        cell = self.get_cell(index & 3)
        return (cell >> 8 if index > 3 else cell).truncate(8)

    def set_register(self, index: Index, width: int, value: Value) -> None:
        """Write a register."""
        assert isinstance(index, int)
        if width == 8:
            old, new = self.get_cell(index & 3), value.zero_extend(16)
            value = (old & 0xFF) | (new << 8) if index > 3 else (old & 0xFF00) | new
        self.set_cell(index & 3 if width == 8 else index, value)

    def get_segment(self, index: Index) -> Value:
        """Read a segment register."""
        assert isinstance(index, int)
        return self.get_cell(Cell.ES + index)

    def set_segment(self, index: Index, value: Value) -> None:
        """Write a segment register."""
        assert isinstance(index, int)
        self.set_cell(Cell.ES + index, value)

    def segment_base(self, index: Index) -> Value:
        """Return a segment register times 16."""
        return self.get_segment(index).zero_extend(ADDRESS) << 4

    def override(self, segment: int) -> Index:
        """Return the segment of the prefix, if there is one."""
        return segment if self._place.segment is None else self._place.segment

    # -- context: memory ---------------------------------------------------------------------

    def load(self, segment: Index, offset: Value, width: int) -> Value:
        """Read memory."""
        self._may_end |= self.watching
        return super().load(segment, offset, width)

    def load_vector(self, offset: Value) -> Value:
        """Read a word of the interrupt vector table."""
        self._may_end |= self.watching
        return super().load_vector(offset)

    def store(self, segment: Index, offset: Value, value: Value) -> None:
        """Write memory."""
        self._may_end = True
        super().store(segment, offset, value)

    def port_in(self, port: Value, width: int) -> Value:
        """Read a hot device's port."""
        return self._ask_hot("hot_in", port, self.constant(0, 64)).truncate(width)

    def port_out(self, port: Value, value: Value) -> None:
        """Write a hot device's port, which may let an interrupt in."""
        planned = self._ask_hot("hot_out", port, value.zero_extend(64)).is_not_zero()
        opened = (self.get_cell(Cell.INTERRUPT) & self._request()).is_not_zero()
        self._opened = opened | planned

    def _ask_hot(self, function: str, port: Value, value: Value) -> Value:
        """Access a port; where the device itself has to act, the interpreter comes here again."""
        before = self._charge - meter.charge(1, self.cost.cycles)
        left = self._left() + before
        cycles = self.load_slot(slots.CYCLES) + self.load_slot(slots.GIVEN)
        now = cycles - left.shift_right_signed(meter.SHIFT)
        given = f"ptr %state, i64 {text(now)}, i64 {text(value)}"
        if self._place.instruction.immediate is not None:  # one of the board's (`may_be_hot`)
            assert isinstance(port.handle, int)
            function = self._port_function(function, port.handle)
        else:
            given = f"i32 {text(port.zero_extend(32))}, {given}"
        answer = self.value(f"call i64 @{function}({given})", 64)
        self._leave_if(answer.sign(), self.constant(self._place.ip, 16), before, "refused")
        return answer

    def _port_function(self, way: str, port: int) -> str:
        """Return the function that accesses a port; ``way``: ``hot_in`` or ``hot_out``."""
        name = f"{way}{port:x}"
        self._ports.add(name)
        return name

    def _request(self) -> Value:
        """Return whether the controller asks for an interrupt, which hot devices change."""
        return self.load_slot(slots.of_cell(Cell.REQUEST))

    # -- context: control --------------------------------------------------------------------

    def next_ip(self) -> Value:
        """Return the offset of the instruction that follows."""
        return self.constant(self._place.end, 16)

    def jump(self, ip: Value) -> None:
        """Go on at an offset in the code segment."""
        self._target = ip

    def branch(self, condition: Value, ip: Value) -> None:
        """Go on at an offset if the condition holds."""
        self._condition, self._target = condition, ip

    def when(
        self,
        condition: Value,
        then: Callable[[], None],
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        """Do one thing or the other; a way that jumps leaves the block there."""
        if isinstance(condition.handle, int):
            action = then if condition.handle else otherwise
            if action is not None:
                action()
            return
        self._flush()
        before = dict(self._known)
        changed: set[int] = set()
        yes, no, join = self.labels(3)
        self.fork(condition, yes, no)
        for label, action in ((yes, then), (no, otherwise)):
            self.begin(label)
            self._known = dict(before)
            if action is not None:
                action()
            changed |= self._dirty
            if self._target is not None:
                self.retires()
                self._end_if_event()
                self._flush()
                self._move_meter(self._charge)
                self._go_to(self._target)
                self._target = None
            else:
                self._flush()
                self.go(join)
        self.begin(join)
        self._known = {cell: value for cell, value in before.items() if cell not in changed}

    def fault_if(self, condition: Value, vector: int) -> None:
        """Leave before the instruction if the condition holds: the interpreter gives it up.

        Nothing in memory may have been changed, nor may there have been two ways.
        """
        if condition.handle == 0:
            return
        charge, known, dirty = self._before
        refused, go_on = self.labels(2)
        self.fork(condition, refused, go_on, rare=True)
        self.begin(refused)
        for cell in sorted(dirty):
            self.emit(f"store i16 {text(known[cell])}, ptr {self._place_of(cell)}")
        self.emit(f"store i32 {self._place.ip}, ptr %next")
        self._move_meter(charge)
        self.go("refused")
        self.begin(go_on)

    def lock_up(self, text: str) -> None:
        """Never come here: what may lock up is the reference's."""
        raise NotImplementedError

    def rounds(self, body: Callable[[], Value], each: Value) -> None:
        """Never come here: repeated string instructions are interpreted."""
        raise NotImplementedError

    def halt(self) -> None:
        """Never come here: HLT is interpreted."""
        raise NotImplementedError

    def hold_interrupts(self) -> None:
        """Let no interrupt in before the next instruction has retired."""
        after = (self._left() + self._charge) & meter.RETIRED
        self.store_slot(slots.SHADOW_AT, text(after))

    def flags_opened(self) -> None:
        """Leave the region if TF is set, or IF newly while an interrupt is requested."""
        lets_in = self.get_cell(Cell.INTERRUPT) & self._request()
        if self._was_open is not None:
            lets_in = lets_in & ~self._was_open
        self._opened = (self.get_cell(Cell.TRAP) | lets_in).is_not_zero()
