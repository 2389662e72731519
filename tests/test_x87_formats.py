"""The formats in which an 8087 loads and stores numbers."""

from __future__ import annotations

import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from x87_numbers import ALL, PLAIN, anything, controls, middling, nearby, normals, value
from x87_numbers import to_integer as rounded_to_integer

from blink16.cpu.x87 import formats
from blink16.cpu.x87.reals import (
    BIAS,
    INDEFINITE,
    INFINITY,
    INTEGER_BIT,
    MOST,
    ONE,
    ZERO,
    Category,
    Real,
    classify,
)
from blink16.cpu.x87.rounding import Control, Exceptions, Rounding

INVALID, NONE = Exceptions.INVALID, Exceptions(0)
NAN = Real(0, MOST, 0xA5A5_A5A5_A5A5_A5A5)
LEAST_SHORT = Real(0, BIAS - 126, INTEGER_BIT)
UNNORMAL = Real(0, BIAS, 1 << 62)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_long_reals_are_doubles(number: float) -> None:
    """Prevents a load or a store that is a bit off; denormals come back too, being unnormals."""
    data = struct.pack("<d", number)
    loaded = formats.from_long(data)
    assert value(loaded) == Fraction(number)
    assert formats.to_long(loaded, PLAIN) == (data, NONE)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_short_reals_are_floats(number: float) -> None:
    """Prevents the same for four bytes."""
    data = struct.pack("<f", number)
    loaded = formats.from_short(data)
    assert value(loaded) == Fraction(number)
    assert formats.to_short(loaded, PLAIN) == (data, NONE)


@given(st.binary(min_size=10, max_size=10))
def test_temporary_reals_are_kept_to_the_bit(data: bytes) -> None:
    """Prevents FLD and FSTP from making something else of what a program saves of the stack."""
    assert formats.to_temporary(formats.from_temporary(data)) == data


@given(middling, controls)
def test_stores_round_as_the_control_word_says(a: Real, control: Control) -> None:
    """Prevents a short or long real that isn't the one that rounding control asks for."""
    for to, code, precision in ((formats.to_short, "<f", 24), (formats.to_long, "<d", 53)):
        stored = to(a, control)
        exact = nearby(value(a), control.rounding, precision)
        assert Fraction(*struct.unpack(code, stored.data)) == exact
        assert stored.raised == (NONE if exact == value(a) else Exceptions.PRECISION)


@given(normals(BIAS - 1100, BIAS - 1023), controls)
def test_tiny_numbers_are_stored_as_denormals(a: Real, control: Control) -> None:
    """Prevents programs from meeting zero, or a wrong neighbour, below the normal long reals."""
    stored = formats.to_long(a, control)
    unit = Fraction(1, 2**1074)
    exact = rounded_to_integer(value(a) / unit, control.rounding) * unit
    assert Fraction(*struct.unpack("<d", stored.data)) == exact
    if exact != value(a):
        assert stored.raised == Exceptions.UNDERFLOW | Exceptions.PRECISION
    else:  # when chopping, whatever is tiny is an underflow
        chops = control.rounding is Rounding.CHOP
        assert stored.raised == (Exceptions.UNDERFLOW if chops else NONE)


@pytest.mark.parametrize(
    ("rounding", "sign", "data", "raised"),
    [
        (Rounding.NEAREST, 0, "0000807f", "OP"),
        (Rounding.CHOP, 1, "000080ff", "OP"),
        (Rounding.UP, 0, "0000807f", "OP"),
        (Rounding.UP, 1, "feff7fff", "P"),
        (Rounding.DOWN, 0, "feff7f7f", "P"),
        (Rounding.DOWN, 1, "000080ff", "OP"),
    ],
)
def test_what_is_too_great_is_stored_as_the_manual_says(
    rounding: Rounding, sign: int, data: str, raised: str
) -> None:
    """Prevents a 387's answers: there chopping stays finite (tables 1-11 and 1-17)."""
    flags = {"O": Exceptions.OVERFLOW, "P": Exceptions.PRECISION}
    expected = Exceptions(sum(flags[letter] for letter in raised))
    control = PLAIN._replace(rounding=rounding)
    assert formats.to_short(Real(sign, MOST - 1, INTEGER_BIT), control) == (
        bytes.fromhex(data),
        expected,
    )


def test_an_unmasked_overflow_or_underflow_stores_nothing() -> None:
    """Prevents memory that changes before an exception handler has looked at it."""
    control = PLAIN._replace(masked=Exceptions(0))
    great, tiny = Real(0, MOST - 1, INTEGER_BIT), Real(0, 1, INTEGER_BIT)
    assert formats.to_long(great, control) == (b"", Exceptions.OVERFLOW)
    assert formats.to_short(tiny, control) == (b"", Exceptions.UNDERFLOW)
    assert formats.to_short(tiny, PLAIN._replace(masked=ALL ^ Exceptions.UNDERFLOW)).data == b""


def test_infinities_nans_and_denormals_are_chopped() -> None:
    """Prevents what is no number from being rounded to another, or being invalid."""
    assert formats.to_short(INFINITY._replace(sign=1), PLAIN) == (b"\0\0\x80\xff", NONE)
    assert formats.to_short(INDEFINITE, PLAIN) == (b"\0\0\xc0\xff", NONE)
    assert formats.to_long(NAN, PLAIN).data == bytes.fromhex("b4b4b4b4b4b4f47f")
    assert formats.from_long(formats.to_long(INDEFINITE, PLAIN).data) == INDEFINITE
    assert formats.to_short(Real(1, 0, 1 << 62), PLAIN) == (bytes.fromhex("00004080"), NONE)


def test_denormals_are_loaded_as_unnormals() -> None:
    """Prevents normalized denormals: FXAM tells a program of an 8087 that they are unnormal."""
    loaded = formats.from_short(bytes.fromhex("01000000"))
    assert loaded == Real(0, BIAS - 126, 1 << 40)
    assert classify(loaded) is Category.UNNORMAL
    assert formats.from_short(bytes(4)) == ZERO


def test_an_unnormal_within_range_is_not_stored() -> None:
    """Prevents few significant bits from looking like many (table 1-9)."""
    assert formats.to_short(UNNORMAL, PLAIN) == (bytes.fromhex("0000c0ff"), INVALID)
    below = Real(0, LEAST_SHORT.exponent, 1 << 62)
    assert formats.to_short(below, PLAIN) == (bytes.fromhex("00004000"), NONE)
    assert formats.to_short(Real(0, BIAS, 0), PLAIN)[1] == INVALID


@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from((16, 32, 64)))
def test_integers_come_back_if_they_fit(number: int, bits: int) -> None:
    """Prevents FIST from giving anything but the integer or the integer indefinite."""
    loaded = formats.from_integer(number)
    assert value(loaded) == number
    fits = -(2 ** (bits - 1)) <= number < 2 ** (bits - 1)
    expected = number if fits else -(2 ** (bits - 1))
    stored = formats.to_integer(loaded, bits, PLAIN)
    assert int.from_bytes(stored.data, "little", signed=True) == expected
    assert stored.raised == (NONE if fits else INVALID)


@given(normals(BIAS - 70, BIAS + 20), controls)
def test_integers_are_rounded_as_the_control_word_says(a: Real, control: Control) -> None:
    """Prevents a compiler's conversion, which chops, from rounding."""
    exact = rounded_to_integer(value(a), control.rounding)
    stored = formats.to_integer(a, 32, control)
    assert int.from_bytes(stored.data, "little", signed=True) == exact
    assert stored.raised == (NONE if exact == value(a) else Exceptions.PRECISION)


@pytest.mark.parametrize("a", [INFINITY, NAN, UNNORMAL, Real(0, 0, 1), Real(1, BIAS + 63, 3 << 62)])
def test_what_has_no_integer_is_indefinite(a: Real) -> None:
    """Prevents an integer of what is none."""
    assert formats.to_integer(a, 64, PLAIN) == (bytes(7) + b"\x80", INVALID)
    assert formats.to_packed_bcd(a).raised == INVALID
    assert formats.to_packed_bcd(a).data[7:] == b"\xc0\xff\xff"


@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_packed_decimals_come_back(number: int) -> None:
    """Prevents wrong digits, which BASICs and COBOLs print from this format."""
    stored = formats.to_packed_bcd(formats.from_integer(number))
    assert stored.raised == NONE
    assert int(stored.data[8::-1].hex()) == abs(number)
    assert value(formats.from_packed_bcd(stored.data)) == number


def test_packed_decimals_are_rounded_by_a_half() -> None:
    """Prevents rounding as the control word says: FBSTP adds a half and chops, unlike a 387's."""
    for bits, digits in ((5, "03"), (7, "04"), (1, "01"), (0, "00")):  # halves
        half = formats.from_integer(bits)
        half = half._replace(exponent=half.exponent - 1) if bits else half
        assert formats.to_packed_bcd(half).data.hex().startswith(digits)
    assert formats.to_packed_bcd(Real(1, 0, 0)).data == bytes(9) + b"\x80"
    assert formats.to_packed_bcd(formats.from_integer(10**18)).raised == INVALID


def test_digits_beyond_nine_count_as_what_they_are() -> None:
    """Prevents an error in us where a program loads what is no packed decimal."""
    assert formats.from_packed_bcd(b"\xff" + bytes(9)) == formats.from_integer(165)
    assert formats.from_packed_bcd(b"\xff" * 10).sign == 1


@given(anything, controls)
def test_everything_can_be_stored_everywhere(a: Real, control: Control) -> None:
    """Prevents a Python error, or a length of its own, for what a program may make of 80 bits."""
    assert len(formats.to_short(a, control).data) == 4
    assert len(formats.to_long(a, control).data) == 8
    assert [len(formats.to_integer(a, bits, control).data) for bits in (16, 32, 64)] == [2, 4, 8]
    assert len(formats.to_packed_bcd(a).data) == 10
    assert formats.from_temporary(formats.to_temporary(a)) == a


def test_one_is_one() -> None:
    """Prevents constants that are off by a power of two."""
    assert formats.to_long(ONE, PLAIN).data == struct.pack("<d", 1)
