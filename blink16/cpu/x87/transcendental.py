"""The 8087's transcendental functions: correct to the last place, over a 387's ranges.

The 8087's manual gives narrow ranges (FPTAN to pi/4, F2XM1 to 0.5, FPATAN to y below x), does not
check them, and says nothing of what is beyond.  Here it is what is true.  Its own last bits are
known to nobody: results are rounded as the control word says, from twice as many bits as are kept.
Zeros, infinities and what has no result are a 387's; infinities have signs.  Denormals and
unnormals are taken for what they are worth, and not told.

All is done in fixed point: an integer ``n`` with ``places`` bits behind the point.

Sources: Intel, 80287 Programmer's Reference Manual, "Transcendental instructions"; Intel, 64 and
IA-32 Architectures Software Developer's Manual, volume 2, F2XM1, FPATAN, FPTAN, FYL2X, FYL2XP1.
"""

from __future__ import annotations

from math import isqrt
from typing import NamedTuple

from blink16.cpu.x87.arithmetic import greater_nan, is_nan, multiply
from blink16.cpu.x87.formats import from_integer
from blink16.cpu.x87.reals import BIAS, INDEFINITE, INFINITY, INTEGER_BIT, MOST, ONE, Real
from blink16.cpu.x87.rounding import (
    INVALID,
    NONE,
    ZERO_DIVIDE,
    Computed,
    Control,
    Exceptions,
    at_full_precision,
    normalized,
)

_PLACES = 320
"""Bits behind the point of the constants."""
_PI = 0x3243F6A8885A308D313198A2E03707344A4093822299F31D0082EFA98EC4E6C89452821E638D01377
_LN_2 = 0xB17217F7D1CF79ABC9E3B39803F2F6AF40F343267298B62D8A0D175B8BAAFA2BE7B876206DEBAC98
_LOG2_E = (1 << 2 * _PLACES) // _LN_2
_ENOUGH = 144
"""Significant bits of what is rounded: 64, and 80 by which it may be near to a tie."""
_TINY = 80
"""An operand below two to minus this is so small that a function's first term decides."""
_FINE = _ENOUGH + _TINY
"""Bits behind the point by which all else has enough: also what is left of 1, or of a turn."""
_INVALID = Computed(INDEFINITE, INVALID)


class Tangent(NamedTuple):
    """A tangent as the quotient ``y / x``; x is 1 as on a 387, whatever the 8087's is."""

    y: Real
    """What replaces the operand."""
    x: Real
    """What is pushed then."""
    raised: Exceptions = NONE


class _Finite(NamedTuple):
    """The magnitude of a number that is neither zero nor special: a significand of 64 bits."""

    significand: int
    power: int
    """The magnitude is ``significand * 2**(power - 63)``."""


def _finite(a: Real) -> _Finite:
    """Return what a number is worth that isn't special."""
    short = 64 - a.significand.bit_length()
    return _Finite(a.significand << short, (a.exponent or 1) - BIAS - short)


def _fixed(a: _Finite, places: int) -> int:
    """Return a magnitude in fixed point; bits that don't fit are chopped."""
    shift = a.power - 63 + places
    return a.significand << shift if shift >= 0 else a.significand >> -shift


def _inexact(sign: int, number: int, places: int, control: Control, power: int = 0) -> Computed:
    """Return what is a bit more than ``number * 2**power``, rounded.

    ``number``: in fixed point, with at least 66 significant bits.
    """
    more = places - 63
    return normalized(sign, BIAS + power, number | 1, more, at_full_precision(control))


# -- 2**x - 1 --------------------------------------------------------------------------------


def power_of_two_less_one(a: Real, control: Control) -> Computed:
    """Return ``2**a - 1`` (F2XM1) for an operand from -1 to 1; beyond, it is invalid."""
    sign, exponent, significand = a
    if exponent == MOST:
        if is_nan(a):
            return Computed(a, INVALID)
        return Computed(ONE._replace(sign=1) if sign else a)
    if not significand:
        return Computed(Real(sign, 0, 0))
    x = _finite(a)
    if x == (INTEGER_BIT, 0):
        return Computed(Real(1, BIAS - 1, INTEGER_BIT) if sign else ONE)
    if x.power >= 0:
        return _INVALID
    if x.power < -_TINY:
        # the second term, half the square of the first, is far below; it is positive
        return _inexact(sign, x.significand * _LN_2, 63 + _PLACES, control, x.power)
    places = _ENOUGH - x.power
    t = _fixed(x, places) * (_LN_2 >> _PLACES - places) >> places
    number = _exponential_less_one(-t if sign else t, places)
    return _inexact(sign, abs(number), places, control)


def _exponential_less_one(t: int, places: int) -> int:
    """Return ``e**t - 1`` by its series, for a ``t`` from -1 to 1."""
    total, term, n = 0, t, 1
    while term not in (0, -1):
        total += term
        n += 1
        term = (term * t >> places) // n
    return total


# -- logarithms ------------------------------------------------------------------------------


def y_log2_x(y: Real, x: Real, control: Control) -> Computed:
    """Return ``y * log2(x)`` (FYL2X); a negative x is invalid, and zero a division by zero."""
    if nan := greater_nan(y, x):
        return Computed(nan, INVALID)
    if not x.significand:
        return _infinite(y, -1, ZERO_DIVIDE)
    if x.sign:
        return _INVALID
    if x.exponent == MOST:
        return _infinite(y, 1)
    significand, power = _finite(x)
    if y.exponent == MOST:
        return _infinite(y, -1 if power < 0 else int((significand, power) > (INTEGER_BIT, 0)))
    return _times_logarithm(y, significand, 63 - power, control)


def y_log2_x_plus_one(y: Real, x: Real, control: Control) -> Computed:
    """Return ``y * log2(x + 1)`` (FYL2XP1), exact also for a small x; one below -1 is invalid."""
    if nan := greater_nan(y, x):
        return Computed(nan, INVALID)
    if x.exponent == MOST:
        return _INVALID if x.sign else _infinite(y, 1)
    significand, power = _finite(x)
    is_one = (significand, power) == (INTEGER_BIT, 0)
    if x.sign and (power > 0 or (power == 0 and not is_one)):
        return _INVALID
    if x.sign and is_one:
        return _infinite(y, -1, ZERO_DIVIDE)
    if y.exponent == MOST:
        return _infinite(y, 0 if not significand else -1 if x.sign else 1)
    sign = y.sign ^ x.sign
    if not significand or not y.significand:
        return Computed(Real(sign, 0, 0))
    if power < -_TINY:
        factor = _finite(y)
        product = factor.significand * significand * _LOG2_E
        return _inexact(sign, product, 126 + _PLACES, control, power + factor.power)
    places = max(63 - power, 0)
    shifted = significand << max(power - 63, 0)
    return _times_logarithm(y, (1 << places) + (-shifted if x.sign else shifted), places, control)


def _infinite(y: Real, log: int, raised: Exceptions = NONE) -> Computed:
    """Return the product of ``y`` and a logarithm, of which one is infinite; 0 is invalid then.

    ``log``: the logarithm, or a number with its sign.
    ``raised``: by an infinite logarithm of a finite number, unless ``y`` is infinite too.
    """
    if not log or not y.significand:
        return _INVALID
    infinity = INFINITY._replace(sign=y.sign ^ (log < 0))
    return Computed(infinity, NONE if y.exponent == MOST else raised)


def _times_logarithm(y: Real, number: int, places: int, control: Control) -> Computed:
    """Return ``y`` times the binary logarithm of a positive number in fixed point."""
    length = number.bit_length()
    # the power of two that is nearest by ratio: the root of two lies between them
    power = length if number * number >> 2 * length - 1 else length - 1
    away = number - (1 << power)
    if not away:
        return multiply(y, from_integer(power - places), at_full_precision(control))
    ratio = (away << _FINE) // (number + (1 << power))
    log = 2 * _inverse_tangent(ratio, _FINE, -1) * _LOG2_E >> _PLACES
    log += power - places << _FINE
    sign = y.sign ^ (log < 0)
    if not y.significand:
        return Computed(Real(sign, 0, 0))
    factor = _finite(y)
    return _inexact(sign, factor.significand * abs(log), 63 + _FINE, control, factor.power)


def _inverse_tangent(z: int, places: int, sign: int = 1) -> int:
    """Return the arc tangent of ``z`` by its series; ``sign`` -1: the inverse hyperbolic one."""
    square = -sign * (z * z >> places)
    total, term, n = 0, z, 1
    while term not in (0, -1):
        total += term // n
        term = term * square >> places
        n += 2
    return total


# -- tangents --------------------------------------------------------------------------------


def partial_tangent(a: Real, control: Control) -> Tangent | None:
    """Return the tangent (FPTAN).

    None: the operand is 2**63 or more; a 387 leaves it as it is, and says so.
    """
    sign, exponent, significand = a
    if exponent == MOST:
        value = a if is_nan(a) else INDEFINITE
        return Tangent(value, value, INVALID)
    if not significand:
        return Tangent(Real(sign, 0, 0), ONE)
    x = _finite(a)
    if x.power >= 63:
        return None
    if x.power < -_TINY:
        computed = _inexact(sign, x.significand << _TINY, 63 + _TINY, control, x.power)
        return Tangent(computed.value, ONE, computed.raised)
    fixed = _fixed(x, _FINE)
    quarter_turn = _PI >> _PLACES - _FINE + 1
    turns = (fixed + (quarter_turn >> 1)) // quarter_turn
    angle = fixed - (turns * _PI >> _PLACES - _FINE + 1)
    sine, cosine = _sine_and_cosine(angle, _FINE)
    if turns & 1:
        sine, cosine = cosine, -sine
    sign ^= (sine < 0) != (cosine < 0)
    computed = _inexact(sign, (abs(sine) << _FINE) // abs(cosine), _FINE, control)
    return Tangent(computed.value, ONE, computed.raised)


def _sine_and_cosine(angle: int, places: int) -> tuple[int, int]:
    """Return both by their series, for an angle from -1 to 1."""
    sums = [1 << places, 0, 0, 0]  # of the terms with n mod 4: cosine's and sine's of either sign
    term, n = angle, 1
    while term not in (0, -1):
        sums[n & 3] += term
        n += 1
        term = (term * angle >> places) // n
    return sums[1] - sums[3], sums[0] - sums[2]


def partial_arctangent(y: Real, x: Real, control: Control) -> Computed:
    """Return the angle of the point (x, y), from -pi to pi (FPATAN)."""
    if nan := greater_nan(y, x):
        return Computed(nan, INVALID)
    if MOST in (y.exponent, x.exponent) or not y.significand or not x.significand:
        return _extreme_angle(y, x, control)
    first, second = _finite(y), _finite(x)
    is_steep = (first.power, first.significand) > (second.power, second.significand)
    if is_steep:
        first, second = second, first
    apart = first.power - second.power
    if apart < -_TINY and not is_steep and not x.sign:
        return _tiny_angle(y.sign, first, second, control)
    places = _ENOUGH + (0 if is_steep or x.sign else -apart)
    shift = places + apart
    ratio = (first.significand << shift if shift > 0 else 0) // second.significand
    angle = _angle(ratio, places)
    pi = _PI >> _PLACES - places
    if is_steep:
        angle = (pi >> 1) + (angle if x.sign else -angle)
    elif x.sign:
        angle = pi - angle
    return _inexact(y.sign, angle, places, control)


def _angle(ratio: int, places: int) -> int:
    """Return the arc tangent of what is from 0 to 1, halved thrice for its series."""
    for _ in range(3):
        ratio = (ratio << places) // ((1 << places) + isqrt((1 << 2 * places) + ratio * ratio))
    return _inverse_tangent(ratio, places) << 3


def _tiny_angle(sign: int, y: _Finite, x: _Finite, control: Control) -> Computed:
    """Return the angle of a point far nearer to the axis: a bit less than its ratio."""
    ratio = (y.significand << 63 + _TINY) // x.significand - 1
    return _inexact(sign, ratio, 63 + _TINY, control, y.power - x.power)


def _extreme_angle(y: Real, x: Real, control: Control) -> Computed:
    """Return the angle of a point on an axis, or infinitely far: a multiple of pi/4."""
    if y.exponent == MOST:
        eighths = (3 if x.sign else 1) if x.exponent == MOST else 2
    elif x.exponent == MOST or not y.significand:
        eighths = 4 if x.sign else 0
    else:
        eighths = 2
    if not eighths:
        return Computed(Real(y.sign, 0, 0))
    return _inexact(y.sign, _PI * eighths, _PLACES + 2, control)
