"""How exact results become temporary reals: rounding, overflow, underflow.

Source: Intel, iAPX 86/88, 186/188 User's Manual, "8087 numeric data coprocessor".
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import NamedTuple

from blink16.cpu.x87.reals import Real


class Rounding(IntEnum):
    """Where a result goes that lies between two numbers: the control word's RC."""

    NEAREST = 0
    """And of two that are as near, to the even one."""
    DOWN = 1
    UP = 2
    CHOP = 3


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
    """What an operation gives, as if what it raises were masked (see `Control.masked`)."""

    value: Real
    raised: Exceptions = EXCEPTIONS[0]
    is_rounded_up: bool = False
    """Whether its magnitude is greater than the exact result's."""
