"""Temporary reals as people read them."""

from __future__ import annotations

from decimal import Context

from blink16.cpu.x87.reals import BIAS, Category, Real, classify

DIGITS = 19
"""Significant decimal digits: those that a temporary real has, and one."""
FRACTION_BITS = 63
_FINE, _SHOWN = Context(prec=DIGITS + 9), Context(prec=DIGITS)


def decimal(value: Real) -> str:
    """Return a number in decimal digits, or what else it is."""
    sign, kind = "-" if value.sign else "", classify(value)
    if kind is Category.NAN:
        return "NaN"
    if kind is Category.INFINITY:
        return f"{sign}infinity"
    scale = _FINE.power(2, (value.exponent or 1) - BIAS - FRACTION_BITS)
    number = _SHOWN.multiply(_FINE.create_decimal(value.significand), scale)
    return f"{sign}{number.normalize(_SHOWN)}"
