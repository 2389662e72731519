"""The 8087's transfers: loads, stores, exchanges, and the constants that it has."""

from __future__ import annotations

from blink16.cpu.x87 import formats, reals
from blink16.cpu.x87.opcodes import SIZES, Escape, EscapeOperand
from blink16.cpu.x87.operations import (
    FORBID_STORES,
    OPERATIONS,
    Companion,
    Operation,
    operation,
    pop,
    push,
    read,
    signal,
    source,
)
from blink16.cpu.x87.reals import INDEFINITE, ONE, ZERO, Real
from blink16.cpu.x87.rounding import INVALID
from blink16.cpu.x87.state import Coprocessor


def _store(x87: Coprocessor, form: EscapeOperand, companion: Companion) -> None:
    """Write the top to memory; nothing if it is empty, or too large, and that isn't masked."""
    value = read(x87, 0)
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
    signal(x87, stored.raised, FORBID_STORES)
    companion.store(stored.data)


@operation("FLD", "FILD", "FBLD")
def _load(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    value = source(x87, escape, number, companion)
    push(x87, INDEFINITE if value is None else value)


@operation("FST", "FIST")
def _copy(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    if escape.operand is not EscapeOperand.OTHER:
        _store(x87, escape.operand, companion)
        return
    value = read(x87, 0)
    x87.put(number, INDEFINITE if value is None else value)


@operation("FSTP", "FSTP1", "FSTP8", "FSTP9", "FISTP", "FBSTP")
def _copy_and_pop(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    _copy(x87, escape, number, companion)
    pop(x87)


@operation("FXCH", "FXCH4", "FXCH7")
def _exchange(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    top, other = x87.get(0), x87.get(number)
    if top is None or other is None:
        signal(x87, INVALID)
    x87.put(0, INDEFINITE if other is None else other)
    x87.put(number, INDEFINITE if top is None else top)


def _constant(value: Real) -> Operation:
    def load(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
        push(x87, value)

    return load


for _name, _value in (
    *(("FLDZ", ZERO), ("FLD1", ONE), ("FLDPI", reals.PI), ("FLDL2T", reals.LOG2_10)),
    *(("FLDL2E", reals.LOG2_E), ("FLDLG2", reals.LOG10_2), ("FLDLN2", reals.LN_2)),
):
    OPERATIONS[_name] = _constant(_value)
