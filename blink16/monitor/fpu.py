"""The monitor command for the 8087's registers, for clients that have no ``info float``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Context

from blink16.cpu.x87.formats import to_temporary
from blink16.cpu.x87.reals import BIAS, Category, Real, classify
from blink16.cpu.x87.state import REGISTERS, Coprocessor
from blink16.debugger import Debugger
from blink16.monitor.registry import MonitorError, command, no_arguments

DIGITS = 19
"""Significant decimal digits: more than a temporary real has."""
FRACTION_BITS = 63
_EXACT = Context(prec=DIGITS + 9)
_SHOWN = Context(prec=DIGITS)
_EXCEPTIONS = "IDZOUP"
"""By their bits: invalid, denormal, zero divide, overflow, underflow, precision."""


@command("fpu")
def fpu(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Show the registers of the 8087, its stack's top first, and its words.

    Exceptions are letters: I (invalid), D (denormal), Z (zero divide), O (overflow), U (underflow),
    P (precision); behind `control`, those that are masked.
    """
    no_arguments(arguments)
    x87 = debugger.machine.registers.x87
    if x87 is None:
        raise MonitorError("there is no 8087; --fpu has one")
    return "\n".join(_lines(x87))


def _lines(x87: Coprocessor) -> Iterator[str]:
    for number in range(REGISTERS):
        value = x87.get(number)
        if value is not None:
            yield f"ST({number})={to_temporary(value)[::-1].hex().upper()} {_decimal(value)}"
    if not x87.filled:
        yield "all registers are empty"
    yield (
        f"control={x87.control:04X} {_letters(x87.control)} "
        f"status={x87.status_word:04X} {_letters(x87.status)} tags={x87.tag_word:04X}"
    )
    yield f"instruction={x87.instruction:05X} operand={x87.operand:05X} opcode={x87.opcode:03X}"


def _letters(word: int) -> str:
    return "".join(name if word >> bit & 1 else "-" for bit, name in enumerate(_EXCEPTIONS))


def _decimal(value: Real) -> str:
    """Return a number in decimal digits, or what else it is."""
    sign, kind = "-" if value.sign else "", classify(value)
    if kind is Category.NAN:
        return "NaN"
    if kind is Category.INFINITY:
        return f"{sign}infinity"
    power = (value.exponent or 1) - BIAS - FRACTION_BITS
    scale = _EXACT.power(2, power)
    number = _SHOWN.multiply(_EXACT.create_decimal(value.significand), scale)
    return f"{sign}{number.normalize(_SHOWN)}"
