"""Temporary reals, the 8087's only kind of number: 80 bits, and which kinds of value they are.

Source: Intel, iAPX 86/88, 186/188 User's Manual, "8087 numeric data coprocessor", data types.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

BIAS = 16383
MOST = 0x7FFF
"""The exponent of infinities and NaNs."""
INTEGER_BIT = 1 << 63


class Real(NamedTuple):
    """A temporary real: ``significand / 2**63 * 2**(exponent - BIAS)``, negative if ``sign``."""

    sign: int
    """0 or 1."""
    exponent: int
    """15 bits, biased by 16383."""
    significand: int
    """64 bits, the integer bit explicit."""


class Category(Enum):
    """What kind of value a temporary real is, as FXAM tells them apart."""

    UNNORMAL = auto()
    """Also a pseudo-zero: its significand is zero, its exponent isn't."""
    NAN = auto()
    NORMAL = auto()
    INFINITY = auto()
    ZERO = auto()
    DENORMAL = auto()


ZERO = Real(0, 0, 0)
ONE = Real(0, BIAS, INTEGER_BIT)
INFINITY = Real(0, MOST, INTEGER_BIT)
INDEFINITE = Real(1, MOST, 3 << 62)
"""The NaN that is the masked answer to an invalid operation."""
# the constants in ROM; none is rounded as the control word asks
PI = Real(0, BIAS + 1, 0xC90FDAA22168C235)
LOG2_10 = Real(0, BIAS + 1, 0xD49A784BCD1B8AFE)
LOG2_E = Real(0, BIAS, 0xB8AA3B295C17F0BC)
LOG10_2 = Real(0, BIAS - 2, 0x9A209A84FBCFF799)
LN_2 = Real(0, BIAS - 1, 0xB17217F7D1CF79AC)


def classify(a: Real) -> Category:
    """Return what kind of value this is.

    An infinity has the integer bit and no other; all else with its exponent are NaNs.
    """
    _, exponent, significand = a
    if exponent == MOST:
        return Category.INFINITY if significand == INTEGER_BIT else Category.NAN
    if exponent == 0:
        return Category.DENORMAL if significand else Category.ZERO
    return Category.NORMAL if significand & INTEGER_BIT else Category.UNNORMAL
