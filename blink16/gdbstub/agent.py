"""Agent expressions: the byte code in which gdb sends breakpoints' conditions and dprintfs.

A stack machine over 64-bit numbers, run against the machine's registers and memory when a
breakpoint is reached, so that a condition that doesn't hold costs no round trip, and so that it
holds in both directions of time; the same is true of what a ``dprintf`` prints.  gdb manual,
appendix "The GDB Agent Expression Mechanism".

What the operations do is written once, over `Value`s: folded at once they evaluate an
expression (`evaluate`), and emitted they become a predicate that the engine judges itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from blink16.cpu import flags
from blink16.cpu.predicates import PredicateContext, UntranslatableError
from blink16.cpu.registers import Cell
from blink16.cpu.values import Value, select
from blink16.gdbstub import formats, registers
from blink16.machine import Machine
from blink16.memory import ADDRESS_BITS, ADDRESS_MASK, MEMORY_SIZE

MAX_STEPS = 2_000
"""Operations of one evaluation; an expression that loops is cut off."""
MAX_EMITTED = 256
"""Operations of a predicate that is compiled, on all its ways together; loops are unrolled."""
MAX_STACK = 100
"""Values on the stack."""
MAX_OUTPUT = 4096
"""Bytes that one expression prints."""
WIDTH = 64
_SIGN = 1 << (WIDTH - 1)


class AgentError(Exception):
    """An expression that can't be evaluated, and why."""


@dataclass(slots=True)
class _Allowance:
    """How many operations may still be carried out."""

    left: int
    error: Exception

    def take(self) -> None:
        """Take one."""
        if not self.left:
            raise self.error
        self.left -= 1


@dataclass(frozen=True, slots=True)
class _Fork:
    """A jump that depends on what is not known yet."""

    condition: Value
    target: int


class _Printer:
    """Takes what an expression prints about a machine."""

    def __init__(self, machine: Machine) -> None:
        self._memory = machine.memory
        self.output = bytearray()

    def put(self, source: bytes, arguments: Sequence[int]) -> None:
        """Print; AgentError if the format can't be filled in, or if it is too much."""
        try:
            for text in formats.render(formats.parse(source), arguments, self._string):
                self.output += text
                if len(self.output) > MAX_OUTPUT:
                    del self.output[MAX_OUTPUT:]
                    raise AgentError(f"cut off after {MAX_OUTPUT} bytes")
        except formats.FormatError as error:
            raise AgentError(str(error)) from None

    def _string(self, address: int, longest: int) -> bytes:
        if address >= self._memory.end:
            raise AgentError("a string lies beyond the end of memory")
        return self._memory[address : address + longest].partition(b"\0")[0]


@dataclass(slots=True)
class _State:
    """One evaluation, or one way through an expression that is being emitted."""

    code: bytes
    context: PredicateContext
    allowance: _Allowance
    stack: list[Value]
    at: int = 0
    printer: _Printer | None = None
    """None where nothing may be printed: in conditions."""

    def operand(self, length: int) -> int:
        """Return a number behind the operation; they are big-endian."""
        return int.from_bytes(self.take(length), "big")

    def take(self, length: int) -> bytes:
        """Return bytes behind the operation."""
        start, self.at = self.at, self.at + length
        if self.at > len(self.code):
            raise AgentError("the expression ends within an operation")
        return self.code[start : self.at]

    def pop(self) -> Value:
        """Take the topmost value."""
        if not self.stack:
            raise AgentError("the expression's stack is empty")
        return self.stack.pop()

    def push(self, value: Value) -> None:
        """Put a value on the stack, widened with zeros."""
        if len(self.stack) >= MAX_STACK:
            raise AgentError(f"the expression's stack has more than {MAX_STACK} values")
        self.stack.append(value.zero_extend(WIDTH))

    def require(self, condition: Value, complaint: str) -> None:
        """Go on only where a condition holds."""
        if not isinstance(condition.handle, int):
            self.context.require(condition)
        elif not condition.handle:
            raise AgentError(complaint)

    def run(self) -> Value | _Fork:
        """Carry out operations up to the end, or to a jump that can't be decided yet."""
        while True:
            self.allowance.take()
            operation = self.operand(1)
            if operation == _END:
                return self.pop()
            if operation == _GOTO_IF:
                target, condition = self.operand(2), self.pop().is_not_zero()
                if not isinstance(condition.handle, int):
                    return _Fork(condition, target)
                self.at = target if condition.handle else self.at
                continue
            carry_out = _OPERATIONS.get(operation)
            if carry_out is None:
                raise AgentError(f"unknown operation {operation:02x}h in an expression")
            carry_out(self)


class _Folding:
    """A context in which everything is known: the machine as it stands."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    @property
    def fixed_flags(self) -> int:
        """Bits of the flags word that always read as ones."""
        return self._machine.model.fixed_flags

    @property
    def memory_end(self) -> int:
        """Where memory ends."""
        return self._machine.memory.end

    def constant(self, value: int, width: int) -> Value:
        """Return a known value."""
        return Value(value, width)

    def get_cell(self, cell: Cell) -> Value:
        """Read a cell."""
        return Value(self._machine.registers.cells[cell], 16)

    def icount(self) -> Value:
        """Return the instructions retired."""
        return Value(self._machine.registers.icount, WIDTH)

    def load(self, address: Value, width: int) -> Value:
        """Read memory."""
        assert isinstance(address.handle, int)
        data = self._machine.memory.whole[address.handle : address.handle + width // 8]
        return Value(int.from_bytes(data, "little"), WIDTH)

    def require(self, condition: Value) -> None:
        """Never come here, nor to what follows: all conditions are known."""
        raise NotImplementedError

    def decide(
        self, condition: Value, then: Callable[[], None], otherwise: Callable[[], None]
    ) -> None:
        """Never come here."""
        raise NotImplementedError

    def conclude(self, holds: Value) -> None:
        """Never come here."""
        raise NotImplementedError

    def begin_alternative(self) -> None:
        """Never come here."""
        raise NotImplementedError


def evaluate(code: bytes, machine: Machine, allowance: _Allowance | None = None) -> int:
    """Return the value of an expression, unsigned.  AgentError if it has none."""
    value = _State(code, _Folding(machine), allowance or _allowance(), []).run()
    assert isinstance(value, Value)
    assert isinstance(value.handle, int)
    return value.handle


def _allowance() -> _Allowance:
    error = AgentError(f"the expression takes more than {MAX_STEPS} operations")
    return _Allowance(MAX_STEPS, error)


@dataclass(frozen=True, slots=True)
class AgentCondition:
    """What must hold for a breakpoint to stop: one of these expressions is not zero.

    Where an expression fails, better stop once too often.  A `predicates.Predicate`.
    """

    expressions: tuple[bytes, ...]

    def __call__(self, machine: Machine) -> bool:
        """Tell whether to stop."""
        try:
            allowance = _allowance()  # for all of them: there may be many
            return any(evaluate(code, machine, allowance) for code in self.expressions)
        except AgentError:
            return True

    def emit(self, context: PredicateContext) -> None:
        """Say when to stop."""
        error = UntranslatableError(f"the condition takes more than {MAX_EMITTED} operations")
        allowance = _Allowance(MAX_EMITTED, error)
        for code in self.expressions:
            context.begin_alternative()
            _emit(_State(code, context, allowance, []))


@dataclass(frozen=True, slots=True)
class Print:
    """What a breakpoint prints instead of stopping: a `debugger.Action`."""

    expressions: tuple[tuple[AgentCondition | None, bytes], ...]
    """Each ends with a printf and has a condition of its own, or none."""

    @classmethod
    def of(cls, commands: tuple[bytes, ...], conditions: tuple[bytes, ...]) -> Print:
        """Pair what gdb sends for the dprintfs of one address.

        It sends the conditions of all of them, in the order of the commands, or none if one has
        none (build_target_condition_list in its breakpoint.c).  A single condition is the
        breakpoint's own.
        """
        if len(commands) == 1 or len(commands) != len(conditions):
            return cls(tuple((None, code) for code in commands))
        pairs = zip(conditions, commands, strict=True)
        return cls(tuple((AgentCondition((condition,)), code) for condition, code in pairs))

    def __call__(self, machine: Machine) -> bytes:
        """Return what is to be printed where the machine stands."""
        return b"".join(
            _printed(code, machine)
            for condition, code in self.expressions
            if condition is None or condition(machine)
        )


def _printed(code: bytes, machine: Machine) -> bytes:
    printer = _Printer(machine)
    # gdb lets it end with an empty stack, where a condition's value would be
    state = _State(code, _Folding(machine), _allowance(), [Value(0, WIDTH)])
    state.printer = printer
    try:
        state.run()
    except AgentError as error:
        printer.output += f"(dprintf at {machine.pc:#x}: {error})\n".encode("ascii")
    return bytes(printer.output)


def _emit(state: _State) -> None:
    """Emit the rest of an expression, on each of its ways."""
    context = state.context
    try:
        end = state.run()
    except AgentError:
        context.conclude(context.constant(1, 1))
        return
    if isinstance(end, Value):
        context.conclude(end.is_not_zero())
        return
    jumped = replace(state, stack=state.stack.copy(), at=end.target)
    context.decide(end.condition, lambda: _emit(jumped), lambda: _emit(state))


# -- operations ------------------------------------------------------------------------------

_GOTO_IF, _END = 0x20, 0x27
_Operation = Callable[[_State], None]


def _binary(compute: Callable[[Value, Value], Value]) -> _Operation:
    def operation(state: _State) -> None:
        right, left = state.pop(), state.pop()
        state.push(compute(left, right))

    return operation


def _division(compute: Callable[[Value, Value], Value]) -> _Operation:
    def operation(state: _State) -> None:
        right, left = state.pop(), state.pop()
        state.require(right.is_not_zero(), "the expression divides by zero")
        state.push(compute(left, right))

    return operation


def _negated_if(condition: Value, value: Value) -> Value:
    return select(condition, Value(0, WIDTH) - value, value)


def _divided(left: Value, right: Value) -> Value:
    """Divide towards zero, as C does."""
    quotient = _negated_if(left.sign(), left) // _negated_if(right.sign(), right)
    return _negated_if(left.sign() ^ right.sign(), quotient)


def _remainder(left: Value, right: Value) -> Value:
    return left - right * _divided(left, right)


def _shift_left(left: Value, right: Value) -> Value:
    return select(right.below(WIDTH), left << (right & (WIDTH - 1)), Value(0, WIDTH))


def _shift_right(left: Value, right: Value) -> Value:
    return select(right.below(WIDTH), left >> (right & (WIDTH - 1)), Value(0, WIDTH))


def _shift_right_signed(left: Value, right: Value) -> Value:
    most = Value(WIDTH - 1, WIDTH)
    return left.shift_right_signed(select(right.below(most), right, most))


def _reference(length: int) -> _Operation:
    def operation(state: _State) -> None:
        address = state.pop()
        there = address.below(state.context.memory_end - length + 1)
        state.require(there, "the expression reads beyond the end of memory")
        state.push(state.context.load(address, 8 * length))

    return operation


def _constant(length: int) -> _Operation:
    return lambda state: state.push(Value(state.operand(length), WIDTH))


def _register(state: _State) -> None:
    number = state.operand(2)
    if number >= len(registers.REGISTERS):
        raise AgentError(f"the expression reads register {number}, and there is none")
    state.push(_value_of(registers.REGISTERS[number], state.context))


def _value_of(register: registers.TargetRegister, context: PredicateContext) -> Value:
    """Return a register as gdb sees it; see `registers`."""
    match register.name:
        case "eip":
            return _linear(context, Cell.CS, Cell.IP)
        case "esp":
            return _linear(context, Cell.SS, Cell.SP)
        case "eflags":
            return flags.word(context)
        case "icount":
            return context.icount()
    if register.writes is None:
        return Value(0, WIDTH)
    return context.get_cell(Cell[register.writes.upper()])


def _linear(context: PredicateContext, segment: Cell, offset: Cell) -> Value:
    base = context.get_cell(segment).zero_extend(WIDTH) << 4
    address = base + context.get_cell(offset).zero_extend(WIDTH)
    if context.memory_end == MEMORY_SIZE:
        return address & ADDRESS_MASK
    return address & (
        (context.get_cell(Cell.A20).zero_extend(WIDTH) << ADDRESS_BITS) | ADDRESS_MASK
    )


def _extend(state: _State) -> None:
    bits, value = state.operand(1), state.pop()
    if bits == 0:
        raise AgentError("the expression extends a number of no bits")
    state.push(value.truncate(min(bits, WIDTH)).sign_extend(WIDTH))


def _zero_extend(state: _State) -> None:
    bits, value = state.operand(1), state.pop()
    state.push(value & ((1 << min(bits, WIDTH)) - 1))


def _goto(state: _State) -> None:
    state.at = state.operand(2)


def _pick(state: _State) -> None:
    depth = state.operand(1)
    if depth >= len(state.stack):
        raise AgentError("the expression's stack is not that deep")
    state.push(state.stack[-1 - depth])


def _duplicate(state: _State) -> None:
    value = state.pop()
    state.push(value)
    state.push(value)


def _drop(state: _State) -> None:
    state.pop()


def _swap(state: _State) -> None:
    top, below = state.pop(), state.pop()
    state.push(top)
    state.push(below)


def _rotate(state: _State) -> None:
    """a b c become c a b."""
    c, b, a = state.pop(), state.pop(), state.pop()
    for value in (c, a, b):
        state.push(value)


def _printf(state: _State) -> None:
    """Print; on the stack are a function and a channel, unused, and the values, first on top."""
    if state.printer is None:
        raise AgentError("a condition can't print")
    count = state.operand(1)
    source = state.take(state.operand(2))
    if source[-1:] != b"\0":
        raise AgentError("a format without end")
    _function, _channel, *values = (state.pop().handle for _ in range(2 + count))
    state.printer.put(source[:-1], [value for value in values if isinstance(value, int)])


_OPERATIONS: dict[int, _Operation] = {
    0x02: _binary(lambda left, right: left + right),
    0x03: _binary(lambda left, right: left - right),
    0x04: _binary(lambda left, right: left * right),
    0x05: _division(_divided),
    0x06: _division(lambda left, right: left // right),
    0x07: _division(_remainder),
    0x08: _division(lambda left, right: left % right),
    0x09: _binary(_shift_left),
    0x0A: _binary(_shift_right_signed),
    0x0B: _binary(_shift_right),
    0x0E: lambda state: state.push(state.pop().is_zero()),
    0x0F: _binary(lambda left, right: left & right),
    0x10: _binary(lambda left, right: left | right),
    0x11: _binary(lambda left, right: left ^ right),
    0x12: lambda state: state.push(~state.pop()),
    0x13: _binary(lambda left, right: left.equals(right)),
    0x14: _binary(lambda left, right: (left ^ _SIGN).below(right ^ _SIGN)),
    0x15: _binary(lambda left, right: left.below(right)),
    0x16: _extend,
    0x17: _reference(1),
    0x18: _reference(2),
    0x19: _reference(4),
    0x1A: _reference(8),
    0x21: _goto,
    0x22: _constant(1),
    0x23: _constant(2),
    0x24: _constant(4),
    0x25: _constant(8),
    0x26: _register,
    0x28: _duplicate,
    0x29: _drop,
    0x2A: _zero_extend,
    0x2B: _swap,
    0x32: _pick,
    0x33: _rotate,
    0x34: _printf,
}
