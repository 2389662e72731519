"""Native code for a region: whole loops as one function, registers in the host's registers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from blink16.cpu.decoder import execute
from blink16.cpu.model import Model
from blink16.cpu.native import meter, slots
from blink16.cpu.native.blocks import BasicBlock, PlacedInstruction, RegionPlan
from blink16.cpu.native.emitter import ADDRESS, Emitter
from blink16.cpu.native.layout import Ignore, cell_offset
from blink16.cpu.native.runtime import HELPERS, HOT, PATHS
from blink16.cpu.native.text import (
    DECLARATIONS,
    METADATA,
    SIGNATURE,
    SLOW_HINT,
    TYPES,
    tail_call,
    text,
)
from blink16.cpu.opcodes import SETS_CS
from blink16.cpu.operands import Index, Repeat
from blink16.cpu.registers import Cell
from blink16.cpu.semantics import CS
from blink16.cpu.timing import NOTHING
from blink16.cpu.values import Value

NAME, STEPS = "region", "steps"
"""The symbols of a region's function, and of the one that does its instructions one by one."""
WITHIN = 1
"""In the place of prefixes: the region goes on there, and has not been come to."""


class RegionFunction(Emitter):
    """The function of a region; the `Context` of one of its instructions after the other.

    Cells live in allocas, which LLVM turns into registers.  Within a block the emitter itself
    remembers their values.  A block's instructions are paid for where it is left.
    Whether the cycles last is only looked at where `RegionPlan.needs` asks for it.

    What a loop begins with is emitted twice, for who comes from elsewhere and for who comes round
    again: there the flags follow from what goes round besides, and LLVM computes them where the
    loop is left.
    """

    helpers = HELPERS
    """What it calls."""
    symbol = NAME
    shorter = STEPS
    """Where it goes on if the cycles don't last."""
    care = ""
    """How LLVM is to compile it, besides."""

    def __init__(self, model: Model, flow: RegionPlan, watching: bool) -> None:
        super().__init__()
        self.model = model
        self.fixed_flags = model.fixed_flags
        self.watching = watching
        self._flow = flow
        self.timing = model.timing
        self.cost = NOTHING
        self._needs = flow.needs(model.timing)
        self._rounds = flow.rounds()
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
        self.entries = frozenset(flow.entries)
        """The offsets where it can be entered."""
        self._emit_code()

    def _emit_code(self) -> None:
        for start, block in self._flow.blocks.items():
            self._emit_block(f"B{start}", block)
            if start in self._rounds:
                self._emit_block(f"R{start}", block, hold_meter=block.repeats)
        self._emit_targets()

    def _emit_targets(self) -> None:
        for ip in sorted(self._flow.targets()):
            self.begin(f"E{ip}")
            self._go_to_block(ip)

    def __str__(self) -> str:
        head = [f"define preserve_nonecc void @{self.symbol}({SIGNATURE}) {self.care} {{"]
        head += ["%left = alloca i64", "store i64 %meter, ptr %left", "%next = alloca i32"]
        head += ["%ended = alloca i1", *self._begin(), "store i1 false, ptr %ended"]
        head += [*self.prologue(), *self._ways_in()]
        tail = [*self._exit("jumped", "@jumped", Ignore.NOTHING)]
        if self.shorter == "step":
            tail += self._exit("short", "@slow", Ignore.ENTRY, "@step")
        else:
            tail += self._exit("short", f"@{self.shorter}", Ignore.NOTHING, is_within=True)
        tail += self._exit("refused", "@slow", Ignore.ENTRY, "@step")
        tail += self._exit("event", "@slow", Ignore.NOTHING)
        tail += self._exit("opened", "@opened", Ignore.NOTHING)
        return "\n".join([*head, *self.lines, *tail, "}"])

    def declarations(self) -> list[str]:
        """Return what it calls, as it is declared."""
        lines = [f"declare preserve_mostcc {line} cold" for line in self.helpers.values()]
        lines += [f"declare {function}" for function in HOT.values()]
        lines += [f"declare i64 @{name}(ptr, i64, i64)" for name in sorted(self._ports)]
        return lines + [f"declare preserve_nonecc void @{path}({TYPES})" for path in PATHS]

    def _ways_in(self) -> list[str]:
        """Return what goes to an entry."""
        ways = " ".join(f"i32 {ip}, label %{self._label(ip)}" for ip in sorted(self.entries))
        switch = f"switch i32 %ip, label %elsewhere [ {ways} ]"
        return [switch, "elsewhere:", tail_call("@step", "%ip", "%meter")]

    def _label(self, ip: int) -> str:
        """Return where an entry leads."""
        return f"E{ip}"

    def _begin(self) -> list[str]:
        """Return what is done at every entry: take the cells, unless the cycles don't last."""
        used = sorted(self._used)
        lines = [*(f"%c{cell} = alloca i16" for cell in used), *self._leave_if_short()]
        for cell in used:
            lines += [
                *place_in_state(cell),
                f"%v{cell} = load i16, ptr %p{cell}",
                f"store i16 %v{cell}, ptr %c{cell}",
            ]
        return lines

    def _put_back(self, name: str) -> list[str]:
        """Return what puts the registers in place, and what CS is."""
        lines = []
        for cell in sorted(self._written):
            lines += [f"%{name}{cell} = load i16, ptr %c{cell}"]
            lines += [f"store i16 %{name}{cell}, ptr %p{cell}"]
        return lines

    def _exit(
        self, name: str, function: str, ignore: Ignore, quick: str = "", *, is_within: bool = False
    ) -> list[str]:
        """Return the block that puts the registers in place and leaves.

        ``quick``: where it goes if there are cycles left.  ``is_within``: whether that is the
        region's, too.
        """
        lines = [f"{name}:", *self._put_back(name)]
        lines += [f"%{name}_ip = load i32, ptr %next", f"%{name}_left = load i64, ptr %left"]
        base = "%base"
        if Cell.CS in self._written:
            base = f"%{name}_base"
            lines += [f"%{name}_cs16 = load i16, ptr %p{int(Cell.CS)}"]
            lines += [f"%{name}_cs = zext i16 %{name}_cs16 to i32"]
            lines += [f"{base} = shl i32 %{name}_cs, 4"]
        ip, left = f"%{name}_ip", f"%{name}_left"
        if quick:
            lines += [f"%{name}_spent = icmp slt i64 {left}, {meter.ONE_LEFT}"]
            lines += [f"br i1 %{name}_spent, label %{name}_end, label %{name}_on", f"{name}_on:"]
            lines += [tail_call(quick, ip, left, "0", base, "%memory"), f"{name}_end:"]
        number = WITHIN if is_within else int(ignore)
        return [*lines, tail_call(function, ip, left, str(number), base, "%memory")]

    def _leave_if_short(self) -> list[str]:
        """Return what leaves at once where the cycles don't last for any entry."""
        least = min(self._needs[ip] for ip in self._flow.entries)
        test = f"%is_short = icmp slt i64 %meter, {least << meter.SHIFT}"
        fork = f"br i1 %is_short, label %at_once, label %begun{SLOW_HINT}"
        return [test, fork, "at_once:", tail_call(f"@{self.shorter}", "%ip", "%meter"), "begun:"]

    def prologue(self) -> list[str]:
        """Return what comes before all blocks; only probes need anything."""
        return []

    def retires(self) -> None:
        """Called on each way on which an instruction retires; only probes mind."""

    def goes(self, target: Value) -> None:
        """Called where control goes elsewhere, all cells in place; only probes mind."""

    # -- blocks ------------------------------------------------------------------------------

    def _emit_block(self, label: str, block: BasicBlock, *, hold_meter: bool = False) -> None:
        self._begin_block(label)
        if hold_meter:
            self._hold_meter()
        for place in block.places:
            self._emit_instruction(place)
        self._end_block(block.places[-1])

    def _begin_block(self, label: str) -> None:
        self.begin(label)
        self._known.clear()
        self._charge = 0

    def _emit_instruction(self, place: PlacedInstruction) -> None:
        self._place, self.cost = place, place.cost(self.timing)
        self._before = self._charge, dict(self._known), set(self._dirty)
        self._charge += meter.charge(1, self.cost.cycles)
        self._target = self._condition = None
        self._may_end = False
        self._opened = self._was_open = None
        self.execute(place)
        self.retires()
        if self._condition is None:
            self._end_if_event()
            self._end_if_opened()

    def execute(self, place: PlacedInstruction) -> None:
        """Do what an instruction does."""
        execute(self, place.instruction, self.model.semantics)

    def _end_block(self, last: PlacedInstruction) -> None:
        self._flush()
        if self._condition is not None:
            assert self._target is not None
            yes, no = self.labels(2)
            self.fork(self._condition, yes, no)
            self.begin(yes)
            self.goes(self._target)
            self._move_meter(self._charge + meter.charge(0, self.cost.taken))
            self._go_to(self._target)
            self.begin(no)
            self._move_meter(self._charge)
            self._go_to(self.next_ip())
        else:
            if self._target is not None:
                self.goes(self._target)
            self._move_meter(self._charge)
            self._go_to(self._target or self.next_ip(), self._flow.unknown_ways(last))

    def _go_to(self, ip: Value, ways: Collection[int] = ()) -> None:
        """Go on at an offset, within the region where it is known to have a block.

        ``ways``: where in the region it may be if it is not known.
        """
        sets_cs = self._place.control_flow in SETS_CS
        if isinstance(ip.handle, int) and not sets_cs and ip.handle in self._flow.blocks:
            self._go_to_block(ip.handle, back=ip.handle <= self._place.ip)
            return
        wide = text(ip.zero_extend(32))
        self.emit(f"store i32 {wide}, ptr %next")
        if not ways:
            self.go("jumped")
            return
        if sets_cs:
            (here,) = self.labels(1)
            base = self.segment_base(CS)
            self.fork(base.equals(Value("%base", ADDRESS, self)), here, "jumped")
            self.begin(here)
        entries = " ".join(f"i32 {way}, label %E{way}" for way in sorted(ways))
        self.emit(f"switch i32 {wide}, label %jumped [ {entries} ]")

    def _go_to_block(self, ip: int, *, back: bool = False) -> None:
        """Go on in a block of the region, if the cycles last; ``back``: it was passed before."""
        need = self._needs.get(ip)
        label = f"R{ip}" if back and ip in self._rounds else f"B{ip}"
        if need is None:  # whoever comes here has looked for this block's cycles, too
            self.go(label)
            return
        (short,) = self.labels(1)
        left = self.value("load i64, ptr %left", 64)
        is_short = self.value(f"icmp slt i64 {text(left)}, {need << meter.SHIFT}", 1)
        self.fork(is_short, short, label, rare=True)
        self.begin(short)
        self.emit(f"store i32 {ip}, ptr %next")
        self.go("short")

    def _end_if_event(self) -> None:
        """Leave behind this instruction if it wrote to code or touched what is watched."""
        if not self._may_end:
            return
        target = self._target or self.next_ip()
        self._leave_if(self.value("load i1, ptr %ended", 1), target, self._charge, "event")

    def _end_if_opened(self) -> None:
        """Leave behind this instruction if it let in what waits."""
        if self._opened is not None:
            target = self._target or self.next_ip()
            self._leave_if(self._opened, target, self._charge, "opened")

    def _leave_if(self, condition: Value, ip: Value, charge: int, way: str) -> None:
        """Leave the region where a condition holds, with all registers in place."""
        leave, stay = self.labels(2)
        self.fork(condition, leave, stay, rare=True)
        self.begin(leave)
        dirty = set(self._dirty)
        self._flush()
        self._dirty = dirty
        if way != "refused" and self._target is not None:
            self.goes(self._target)
        self.emit(f"store i32 {text(ip.zero_extend(32))}, ptr %next")
        self._move_meter(charge)
        self.go(way)
        self.begin(stay)

    def _hold_meter(self) -> None:
        """Keep LLVM from deriving the meter from what else counts a loop's rounds.

        It would keep a second one, for ways out that are hardly ever gone.
        """
        left = self.name("load i64, ptr %left")
        held = self.name(f'call i64 asm "", "=r,0"(i64 {left})')
        self.emit(f"store i64 {held}, ptr %left")

    def _move_meter(self, by: Value | int) -> None:
        """Add to the meter."""
        moved = self.value("load i64, ptr %left", 64) + by
        self.emit(f"store i64 {text(moved)}, ptr %left")

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
        left = self.value("load i64, ptr %left", 64) + before
        cycles = self.load_slot(slots.CYCLES) + self.load_slot(slots.GIVEN)
        now = cycles - left.shift_right_signed(meter.SHIFT)
        given = f"ptr %state, i64 {text(now)}, i64 {text(value)}"
        if self._place.instruction.immediate is not None:  # one of the board's (`may_be_hot`)
            function = f"{function}{port.handle:x}"
            self._ports.add(function)
        else:
            given = f"i32 {text(port.zero_extend(32))}, {given}"
        answer = self.value(f"call i64 @{function}({given})", 64)
        self._leave_if(answer.sign(), self.constant(self._place.ip, 16), before, "refused")
        return answer

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
        after = (self.value("load i64, ptr %left", 64) + self._charge) & meter.RETIRED
        self.store_slot(slots.SHADOW_AT, text(after))

    def flags_opened(self) -> None:
        """Leave the region if TF is set, or IF newly while an interrupt is requested."""
        lets_in = self.get_cell(Cell.INTERRUPT) & self._request()
        if self._was_open is not None:
            lets_in = lets_in & ~self._was_open
        self._opened = (self.get_cell(Cell.TRAP) | lets_in).is_not_zero()


def place_in_state(cell: int) -> list[str]:
    """Return what names a cell's place in the packed state."""
    return [f"%p{cell:d} = getelementptr inbounds i8, ptr %state, i32 {cell_offset(cell)}"]


def module_text(functions: Sequence[RegionFunction]) -> str:
    """Return the module of a region's functions, in LLVM IR."""
    defined = {f"@{function.symbol}(" for function in functions}
    lines = dict.fromkeys(line for function in functions for line in function.declarations())
    needed = [line for line in lines if not any(name in line for name in defined)]
    return "\n".join([*map(str, functions), *needed, DECLARATIONS, METADATA])
