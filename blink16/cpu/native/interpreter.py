"""The native interpreter: a function for each row of the opcode map, chained by tail calls.

Instructions are decoded when they run.  Where an opcode has a ModR/M byte there is a function
for registers and one for memory (and for each member of a group), and one that chooses.
Where the semantics ask for a repeat prefix there is a function for each answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from blink16.cpu.decoder import EFFECTIVE_ADDRESSES, FarConstant, maker_of
from blink16.cpu.encoding import DIRECT_RM, Instruction
from blink16.cpu.native.emitter import ADDRESS, Emitter
from blink16.cpu.native.layout import (
    HOT_LIMIT,
    HOT_OFFSET,
    LAST_IP,
    MAX_PREFIXES,
    SEGMENTS,
    Slot,
    byte_register_offset,
    cell_offset,
)
from blink16.cpu.native.runtime import RUNTIME
from blink16.cpu.native.text import (
    DECLARATIONS,
    METADATA,
    SIGNATURE,
    tail_call,
    text,
)
from blink16.cpu.opcodes import (
    OPCODES,
    PREFIXES,
    REPNZ,
    REPZ,
    SEGMENT_OVERRIDES,
    SEGMENT_REGISTERS,
    Row,
    has_modrm,
)
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
from blink16.cpu.semantics import DS, INSTRUCTIONS
from blink16.cpu.values import Value
from blink16.memory import ADDRESS_MASK, ATTRIBUTES_OFFSET, Attribute

DELEGATED = frozenset({"IN", "OUT"})
"""What the reference executes: devices are Python."""

# The argument ``prefixes``: bits 8-10 hold 1 + the overriding segment, bits 12-13 1 + `Repeat`.
SEGMENT_SHIFT, REPEAT_SHIFT = 8, 12
SEGMENT_MASK, REPEAT_MASK = 7 << SEGMENT_SHIFT, 3 << REPEAT_SHIFT
SEEN = 1 << 15
"""Set by any prefix."""

_STOPS = Attribute.BREAKPOINT | Attribute.SERVICE | Attribute.ENTRY | Attribute.LAST
_DYNAMIC = frozenset(
    ("Eb", "Ew", "Gb", "Gw", "Sw", "M", "Mp", "Ib", "Iw", "Ibs", "Jb", "Jw", "Ob", "Ow", "Ap")
)
"""Operand forms that depend on bytes behind the opcode."""


class Function(Emitter):
    """One function of the interpreter; the `Context` of the instruction that it executes."""

    def __init__(self, name: str, repeat: Repeat | None = None) -> None:
        super().__init__()
        self.name_ = name
        self.asked_for_repeat = False
        self._repeat = repeat
        self._length = 1
        self._extra: Value | None = None
        self._modrm: Value | None = None
        self._target: Value | None = None
        self._new_base = False
        self._halted = False
        self._opened = False
        self._was_open: Value | None = None
        self.emit("%left = alloca i64")
        self.emit("store i64 %budget, ptr %left")

    def __str__(self) -> str:
        body = "\n".join(self.lines)
        return f"define preserve_nonecc void @{self.name_}({SIGNATURE}) {{\n{body}\n}}\n"

    @property
    def repeat(self) -> Repeat | None:
        """The repeat prefix, after which nobody may ask in vain: see `functions_of`."""
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
        line = self.name(f"getelementptr [4 x i8], ptr @addresses, i32 {text(row)}")
        base, index, segment, size = (
            self.value(f"load i8, ptr {self.address(line, n)}", 8).zero_extend(ADDRESS)
            for n in range(4)
        )
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
            return maker_of(form)(self, _NO_INSTRUCTION)
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
        """Never come here: IN is delegated."""
        raise NotImplementedError

    def port_out(self, port: Value, value: Value) -> None:
        """Never come here: OUT is delegated."""
        raise NotImplementedError

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
        self.when(condition, lambda: self.jump(ip))

    def when(
        self,
        condition: Value,
        then: Callable[[], None],
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        """Do one thing or the other; a way that jumps ends there."""
        yes, no, join = self.labels(3)
        self.fork(condition, yes, no)
        for label, action in ((yes, then), (no, otherwise)):
            self.begin(label)
            if action is not None:
                action()
            if self._target is None:
                self.go(join)
            else:
                self.finish()
                self._target, self._new_base = None, False
        self.begin(join)

    def rounds(self, body: Callable[[], Value]) -> None:
        """Repeat, unless something wants attention."""
        again, look, interrupted, done = self.labels(4)
        self.go(again)
        self.begin(again)
        self.fork(body(), look, done)
        self.begin(look)
        cell = self.address("%state", cell_offset(Cell.ATTENTION))
        attention = self.value(f"load atomic i16, ptr {cell} monotonic, align 2", 16)
        self.fork(attention.is_not_zero(), interrupted, again, rare=True)
        self.begin(interrupted)
        start = self.name(f"load i32, ptr {self.address('%state', Slot.START)}")
        left = self.name("load i64, ptr %left")
        self.emit(tail_call("@between_rounds", start, left))
        self.begin(done)

    def halt(self) -> None:
        """Stop executing until an interrupt."""
        self.set_cell(Cell.HALTED, self.constant(1, 16))
        self._halted = True

    def hold_interrupts(self) -> None:
        """Let no interrupt in before the next instruction has retired."""
        left = self.name("load i64, ptr %left")
        after = self.name(f"sub i64 {left}, 1")
        self.emit(f"store i64 {after}, ptr {self.address('%state', Slot.SHADOW_AT)}")

    def flags_opened(self) -> None:
        """Leave the run if TF is set, or IF newly."""
        self._opened = True

    def note_event(self) -> None:
        """Make the run end after this instruction."""
        left = self.name("load i64, ptr %left")
        hurried = self.name(f"call preserve_mostcc i64 @hurry(ptr %state, i64 {left})")
        self.emit(f"store i64 {hurried}, ptr %left")

    # -- the end of an instruction -----------------------------------------------------------

    def finish(self) -> None:
        """Retire the instruction and go on with the next."""
        left = self.name(f"sub i64 {self.name('load i64, ptr %left')}, 1")
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

    def _leave_if_opened(self, ip: Value, left: str, base: Value) -> None:
        leave, stay = self.labels(2)
        trap = self.get_cell(Cell.TRAP)
        opened = self.get_cell(Cell.INTERRUPT)
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
        stops = self.value(f"load i8, ptr {attributes}", 8) & _STOPS
        spent = self.value(f"icmp sle i64 {left}, 0", 1)
        beyond = self.value(f"icmp ugt i32 {text(ip)}, {LAST_IP}", 1)
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


_NO_INSTRUCTION = Instruction(0)


# -- the module --------------------------------------------------------------------------------


def _execute(name: str, row: Row, in_memory: bool, repeat: Repeat | None) -> Function:
    """Return the function that executes a row."""
    function = Function(name, repeat)
    if has_dynamic_modrm(row):
        function.modrm()
    # The address first: immediates lie behind its displacement.
    order = sorted(range(len(row.operands)), key=lambda n: row.operands[n][0] not in "EM")
    made = {n: function.operand(row.operands[n], in_memory) for n in order}
    INSTRUCTIONS[row.mnemonic](function, *(made[n] for n in range(len(row.operands))))
    function.finish()
    return function


def has_dynamic_modrm(row: Row) -> bool:
    """Return whether a row has an operand that ModR/M names."""
    return any(form in _DYNAMIC and form[0] in "EGSM" for form in row.operands)


class Module:
    """Collects the interpreter's functions, the same row's only once."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._names: dict[tuple[Row, bool, Repeat | None], str] = {}

    def row(self, row: Row, in_memory: bool, repeat: Repeat | None) -> str:
        """Return the name of the function for a row."""
        key = (row, in_memory, repeat)
        if key not in self._names:
            self._names[key] = self._emit_row(row, in_memory, repeat)
        return self._names[key]

    def _emit_row(self, row: Row, in_memory: bool, repeat: Repeat | None) -> str:
        if row.mnemonic in DELEGATED:
            return "@delegate"
        name = f"op{len(self.parts)}"
        function = _execute(name, row, in_memory, repeat)
        if repeat is not None and not function.asked_for_repeat:
            return self.row(row, in_memory, None)
        self.parts.append(str(function))
        return f"@{name}"

    def opcode(self, opcode: int, repeat: Repeat | None) -> str:
        """Return the name of the function for an opcode, which may choose another."""
        rows = OPCODES[opcode]
        if opcode in PREFIXES:
            return self._prefix(opcode)
        if not has_modrm(opcode):
            return self.row(rows[0], False, repeat)
        names = [self.row(row, memory, repeat) for memory in (True, False) for row in rows]
        return self._choice(tuple(names))

    def _choice(self, names: tuple[str, ...]) -> str:
        """Return the function that looks at ModR/M: memory and register forms, by member."""
        key = f"choice{'_'.join(name[1:] for name in names)}"
        if f"@{key}" not in self._names.values():
            self._names[Row(key, ()), False, None] = f"@{key}"
            function = Function(key)
            modrm = function.modrm()
            in_memory, register = function.labels(2)
            function.fork(modrm.below(0xC0), in_memory, register)
            half = len(names) // 2
            for label, members in ((in_memory, names[:half]), (register, names[half:])):
                function.begin(label)
                target = members[0]
                if half > 1:
                    table = f"@{key}_{label}"
                    self.parts.append(_constant(table, members))
                    field = text(function.register_field())
                    slot = function.name(f"getelementptr ptr, ptr {table}, i32 {field}")
                    target = function.name(f"load ptr, ptr {slot}")
                function.emit(tail_call(target, "%ip", "%budget", "%prefixes"))
            self.parts.append(str(function))
        return f"@{key}"

    def _prefix(self, opcode: int) -> str:
        """Return the function of a prefix, which goes on with the opcode behind it."""
        name = f"prefix{opcode:02x}"
        if f"@{name}" not in self._names.values():
            self._names[Row(name, ()), False, None] = f"@{name}"
            self.parts.append(str(_prefix_function(name, opcode)))
        return f"@{name}"

    def finish(self) -> str:
        """Return the module's text."""
        names = [self.opcode(code, repeat) for repeat in (None, *Repeat) for code in range(256)]
        tables = _constant("@table", names) + _address_table()
        return RUNTIME + "".join(self.parts) + tables + DECLARATIONS + METADATA


def _prefix_function(name: str, opcode: int) -> Function:
    function = Function(name)
    prefixes, ip = Value("%prefixes", 32, function), Value("%ip", 32, function)
    if opcode in SEGMENT_OVERRIDES:
        number = 1 + SEGMENT_REGISTERS.index(SEGMENT_OVERRIDES[opcode])
        now = (prefixes & ~SEGMENT_MASK) | number << SEGMENT_SHIFT
    elif opcode in (REPNZ, REPZ):
        repeat = Repeat.REPZ if opcode == REPZ else Repeat.REPNZ
        now = (prefixes & ~REPEAT_MASK) | (1 + repeat) << REPEAT_SHIFT
    else:
        now = prefixes
    now = now | SEEN
    slot = function.address("%state", Slot.START)
    earlier = function.value(f"load i32, ptr {slot}", 32)
    first = prefixes.is_zero()
    start = Value(function.select(first.handle, "%ip", earlier.handle, 32), 32, function)
    function.emit(f"store i32 {text(start)}, ptr {slot}")
    following = ip + 1
    code = function.address("%code", 1)
    attribute = function.value(f"load i8, ptr {function.address(code, ATTRIBUTES_OFFSET)}", 8)
    odd = (attribute & Attribute.LAST).is_not_zero()
    odd = odd | function.constant(LAST_IP, 32).below(following)
    odd = odd | function.constant(MAX_PREFIXES, 32).below(following - start)
    away, go = function.labels(2)
    function.fork(odd, away, go, rare=True)
    function.begin(away)
    function.emit(tail_call("@delegate", "%ip", "%budget", text(now)))
    function.begin(go)
    base = Value("%base", 32, function)
    table = (now & REPEAT_MASK) >> REPEAT_SHIFT
    function.call_opcode(following, "%budget", text(now), base, code, table)
    return function


def _constant(name: str, functions: Iterator[str] | list[str] | tuple[str, ...]) -> str:
    pointers = [f"ptr {function}" for function in functions]
    return f"{name} = internal constant [{len(pointers)} x ptr] [{', '.join(pointers)}]\n"


def _address_table() -> str:
    """Return, for each overriding segment and ModR/M: base, index, segment, displacement size."""
    lines = []
    for override in range(1 + len(SEGMENT_REGISTERS)):
        for modrm in range(256):
            mod, rm = modrm >> 6, modrm & 7
            base, index, segment = EFFECTIVE_ADDRESSES[rm]
            size = (0, 1, 2, 0)[mod]
            numbers = [base, Cell.NOTHING if index is None else index, segment, size]
            if mod == 0 and rm == DIRECT_RM:
                numbers = [Cell.NOTHING, Cell.NOTHING, DS, 2]
            if override:
                numbers[2] = override - 1
            lines.append(f"[4 x i8] [{', '.join(f'i8 {number:d}' for number in numbers)}]")
    return f"@addresses = internal constant [{len(lines)} x [4 x i8]] [{', '.join(lines)}]\n"


def _jumped() -> Function:
    """Return the function that regions end in: a jump to an offset in the code segment."""
    function = Function("jumped")
    ip, base = Value("%ip", 32, function), Value("%base", 32, function)
    code = function.address("%memory", (base + ip) & ADDRESS_MASK)
    function.dispatch(ip, "%budget", base, code, count=True)
    return function


def module_text() -> str:
    """Return the interpreter in LLVM IR."""
    module = Module()
    module.parts.append(str(_jumped()))
    return module.finish()
