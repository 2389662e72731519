"""The formats in which the 8087 loads and stores numbers, all of them little-endian.

There is no `construct` here: a program loads and stores numbers as often as it computes.

Source: Intel, 80287 Programmer's Reference Manual, "Number system" and "Data transfer
instructions"; tables 1-9 and 1-17 for what is special.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from blink16.cpu.x87.reals import BIAS, INDEFINITE, INTEGER_BIT, MOST, Category, Real, classify
from blink16.cpu.x87.rounding import (
    CHOP,
    INVALID,
    NONE,
    OVERFLOW,
    OVERFLOW_PRECISION,
    PRECISION,
    UNDERFLOW,
    UNDERFLOW_PRECISION,
    Control,
    Exceptions,
    overflows_to_infinity,
    shortened,
)


@dataclass(frozen=True)
class _Layout:
    """A real in memory: its fraction, above it the exponent, above it the sign."""

    size: int
    """Bytes."""
    fraction: int
    """Bits; one more, the integer bit, isn't stored."""

    @property
    def exponent(self) -> int:
        """How many bits the exponent has."""
        return 8 * self.size - 1 - self.fraction

    @property
    def most(self) -> int:
        """The exponent of infinities and NaNs."""
        return (1 << self.exponent) - 1

    @property
    def rebias(self) -> int:
        """By how much a temporary real's exponent is greater."""
        return BIAS - (self.most >> 1)


SHORT, LONG = _Layout(4, 23), _Layout(8, 52)
_TEMPORARY = struct.Struct("<QH")
DIGITS = 18
"""Decimal digits of a packed decimal."""
_BCD_INDEFINITE = bytes(7) + b"\xc0\xff\xff"


class Stored(NamedTuple):
    """What a store puts in memory if all that it raises is masked; else memory stays as it was."""

    data: bytes
    raised: Exceptions = NONE


def from_short(data: bytes) -> Real:
    """Return a short real of 4 bytes.

    A denormal becomes an unnormal (see `reals.Category`), and is the only number that does.
    """
    return _loaded(data, 23, 0xFF, BIAS - 127)


def from_long(data: bytes) -> Real:
    """Return a long real of 8 bytes; for denormals see `from_short`."""
    return _loaded(data, 52, 0x7FF, BIAS - 1023)


def _loaded(data: bytes, fraction_bits: int, most: int, rebias: int) -> Real:
    bits = int.from_bytes(data, "little")
    sign = bits >> 8 * len(data) - 1
    exponent = bits >> fraction_bits & most
    significand = (bits & (1 << fraction_bits) - 1) << 63 - fraction_bits
    if exponent == most:
        return Real(sign, MOST, significand | INTEGER_BIT)
    if exponent:
        return Real(sign, exponent + rebias, significand | INTEGER_BIT)
    return Real(sign, 1 + rebias if significand else 0, significand)


def from_temporary(data: bytes) -> Real:
    """Return a temporary real of 10 bytes."""
    significand, high = _TEMPORARY.unpack(data)
    return Real(high >> 15, high & MOST, significand)


def from_integer(value: int) -> Real:
    """Return an integer of at most 64 bits, as FILD does."""
    magnitude = abs(value)
    length = magnitude.bit_length()
    if not length:
        return Real(0, 0, 0)
    return Real(int(value < 0), BIAS + length - 1, magnitude << 64 - length)


def from_packed_bcd(data: bytes) -> Real:
    """Return a packed decimal of 10 bytes: 18 digits, and the sign in the last byte's highest bit.

    Digits beyond 9 give what is undefined; here they count as what they are, as on a 387.
    """
    value = 0
    for byte in reversed(data[:9]):
        value = value * 100 + (byte >> 4) * 10 + (byte & 15)
    return from_integer(value)._replace(sign=data[9] >> 7)


def to_short(a: Real, control: Control) -> Stored:
    """Return this as a short real of 4 bytes.

    Infinities, NaNs and denormals aren't rounded: the exponent's and the significand's high bits
    are stored as they are. An unnormal that isn't below all normal short reals is invalid.
    """
    return _stored(a, SHORT, control)


def to_long(a: Real, control: Control) -> Stored:
    """Return this as a long real of 8 bytes: see `to_short`."""
    return _stored(a, LONG, control)


def to_temporary(a: Real) -> bytes:
    """Return this as a temporary real of 10 bytes; that never raises anything."""
    return _TEMPORARY.pack(a[2], a[0] << 15 | a[1])


def _stored(a: Real, layout: _Layout, control: Control) -> Stored:
    sign, exponent, significand = a
    drop = 63 - layout.fraction
    if exponent in (0, MOST):
        return Stored(_pack(sign, exponent and layout.most, significand >> drop, layout))
    exponent -= layout.rebias
    short = 64 - significand.bit_length()
    if exponent - short <= 0:
        return _stored_tiny(sign, exponent, significand, layout, control)
    if short:
        return Stored(_pack(1, layout.most, INDEFINITE.significand >> drop, layout), INVALID)
    kept, is_exact = shortened(significand, drop, sign, control.rounding)
    if kept >> layout.fraction + 1:
        kept >>= 1
        exponent += 1
    if exponent < layout.most:
        return Stored(_pack(sign, exponent, kept, layout), NONE if is_exact else PRECISION)
    if not control.masked & OVERFLOW:
        return Stored(b"", OVERFLOW)
    if overflows_to_infinity(sign, control.rounding):
        return Stored(_pack(sign, layout.most, 0, layout), OVERFLOW_PRECISION)
    return Stored(_pack(sign, layout.most - 1, (2 << layout.fraction) - 2, layout), PRECISION)


def _stored_tiny(
    sign: int, exponent: int, significand: int, layout: _Layout, control: Control
) -> Stored:
    """Return a number below all normal ones of this layout, denormalized."""
    if significand and not control.masked & UNDERFLOW:
        return Stored(b"", UNDERFLOW)
    drop = 63 - layout.fraction + 1 - exponent
    if drop < 0:  # a pseudo-zero, or an unnormal with nothing in its high bits
        significand <<= -drop
        drop = 0
    kept, is_exact = shortened(significand, drop, sign, control.rounding)
    # rounding up may have made the least normal number of it
    data = _pack(sign, kept >> layout.fraction, kept, layout)
    if is_exact:
        return Stored(data, UNDERFLOW if control.rounding is CHOP and significand else NONE)
    return Stored(data, UNDERFLOW_PRECISION)


def _pack(sign: int, exponent: int, significand: int, layout: _Layout) -> bytes:
    """Return a real's bytes; its integer bit isn't in them."""
    fraction = significand & (1 << layout.fraction) - 1
    bits = (sign << layout.exponent | exponent) << layout.fraction | fraction
    return bits.to_bytes(layout.size, "little")


def to_integer(a: Real, bits: int, control: Control) -> Stored:
    """Return this rounded to an integer of 16, 32 or 64 bits.

    Infinities, NaNs, denormals, unnormals and what does not fit are invalid; then it is the
    integer indefinite, which is also the least integer.
    """
    least = -1 << bits - 1
    magnitude = _magnitude(a)
    if magnitude is not None:
        value, is_exact = shortened(*magnitude, a.sign, control.rounding)
        value = -value if a.sign else value
        if least <= value < -least:
            data = value.to_bytes(bits >> 3, "little", signed=True)
            return Stored(data, NONE if is_exact else PRECISION)
    return Stored(least.to_bytes(bits >> 3, "little", signed=True), INVALID)


def to_packed_bcd(a: Real) -> Stored:
    """Return this as a packed decimal of 10 bytes; what is invalid is as in `to_integer`.

    It adds a half and chops, whatever the control word says, and does not tell that it is inexact.
    """
    magnitude = _magnitude(a)
    if magnitude is None:
        return Stored(_BCD_INDEFINITE, INVALID)
    significand, drop = magnitude
    value = significand + (1 << drop >> 1) >> drop
    if value >= 10**DIGITS:
        return Stored(_BCD_INDEFINITE, INVALID)
    return Stored(bytes.fromhex(f"{a.sign << 7:02x}{value:0{DIGITS}}")[::-1])


def _magnitude(a: Real) -> tuple[int, int] | None:
    """Return a significand, and how many of its bits are behind the point.

    None: no 64-bit integer is near, or it isn't a normal number or zero.
    """
    if classify(a) not in (Category.NORMAL, Category.ZERO):
        return None
    drop = BIAS + 63 - a.exponent
    # how little that is which is below a quarter does not matter
    return None if drop < 0 else (a.significand, min(drop, 66))
