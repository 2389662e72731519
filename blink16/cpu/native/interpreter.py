"""The native interpreter: a function for each row of the opcode map, chained by tail calls.

Instructions are decoded when they run.  Where an opcode has a ModR/M byte there is a function
for registers and one for memory (and for each member of a group), and one that chooses.
Where the semantics ask for a repeat prefix there is a function for each answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from blink16.cpu.decoder import EFFECTIVE_ADDRESSES
from blink16.cpu.encoding import DIRECT_RM
from blink16.cpu.hot import NO_BOARD, HotBoard, calls_of
from blink16.cpu.later import EMPTY, suspects
from blink16.cpu.model import Model
from blink16.cpu.native import calls, meter, noting, runtime, short, slots
from blink16.cpu.native.board import functions as board_functions
from blink16.cpu.native.function import (
    REPEAT_MASK,
    REPEAT_SHIFT,
    SEEN,
    SEGMENT_MASK,
    SEGMENT_SHIFT,
    STOPS,
    OpcodeFunction,
)
from blink16.cpu.native.layout import (
    CS_SHIFT,
    ENTRIES_OFFSET,
    ENTRY_MASK,
    LAST_IP,
)
from blink16.cpu.native.probing import ProbedFunction
from blink16.cpu.native.short import ShortFunction
from blink16.cpu.native.text import (
    DECLARATIONS,
    METADATA,
    tail_call,
    text,
)
from blink16.cpu.opcodes import (
    REPNZ,
    REPZ,
    SEGMENT_OVERRIDES,
    SEGMENT_REGISTERS,
    STRING_PORT_INSTRUCTIONS,
    SYSTEM_INSTRUCTIONS,
    Row,
)
from blink16.cpu.operands import (
    Repeat,
)
from blink16.cpu.registers import Cell
from blink16.cpu.semantics import DS, enter_interrupt
from blink16.cpu.timing import Timing
from blink16.cpu.values import Value
from blink16.cpu.x87.opcodes import ESCAPES
from blink16.memory import ADDRESS_BITS, ADDRESS_MASK, ATTRIBUTES_OFFSET, Attribute

_DELEGATED = STRING_PORT_INSTRUCTIONS | SYSTEM_INSTRUCTIONS
"""The reference does them: a device may be asked in any round, or the processor lock up."""

Make = type[OpcodeFunction]
"""What makes the functions in which instructions are executed: without probes, or with them."""


def _execute(
    make: Make,
    model: Model,
    name: str,
    row: Row,
    in_memory: bool,
    repeat: Repeat | None,
    opcode_size: int,
) -> OpcodeFunction:
    """Return the function that executes a row."""
    cost = model.timing.cost(row, in_memory, repeat is not None)
    function = make(model, name, repeat, opcode_size, cost, row)
    if row.has_modrm:
        function.modrm()
    # The address first: immediates lie behind its displacement.
    order = sorted(range(len(row.operands)), key=lambda n: row.operands[n][0] not in "EM")
    made = {n: function.operand(row.operands[n], in_memory) for n in order}
    model.semantics[row.mnemonic](function, *(made[n] for n in range(len(row.operands))))
    function.finish()
    return function


class InterpreterModule:
    """Collects the interpreter's functions, the same row's only once."""

    def __init__(self, model: Model, make: Make = OpcodeFunction) -> None:
        self.model = model
        self._make = make
        self.parts: list[str] = []
        self._names: dict[tuple[Row, bool, Repeat | None, int], str] = {}
        self._made: set[str] = set()
        self._unrepeated: set[str] = set()
        """Mnemonics of instructions that a repeat prefix does not change."""
        self._suspects = suspects(model.name) | EMPTY.keys()

    def row(self, row: Row, in_memory: bool, repeat: Repeat | None, opcode_size: int) -> str:
        """Return the name of the function for a row."""
        if self._make.leaves(row, repeat):
            return "@delegate"
        key = (row, in_memory, repeat, opcode_size)
        if key not in self._names:
            self._names[key] = self._emit_row(row, in_memory, repeat, opcode_size)
        return self._names[key]

    def _emit_row(self, row: Row, in_memory: bool, repeat: Repeat | None, opcode_size: int) -> str:
        if repeat is not None and row.mnemonic in self._unrepeated:
            return self.row(row, in_memory, None, opcode_size)
        name = f"op{len(self.parts)}"
        function = _execute(self._make, self.model, name, row, in_memory, repeat, opcode_size)
        if not function.asked_for_repeat:
            self._unrepeated.add(row.mnemonic)
        self.parts.append(str(function))
        return f"@{name}"

    def opcode(self, opcode: int, repeat: Repeat | None) -> str:
        """Return the name of the function for an opcode, which may choose another."""
        name = self._opcode(opcode, repeat)
        return self._suspicious(opcode, name) if opcode in self._suspects else name

    def _suspicious(self, opcode: int, name: str) -> str:
        """Return the function that looks at what is hardly meant before it is executed."""
        key = f"suspicious{opcode:02x}_{name[1:]}"
        if key not in self._made:
            self._made.add(key)
            function = OpcodeFunction(self.model, key)
            attributes = function.address("%code", ATTRIBUTES_OFFSET)
            told = function.value(f"load i8, ptr {attributes}", 8) & Attribute.TOLD
            suspicious = told.is_zero()
            if opcode in ESCAPES:
                there = function.get_cell(Cell.COPROCESSOR)
                suspicious = suspicious | there.is_not_zero()
            if opcode in EMPTY:
                code = function.value("load i32, ptr %code, align 1", 32)
                suspicious = suspicious & code.equals(int.from_bytes(EMPTY[opcode], "little"))
            look, go = function.labels(2)
            function.fork(suspicious, look, go, rare=True)
            for label, target in ((look, "@delegate"), (go, name)):
                function.begin(label)
                function.emit(tail_call(target, "%ip", "%meter", "%prefixes"))
            self.parts.append(str(function))
        return f"@{key}"

    def _opcode(self, opcode: int, repeat: Repeat | None) -> str:
        opcodes = self.model.opcodes
        if opcode in opcodes.prefixes:
            return self._prefix(opcode)
        if opcode in opcodes.escapes:
            return self._escape(opcode, repeat)
        rows, size = opcodes.rows[opcode], 1 + (opcode > 0xFF)
        if any(row.mnemonic in _DELEGATED for row in rows):
            return "@delegate"
        if opcode not in opcodes.with_modrm:
            return self.row(rows[0], False, repeat, size)
        names = [
            self.row(row, memory, repeat, size)
            for memory in (True, False)
            for row in opcodes.members(opcode, memory)
        ]
        return self._choice(tuple(names), size)

    def _escape(self, opcode: int, repeat: Repeat | None) -> str:
        """Return the function that goes on by an opcode's second byte."""
        key = f"escape{opcode:02x}{'' if repeat is None else repeat.name}"
        if key not in self._made:
            self._made.add(key)
            names = [self.opcode(opcode << 8 | second, repeat) for second in range(256)]
            self.parts.append(_constant(f"@{key}_table", names))
            function = OpcodeFunction(self.model, key)
            second = text(function.fetch(8).zero_extend(32))
            slot = function.name(f"getelementptr ptr, ptr @{key}_table, i32 {second}")
            target = function.name(f"load ptr, ptr {slot}")
            function.emit(tail_call(target, "%ip", "%meter", "%prefixes"))
            self.parts.append(str(function))
        return f"@{key}"

    def _choice(self, names: tuple[str, ...], opcode_size: int) -> str:
        """Return the function that looks at ModR/M: memory and register forms, by member."""
        key = f"choice{'_'.join(name[1:] for name in names)}"
        if key not in self._made:
            self._made.add(key)
            function = OpcodeFunction(self.model, key, opcode_size=opcode_size)
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
                function.emit(tail_call(target, "%ip", "%meter", "%prefixes"))
            self.parts.append(str(function))
        return f"@{key}"

    def _prefix(self, opcode: int) -> str:
        """Return the function of a prefix, which goes on with the opcode behind it."""
        name = f"prefix{opcode:02x}"
        if name not in self._made:
            self._made.add(name)
            self.parts.append(str(_prefix_function(self.model, name, opcode)))
        return f"@{name}"

    def fill(self, board: HotBoard, *, briefly: bool) -> None:
        """Add what instructions, interrupts and ports lead to.

        ``briefly``: with little of the hot devices (`board.functions`).
        """
        model, make = self.model, self._make
        self.parts += [str(_jumped(model)), str(_faulted(make, model))]
        self.parts.append(board_functions(board, briefly=briefly))
        self.parts.append(calls.functions(() if briefly else calls_of(board)))
        self.parts.append(str(_interrupted(make, model, "interrupted", "@entered")))
        self.parts.append(str(_interrupted(make, model, "asked", "@jumped")))

    def finish(self, runtime_text: str) -> str:
        """Return the module's text, with that of the rare paths."""
        names = [self.opcode(code, repeat) for repeat in (None, *Repeat) for code in range(256)]
        tables = _constant("@table", names) + _address_table(self.model.timing)
        return runtime_text + "".join(self.parts) + tables + DECLARATIONS + METADATA


def _prefix_function(model: Model, name: str, opcode: int) -> OpcodeFunction:
    function = OpcodeFunction(model, name)
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
    earlier = function.load_slot(slots.START)
    first = prefixes.is_zero()
    start = Value(function.select(first.handle, "%ip", earlier.handle, 32), 32, function)
    function.store_slot(slots.START, text(start))
    following = ip + 1
    code = function.address("%code", 1)
    attribute = function.value(f"load i8, ptr {function.address(code, ATTRIBUTES_OFFSET)}", 8)
    odd = (attribute & Attribute.LAST).is_not_zero()
    odd = odd | function.constant(LAST_IP, 32).below(following)
    odd = odd | function.constant(model.max_prefixes, 32).below(following - start)
    away, go = function.labels(2)
    function.fork(odd, away, go, rare=True)
    function.begin(away)
    function.emit(tail_call("@delegate", "%ip", "%meter", text(now)))
    function.begin(go)
    base = Value("%base", 32, function)
    table = (now & REPEAT_MASK) >> REPEAT_SHIFT
    left = function.name(f"add i64 %meter, {meter.charge(0, model.timing.prefix)}")
    function.call_opcode(following, left, text(now), base, code, table)
    return function


def _constant(name: str, functions: Iterator[str] | list[str] | tuple[str, ...]) -> str:
    pointers = [f"ptr {function}" for function in functions]
    return f"{name} = internal constant [{len(pointers)} x ptr] [{', '.join(pointers)}]\n"


def _address_table(timing: Timing) -> str:
    """Return, for each overriding segment and ModR/M, how the address is made.

    That is: base, index, segment, displacement size, cycles.
    """
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
            numbers += [timing.address(mod, rm), 0, 0, 0]
            lines.append(f"[8 x i8] [{', '.join(f'i8 {number:d}' for number in numbers)}]")
    return f"@addresses = internal constant [{len(lines)} x [8 x i8]] [{', '.join(lines)}]\n"


def _jumped(model: Model) -> OpcodeFunction:
    """Return the function that regions end in: a jump, most often into another region.

    In the place of prefixes may be `region.WITHIN`.

    Its 19 host instructions are 4 % of native code's time in the benchmarks' `words`, none in
    `mixed` (which is one region), 0.2 % in `strings`, and less than 2 % where ELKS and FreeDOS
    boot; only in `calls`, where two regions call each other, they are 12 % of all.  Links from a
    region's exits to entries of others could save a half of that.  There are none: machines share
    translated code, so each would have its own links, to be undone wherever a region goes.
    """
    function = OpcodeFunction(model, "jumped")
    ip, base = Value("%ip", 32, function), Value("%base", 32, function)
    linear = (base + ip) & ADDRESS_MASK
    code = function.address("%memory", linear)
    attribute = function.value(f"load i8, ptr {function.address(code, ATTRIBUTES_OFFSET)}", 8)
    spent = function.value(f"icmp slt i64 %meter, {meter.ONE_LEFT}", 1)
    region, other = function.labels(2)
    enters = (attribute & STOPS).equals(Attribute.ENTRY) & ~spent
    if model.reaches_high:
        enters = enters & ~(base + ip).bit(ADDRESS_BITS)
    function.fork(enters, region, other)
    function.begin(region)
    entries = function.address("%memory", ENTRIES_OFFSET)
    word = function.value(f"load i64, ptr {function.address(entries, linear << 3)}", 64)
    own_base = (word >> CS_SHIFT).truncate(32) << 4
    (own,) = function.labels(1)
    function.fork(own_base.equals(base), own, other)
    function.begin(own)
    entry = function.name(f"inttoptr i64 {text(word & ENTRY_MASK)} to ptr")
    function.emit(tail_call(entry, "%ip", "%meter", "%prefixes", code=code))
    function.begin(other)
    function.dispatch(ip, "%meter", base, code, count=True)
    return function


def _interrupted(make: Make, model: Model, name: str, path: str) -> OpcodeFunction:
    """Return the function that enters the interrupt whose vector is in the place of prefixes.

    ``path``: where it goes on.
    """
    function = make(model, name)
    vector, ip = Value("%prefixes", 32, function), Value("%ip", 32, function)
    enter_interrupt(function, vector.truncate(8), ip.truncate(16))
    function.leave(path)
    return function


def _faulted(make: Make, model: Model) -> OpcodeFunction:
    """Return the function that retires an instruction by a fault.

    Its offset is in the place of the next, the vector in that of prefixes.
    """
    function = make(model, "faulted")
    vector, ip = Value("%prefixes", 32, function), Value("%ip", 32, function)
    enter_interrupt(function, vector.truncate(8), ip.truncate(16))
    function.finish()
    return function


def module_text(
    model: Model, board: HotBoard = NO_BOARD, *, probed: bool = False, level: int = 2
) -> str:
    """Return a processor's interpreter, with hot devices, in LLVM IR; or one with probes.

    ``level``: how much LLVM is to optimise it.  Where it is to do nothing, the functions are short
    ones (not those with probes), and few.
    """
    if probed:
        module, rare = InterpreterModule(model, ProbedFunction), noting.text(model)
    elif level:
        module, rare = InterpreterModule(model), runtime.text(model)
    else:
        module, rare = InterpreterModule(model, ShortFunction), short.text(model)
    module.fill(board, briefly=not level)
    text = module.finish(rare)
    return text if probed or level else short.tail_calls_apart(text)
