"""The 8087's calculations and comparisons: where their operands are, and where results go."""

from __future__ import annotations

from collections.abc import Callable

from blink16.cpu.x87 import arithmetic, transcendental
from blink16.cpu.x87.arithmetic import Relation
from blink16.cpu.x87.opcodes import Escape, EscapeOperand
from blink16.cpu.x87.operations import (
    OPERATIONS,
    Companion,
    Operation,
    operation,
    pop,
    read,
    signal,
    source,
)
from blink16.cpu.x87.reals import INDEFINITE, ZERO, Category, Real, classify
from blink16.cpu.x87.rounding import INVALID, Computed, Control
from blink16.cpu.x87.state import C0, C1, C2, C3, Coprocessor

# -- arithmetic --------------------------------------------------------------------------------

BinaryOperation = Callable[[Real, Real, Control], Computed]


def _arithmetic(function: BinaryOperation, *, is_reversed: bool, pops: bool) -> Operation:
    def operate(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
        other = source(x87, escape, number, companion)
        top, target = read(x87, 0), 0
        a, b = top, other
        if escape.operand is EscapeOperand.FROM_TOP:
            a, b, target = other, top, number
        value = INDEFINITE
        if a is not None and b is not None:
            value, raised = function(b, a, x87.mode) if is_reversed else function(a, b, x87.mode)
            signal(x87, raised)
        x87.put(target, value)
        if pops:
            pop(x87)

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
            OPERATIONS[_mnemonic] = _arithmetic(_function, is_reversed=_is_reversed, pops=_pops)


def _unary(function: Callable[[Real, Control], Computed]) -> Operation:
    def operate(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
        top, value = read(x87, 0), INDEFINITE
        if top is not None:
            value, raised = function(top, x87.mode)
            signal(x87, raised)
        x87.put(0, value)

    return operate


OPERATIONS["FSQRT"] = _unary(arithmetic.square_root)
OPERATIONS["FRNDINT"] = _unary(arithmetic.round_to_integer)
OPERATIONS["F2XM1"] = _unary(transcendental.power_of_two_less_one)


@operation("FCHS", "FABS")
def _set_sign(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    top = read(x87, 0)
    if top is not None:
        top = top._replace(sign=0 if escape.mnemonic == "FABS" else 1 - top.sign)
    x87.put(0, INDEFINITE if top is None else top)


@operation("FSCALE")
def _scale(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    top, by, value = read(x87, 0), read(x87, 1), INDEFINITE
    if top is not None and by is not None:
        value, raised = arithmetic.scale(top, by, x87.mode)
        signal(x87, raised)
    x87.put(0, value)


@operation("FPREM")
def _remainder(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    top, by = read(x87, 0), read(x87, 1)
    if top is None or by is None:
        x87.put(0, INDEFINITE)
        return
    found = arithmetic.remainder(top, by, x87.mode)
    signal(x87, found.raised)
    x87.put(0, found.value)
    quotient = found.quotient
    bits = (quotient & 4 and C0) | (quotient & 2 and C3) | (quotient & 1 and C1)
    x87.set_condition(C2 if found.is_partial else bits)


def _of_two(function: BinaryOperation) -> Operation:
    """Return what takes ST(1) and ST, and leaves a result in their place."""

    def operate(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
        x, y, value = read(x87, 0), read(x87, 1), INDEFINITE
        if x is not None and y is not None:
            value, raised = function(y, x, x87.mode)
            signal(x87, raised)
        x87.put(1, value)
        pop(x87)

    return operate


OPERATIONS["FPATAN"] = _of_two(transcendental.partial_arctangent)
OPERATIONS["FYL2X"] = _of_two(transcendental.y_log2_x)
OPERATIONS["FYL2XP1"] = _of_two(transcendental.y_log2_x_plus_one)


def _to_make_two_of(x87: Coprocessor) -> Real | None:
    """Return the top if there is one, and room for another number above it."""
    top = read(x87, 0)
    if x87.get(-1) is not None:
        signal(x87, INVALID)
        return None
    return top


def _leave_two(x87: Coprocessor, below: Real, above: Real) -> None:
    """Replace the top and push."""
    x87.put(0, below)
    x87.rotate(-1)
    x87.put(0, above)


@operation("FPTAN")
def _tangent(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    """Do as an 80387, whose C2 tells of an operand that is too large: it stays."""
    top = _to_make_two_of(x87)
    if top is None:
        _leave_two(x87, INDEFINITE, INDEFINITE)
        return
    found = transcendental.partial_tangent(top, x87.mode)
    x87.set_condition(C2 if found is None else 0, C2)
    if found is not None:
        signal(x87, found.raised)
        _leave_two(x87, found.y, found.x)


@operation("FXTRACT")
def _extract(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    top = _to_make_two_of(x87)
    if top is None:
        _leave_two(x87, INDEFINITE, INDEFINITE)
        return
    found = arithmetic.extract(top)
    signal(x87, found.raised)
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
        signal(x87, raised)
    x87.set_condition(_ORDER[relation], C0 | C2 | C3)


@operation("FCOM", "FCOM2", "FICOM")
def _compare_top(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    other = source(x87, escape, number, companion)
    _compare(x87, read(x87, 0), other)


@operation("FCOMP", "FCOMP3", "FCOMP5", "FICOMP")
def _compare_and_pop(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    _compare_top(x87, escape, number, companion)
    pop(x87)


@operation("FCOMPP")
def _compare_and_pop_both(
    x87: Coprocessor, escape: Escape, number: int, companion: Companion
) -> None:
    _compare_top(x87, escape, 1, companion)
    pop(x87)
    pop(x87)


@operation("FTST")
def _test(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    _compare(x87, read(x87, 0), ZERO)


_KINDS = {
    Category.UNNORMAL: 0,
    Category.NAN: C0,
    Category.NORMAL: C2,
    Category.INFINITY: C2 | C0,
    Category.ZERO: C3,
    Category.DENORMAL: C3 | C2,
}


@operation("FXAM")
def _examine(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    top = x87.get(0)
    if top is None:
        x87.set_condition(C3 | C0)
    else:
        x87.set_condition(_KINDS[classify(top)] | (C1 if top.sign else 0))
