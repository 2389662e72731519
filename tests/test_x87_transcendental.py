"""An 8087's transcendental functions, against decimals of 120 digits."""

from __future__ import annotations

from decimal import Decimal, getcontext, localcontext
from fractions import Fraction

import pytest
from hypothesis import example, given
from x87_numbers import ALL, PLAIN, anything, controls, middling, nearby, normals, value

from blink16.cpu.x87.formats import from_integer
from blink16.cpu.x87.reals import (
    BIAS,
    INDEFINITE,
    INFINITY,
    INTEGER_BIT,
    LN_2,
    LOG2_10,
    LOG2_E,
    LOG10_2,
    MOST,
    ONE,
    PI,
    ZERO,
    Real,
)
from blink16.cpu.x87.rounding import Computed, Control, Exceptions, Rounding
from blink16.cpu.x87.transcendental import (
    Tangent,
    partial_arctangent,
    partial_tangent,
    power_of_two_less_one,
    y_log2_x,
    y_log2_x_plus_one,
)

DIGITS = 120
NONE = Exceptions(0)
INVALID, ZERO_DIVIDE, UNDERFLOW, PRECISION = (
    Exceptions.INVALID,
    Exceptions.ZERO_DIVIDE,
    Exceptions.UNDERFLOW,
    Exceptions.PRECISION,
)
MINUS_ONE, MINUS_ZERO = ONE._replace(sign=1), ZERO._replace(sign=1)
MINUS_INFINITY, NAN = INFINITY._replace(sign=1), Real(0, MOST, INTEGER_BIT | 5)


def decimal(number: Fraction) -> Decimal:
    """Return a fraction as a decimal of the context's precision."""
    return Decimal(number.numerator) / Decimal(number.denominator)


def pi() -> Decimal:
    """Return pi by Machin's formula."""
    one = 10 ** (DIGITS + 60)

    def inverse(n: int) -> int:
        total, term, k = 0, one // n, 1
        while term:
            total += term // k if k & 2 == 0 else -(term // k)
            term //= n * n
            k += 2
        return total

    with localcontext(prec=DIGITS + 50):
        return Decimal(4 * (4 * inverse(5) - inverse(239))) / Decimal(one)


def sine_and_cosine(angle: Decimal) -> tuple[Decimal, Decimal]:
    """Return both of a small angle by their series."""
    sine, cosine, term, n = Decimal(0), Decimal(1), angle, 1
    while term and term.adjusted() > min(angle.adjusted(), 0) - getcontext().prec:
        sine += (term, 0, -term, 0)[n - 1 & 3]
        cosine += (0, -term, 0, term)[n - 1 & 3]
        n += 1
        term = term * angle / n
    return sine, cosine


def see(computed: Computed, expected: Decimal, control: Control) -> None:
    """See that a result is that which is expected, rounded."""
    assert value(computed.value) == nearby(Fraction(expected), control.rounding)
    assert computed.raised == PRECISION


@given(normals(BIAS - 200, BIAS - 1), controls)
@example(Real(0, 0x3FFB, 0xA07150DEBE739800), PLAIN._replace(rounding=Rounding.CHOP))
def test_powers_of_two_less_one(a: Real, control: Control) -> None:
    """Prevents a last bit that is off, of a small operand too, where 1 is all that a power has."""
    with localcontext(prec=DIGITS + 80):
        expected = (decimal(value(a)) * Decimal(2).ln()).exp() - 1
        see(power_of_two_less_one(a, control), expected, control)


@given(middling, normals(), controls)
@example(ONE, Real(0, BIAS, INTEGER_BIT | 1), PLAIN)
@example(ONE, Real(0, BIAS - 1, 2**64 - 1), PLAIN)
def test_logarithms(y: Real, x: Real, control: Control) -> None:
    """Prevents a last bit that is off, most of all beside 1, where logarithms vanish."""
    x = x._replace(sign=0)
    if x.significand == INTEGER_BIT:
        expected = value(y) * (x.exponent - BIAS)
        rounded = nearby(expected, control.rounding) if expected else expected
        assert value(y_log2_x(y, x, control).value) == rounded
        return
    with localcontext(prec=DIGITS):
        log = decimal(value(x)).ln() / Decimal(2).ln()
        see(y_log2_x(y, x, control), decimal(value(y)) * log, control)


@given(middling, normals(BIAS - 150, BIAS + 150), controls)
@example(ONE, Real(0, BIAS - 80, 2**64 - 1), PLAIN)
def test_logarithms_beside_one(y: Real, x: Real, control: Control) -> None:
    """Prevents small operands from being lost in the sum with 1."""
    total = 1 + value(x)
    computed = y_log2_x_plus_one(y, x, control)
    if total <= 0:
        raised = ZERO_DIVIDE if total == 0 else INVALID
        assert computed.raised == raised
    elif total.numerator & (total.numerator - 1) == 0 and x != MINUS_ONE:
        power = total.numerator.bit_length() - total.denominator.bit_length()
        assert value(computed.value) == nearby(value(y) * power, control.rounding)
    else:
        with localcontext(prec=DIGITS):
            log = decimal(total).ln() / Decimal(2).ln()
            see(computed, decimal(value(y)) * log, control)


@given(normals(BIAS - 150, BIAS + 62), controls)
@example(Real(0, BIAS + 1, 0xC90FDAA22168C235), PLAIN)
@example(Real(1, BIAS, 0xC90FDAA22168C234), PLAIN)
@example(Real(0, BIAS + 62, 2**64 - 1), PLAIN)
def test_tangents(a: Real, control: Control) -> None:
    """Prevents a last bit that is off, beside the multiples of pi too."""
    with localcontext(prec=DIGITS + 40):
        half = pi() / 2
        turns = round(decimal(value(a)) / half)
        sine, cosine = sine_and_cosine(decimal(value(a)) - turns * half)
        expected = -cosine / sine if turns & 1 else sine / cosine
        tangent = partial_tangent(a, control)
        assert tangent is not None
        assert tangent.x == ONE
        see(Computed(tangent.y, tangent.raised), expected, control)


@given(middling, middling, controls)
@example(ONE, ONE, PLAIN)
@example(MINUS_ONE, MINUS_ONE, PLAIN)
def test_angles(y: Real, x: Real, control: Control) -> None:
    """Prevents another quadrant, and a last bit that is off."""
    computed = partial_arctangent(y, x, control)
    with localcontext(prec=2 * DIGITS + 50):  # for what an angle of 2**-200 is below its tangent
        # the result turns the point to the axis, but for what it was rounded by
        near = decimal(value(computed.value))
        whole = near / 4
        sine, cosine = sine_and_cosine(whole)
        for _ in range(2):
            sine, cosine = 2 * sine * cosine, cosine * cosine - sine * sine
        first, second = decimal(value(y)), decimal(value(x))
        across, along = first * cosine - second * sine, second * cosine + first * sine
        assert along > 0
        off = across / along
        see(computed, near + off - off**3 / 3, control)


def test_constants() -> None:
    """Prevents a wrong constant in ROM, of which every FLDPI and logarithm is made."""
    with localcontext(prec=DIGITS):
        two, ten = Decimal(2).ln(), Decimal(10).ln()
        expected = {PI: pi(), LN_2: two, LOG2_E: 1 / two, LOG2_10: ten / two, LOG10_2: two / ten}
        for constant, number in expected.items():
            assert value(constant) == nearby(Fraction(number), Rounding.NEAREST)


# -- ends of the ranges ----------------------------------------------------------------------


def invalid(computed: Computed) -> bool:
    """Whether an operation was invalid, and gives what is defined then."""
    return computed == (INDEFINITE, INVALID)


def test_tangents_without_a_tangent() -> None:
    """Prevents an endless reduction, and an infinity that has a tangent."""
    assert partial_tangent(MINUS_ZERO, PLAIN) == Tangent(MINUS_ZERO, ONE)
    assert partial_tangent(Real(0, BIAS + 63, INTEGER_BIT), PLAIN) is None
    assert partial_tangent(Real(1, MOST - 1, 2**64 - 1), PLAIN) is None
    assert partial_tangent(INFINITY, PLAIN) == Tangent(INDEFINITE, INDEFINITE, INVALID)
    assert partial_tangent(NAN, PLAIN) == Tangent(NAN, NAN, INVALID)


def test_powers_at_the_ends() -> None:
    """Prevents an inexact 1, and an answer where a 387 has none."""
    assert power_of_two_less_one(ONE, PLAIN) == Computed(ONE)
    assert power_of_two_less_one(MINUS_ONE, PLAIN) == Computed(Real(1, BIAS - 1, INTEGER_BIT))
    assert power_of_two_less_one(MINUS_ZERO, PLAIN) == Computed(MINUS_ZERO)
    assert power_of_two_less_one(MINUS_INFINITY, PLAIN) == Computed(MINUS_ONE)
    assert power_of_two_less_one(INFINITY, PLAIN) == Computed(INFINITY)
    assert power_of_two_less_one(NAN, PLAIN) == (NAN, INVALID)
    assert invalid(power_of_two_less_one(from_integer(2), PLAIN))


def test_logarithms_at_the_ends() -> None:
    """Prevents a logarithm of what has none; that of zero is a division by zero."""
    assert y_log2_x(ONE, ZERO, PLAIN) == (MINUS_INFINITY, ZERO_DIVIDE)
    assert y_log2_x(MINUS_ONE, MINUS_ZERO, PLAIN) == (INFINITY, ZERO_DIVIDE)
    assert y_log2_x(INFINITY, ZERO, PLAIN) == Computed(MINUS_INFINITY)
    assert invalid(y_log2_x(ZERO, ZERO, PLAIN))
    assert invalid(y_log2_x(ONE, MINUS_ONE, PLAIN))
    assert invalid(y_log2_x(INFINITY, ONE, PLAIN))
    assert invalid(y_log2_x(ZERO, INFINITY, PLAIN))
    assert y_log2_x(MINUS_ONE, INFINITY, PLAIN) == Computed(MINUS_INFINITY)
    assert y_log2_x(INFINITY, from_integer(3), PLAIN) == Computed(INFINITY)
    assert y_log2_x(MINUS_ONE, ONE, PLAIN) == Computed(MINUS_ZERO)
    assert y_log2_x(MINUS_ZERO, from_integer(3), PLAIN) == Computed(MINUS_ZERO)
    assert y_log2_x(ONE, NAN, PLAIN) == (NAN, INVALID)
    assert y_log2_x_plus_one(ONE, MINUS_ZERO, PLAIN) == Computed(MINUS_ZERO)
    assert invalid(y_log2_x_plus_one(INFINITY, ZERO, PLAIN))
    assert y_log2_x_plus_one(INFINITY, MINUS_ONE, PLAIN) == Computed(MINUS_INFINITY)
    assert invalid(y_log2_x_plus_one(ONE, MINUS_INFINITY, PLAIN))
    assert y_log2_x_plus_one(ONE, ONE, PLAIN) == Computed(ONE)


@pytest.mark.parametrize(
    ("y", "x", "eighths"),
    [
        (ZERO, ONE, 0),
        (ZERO, MINUS_ONE, 4),
        (ZERO, MINUS_ZERO, 4),
        (ONE, ZERO, 2),
        (ONE, MINUS_ZERO, 2),
        (INFINITY, ONE, 2),
        (INFINITY, INFINITY, 1),
        (INFINITY, MINUS_INFINITY, 3),
        (ONE, INFINITY, 0),
        (ONE, MINUS_INFINITY, 4),
    ],
)
def test_angles_of_the_axes(y: Real, x: Real, eighths: int) -> None:
    """Prevents another quadrant for zeros and infinities than a 387's."""
    with localcontext(prec=DIGITS):
        expected = nearby(Fraction(pi() * eighths / 4), Rounding.NEAREST) if eighths else 0
    for sign in (0, 1):
        computed = partial_arctangent(y._replace(sign=sign), x, PLAIN)
        assert abs(value(computed.value)) == expected
        assert computed.value.sign == sign
        assert computed.raised == (PRECISION if eighths else NONE)


def test_tiny_angles_underflow() -> None:
    """Prevents zero, or an error, where a ratio is beyond the format."""
    least, great = Real(0, 1, INTEGER_BIT), Real(0, MOST - 1, INTEGER_BIT)
    control = PLAIN._replace(masked=ALL)
    assert partial_arctangent(least, great, control) == (ZERO, UNDERFLOW | PRECISION)
    assert partial_arctangent(least, from_integer(2), control).raised == UNDERFLOW | PRECISION
    assert value(partial_arctangent(great, least, control).value) == value(PI) / 2


@given(anything, anything, controls)
def test_all_operands_give_a_real(a: Real, b: Real, control: Control) -> None:
    """Prevents a Python error where a program gives what the manual does not allow."""
    tangent = partial_tangent(a, control) or Tangent(ONE, ONE)
    results = [tangent.y, tangent.x, power_of_two_less_one(a, control).value]
    for function in (partial_arctangent, y_log2_x, y_log2_x_plus_one):
        results.append(function(b, a, control).value)
    for sign, exponent, significand in results:
        assert sign in (0, 1)
        assert 0 <= exponent <= MOST
        assert 0 <= significand < 2**64
