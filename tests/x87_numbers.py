"""Temporary reals for tests: strategies, their exact values, and rounding by fractions alone."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from blink16.cpu.x87.reals import BIAS, INTEGER_BIT, MOST, Real
from blink16.cpu.x87.rounding import Control, Exceptions, Rounding

ALL = Exceptions(63)
PLAIN = Control(Rounding.NEAREST, 64, ALL, affine=False)
"""What an 8087 does after FINIT."""

_bits = st.integers(0, INTEGER_BIT - 1)
significands = st.one_of(
    _bits,
    st.integers(0, 63).map(lambda place: 1 << place >> 1),
    st.builds(lambda bits, place: bits >> place << place, _bits, st.integers(0, 62)),
    st.builds(lambda bits, place: INTEGER_BIT - 1 - (bits >> place), _bits, st.integers(0, 62)),
).map(lambda bits: bits | INTEGER_BIT)
controls = st.builds(
    Control, st.sampled_from(Rounding), st.sampled_from((24, 53, 64)), st.just(ALL), st.booleans()
)


def normals(least: int = 1, most: int = MOST - 1) -> st.SearchStrategy[Real]:
    """Return normal numbers with exponents (biased) within these."""
    return st.builds(Real, st.integers(0, 1), st.integers(least, most), significands)


middling = normals(BIAS - 100, BIAS + 100)
"""Numbers of which sums, products and quotients are far from overflow and underflow."""
specials = st.builds(
    Real, st.integers(0, 1), st.sampled_from((0, 1, 2, MOST - 1, MOST)), st.integers(0, 2**64 - 1)
)
anything = st.one_of(
    normals(),
    specials,
    st.builds(Real, st.integers(0, 1), st.integers(0, MOST), st.integers(0, 2**64 - 1)),
    st.sampled_from([Real(s, e, f) for s in (0, 1) for e in (0, MOST) for f in (0, INTEGER_BIT)]),
)


def value(a: Real) -> Fraction:
    """Return what a finite number is worth."""
    magnitude = a.significand * Fraction(2) ** ((a.exponent or 1) - BIAS - 63)
    return -magnitude if a.sign else magnitude


def to_integer(number: Fraction, rounding: Rounding) -> int:
    """Return a number rounded to an integer."""
    floor = number.numerator // number.denominator
    up = {
        Rounding.NEAREST: round(number) > floor,
        Rounding.DOWN: False,
        Rounding.UP: number > floor,
        Rounding.CHOP: number < 0 and number > floor,
    }[rounding]
    return floor + up


def power_below(number: Fraction) -> int:
    """Return the exponent of the greatest power of two that isn't above a magnitude."""
    magnitude = abs(number)
    power = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    return power if magnitude >= Fraction(2) ** power else power - 1


def nearby(number: Fraction, rounding: Rounding, precision: int = 64) -> Fraction:
    """Return a number that isn't zero rounded to a significand of so many bits."""
    unit = Fraction(2) ** (power_below(number) + 1 - precision)
    return to_integer(number / unit, rounding) * unit
