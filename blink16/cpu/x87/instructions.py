"""What each instruction of the 8087 does to its stack, its words and memory.

An instruction is a function of the 8087, of what was decoded, and of the processor beside it, which
fetches and stores operands.  What numbers come out is `arithmetic`'s; here it is decided where they
go.  What an exception that isn't masked forbids, is not done: an invalid operation, a division by
zero or a denormal operand leaves the operands, and an overflow or underflow leaves memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from blink16.cpu.x87 import arithmetic, formats, reals, transcendental
from blink16.cpu.x87.arithmetic import Relation
from blink16.cpu.x87.opcodes import SIZES, Escape, EscapeOperand
from blink16.cpu.x87.reals import INDEFINITE, ONE, ZERO, Category, Real, classify
from blink16.cpu.x87.rounding import DENORMAL, INVALID, Computed, Control, Exceptions
from blink16.cpu.x87.state import (
    ALL_EXCEPTIONS,
    C0,
    C1,
    C2,
    C3,
    CONDITION,
    INTERRUPT_MASK,
    STATE_SIZE,
    Coprocessor,
    CoprocessorKind,
)

BEFORE = int(Exceptions.INVALID | Exceptions.DENORMAL | Exceptions.ZERO_DIVIDE)
"""Exceptions that are found before there is a result."""
FORBID_STORES = BEFORE | int(Exceptions.OVERFLOW | Exceptions.UNDERFLOW)


class Companion(Protocol):
    """The processor beside the 8087, during one instruction."""

    def fetch(self, size: int) -> bytes:
        """Read the operand in memory."""
        ...

    def store(self, data: bytes) -> None:
        """Write the operand in memory."""
        ...

    def answer(self, word: int) -> None:
        """Set AX."""
        ...


class _AbandonedError(Exception):
    """An instruction that an exception forbids, which isn't masked."""


Operation = Callable[[Coprocessor, Escape, int, Companion], None]
"""``int``: the number of the other register, where there is one."""
_OPERATIONS: dict[str, Operation] = {}


def find(kind: CoprocessorKind, escape: Escape | None) -> Escape | None:
    """Return an instruction if this chip has it."""
    if escape is None or escape.is_later:
        return None
    only_287 = escape.mnemonic == "FSETPM" or escape.operand is EscapeOperand.ACCUMULATOR
    return None if only_287 and kind is CoprocessorKind.I8087 else escape


def execute(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    """Do an instruction that the chip has (`find`).

    ``number``: the low bits of ModR/M, which name a register where they don't name memory.
    """
    try:
        _OPERATIONS[escape.mnemonic](x87, escape, number, companion)
    except _AbandonedError:
        pass
    finally:
        x87.settle()


def _operation(*mnemonics: str) -> Callable[[Operation], Operation]:
    def enter(function: Operation) -> Operation:
        for mnemonic in mnemonics:
            _OPERATIONS[mnemonic] = function
        return function

    return enter


# -- pieces ----------------------------------------------------------------------------------


def _raise(x87: Coprocessor, raised: Exceptions, forbidding: int = BEFORE) -> None:
    """Note exceptions; give the instruction up if one that isn't masked forbids it."""
    bits = int(raised)  # a number: flags of an enum are slow
    if not bits:
        return
    forbids = bits & forbidding & ~x87.control
    if forbids & BEFORE:
        bits &= BEFORE  # it got no further
    x87.status |= bits
    if forbids:
        raise _AbandonedError


def _read(x87: Coprocessor, number: int) -> Real | None:
    """Return ST(number); None, which is invalid, if it is empty and that is masked."""
    value = x87.get(number)
    if value is None:
        _raise(x87, INVALID)
    return value


def _push(x87: Coprocessor, value: Real) -> None:
    """Push; on a register that isn't empty that is invalid, and gives the indefinite."""
    if x87.get(-1) is not None:
        _raise(x87, INVALID)
        value = INDEFINITE
    x87.rotate(-1)
    x87.put(0, value)


def _pop(x87: Coprocessor) -> None:
    x87.free(0)
    x87.rotate(1)


_LOADS: dict[EscapeOperand, Callable[[bytes], Real]] = {
    EscapeOperand.SHORT_REAL: formats.from_short,
    EscapeOperand.LONG_REAL: formats.from_long,
    EscapeOperand.TEMPORARY_REAL: formats.from_temporary,
    EscapeOperand.PACKED_DECIMAL: formats.from_packed_bcd,
    **{
        form: lambda data: formats.from_integer(int.from_bytes(data, "little", signed=True))
        for form in (
            EscapeOperand.WORD_INTEGER,
            EscapeOperand.SHORT_INTEGER,
            EscapeOperand.LONG_INTEGER,
        )
    },
}
_DENORMALS = {
    EscapeOperand.SHORT_REAL: Category.UNNORMAL,
    EscapeOperand.LONG_REAL: Category.UNNORMAL,
    EscapeOperand.TEMPORARY_REAL: Category.DENORMAL,
}
"""What denormals in memory become."""


def _source(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> Real | None:
    """Return the other operand: that in memory, or in a register, which may be empty (`_read`)."""
    load = _LOADS.get(escape.operand)
    if load is None:
        return _read(x87, number)
    value = load(companion.fetch(SIZES[escape.operand]))
    if classify(value) is _DENORMALS.get(escape.operand):
        _raise(x87, DENORMAL)
    return value


def _store(x87: Coprocessor, form: EscapeOperand, companion: Companion) -> None:
    """Write the top to memory; nothing if it is empty, or too large, and that isn't masked."""
    value = _read(x87, 0)
    value = INDEFINITE if value is None else value
    if form is EscapeOperand.TEMPORARY_REAL:
        companion.store(formats.to_temporary(value))
        return
    mode = x87.mode
    match form:
        case EscapeOperand.SHORT_REAL:
            stored = formats.to_short(value, mode)
        case EscapeOperand.LONG_REAL:
            stored = formats.to_long(value, mode)
        case EscapeOperand.PACKED_DECIMAL:
            stored = formats.to_packed_bcd(value)
        case _:
            stored = formats.to_integer(value, 8 * SIZES[form], mode)
    _raise(x87, stored.raised, FORBID_STORES)
    companion.store(stored.data)


# -- transfers -------------------------------------------------------------------------------


@_operation("FLD", "FILD", "FBLD")
def _load(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    value = _source(x87, escape, number, companion)
    _push(x87, INDEFINITE if value is None else value)


@_operation("FST", "FIST")
def _copy(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    if escape.operand is not EscapeOperand.OTHER:
        _store(x87, escape.operand, companion)
        return
    value = _read(x87, 0)
    x87.put(number, INDEFINITE if value is None else value)


@_operation("FSTP", "FSTP1", "FSTP8", "FSTP9", "FISTP", "FBSTP")
def _copy_and_pop(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    _copy(x87, escape, number, companion)
    _pop(x87)


@_operation("FXCH", "FXCH4", "FXCH7")
def _exchange(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    top, other = x87.get(0), x87.get(number)
    if top is None or other is None:
        _raise(x87, INVALID)
    x87.put(0, INDEFINITE if other is None else other)
    x87.put(number, INDEFINITE if top is None else top)


def _constant(value: Real) -> Operation:
    def load(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
        _push(x87, value)

    return load


for _name, _value in (
    *(("FLDZ", ZERO), ("FLD1", ONE), ("FLDPI", reals.PI), ("FLDL2T", reals.LOG2_10)),
    *(("FLDL2E", reals.LOG2_E), ("FLDLG2", reals.LOG10_2), ("FLDLN2", reals.LN_2)),
):
    _OPERATIONS[_name] = _constant(_value)


# -- arithmetic --------------------------------------------------------------------------------

BinaryOperation = Callable[[Real, Real, Control], Computed]


def _arithmetic(function: BinaryOperation, *, is_reversed: bool, pops: bool) -> Operation:
    def operate(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
        other = _source(x87, escape, number, companion)
        top, target = _read(x87, 0), 0
        a, b = top, other
        if escape.operand is EscapeOperand.FROM_TOP:
            a, b, target = other, top, number
        value = INDEFINITE
        if a is not None and b is not None:
            value, raised = function(b, a, x87.mode) if is_reversed else function(a, b, x87.mode)
            _raise(x87, raised)
        x87.put(target, value)
        if pops:
            _pop(x87)

    return operate


for _name, _function in (
    ("ADD", arithmetic.add),
    ("MUL", arithmetic.multiply),
    ("SUB", arithmetic.subtract),
    ("DIV", arithmetic.divide),
):
    for _ending, _is_reversed in (("", False), ("R", True)):
        for _mnemonic, _pops in (
            (f"F{_name}{_ending}", False),
            (f"FI{_name}{_ending}", False),
            (f"F{_name}{_ending}P", True),
        ):
            _OPERATIONS[_mnemonic] = _arithmetic(_function, is_reversed=_is_reversed, pops=_pops)


def _unary(function: Callable[[Real, Control], Computed]) -> Operation:
    def operate(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
        top, value = _read(x87, 0), INDEFINITE
        if top is not None:
            value, raised = function(top, x87.mode)
            _raise(x87, raised)
        x87.put(0, value)

    return operate


_OPERATIONS["FSQRT"] = _unary(arithmetic.square_root)
_OPERATIONS["FRNDINT"] = _unary(arithmetic.round_to_integer)
_OPERATIONS["F2XM1"] = _unary(transcendental.power_of_two_less_one)


@_operation("FCHS", "FABS")
def _set_sign(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    top = _read(x87, 0)
    if top is not None:
        top = top._replace(sign=0 if escape.mnemonic == "FABS" else 1 - top.sign)
    x87.put(0, INDEFINITE if top is None else top)


@_operation("FSCALE")
def _scale(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    top, by, value = _read(x87, 0), _read(x87, 1), INDEFINITE
    if top is not None and by is not None:
        value, raised = arithmetic.scale(top, by, x87.mode)
        _raise(x87, raised)
    x87.put(0, value)


@_operation("FPREM")
def _remainder(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    top, by = _read(x87, 0), _read(x87, 1)
    if top is None or by is None:
        x87.put(0, INDEFINITE)
        return
    found = arithmetic.remainder(top, by, x87.mode)
    _raise(x87, found.raised)
    x87.put(0, found.value)
    quotient = found.quotient
    bits = (quotient & 4 and C0) | (quotient & 2 and C3) | (quotient & 1 and C1)
    x87.set_condition(C2 if found.is_partial else bits)


def _of_two(function: BinaryOperation) -> Operation:
    """Return what takes ST(1) and ST, and leaves a result in their place."""

    def operate(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
        x, y, value = _read(x87, 0), _read(x87, 1), INDEFINITE
        if x is not None and y is not None:
            value, raised = function(y, x, x87.mode)
            _raise(x87, raised)
        x87.put(1, value)
        _pop(x87)

    return operate


_OPERATIONS["FPATAN"] = _of_two(transcendental.partial_arctangent)
_OPERATIONS["FYL2X"] = _of_two(transcendental.y_log2_x)
_OPERATIONS["FYL2XP1"] = _of_two(transcendental.y_log2_x_plus_one)


def _to_make_two_of(x87: Coprocessor) -> Real | None:
    """Return the top if there is one, and room for another number above it."""
    top = _read(x87, 0)
    if x87.get(-1) is not None:
        _raise(x87, INVALID)
        return None
    return top


def _leave_two(x87: Coprocessor, below: Real, above: Real) -> None:
    """Replace the top and push."""
    x87.put(0, below)
    x87.rotate(-1)
    x87.put(0, above)


@_operation("FPTAN")
def _tangent(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    """Do as an 80387, whose C2 tells of an operand that is too large: it stays."""
    top = _to_make_two_of(x87)
    if top is None:
        _leave_two(x87, INDEFINITE, INDEFINITE)
        return
    found = transcendental.partial_tangent(top, x87.mode)
    x87.set_condition(C2 if found is None else 0, C2)
    if found is not None:
        _raise(x87, found.raised)
        _leave_two(x87, found.y, found.x)


@_operation("FXTRACT")
def _extract(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    top = _to_make_two_of(x87)
    if top is None:
        _leave_two(x87, INDEFINITE, INDEFINITE)
        return
    found = arithmetic.extract(top)
    _raise(x87, found.raised)
    _leave_two(x87, found.exponent, found.significand)


# -- comparison --------------------------------------------------------------------------------

_ORDER = {
    Relation.GREATER: 0,
    Relation.LESS: C0,
    Relation.EQUAL: C3,
    Relation.UNORDERED: C0 | C2 | C3,
}


def _compare(x87: Coprocessor, a: Real | None, b: Real | None) -> None:
    """Set the condition code, but for C1, by a comparison; what is empty can't be compared."""
    relation = Relation.UNORDERED
    if a is not None and b is not None:
        relation, raised = arithmetic.compare(a, b, x87.mode)
        _raise(x87, raised)
    x87.set_condition(_ORDER[relation], C0 | C2 | C3)


@_operation("FCOM", "FCOM2", "FICOM")
def _compare_top(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    other = _source(x87, escape, number, companion)
    _compare(x87, _read(x87, 0), other)


@_operation("FCOMP", "FCOMP3", "FCOMP5", "FICOMP")
def _compare_and_pop(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    _compare_top(x87, escape, number, companion)
    _pop(x87)


@_operation("FCOMPP")
def _compare_and_pop_both(
    x87: Coprocessor, escape: Escape, number: int, companion: Companion
) -> None:
    _compare_top(x87, escape, 1, companion)
    _pop(x87)
    _pop(x87)


@_operation("FTST")
def _test(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    _compare(x87, _read(x87, 0), ZERO)


_KINDS = {
    Category.UNNORMAL: 0,
    Category.NAN: C0,
    Category.NORMAL: C2,
    Category.INFINITY: C2 | C0,
    Category.ZERO: C3,
    Category.DENORMAL: C3 | C2,
}


@_operation("FXAM")
def _examine(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    top = x87.get(0)
    if top is None:
        x87.set_condition(C3 | C0)
    else:
        x87.set_condition(_KINDS[classify(top)] | (C1 if top.sign else 0))


# -- control -----------------------------------------------------------------------------------


@_operation("FNOP", "FSETPM")
def _nothing(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    """Do nothing; in real mode FSETPM shows nowhere."""


@_operation("FINIT")
def _initialize(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    x87.initialize()


@_operation("FENI", "FDISI")
def _mask_interrupts(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    if x87.kind is CoprocessorKind.I8087:  # an 80287 does nothing
        on = escape.mnemonic == "FDISI"
        x87.control = x87.control & ~INTERRUPT_MASK | (INTERRUPT_MASK if on else 0)


@_operation("FCLEX")
def _clear_exceptions(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    x87.status &= CONDITION


@_operation("FLDCW")
def _load_control(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    x87.set_control(int.from_bytes(companion.fetch(SIZES[escape.operand]), "little"))


@_operation("FSTCW")
def _store_control(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    companion.store(x87.control.to_bytes(2, "little"))


@_operation("FSTSW")
def _store_status(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    if escape.operand is EscapeOperand.ACCUMULATOR:
        companion.answer(x87.status_word)
    else:
        companion.store(x87.status_word.to_bytes(2, "little"))


@_operation("FLDENV")
def _load_environment(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    x87.load_environment(companion.fetch(SIZES[escape.operand]))


@_operation("FSTENV")
def _store_environment(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    companion.store(x87.environment())
    x87.control |= ALL_EXCEPTIONS


@_operation("FRSTOR")
def _load_state(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    x87.load(companion.fetch(STATE_SIZE))


@_operation("FSAVE")
def _store_state(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    companion.store(x87.save())
    x87.initialize()


@_operation("FINCSTP", "FDECSTP")
def _move_top(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    x87.rotate(1 if escape.mnemonic == "FINCSTP" else -1)


@_operation("FFREE")
def _free(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    x87.free(number)


@_operation("FFREEP")
def _free_and_pop(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    x87.free(number)
    _pop(x87)
