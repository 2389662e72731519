"""One function of the native interpreter: decodes an instruction when it runs, and executes it."""

from __future__ import annotations

from collections.abc import Callable

from blink16.cpu.decoder import FarConstant, makers_of
from blink16.cpu.encoding import Instruction
from blink16.cpu.model import Model
from blink16.cpu.native import bulk, meter, slots
from blink16.cpu.native.emitter import ADDRESS, Emitter
from blink16.cpu.native.layout import (
    HOT_LIMIT,
    HOT_OFFSET,
    LAST_IP,
    OUT,
    SEGMENTS,
    byte_register_offset,
    cell_offset,
)
from blink16.cpu.native.slices import COST_SHIFT
from blink16.cpu.native.text import SIGNATURE, tail_call, text
from blink16.cpu.opcodes import IMMEDIATE_FORMS, MODRM_FORMS, Row
from blink16.cpu.operands import (
    ConstantOperand,
    Index,
    MemoryOperand,
    Operand,
    RegisterOperand,
    Repeat,
    SegmentOperand,
)
from blink16.cpu.registers import Cell
from blink16.cpu.semantics import CYCLES, DS
from blink16.cpu.timing import NOTHING, Cost
from blink16.cpu.values import Value
from blink16.memory import ADDRESS_BITS, ADDRESS_MASK, ATTRIBUTES_OFFSET, Attribute

# The argument ``prefixes``: bits 8-10 hold 1 + the overriding segment, bits 12-13 1 + `Repeat`.
SEGMENT_SHIFT, REPEAT_SHIFT = 8, 12
SEGMENT_MASK, REPEAT_MASK = 7 << SEGMENT_SHIFT, 3 << REPEAT_SHIFT
SEEN = 1 << 15
"""Set by any prefix."""

STOPS = Attribute.BREAKPOINT | Attribute.SERVICE | Attribute.ENTRY | Attribute.LAST
_DYNAMIC = MODRM_FORMS | IMMEDIATE_FORMS
"""Operand forms that depend on bytes behind the opcode."""
_LOCALS = ("%left = alloca i64", "store i64 %meter, ptr %left", "%room = alloca i64")


class OpcodeFunction(Emitter):
    """One function of the interpreter; the `Context` of the instruction that it executes."""

    def __init__(
        self,
        model: Model,
        name: str,
        repeat: Repeat | None = None,
        opcode_size: int = 1,
        cost: Cost = NOTHING,
        row: Row | None = None,
    ) -> None:
        """Begin a function.

        ``opcode_size``: bytes of its opcode, which lies at ``%code``; ``cost``: what it costs;
        ``row``: the instruction that it executes, if it does.
        """
        super().__init__()
        self.timing, self.cost, self.row = model.timing, cost, row
        self.model = model
        self.fixed_flags = model.fixed_flags
        self.symbol = name
        self.asked_for_repeat = False
        self._repeat = repeat
        self._length = opcode_size
        self._extra: Value | None = None
        self._modrm: Value | None = None
        self._target: Value | None = None
        self._new_base = False
        self._halted = False
        self._opened = False
        self._was_open: Value | None = None
        self._room: Value | None = None
        """While rounds are emitted: the cycles that there were before the first."""

    def __str__(self) -> str:
        body = "\n".join([*_LOCALS, *self.lines])
        return f"define preserve_nonecc void @{self.symbol}({SIGNATURE}) {{\n{body}\n}}\n"

    @classmethod
    def leaves(cls, row: Row, repeat: Repeat | None) -> bool:
        """Whether functions of this kind leave a row, behind such a prefix, to the reference."""
        return False

    @property
    def repeat(self) -> Repeat | None:
        """The repeat prefix; that it was asked for makes this function one of three."""
        self.asked_for_repeat = True
        return self._repeat

    # -- decoding ----------------------------------------------------------------------------

    def fetch(self, width: int) -> Value:
        """Read the next byte or word of the instruction."""
        value = self.value(f"load i{width}, ptr {self._next_byte()}, align 1", width)
        self._length += width // 8
        return value

    def _next_byte(self) -> str:
        here = self.address("%code", self._length)
        return here if self._extra is None else self.address(here, self._extra)

    def modrm(self) -> Value:
        """Return the ModR/M byte."""
        if self._modrm is None:
            self._modrm = self.fetch(8).zero_extend(ADDRESS)
        return self._modrm

    def register_field(self) -> Value:
        """Return the number in ModR/M's reg field."""
        return (self.modrm() >> 3) & 7

    def memory_operand(self, width: int) -> MemoryOperand:
        """Return the memory that ModR/M names; see `_address_table`."""
        row = (Value("%prefixes", 32, self) & SEGMENT_MASK) | self.modrm()
        line = self.name(f"getelementptr [8 x i8], ptr @addresses, i32 {text(row)}")
        base, index, segment, size, cycles = (
            self.value(f"load i8, ptr {self.address(line, n)}", 8).zero_extend(ADDRESS)
            for n in range(5)
        )
        self.spend(cycles)
        word = self.value(f"load i16, ptr {self._next_byte()}, align 1", 16)
        byte = word.truncate(8).sign_extend(16)
        zero = self.constant(0, 16)
        displacement = self._choose(size.equals(2), word, self._choose(size.equals(1), byte, zero))
        offset = self.get_register(base, 16) + self.get_register(index, 16) + displacement
        self._extra = size
        return MemoryOperand(self, segment, offset, width)

    def _choose(self, condition: Value, a: Value, b: Value) -> Value:
        return Value(self.select(condition.handle, a.handle, b.handle, a.width), a.width, self)

    def operand(self, form: str, in_memory: bool) -> Operand:
        """Return an operand by its form in the opcode map."""
        if form not in _DYNAMIC:
            return makers_of(Row("", (form,)))[0](self, _NO_INSTRUCTION)
        width = 8 if form[1:] == "b" else 16
        match form[0]:
            case "E" if in_memory:
                return self.memory_operand(width)
            case "E":
                return RegisterOperand(self, self.modrm() & 7, width)
            case "M" if in_memory:
                return self.memory_operand(16)
            case "M":
                offset = self.get_register(self.modrm() & 7, 16)
                return MemoryOperand(self, self.override(DS), offset, 16)
            case "G":
                return RegisterOperand(self, self.register_field(), width)
            case "S":
                return SegmentOperand(self, self.register_field() & 3)
            case "I" if form == "Ibs":
                return ConstantOperand(self.fetch(8).sign_extend(16))
            case "I":
                return ConstantOperand(self.fetch(width))
            case "J":
                distance = self.fetch(width).sign_extend(16)
                return ConstantOperand(self.next_ip() + distance)
            case "O":
                return MemoryOperand(self, self.override(DS), self.fetch(16), width)
        return FarConstant(self.fetch(16), self.fetch(16))

    # -- context: registers ------------------------------------------------------------------

    def _register(self, index: Index, width: int) -> str:
        if isinstance(index, int):
            at = cell_offset(index) if width == 16 else byte_register_offset(index)
            return self.address("%state", at)
        if width == 16:
            return self.address("%state", index << 1)
        return self.address("%state", ((index & 3) << 1) + (index >> 2))

    def _segment(self, index: Index) -> str:
        segments = self.address("%state", SEGMENTS)
        return self.address(segments, 2 * index if isinstance(index, int) else index << 1)

    def get_register(self, index: Index, width: int) -> Value:
        """Read a register."""
        return self.value(f"load i{width}, ptr {self._register(index, width)}", width)

    def set_register(self, index: Index, width: int, value: Value) -> None:
        """Write a register."""
        self.emit(f"store i{width} {text(value)}, ptr {self._register(index, width)}")

    def get_cell(self, cell: Cell) -> Value:
        """Read a cell."""
        return self.get_register(int(cell), 16)

    def set_cell(self, cell: Cell, value: Value) -> None:
        """Write a cell."""
        if cell is Cell.INTERRUPT:
            self._was_open = self.get_cell(cell)
        self.set_register(int(cell), 16, value)
        self._new_base |= cell is Cell.CS

    def get_segment(self, index: Index) -> Value:
        """Read a segment register."""
        return self.value(f"load i16, ptr {self._segment(index)}", 16)

    def set_segment(self, index: Index, value: Value) -> None:
        """Write a segment register, which might be CS."""
        self.emit(f"store i16 {text(value)}, ptr {self._segment(index)}")
        self._new_base = True

    def segment_base(self, index: Index) -> Value:
        """Return a segment register times 16."""
        return self.get_segment(index).zero_extend(ADDRESS) << 4

    def override(self, segment: int) -> Index:
        """Return the segment of the prefix, if there is one."""
        number = (Value("%prefixes", 32, self) & SEGMENT_MASK) >> SEGMENT_SHIFT
        return self._choose(number.is_zero(), self.constant(segment, 32), number - 1)

    # -- context: control --------------------------------------------------------------------

    def port_in(self, port: Value, width: int) -> Value:
        """Read an I/O port."""
        self._access(port, width, self.constant(0, 64))
        return self.load_slot(slots.VALUE).truncate(width)

    def port_out(self, port: Value, value: Value) -> None:
        """Write an I/O port."""
        self._access(port, value.width | OUT, value.zero_extend(64))

    def _access(self, port: Value, access: int, value: Value) -> None:
        """Let a hot device answer; or leave so that the host does, and come back."""
        first, ask, go_on, done = self.labels(4)
        answered = self.load_slot(slots.ANSWERED)
        self.fork(answered.is_zero(), first, go_on)
        self.begin(first)
        if access & ~OUT == 8:
            self._ask_hot(port, access, value, done, ask)
        else:
            self.go(ask)
        self.begin(ask)
        if access & OUT:
            self.store_slot(slots.VALUE, text(value.truncate(32)))
        self.store_slot(slots.PORT, text(port.zero_extend(32)))
        self.store_slot(slots.ACCESS, str(access))
        self.emit(tail_call("@port", "%ip", "%meter", "%prefixes"))
        self.begin(go_on)
        self.store_slot(slots.ANSWERED, "0")
        self.go(done)
        self.begin(done)

    def _ask_hot(self, port: Value, access: int, value: Value, done: str, rare: str) -> None:
        """Access a hot device's port, where nothing about the instruction is unusual."""
        plain, answered = self.labels(2)
        self.fork(Value("%prefixes", 32, self).is_zero(), plain, rare)
        self.begin(plain)
        left = self.value("load i64, ptr %left", 64).shift_right_signed(meter.SHIFT)
        now = self.load_slot(slots.CYCLES) + self.load_slot(slots.GIVEN) - left
        function = "hot_out" if access & OUT else "hot_in"
        given = f"i32 {text(port.zero_extend(32))}, ptr %state, i64 {text(now)}, i64 {text(value)}"
        answer = self.value(f"call i64 @{function}({given})", 64)
        self.fork(answer.sign(), rare, answered)
        self.begin(answered)
        if not access & OUT:
            self.store_slot(slots.VALUE, text(answer.truncate(32)))
            self.go(done)
            return
        (look,) = self.labels(1)
        opened = self.get_cell(Cell.INTERRUPT) & self.get_cell(Cell.REQUEST)
        self.fork(opened.is_not_zero() | answer.is_not_zero(), look, done)
        self.begin(look)  # an interrupt comes behind this instruction, or a device is due sooner
        self.store_slot(slots.UNTIL, "0")
        self.note_event()
        self.go(done)

    def _next_offset(self) -> Value:
        end = Value("%ip", 32, self) + self._length
        return end if self._extra is None else end + self._extra

    def next_ip(self) -> Value:
        """Return the offset of the instruction that follows."""
        return self._next_offset().truncate(16)

    def jump(self, ip: Value) -> None:
        """Go on at an offset in the code segment."""
        self._target = ip.zero_extend(32)

    def branch(self, condition: Value, ip: Value) -> None:
        """Go on at an offset if the condition holds."""

        def take() -> None:
            self.spend(self.constant(self.cost.taken, CYCLES))
            self.jump(ip)

        self.when(condition, take)

    def spend(self, cycles: Value) -> None:
        """Let more clock cycles pass."""
        if cycles.handle != 0:
            self._move_meter(self.constant(0, 64) - (cycles.zero_extend(64) << meter.SHIFT))

    def _move_meter(self, by: Value | int) -> Value:
        """Add to the meter, and return it."""
        moved = self.value("load i64, ptr %left", 64) + by
        self.emit(f"store i64 {text(moved)}, ptr %left")
        return moved

    def when(
        self,
        condition: Value,
        then: Callable[[], None],
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        """Do one thing or the other; a way that jumps ends there."""
        self.both_ways(condition, then, otherwise, self._end_way)

    def _end_way(self, join: str) -> None:
        if self._target is None:
            self.go(join)
        else:
            self.finish()
            self._target, self._new_base = None, False

    def fault_if(self, condition: Value, vector: int) -> None:
        """Give the instruction up for an interrupt that returns to it, if the condition holds."""
        if condition.handle == 0:
            return
        refused, go_on = self.labels(2)
        self.fork(condition, refused, go_on, rare=True)
        self.begin(refused)
        if self._room is not None:
            rest = self.value("load i64, ptr %room", 64)
            self._move_meter(self.constant(0, 64) - ((self._room - rest) << meter.SHIFT))
        moved = self._move_meter(meter.charge(0, self.cost.cycles))
        start = self.instruction_offset()
        self.emit(tail_call("@faulted", text(start), text(moved), str(vector)))
        self.begin(go_on)

    def lock_up(self, text: str) -> None:
        """Never come here: what may lock up is the reference's."""
        raise NotImplementedError

    def rounds(self, body: Callable[[], Value], each: Value) -> None:
        """Repeat, unless something wants attention or time is up.

        What the prefixes and the instruction itself cost, counts at its end only.
        """
        start = self.load_slot(slots.START)
        prefixes = (Value("%ip", 32, self) - start).zero_extend(64) * self.timing.prefix
        left = self.value("load i64, ptr %left", 64).shift_right_signed(meter.SHIFT) + prefixes
        now = self.load_slot(slots.CYCLES) + self.load_slot(slots.GIVEN) - left
        room = self.load_slot(slots.UNTIL) - now
        self.emit(f"store i64 {text(room)}, ptr %room")
        again, look, interrupted, done = self.labels(4)
        self.go(again)
        self.begin(again)
        if self.row is not None and self.row.mnemonic in bulk.NAMES:
            bulk.emit(self, self.row, each)
        self._room = room
        goes_on = body()
        self._room = None
        rest = self.value("load i64, ptr %room", 64) - each.zero_extend(64)
        self.emit(f"store i64 {text(rest)}, ptr %room")
        self.fork(goes_on, look, done)
        self.begin(look)
        cell = self.address("%state", cell_offset(Cell.ATTENTION))
        attention = self.value(f"load atomic i16, ptr {cell} monotonic, align 2", 16)
        is_late = self.value(f"icmp slt i64 {text(rest)}, 1", 1)
        self.fork(attention.is_not_zero() | is_late, interrupted, again, rare=True)
        self.begin(interrupted)
        spent = (room - rest - prefixes) << meter.SHIFT
        moved = self._move_meter(self.constant(0, 64) - spent)
        self.emit(tail_call("@between_rounds", text(start), text(moved), text(self._midway())))
        self.begin(done)
        self._move_meter(self.constant(0, 64) - ((room - rest) << meter.SHIFT))

    def _midway(self) -> Value:
        """Return what `slices` is to know where an interrupt retires the instruction midway."""
        return Value("%ip", 32, self) | (self.cost.cycles << COST_SHIFT)

    def halt(self) -> None:
        """Stop executing until an interrupt."""
        self.set_cell(Cell.HALTED, self.constant(1, 16))
        self._halted = True

    def hold_interrupts(self) -> None:
        """Let no interrupt in before the next instruction has retired."""
        after = (self.value("load i64, ptr %left", 64) & meter.RETIRED) + 1
        self.store_slot(slots.SHADOW_AT, text(after))

    def flags_opened(self) -> None:
        """Leave the run if TF is set, or IF newly while an interrupt is requested."""
        self._opened = True

    def instruction_offset(self) -> Value:
        """Return where the instruction begins, with its prefixes."""
        prefixed = (Value("%prefixes", 32, self) & SEEN).is_not_zero()
        start = self.load_slot(slots.START)
        return self._choose(prefixed, start, Value("%ip", 32, self))

    def note_event(self) -> None:
        """Make the run end after this instruction."""
        left = self.name("load i64, ptr %left")
        hurried = self.name(f"call preserve_mostcc i64 @hurry(ptr %state, i64 {left})")
        self.emit(f"store i64 {hurried}, ptr %left")

    # -- the end of an instruction -----------------------------------------------------------

    def finish(self) -> None:
        """Retire the instruction and go on with the next."""
        left = self.name("load i64, ptr %left")
        left = self.name(f"add i64 {left}, {meter.charge(1, self.cost.cycles)}")
        base = Value("%base", 32, self)
        if self._new_base:
            base = self.get_cell(Cell.CS).zero_extend(32) << 4
        jumped = self._target is not None or self._new_base
        ip = self._next_offset() if self._target is None else self._target
        if self._halted:
            self.emit(tail_call("@halted", text(ip), left, base=text(base)))
            return
        if self._opened:
            self._leave_if_opened(ip, left, base)
        if jumped:
            code = self.address("%memory", (base + ip) & ADDRESS_MASK)
        else:
            code = self.address("%code", self._length)
            code = code if self._extra is None else self.address(code, self._extra)
        self.dispatch(ip, left, base, code, count=self._target is not None)

    def leave(self, path: str) -> None:
        """Go to a path where control has been turned to, without retiring an instruction."""
        assert self._target is not None
        left = self.name("load i64, ptr %left")
        base = self.get_cell(Cell.CS).zero_extend(32) << 4
        self.emit(tail_call(path, text(self._target), left, base=text(base)))

    def _leave_if_opened(self, ip: Value, left: str, base: Value) -> None:
        leave, stay = self.labels(2)
        trap = self.get_cell(Cell.TRAP)
        opened = self.get_cell(Cell.INTERRUPT) & self.get_cell(Cell.REQUEST)
        if self._was_open is not None:
            opened = opened & ~self._was_open
        self.fork((trap | opened).is_not_zero(), leave, stay)
        self.begin(leave)
        self.emit(tail_call("@opened", text(ip), left, base=text(base)))
        self.begin(stay)

    def dispatch(self, ip: Value, left: str, base: Value, code: str, count: bool) -> None:
        """Go to the next instruction's function, unless there is something to mind."""
        check, go, slow = self.labels(3)
        attributes = self.address(code, ATTRIBUTES_OFFSET)
        stops = self.value(f"load i8, ptr {attributes}", 8) & STOPS
        spent = self.value(f"icmp slt i64 {left}, {meter.ONE_LEFT}", 1)
        beyond = self.value(f"icmp ugt i32 {text(ip)}, {LAST_IP}", 1)
        if self.model.reaches_high:
            beyond = beyond | (base + ip).bit(ADDRESS_BITS)
        self.fork(stops.is_not_zero() | spent | beyond, slow, check, rare=True)
        self.begin(slow)
        self.emit(tail_call("@slow", text(ip), left, base=text(base), code=code))
        self.begin(check)
        if count:
            self._count_jump(ip, left, base, code, go)
        else:
            self.go(go)
        self.begin(go)
        self.call_opcode(ip, left, "0", base, code)

    def _count_jump(self, ip: Value, left: str, base: Value, code: str, go: str) -> None:
        (hot,) = self.labels(1)
        counter = self.address(code, HOT_OFFSET)
        count = self.value(f"load i8, ptr {counter}", 8)
        more = self.name(f"call i8 @llvm.uadd.sat.i8(i8 {text(count)}, i8 1)")
        self.emit(f"store i8 {more}, ptr {counter}")
        self.fork(count.equals(HOT_LIMIT), hot, go, rare=True)
        self.begin(hot)
        self.emit(tail_call("@hot", text(ip), left, base=text(base), code=code))

    def call_opcode(
        self, ip: Value, left: str, prefixes: str, base: Value, code: str, repeat: Value | int = 0
    ) -> None:
        """Go to the function of the opcode at ``code``; ``repeat``: 1 + `Repeat`, or 0."""
        opcode = self.value(f"load i8, ptr {code}", 8).zero_extend(32)
        index = opcode + (repeat << 8)
        slot = self.name(f"getelementptr ptr, ptr %table, i32 {text(index)}")
        function = self.name(f"load ptr, ptr {slot}")
        self.emit(tail_call(function, text(ip), left, prefixes, text(base), code))


_NO_INSTRUCTION = Instruction(Row("", ()), 0)
