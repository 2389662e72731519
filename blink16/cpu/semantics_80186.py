"""What the 80186's instructions do, where that is more or other than the 8086's.

Source: Intel, iAPX 86/88, 186/188 User's Manual, Programmer's Reference, chapter 3.  Where an
80286 does the same, captured: vectors 80286/60, 61, 62, 68 to 6B, C0, C1, C9.
"""

from __future__ import annotations

from functools import partial

from blink16.cpu import arithmetic
from blink16.cpu.opcodes import UNDEFINED
from blink16.cpu.operands import Context, MemoryOperand, Operand
from blink16.cpu.semantics import (
    AX,
    BP,
    CYCLES,
    DI,
    DS,
    DX,
    ES,
    INSTRUCTIONS,
    SI,
    SP,
    SS,
    Semantics,
    Sized,
    enter_interrupt,
    imul,
    pop,
    push,
    repeated,
    step_index,
)
from blink16.cpu.shifts import SHIFTS, shift
from blink16.cpu.values import Value

BOUND_VECTOR, UNDEFINED_VECTOR = 5, 6
MAX_COUNT = 31
"""Five bits of a shift's count matter, and of the nesting level of ENTER."""


def fault(m: Context, vector: int) -> None:
    """Enter an interrupt that returns to this instruction, prefixes and all."""
    enter_interrupt(m, m.constant(vector, 8), m.instruction_offset().truncate(16))


def undefined(m: Context, *_: Operand) -> None:
    """Enter INT 6, as there is no such instruction."""
    fault(m, UNDEFINED_VECTOR)


def pusha(m: Context) -> None:
    """Push AX CX DX BX SP BP SI DI, SP as it was before."""
    for value in [m.get_register(number, 16) for number in range(AX, DI + 1)]:
        push(m, value)


def popa(m: Context) -> None:
    """Pop what PUSHA pushed, but for SP."""
    for number in range(DI, AX - 1, -1):
        value = pop(m)
        if number != SP:
            m.set_register(number, 16, value)


def bound(m: Context, index: Sized, limits: MemoryOperand) -> None:
    """Enter INT 5 unless a signed index is within two bounds in memory, both included."""
    low, high = limits.get(), limits.following().get()
    outside = _less(index.get(), low) | _less(high, index.get())
    m.when(outside, lambda: fault(m, BOUND_VECTOR))


def _less(a: Value, b: Value) -> Value:
    """Return whether a is below b, both signed."""
    return (a ^ 0x8000).below(b ^ 0x8000)


def enter(m: Context, size: Sized, level: Sized) -> None:
    """Make a stack frame: push BP and the frames around this one, and make room for locals."""
    outer = m.get_register(BP, 16)
    push(m, outer)
    frame, depth = m.get_register(SP, 16), level.get() & MAX_COUNT
    m.spend(depth.zero_extend(CYCLES) * m.cost.each)

    def copy(number: int) -> None:
        push(m, m.load(SS, outer - 2 * number, 16))

    for number in range(1, MAX_COUNT):
        m.when(m.constant(number, 8).below(depth), partial(copy, number))
    m.when(depth.is_not_zero(), lambda: push(m, frame))
    m.set_register(BP, 16, frame)
    m.set_register(SP, 16, m.get_register(SP, 16) - size.get())


def leave(m: Context) -> None:
    """Drop a stack frame."""
    m.set_register(SP, 16, m.get_register(BP, 16))
    m.set_register(BP, 16, pop(m))


def multiply(m: Context, destination: Sized, *sources: Sized) -> None:
    """Multiply AL or AX, signed, or put a product of one width into a register."""
    if not sources:
        imul(m, destination)
        return
    a, b = (source.get() for source in sources)
    product = arithmetic.multiply(m, a, b, signed=True, negate=False)
    destination.set(product.truncate(destination.width))


def ins(m: Context, destination: Sized, port: Sized) -> None:
    """Read an element from the port in DX to ES:DI."""

    def one_round() -> None:
        width = destination.width
        m.store(ES, m.get_register(DI, 16), m.port_in(port.get(), width))
        step_index(m, DI, width)

    repeated(m, one_round, DI, DX)


def outs(m: Context, port: Sized, source: Sized) -> None:
    """Write an element at DS:SI to the port in DX."""

    def one_round() -> None:
        width = source.width
        element = m.load(m.override(DS), m.get_register(SI, 16), width)
        m.port_out(port.get(), element)
        step_index(m, SI, width)

    repeated(m, one_round, SI, DX)


def masked_shift(name: str, right_sets_aux: bool = False) -> Semantics:
    """Return a shift or rotation whose count has five bits (``right_sets_aux``: see `shift`)."""

    def operation(m: Context, destination: Sized, count: Sized) -> None:
        by = count.get() & MAX_COUNT
        m.spend(by.zero_extend(CYCLES) * m.cost.each)
        shift(m, name, destination, by, right_sets_aux)

    operation.__doc__ = f"{name}: shift or rotate by the low five bits of a count."
    return operation


SEMANTICS: dict[str, Semantics] = {
    **INSTRUCTIONS,
    **{name: masked_shift(name) for name in SHIFTS},
    "PUSHA": pusha,
    "POPA": popa,
    "BOUND": bound,
    "ENTER": enter,
    "LEAVE": leave,
    "IMUL": multiply,
    "INS": ins,
    "OUTS": outs,
    UNDEFINED: undefined,
}
"""By mnemonic, the 8086's included."""
