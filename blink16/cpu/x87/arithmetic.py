"""What the 8087 computes with temporary reals, but for transcendental functions.

Normal operands are what programs have, and come first in each function; all others meet the rules
of the manual's tables behind that.  Denormals are taken for the unnormals that are equal to them.

Source: Intel, 80287 Programmer's Reference Manual, tables 1-9 (unnormals), 1-10 (zeros), 1-12
(infinities) and 1-17 (exceptions).
"""

from __future__ import annotations

from enum import Enum, auto
from math import isqrt
from typing import NamedTuple

from blink16.cpu.x87.formats import from_integer
from blink16.cpu.x87.reals import BIAS, INDEFINITE, INFINITY, INTEGER_BIT, MOST, ZERO, Real
from blink16.cpu.x87.rounding import (
    DENORMAL,
    DOWN,
    EXCEPTIONS,
    INVALID,
    NONE,
    OVERFLOW,
    PRECISION,
    ZERO_DIVIDE,
    Computed,
    Control,
    Exceptions,
    at_full_precision,
    normalized,
    rounded,
    shortened,
)

FARTHEST = 130
"""Exponents farther apart than this: a sum's lesser operand only says where the rest lies."""
_INVALID = Computed(INDEFINITE, INVALID)


class Relation(Enum):
    """How two numbers compare."""

    LESS = auto()
    EQUAL = auto()
    GREATER = auto()
    UNORDERED = auto()


class Comparison(NamedTuple):
    """How the first operand compares with the second."""

    relation: Relation
    raised: Exceptions = NONE


class Remainder(NamedTuple):
    """What FPREM leaves."""

    value: Real
    raised: Exceptions = NONE
    quotient: int = 0
    """Its three lowest bits, if the remainder isn't partial."""
    is_partial: bool = False
    """Whether the remainder isn't yet below the modulus."""


class Extracted(NamedTuple):
    """A number in two: ``significand * 2**exponent``."""

    exponent: Real
    significand: Real
    raised: Exceptions = NONE


# -- addition --------------------------------------------------------------------------------


def add(a: Real, b: Real, control: Control) -> Computed:
    """Return ``a + b``."""
    return _sum(a, b, 0, control)


def subtract(a: Real, b: Real, control: Control) -> Computed:
    """Return ``a - b``."""
    return _sum(a, b, 1, control)


def _sum(a: Real, b: Real, flip: int, control: Control) -> Computed:
    """Return the sum; ``flip``: 1 takes the second operand with the other sign."""
    sign, exponent, significand = a
    other_sign, other_exponent, other = b
    other_sign ^= flip
    if not (
        0 < exponent < MOST and 0 < other_exponent < MOST and significand & other & INTEGER_BIT
    ):
        return _special_sum(a, b, flip, control)
    if exponent < other_exponent or (exponent == other_exponent and significand < other):
        sign, exponent, significand, other_sign, other_exponent, other = (
            *(other_sign, other_exponent, other),
            *(sign, exponent, significand),
        )
    apart = exponent - other_exponent
    if apart > FARTHEST:
        apart, other = FARTHEST, 1
    significand <<= apart
    if sign == other_sign:
        return normalized(sign, exponent, significand + other, apart, control)
    if significand == other:
        return Computed(_zero_sum(control))
    return normalized(sign, exponent, significand - other, apart, control)


def _zero_sum(control: Control) -> Real:
    """Return what two numbers give that cancel each other."""
    return Real(1 if control.rounding is DOWN else 0, 0, 0)


def _special_sum(a: Real, b: Real, flip: int, control: Control) -> Computed:
    raised = _denormal(a, b)
    if raised and not control.masked & DENORMAL:
        return Computed(a, raised)
    if nan := greater_nan(a, b):
        return Computed(nan, EXCEPTIONS[raised | INVALID])
    second = Real(b.sign ^ flip, b.exponent, b.significand)
    if a.exponent == MOST or b.exponent == MOST:
        if a.exponent == b.exponent and not (control.affine and a.sign == second.sign):
            return Computed(INDEFINITE, EXCEPTIONS[raised | INVALID])
        return Computed(a if a.exponent == MOST else second, raised)
    return _also(_unnormal_sum(a, second, control), raised)


def _unnormal_sum(a: Real, b: Real, control: Control) -> Computed:
    """Return a sum of finite numbers; it is normal if the operand of greater magnitude is."""
    exponent = max(a.exponent or 1, b.exponent or 1)
    least = min(a.exponent or 1, b.exponent or 1)
    if not a.significand and not b.significand:  # zeros and pseudo-zeros
        value = a if a.sign == b.sign else _zero_sum(control)
        return Computed(Real(value.sign, max(a.exponent, b.exponent), 0))
    if exponent - least > FARTHEST and max(a, b, key=_exponent).significand:
        low = exponent - FARTHEST
        a, b = (Real(x.sign, low, 1) if x.exponent < low and x.significand else x for x in (a, b))
        least = low
    first, second = (x.significand << max((x.exponent or 1) - least, 0) for x in (a, b))
    total = (-first if a.sign else first) + (-second if b.sign else second)
    if not total:
        return Computed(_zero_sum(control))
    greater = a if first >= second else b
    sign, magnitude, more = int(total < 0), abs(total), exponent - least
    if greater.significand & INTEGER_BIT:
        return normalized(sign, exponent, magnitude, more, control)
    return _not_normalized(sign, exponent, magnitude, more, control)


def _exponent(a: Real) -> int:
    return a.exponent


def _not_normalized(
    sign: int, exponent: int, significand: int, more: int, control: Control
) -> Computed:
    """Return an exact result as an unnormal, if it has no carry; see `rounded`."""
    if significand >> more + 64:
        more, exponent = more + 1, exponent + 1
    return rounded(sign, exponent, significand, more, control)


# -- what operands of all operations may be -----------------------------------------------------


def _denormal(a: Real, b: Real = ZERO) -> Exceptions:
    """Return what operands raise that are denormal."""
    is_denormal = (not a[1] and a[2]) or (not b[1] and b[2])
    return DENORMAL if is_denormal else NONE


def is_nan(a: Real) -> bool:
    """Whether this is not a number."""
    return a[1] == MOST and a[2] != INTEGER_BIT


def greater_nan(a: Real, b: Real) -> Real | None:
    """Return the NaN that an operation with one or two of them gives: that of greater magnitude."""
    nans = [x for x in (a, b) if is_nan(x)]
    return max(nans, key=_significand) if nans else None


def _significand(a: Real) -> int:
    return a.significand


def _also(computed: Computed, raised: Exceptions) -> Computed:
    """Return the same, with more that is raised."""
    if not raised:
        return computed
    return Computed(computed.value, EXCEPTIONS[computed.raised | raised])


# -- multiplication and division -------------------------------------------------------------


def multiply(a: Real, b: Real, control: Control) -> Computed:
    """Return ``a * b``."""
    sign, exponent, significand = a
    other_sign, other_exponent, other = b
    if not (
        0 < exponent < MOST and 0 < other_exponent < MOST and significand & other & INTEGER_BIT
    ):
        return _special_product(a, b, control)
    return _not_normalized(
        sign ^ other_sign, exponent + other_exponent - BIAS, significand * other, 63, control
    )


def _special_product(a: Real, b: Real, control: Control) -> Computed:
    raised = _denormal(a, b)
    if raised and not control.masked & DENORMAL:
        return Computed(a, raised)
    if nan := greater_nan(a, b):
        return Computed(nan, EXCEPTIONS[raised | INVALID])
    sign = a.sign ^ b.sign
    is_zero = _is_zero(a) or _is_zero(b)
    if a.exponent == MOST or b.exponent == MOST:
        return _INVALID if is_zero else Computed(INFINITY._replace(sign=sign), raised)
    if is_zero:
        return Computed(Real(sign, 0, 0), raised)
    exponent = (a.exponent or 1) + (b.exponent or 1) - BIAS
    product = _not_normalized(sign, exponent, a.significand * b.significand, 63, control)
    return _also(product, raised)


def _is_zero(a: Real) -> bool:
    """Whether this is a true zero."""
    return not a[1] and not a[2]


def divide(a: Real, b: Real, control: Control) -> Computed:
    """Return ``a / b``.  A divisor that is denormal or unnormal is invalid."""
    sign, exponent, significand = a
    other_sign, other_exponent, other = b
    if not (
        0 < exponent < MOST and 0 < other_exponent < MOST and significand & other & INTEGER_BIT
    ):
        return _special_quotient(a, b, control)
    exponent += BIAS - other_exponent
    if significand < other:
        significand <<= 1
        exponent -= 1
    return _divided(sign ^ other_sign, exponent, significand, other, control)


def _divided(
    sign: int, exponent: int, significand: int, divisor: int, control: Control
) -> Computed:
    """Return a quotient with two bits more than a temporary real has, and what is left."""
    quotient, rest = divmod(significand << 65, divisor)
    return rounded(sign, exponent, quotient << 1 | (rest > 0), 3, control)


def _special_quotient(a: Real, b: Real, control: Control) -> Computed:
    raised = _denormal(a, b)
    if raised and not control.masked & DENORMAL:
        return Computed(a, raised)
    if nan := greater_nan(a, b):
        return Computed(nan, EXCEPTIONS[raised | INVALID])
    sign = a.sign ^ b.sign
    if a.exponent == MOST:
        invalid = b.exponent == MOST
        value = INDEFINITE if invalid else INFINITY._replace(sign=sign)
        return Computed(value, EXCEPTIONS[raised | (INVALID if invalid else NONE)])
    if b.exponent == MOST:
        return Computed(Real(sign, 0, 0), raised)
    if _is_zero(b) and a.significand:
        return Computed(INFINITY._replace(sign=sign), EXCEPTIONS[raised | ZERO_DIVIDE])
    if not b.significand & INTEGER_BIT or not b.exponent:
        return Computed(INDEFINITE, EXCEPTIONS[raised | INVALID])
    if _is_zero(a):
        return Computed(Real(sign, 0, 0), raised)
    exponent = (a.exponent or 1) + BIAS - b.exponent
    return _also(_divided(sign, exponent, a.significand, b.significand, control), raised)


def square_root(a: Real, control: Control) -> Computed:
    """Return the square root; that of -0 is -0, and denormals and unnormals are invalid."""
    sign, exponent, significand = a
    if 0 < exponent < MOST and significand & INTEGER_BIT and not sign:
        # the root has 64 bits and two more: of a significand below 2, or of twice as much below 4
        odd = (exponent ^ BIAS) & 1
        scaled = significand << 67 + odd
        root = isqrt(scaled)
        exponent = (exponent - BIAS - odd >> 1) + BIAS
        return rounded(0, exponent, root << 1 | (root * root != scaled), 3, control)
    if _is_zero(a):
        return Computed(a)
    raised = _denormal(a)
    if raised and not control.masked & DENORMAL:
        return Computed(a, raised)
    if is_nan(a):
        return Computed(a, INVALID)
    if a == INFINITY and control.affine:
        return Computed(a)
    return Computed(INDEFINITE, EXCEPTIONS[raised | INVALID])


# -- comparison ------------------------------------------------------------------------------


def compare(a: Real, b: Real, control: Control) -> Comparison:
    """Return how ``a`` compares with ``b``.

    Zeros are equal, and so are projective infinities, which compare with nothing else.
    """
    raised = _denormal(a, b)
    if raised and not control.masked & DENORMAL:
        return Comparison(Relation.UNORDERED, raised)
    infinities = (a.exponent == MOST) + (b.exponent == MOST)
    if infinities:
        if is_nan(a) or is_nan(b) or (infinities == 1 and not control.affine):
            return Comparison(Relation.UNORDERED, EXCEPTIONS[raised | INVALID])
        if infinities == 2 and not control.affine:
            return Comparison(Relation.EQUAL, raised)
    first, second = _ordinal(a), _ordinal(b)
    if first == second:
        return Comparison(Relation.EQUAL, raised)
    return Comparison(Relation.LESS if first < second else Relation.GREATER, raised)


def _ordinal(a: Real) -> tuple[int, int]:
    """Return what is ordered as numbers are; unnormals are normalized as far as possible."""
    sign, exponent, significand = a
    if not significand:
        return (0, 0)
    short = 64 - significand.bit_length()
    # exponents are above 0 now, and greater ones are greater numbers
    exponent = (exponent or 1) + 64 - short
    significand <<= short
    return (-exponent, -significand) if sign else (exponent, significand)


# -- integers, exponents, remainders ---------------------------------------------------------


def round_to_integer(a: Real, control: Control) -> Computed:
    """Return the integer to which the control word rounds this."""
    sign, exponent, significand = a
    if exponent == MOST:
        return Computed(a, INVALID if is_nan(a) else NONE)
    if not significand:
        return Computed(Real(sign, 0, 0))
    exponent = exponent or 1
    drop = BIAS + 63 - exponent
    if drop <= 0 and significand & INTEGER_BIT:
        return Computed(a)
    if drop <= 0:
        return normalized(sign, exponent, significand, 0, at_full_precision(control))
    # how little that is which is below a quarter does not matter
    magnitude, is_exact = shortened(significand, min(drop, 66), sign, control.rounding)
    value = from_integer(magnitude)._replace(sign=sign)
    return Computed(value, NONE if is_exact else PRECISION)


def scale(a: Real, b: Real, control: Control) -> Computed:
    """Return ``a * 2**b``, with b chopped to an integer.

    The 8087 says nothing of a ``b`` between -1 and 1 or beyond 2**15: there it is as on a 387.
    It tells that a result is inexact only if that overflows.
    """
    if nan := greater_nan(a, b):
        return Computed(nan, INVALID)
    if b.exponent == MOST:
        return Computed(a) if _is_zero(a) else _INVALID
    sign, exponent, significand = a
    if exponent == MOST or not significand:
        return Computed(a)
    drop = BIAS + 63 - (b.exponent or 1)
    # 2**18 is beyond all
    by = b.significand >> drop if drop > 63 - 18 else (1 << 18 if b.significand else 0)
    exponent = (exponent or 1) + (-by if b.sign else by)
    scaled = rounded(sign, exponent, significand, 0, at_full_precision(control))
    if scaled.raised is NONE or scaled.raised & OVERFLOW:
        return scaled
    return Computed(scaled.value, EXCEPTIONS[scaled.raised & ~PRECISION])


def extract(a: Real) -> Extracted:
    """Return the exponent, and the significand with the exponent 0; both of zero are zero."""
    sign, exponent, significand = a
    if exponent == MOST:
        value = a if is_nan(a) else INDEFINITE
        return Extracted(value, value, INVALID)
    if _is_zero(a):
        return Extracted(a, a)
    return Extracted(from_integer((exponent or 1) - BIAS), Real(sign, BIAS, significand))


def remainder(a: Real, b: Real, control: Control) -> Remainder:
    """Return ``a`` less the multiple of ``b`` that brings it, without a change of sign, below b.

    Where the exponents are 64 or more apart this brings it nearer by 32 to 63, as a 387 does, and
    the remainder is partial.  A modulus that is denormal or unnormal is invalid.
    """
    raised = _denormal(a, b)
    if raised and not control.masked & DENORMAL:
        return Remainder(a, raised)
    if nan := greater_nan(a, b):
        return Remainder(nan, EXCEPTIONS[raised | INVALID])
    is_modulus = b.exponent and b.significand & INTEGER_BIT
    if a.exponent == MOST or not is_modulus:
        return Remainder(INDEFINITE, EXCEPTIONS[raised | INVALID])
    if b.exponent == MOST or not a.significand:
        return Remainder(a if a.significand else Real(a.sign, 0, 0), raised)
    sign, exponent, significand = a
    short = 64 - significand.bit_length()
    significand <<= short
    exponent = (exponent or 1) - short
    apart = exponent - b.exponent
    is_partial = apart > 63
    step = apart - (apart % 32 + 32) if is_partial else 0
    quotient = 0
    if apart >= 0:
        quotient, significand = divmod(significand << apart - step, b.significand)
        exponent = b.exponent + step
    if not significand:
        return Remainder(Real(sign, 0, 0), raised, 0 if is_partial else quotient & 7, is_partial)
    left = normalized(sign, exponent, significand, 0, at_full_precision(control))
    raised = EXCEPTIONS[left.raised | raised]
    return Remainder(left.value, raised, 0 if is_partial else quotient & 7, is_partial)
