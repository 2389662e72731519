"""How exact results become temporary reals: rounding, overflow, underflow.

Where the 8087 and the 80287 differ from the 387 and IEEE 754, it is as they do: a masked overflow
is infinite also when chopping; a result that directed rounding keeps finite is no overflow; when
chopping, a tiny result is an underflow even if it is exact; and what an unmasked overflow or
underflow delivers is not rounded.

Source: Intel, 80287 Programmer's Reference Manual, tables 1-11 and 1-17; Intel, 64 and IA-32
Architectures Software Developer's Manual, volume 3, "Architecture compatibility", x87 FPU.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import NamedTuple

from blink16.cpu.x87.reals import INFINITY, INTEGER_BIT, MOST, Real

WRAP = 24576
"""By how much an unmasked overflow or underflow moves the exponent into its range."""


class Rounding(IntEnum):
    """Where a result goes that lies between two numbers: the control word's RC."""

    NEAREST = 0
    """And of two that are as near, to the even one."""
    DOWN = 1
    UP = 2
    CHOP = 3


NEAREST, DOWN, UP, CHOP = Rounding


class Exceptions(IntFlag):
    """The status word's exceptions, and the control word's masks."""

    INVALID = 1
    DENORMAL = 2
    ZERO_DIVIDE = 4
    OVERFLOW = 8
    UNDERFLOW = 16
    PRECISION = 32


EXCEPTIONS = tuple(Exceptions(bits) for bits in range(64))
"""All combinations: looked up, not made, as that takes longer than an addition."""
NONE = EXCEPTIONS[0]
INVALID, DENORMAL, ZERO_DIVIDE, OVERFLOW, UNDERFLOW, PRECISION = Exceptions
OVERFLOW_PRECISION = OVERFLOW | PRECISION
UNDERFLOW_PRECISION = UNDERFLOW | PRECISION


class Control(NamedTuple):
    """What the control word asks of arithmetic."""

    rounding: Rounding
    precision: int
    """Bits of the results' significands: 24, 53 or 64."""
    masked: Exceptions
    """An overflow or underflow that isn't masked wraps the exponent around."""
    affine: bool
    """Infinity control: infinities have signs (affine), or are all the same (projective)."""


class Computed(NamedTuple):
    """What an operation gives, as if all that it raises were masked.

    An unmasked overflow or underflow gives what is delivered then: the exponent is moved by `WRAP`.
    """

    value: Real
    raised: Exceptions = NONE


def at_full_precision(control: Control) -> Control:
    """Return the same for the operations that precision control does not touch."""
    return Control(control[0], 64, control[2], control[3])


def shortened(significand: int, drop: int, sign: int, rounding: Rounding) -> tuple[int, bool]:
    """Return a significand without its ``drop`` lowest bits, rounded, and whether it is exact."""
    kept = significand >> drop
    rest = significand ^ kept << drop
    if not rest:
        return kept, True
    if rounding is NEAREST:
        rest <<= 1
        half = 1 << drop
        if rest > half or (rest == half and kept & 1):
            kept += 1
    elif rounding is (DOWN if sign else UP):
        kept += 1
    return kept, False


def rounded(sign: int, exponent: int, significand: int, more: int, control: Control) -> Computed:
    """Return an exact result as a temporary real.

    ``exponent``: biased, of any size.
    ``significand``: has ``more`` bits below the 64 of a temporary real (0 or more), and
    none above.  Its last bit may stand for all that is not zero below it, if it is below the half
    of the last place.  A result is normal if it is; it is not made so.
    """
    rounding, precision, masked, _ = control
    if exponent <= 0:
        return _tiny(sign, exponent, significand, more, control)
    kept, is_exact = shortened(significand, more + 64 - precision, sign, rounding)
    if kept >> precision:
        kept >>= 1
        exponent += 1
    if exponent < MOST:
        value = Real(sign, exponent, kept << 64 - precision)
        return Computed(value, NONE if is_exact else PRECISION)
    if not masked & OVERFLOW:
        return _wrapped(sign, exponent - WRAP, significand >> more)
    if overflows_to_infinity(sign, rounding):
        return Computed(INFINITY._replace(sign=sign), OVERFLOW_PRECISION)
    most = (1 << precision) - 2 if significand >> more & INTEGER_BIT else kept
    return Computed(Real(sign, MOST - 1, most << 64 - precision), PRECISION)


def overflows_to_infinity(sign: int, rounding: Rounding) -> bool:
    """Whether a masked overflow gives an infinity, or rounding keeps it finite."""
    return rounding is not (UP if sign else DOWN)


def _tiny(sign: int, exponent: int, significand: int, more: int, control: Control) -> Computed:
    """Return a result that is below all normal numbers, denormalized."""
    rounding, precision, masked, _ = control
    if not significand:
        return Computed(Real(sign, 0, 0))
    if not masked & UNDERFLOW:
        return _wrapped(sign, exponent + WRAP, significand >> more, UNDERFLOW)
    more += 1 - exponent
    kept, is_exact = shortened(significand, more + 64 - precision, sign, rounding)
    kept <<= 64 - precision
    # rounding up may have made the least normal number of it
    value = Real(sign, 1 if kept & INTEGER_BIT else 0, kept)
    if is_exact:
        return Computed(value, UNDERFLOW if rounding is CHOP else NONE)
    return Computed(value, UNDERFLOW_PRECISION)


def _wrapped(sign: int, exponent: int, significand: int, raised: Exceptions = OVERFLOW) -> Computed:
    """Return what an unmasked overflow or underflow delivers: what its handler undoes.

    Scaling may leave the range by more than that; then an infinity or zero, as a 387's.
    """
    if exponent >= MOST:
        return Computed(INFINITY._replace(sign=sign), raised)
    if exponent <= 0:
        return Computed(Real(sign, 0, 0), raised)
    return Computed(Real(sign, exponent, significand), raised)


def normalized(sign: int, exponent: int, significand: int, more: int, control: Control) -> Computed:
    """Return an exact result that isn't zero as a normal number, rounded: see `rounded`."""
    surplus = significand.bit_length() - 64 - more
    exponent += surplus
    more += surplus
    if more < 0:
        significand <<= -more
        more = 0
    return rounded(sign, exponent, significand, more, control)
