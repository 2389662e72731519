"""What an 8087 computes, against exact fractions and the manual's tables."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import isqrt

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from x87_numbers import (
    ALL,
    PLAIN,
    anything,
    controls,
    middling,
    nearby,
    normals,
    power_below,
    to_integer,
    value,
)

from blink16.cpu.x87 import arithmetic
from blink16.cpu.x87.arithmetic import Relation, compare, remainder
from blink16.cpu.x87.formats import from_integer
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
from blink16.cpu.x87.rounding import WRAP, Computed, Control, Exceptions, Rounding

NONE = Exceptions(0)
INVALID, DENORMAL, ZERO_DIVIDE, OVERFLOW, UNDERFLOW, PRECISION = Exceptions
AFFINE = PLAIN._replace(affine=True)
MINUS_ZERO, MINUS_INFINITY = ZERO._replace(sign=1), INFINITY._replace(sign=1)
NAN, GREATER_NAN = Real(0, MOST, INTEGER_BIT | 5), Real(1, MOST, INTEGER_BIT | 6)
UNNORMAL, PSEUDO_ZERO, DENORM = Real(0, BIAS, 1 << 60), Real(0, BIAS, 0), Real(0, 0, 1 << 60)
GREATEST = Real(0, MOST - 1, 2**64 - 1)

Operation = Callable[[Real, Real, Control], Computed]
EXACT: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
}
OPERATIONS: dict[str, Operation] = {name: getattr(arithmetic, name) for name in EXACT}


def see(computed: Computed, exact: Fraction, control: Control) -> None:
    """Compare with an exact result that neither overflows nor underflows."""
    if not exact:
        sign = control.rounding is Rounding.DOWN
        assert computed == Computed(Real(int(sign), 0, 0))
        return
    expected = nearby(exact, control.rounding, control.precision)
    assert value(computed.value) == expected
    assert classify(computed.value) is Category.NORMAL
    assert computed.raised == (NONE if expected == exact else PRECISION)


@pytest.mark.parametrize("name", EXACT)
@given(a=middling, b=middling, control=controls)
@example(ONE, ONE, PLAIN)
@example(ONE, ONE._replace(sign=1), PLAIN._replace(rounding=Rounding.DOWN))
def test_results_are_the_exact_ones_rounded(name: str, a: Real, b: Real, control: Control) -> None:
    """Prevents a last bit, or a flag, that no 8087 gives."""
    see(OPERATIONS[name](a, b, control), EXACT[name](value(a), value(b)), control)


@given(middling, st.integers(-2, 2), controls, st.data())
def test_cancelling_is_exact(a: Real, apart: int, control: Control, data: st.DataObject) -> None:
    """Prevents lost bits where two numbers of nearly the same size are subtracted."""
    b = data.draw(normals(a.exponent + apart, a.exponent + apart))
    see(arithmetic.subtract(a, b, control), value(a) - value(b), control)


@given(normals(BIAS - 5, BIAS + 5), st.integers(60, 300), controls, st.data())
def test_what_is_far_below_decides_roundings(
    a: Real, apart: int, control: Control, data: st.DataObject
) -> None:
    """Prevents a lesser operand that is forgotten, where it only says on which side a sum lies."""
    b = data.draw(normals(a.exponent - apart, a.exponent - apart))
    see(arithmetic.add(a, b, control), value(a) + value(b), control)
    see(arithmetic.subtract(b, a, control), value(b) - value(a), control)


@given(middling, controls)
def test_square_roots_are_the_exact_ones_rounded(a: Real, control: Control) -> None:
    """Prevents a root that is a bit off, or that is called exact."""
    a = a._replace(sign=0)
    computed = arithmetic.square_root(a, control)
    scaled = value(a) * 4**300  # an integer, of which the root has far more bits than are kept
    assert scaled.denominator == 1
    root = isqrt(scaled.numerator)
    is_square = root * root == scaled
    near = Fraction(root if is_square else 2 * root + 1, (1 if is_square else 2) * 2**300)
    expected = nearby(near, control.rounding, control.precision)
    assert value(computed.value) == expected
    assert computed.raised == (NONE if expected**2 == value(a) else PRECISION)


@given(normals(BIAS - 70, BIAS + 70), controls)
def test_rounding_to_integers(a: Real, control: Control) -> None:
    """Prevents FRNDINT, of which floor and ceiling are made, from rounding another way."""
    computed = arithmetic.round_to_integer(a, control)
    exact = to_integer(value(a), control.rounding)
    assert value(computed.value) == exact
    assert computed.value.sign == a.sign
    assert computed.raised == (NONE if exact == value(a) else PRECISION)


@given(anything, anything, controls)
def test_comparing_is_comparing_values(a: Real, b: Real, control: Control) -> None:
    """Prevents another order than that of the numbers, in whichever way they are written."""
    if MOST in (a.exponent, b.exponent):
        return
    first, second = value(a), value(b)
    order = [Relation.EQUAL, Relation.GREATER, Relation.LESS][(first > second) - (first < second)]
    denormal = Category.DENORMAL in (classify(a), classify(b))
    assert compare(a, b, control) == (order, DENORMAL if denormal else NONE)


@given(normals(BIAS - 50, BIAS + 50), normals(BIAS - 50, BIAS + 50))
def test_remainders_are_exact(a: Real, b: Real) -> None:
    """Prevents a remainder that is rounded, or with the modulus' sign, or a wrong octant."""
    steps, quotient, left = 0, 0, a
    while True:
        left, raised, quotient, is_partial = remainder(left, b, PLAIN)
        assert raised == NONE
        if not is_partial:
            break
        steps += 1
    exact = abs(value(a)) % abs(value(b))
    assert abs(value(left)) == exact
    assert left.sign == a.sign
    assert steps <= max(0, (a.exponent - b.exponent) // 32 - 1)
    assert quotient == (abs(value(a)) // abs(value(b))) % 8


@given(normals(1, MOST - 1))
def test_extracting_and_scaling_are_inverse(a: Real) -> None:
    """Prevents a power of two that gets lost between FXTRACT and FSCALE."""
    exponent, significand, raised = arithmetic.extract(a)
    assert raised == NONE
    assert value(exponent) == power_below(value(a))
    assert arithmetic.scale(significand, exponent, PLAIN) == Computed(a)


@given(middling, normals(BIAS - 3, BIAS + 12), controls)
def test_scaling_chops_its_power(a: Real, b: Real, control: Control) -> None:
    """Prevents a rounded power of two, and precision control where there is none."""
    power = to_integer(value(b), Rounding.CHOP)
    expected = value(a) * Fraction(2) ** power
    assert arithmetic.scale(a, b, control).value == a._replace(exponent=a.exponent + power)
    assert value(arithmetic.scale(a, b, control).value) == expected


@pytest.mark.parametrize("unmasked", [NONE, OVERFLOW, UNDERFLOW])
def test_scaling_far_out_of_range_ends(unmasked: Exceptions) -> None:
    """Prevents an exponent that leaves the format, or memory for a shift by 2**32767."""
    control = PLAIN._replace(masked=ALL ^ unmasked)
    for b in (GREATEST, from_integer(40_000), from_integer(32_767)):
        great = arithmetic.scale(GREATEST, b, control)
        assert great.raised & OVERFLOW
        if b == GREATEST:
            assert great.value == INFINITY
        tiny = arithmetic.scale(Real(1, 1, INTEGER_BIT), b._replace(sign=1), control)
        assert tiny.value in (MINUS_ZERO, Real(1, 1 - 32_767 + WRAP, INTEGER_BIT))
        assert tiny.raised & UNDERFLOW
    assert arithmetic.scale(ONE, Real(0, BIAS - 1, 2**64 - 1), control) == Computed(ONE)


# -- overflow and underflow ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rounding", "sign", "expected", "raised"),
    [
        (Rounding.NEAREST, 0, INFINITY, OVERFLOW | PRECISION),
        (Rounding.CHOP, 1, MINUS_INFINITY, OVERFLOW | PRECISION),
        (Rounding.UP, 0, INFINITY, OVERFLOW | PRECISION),
        (Rounding.UP, 1, Real(1, MOST - 1, 2**64 - 2), PRECISION),
        (Rounding.DOWN, 0, Real(0, MOST - 1, 2**64 - 2), PRECISION),
        (Rounding.DOWN, 1, MINUS_INFINITY, OVERFLOW | PRECISION),
    ],
)
def test_masked_overflows_are_the_manuals(
    rounding: Rounding, sign: int, expected: Real, raised: Exceptions
) -> None:
    """Prevents a 387's answers: tables 1-11 and 1-17."""
    control = PLAIN._replace(rounding=rounding)
    b = GREATEST._replace(sign=sign)
    assert arithmetic.multiply(GREATEST, b, control) == (expected, raised)
    assert arithmetic.add(b, b, control) == (expected, raised)


def test_an_unnormal_that_overflows_keeps_its_significand() -> None:
    """Prevents directed rounding from making many significant bits of few (table 1-11)."""
    control = PLAIN._replace(rounding=Rounding.DOWN)
    a = Real(0, MOST - 1, 5)
    assert arithmetic.multiply(a, from_integer(4), control) == (Real(0, MOST - 1, 5), PRECISION)


@given(normals(1, 40), normals(BIAS - 200, BIAS - 60), controls)
def test_masked_underflows_are_denormals(a: Real, b: Real, control: Control) -> None:
    """Prevents zero, or a wrong neighbour, where a result is below the normal numbers."""
    computed = arithmetic.multiply(a, b, control)
    exact = value(a) * value(b)
    unit = Fraction(2) ** (1 - BIAS - control.precision + 1)
    expected = to_integer(exact / unit, control.rounding) * unit
    assert value(computed.value) == expected
    assert computed.value.exponent == (abs(expected) >= Fraction(2) ** (1 - BIAS))
    if expected != exact:
        assert computed.raised == UNDERFLOW | PRECISION


def test_an_exact_denormal_is_an_underflow_when_chopping() -> None:
    """Prevents a flag where there is none, and none where there is: the chips differ here."""
    a, b = Real(0, 1, INTEGER_BIT), Real(0, BIAS - 1, INTEGER_BIT)
    for rounding in Rounding:
        computed = arithmetic.multiply(a, b, PLAIN._replace(rounding=rounding))
        chops = rounding is Rounding.CHOP
        assert computed == (Real(0, 0, 1 << 62), UNDERFLOW if chops else NONE)


@given(normals(MOST - 60, MOST - 1), normals(BIAS + 70, MOST - 1))
def test_unmasked_overflows_wrap_the_exponent(a: Real, b: Real) -> None:
    """Prevents a handler from finding an infinity instead of what it can scale itself."""
    computed = arithmetic.multiply(a, b, PLAIN._replace(masked=ALL ^ OVERFLOW))
    exact = abs(value(a) * value(b)) / Fraction(2) ** WRAP
    assert abs(value(computed.value)) == nearby(exact, Rounding.CHOP)
    assert computed.raised == OVERFLOW


@given(normals(1, 60), normals(1, BIAS - 70))
def test_unmasked_underflows_wrap_the_exponent(a: Real, b: Real) -> None:
    """Prevents the same for what is tiny."""
    computed = arithmetic.multiply(a, b, PLAIN._replace(masked=ALL ^ UNDERFLOW))
    exact = abs(value(a) * value(b)) * Fraction(2) ** WRAP
    assert abs(value(computed.value)) == nearby(exact, Rounding.CHOP)
    assert computed.raised == UNDERFLOW


# -- zeros, infinities, NaNs: the manual's tables ------------------------------------------------


def invalid(computed: Computed) -> bool:
    """Whether an operation was invalid, and gives what is defined then."""
    return computed == (INDEFINITE, INVALID)


def test_sums_of_zeros_have_the_manuals_signs() -> None:
    """Prevents -0 where a program prints 0 (table 1-10)."""
    down = PLAIN._replace(rounding=Rounding.DOWN)
    assert arithmetic.add(MINUS_ZERO, MINUS_ZERO, PLAIN).value == MINUS_ZERO
    assert arithmetic.add(ZERO, MINUS_ZERO, PLAIN).value == ZERO
    assert arithmetic.subtract(ZERO, ZERO, down).value == MINUS_ZERO
    assert arithmetic.subtract(ONE, ONE, down).value == MINUS_ZERO
    assert arithmetic.add(MINUS_ZERO, ONE, PLAIN) == Computed(ONE)
    assert arithmetic.multiply(MINUS_ZERO, ONE, PLAIN) == Computed(MINUS_ZERO)
    assert arithmetic.divide(MINUS_ZERO, ONE, PLAIN) == Computed(MINUS_ZERO)
    assert arithmetic.square_root(MINUS_ZERO, PLAIN) == Computed(MINUS_ZERO)


def test_divisions_by_zero() -> None:
    """Prevents a division by zero that isn't told, and 0/0 as one."""
    assert arithmetic.divide(ONE, MINUS_ZERO, PLAIN) == (MINUS_INFINITY, ZERO_DIVIDE)
    assert arithmetic.divide(INFINITY, ZERO, PLAIN) == Computed(INFINITY)
    assert invalid(arithmetic.divide(ZERO, ZERO, PLAIN))
    assert invalid(arithmetic.divide(PSEUDO_ZERO, ZERO, PLAIN))
    assert remainder(ONE, ZERO, PLAIN)[:2] == (INDEFINITE, INVALID)


def test_projective_infinities_are_all_the_same() -> None:
    """Prevents an infinity that compares like a 387's: so programs tell the chips apart."""
    assert compare(INFINITY, MINUS_INFINITY, PLAIN) == (Relation.EQUAL, NONE)
    assert compare(INFINITY, ONE, PLAIN) == (Relation.UNORDERED, INVALID)
    assert compare(ZERO, MINUS_INFINITY, PLAIN) == (Relation.UNORDERED, INVALID)
    for operation in (arithmetic.add, arithmetic.subtract):
        assert invalid(operation(INFINITY, INFINITY, PLAIN))
        assert invalid(operation(INFINITY, MINUS_INFINITY, PLAIN))
    assert arithmetic.subtract(ONE, INFINITY, PLAIN) == Computed(MINUS_INFINITY)
    assert invalid(arithmetic.square_root(INFINITY, PLAIN))


def test_affine_infinities_have_signs() -> None:
    """Prevents the control word's infinity control from doing nothing."""
    assert compare(INFINITY, MINUS_INFINITY, AFFINE) == (Relation.GREATER, NONE)
    assert compare(MINUS_INFINITY, ONE, AFFINE) == (Relation.LESS, NONE)
    assert compare(INFINITY, INFINITY, AFFINE) == (Relation.EQUAL, NONE)
    assert arithmetic.add(INFINITY, INFINITY, AFFINE) == Computed(INFINITY)
    assert invalid(arithmetic.subtract(INFINITY, INFINITY, AFFINE))
    assert arithmetic.square_root(INFINITY, AFFINE) == Computed(INFINITY)
    assert invalid(arithmetic.square_root(MINUS_INFINITY, AFFINE))


def test_infinities_in_other_operations() -> None:
    """Prevents what table 1-12 does not say."""
    minus_one = ONE._replace(sign=1)
    assert arithmetic.multiply(INFINITY, minus_one, PLAIN) == Computed(MINUS_INFINITY)
    assert invalid(arithmetic.multiply(INFINITY, ZERO, PLAIN))
    assert arithmetic.divide(minus_one, INFINITY, PLAIN) == Computed(MINUS_ZERO)
    assert arithmetic.divide(INFINITY, minus_one, PLAIN) == Computed(MINUS_INFINITY)
    assert invalid(arithmetic.divide(INFINITY, INFINITY, PLAIN))
    assert arithmetic.round_to_integer(MINUS_INFINITY, PLAIN) == Computed(MINUS_INFINITY)
    assert arithmetic.scale(INFINITY, ONE, PLAIN) == Computed(INFINITY)
    assert invalid(arithmetic.scale(ONE, INFINITY, PLAIN))
    assert remainder(ONE, INFINITY, PLAIN)[:2] == (ONE, NONE)
    assert remainder(INFINITY, ONE, PLAIN)[:2] == (INDEFINITE, INVALID)
    assert arithmetic.extract(INFINITY) == (INDEFINITE, INDEFINITE, INVALID)
    assert arithmetic.extract(MINUS_ZERO) == (MINUS_ZERO, MINUS_ZERO, NONE)


@pytest.mark.parametrize("name", EXACT)
def test_every_nan_is_invalid_and_the_greater_is_given(name: str) -> None:
    """Prevents quiet NaNs, which came with the 387."""
    assert OPERATIONS[name](NAN, ONE, PLAIN) == (NAN, INVALID)
    assert OPERATIONS[name](ONE, GREATER_NAN, PLAIN) == (GREATER_NAN, INVALID)
    assert OPERATIONS[name](NAN, GREATER_NAN, PLAIN) == (GREATER_NAN, INVALID)
    assert OPERATIONS[name](INDEFINITE, INFINITY, PLAIN) == (INDEFINITE, INVALID)


def test_nans_with_one_operand() -> None:
    """Prevents a NaN that passes unnoticed, or that compares."""
    for one in (arithmetic.square_root, arithmetic.round_to_integer):
        assert one(NAN, PLAIN) == (NAN, INVALID)
    assert arithmetic.extract(NAN) == (NAN, NAN, INVALID)
    assert compare(NAN, NAN, AFFINE) == (Relation.UNORDERED, INVALID)
    assert invalid(arithmetic.square_root(ONE._replace(sign=1), PLAIN))


# -- denormals and unnormals: table 1-9 ------------------------------------------------------


def test_unnormals_stay_unnormal_where_the_manual_says() -> None:
    """Prevents significant bits that are made of nothing."""
    half = Real(0, BIAS - 1, INTEGER_BIT)
    three = from_integer(3)
    assert arithmetic.multiply(UNNORMAL, half, PLAIN).value == Real(0, BIAS - 1, 1 << 60)
    assert arithmetic.divide(UNNORMAL, half, PLAIN).value == Real(0, BIAS + 1, 1 << 60)
    assert classify(arithmetic.divide(UNNORMAL, three, PLAIN).value) is Category.UNNORMAL
    # a sum is as normal as its greater operand
    assert arithmetic.add(UNNORMAL, half, PLAIN).value == Real(0, BIAS - 1, 5 << 61)
    low = Real(1, BIAS - 10, INTEGER_BIT)
    assert arithmetic.add(UNNORMAL, low, PLAIN).value == Real(0, BIAS, (1 << 60) - (1 << 53))
    assert arithmetic.add(PSEUDO_ZERO, ONE, PLAIN) == Computed(ONE)
    assert arithmetic.add(PSEUDO_ZERO, MINUS_ZERO, PLAIN) == Computed(PSEUDO_ZERO)
    assert arithmetic.subtract(UNNORMAL, UNNORMAL, PLAIN) == Computed(ZERO)


def test_unnormals_are_normalized_or_invalid_elsewhere() -> None:
    """Prevents a quotient or a root of what has too few bits."""
    five = Real(0, BIAS + 10, 5 << 53)
    assert invalid(arithmetic.divide(ONE, UNNORMAL, PLAIN))
    assert invalid(arithmetic.square_root(UNNORMAL, PLAIN))
    assert remainder(ONE, UNNORMAL, PLAIN)[:2] == (INDEFINITE, INVALID)
    assert remainder(five, from_integer(3), PLAIN)[:2] == (from_integer(2), NONE)
    assert arithmetic.round_to_integer(five, PLAIN) == Computed(from_integer(5))
    assert arithmetic.round_to_integer(PSEUDO_ZERO, PLAIN) == Computed(ZERO)
    assert arithmetic.round_to_integer(Real(0, BIAS + 70, 1), PLAIN).value == from_integer(128)
    assert arithmetic.extract(UNNORMAL) == (ZERO, UNNORMAL, NONE)
    assert compare(PSEUDO_ZERO, MINUS_ZERO, PLAIN) == (Relation.EQUAL, NONE)


def test_denormals_are_told_and_taken_for_unnormals() -> None:
    """Prevents a denormal that passes unnoticed, and a divisor of one."""
    as_unnormal = DENORM._replace(exponent=1)
    assert arithmetic.multiply(DENORM, ONE, PLAIN) == (as_unnormal, DENORMAL)
    assert arithmetic.add(DENORM, ZERO, PLAIN) == (as_unnormal, DENORMAL)
    assert arithmetic.divide(ONE, DENORM, PLAIN) == (INDEFINITE, INVALID | DENORMAL)
    assert arithmetic.square_root(DENORM, PLAIN) == (INDEFINITE, INVALID | DENORMAL)
    assert arithmetic.divide(DENORM, ZERO, PLAIN) == (INFINITY, ZERO_DIVIDE | DENORMAL)


@pytest.mark.parametrize("name", EXACT)
def test_an_unmasked_denormal_comes_before_all_else(name: str) -> None:
    """Prevents two exceptions where the first stops the instruction."""
    control = PLAIN._replace(masked=ALL ^ DENORMAL)
    assert OPERATIONS[name](DENORM, NAN, control).raised == DENORMAL
    assert OPERATIONS[name](ZERO, DENORM, control).raised == DENORMAL
    assert compare(DENORM, NAN, control).raised == DENORMAL
    assert remainder(DENORM, ZERO, control).raised == DENORMAL


@given(anything, anything, controls, st.integers(0, 63).map(Exceptions))
def test_all_operands_give_a_real(a: Real, b: Real, control: Control, masked: Exceptions) -> None:
    """Prevents a Python error, or fields beyond 80 bits, where a program made up its operands."""
    control = control._replace(masked=masked)
    computed = [operation(a, b, control).value for operation in OPERATIONS.values()]
    computed += [arithmetic.square_root(a, control).value, remainder(a, b, control).value]
    computed += [arithmetic.round_to_integer(a, control).value, *arithmetic.extract(a)[:2]]
    computed += [arithmetic.scale(a, b, control).value]
    for sign, exponent, significand in computed:
        assert sign in (0, 1)
        assert 0 <= exponent <= MOST
        assert 0 <= significand < 2**64
