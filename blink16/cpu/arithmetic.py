"""The arithmetic unit: results and flags, also those that Intel's manual leaves undefined.

Undefined flags follow the chip's microcode as far as the captured vectors confirm it.
"""

from __future__ import annotations

from dataclasses import dataclass

from blink16.cpu import flags
from blink16.cpu.operands import Context
from blink16.cpu.values import Value, either, select


def add(m: Context, a: Value, b: Value, carry_in: Value | None = None) -> Value:
    """Return a + b (+ a 1-bit carry) and set all status flags."""
    result = a + b
    if carry_in is None:
        flags.set_carry(m, result.below(a))
    else:
        result = result + carry_in.zero_extend(a.width)
        flags.set_carry(m, ((a & b) | ((a | b) & ~result)).sign())
    flags.set_sum(m, a, b, result)
    flags.set_result(m, result)
    return result


def subtract(m: Context, a: Value, b: Value, borrow_in: Value | None = None) -> Value:
    """Return a - b (- a 1-bit borrow) and set all status flags."""
    result = a - b
    if borrow_in is None:
        flags.set_carry(m, a.below(b))
    else:
        result = result - borrow_in.zero_extend(a.width)
        flags.set_carry(m, ((~a & b) | (~(a ^ b) & result)).sign())
    flags.set_sum(m, result, b, a)
    flags.set_result(m, result)
    return result


def logic(m: Context, result: Value) -> Value:
    """Set the flags of AND, OR, XOR and TEST; AF is undefined, the chip clears it."""
    flags.clear(m)
    flags.set_result(m, result)
    return result


def step(m: Context, a: Value, up: bool) -> Value:
    """Return a + 1 or a - 1 and set all status flags but CF."""
    one = m.constant(1, a.width)
    result = a + one if up else a - one
    flags.set_sum(m, a if up else result, one, result if up else a)
    flags.set_result(m, result)
    return result


# -- multiplication ------------------------------------------------------------------------------


def multiply(m: Context, a: Value, b: Value, signed: bool, negate: bool) -> Value:
    """Return the product of double width; ``negate``: a REP prefix turns its sign.

    CF and OF say whether the high half matters.  Captured: vectors 8086/F6.4 to F7.5.
    """
    width = a.width
    if signed:
        product = a.sign_extend(2 * width) * b.sign_extend(2 * width)
    else:
        product = a.zero_extend(2 * width) * b.zero_extend(2 * width)
    if negate:
        product = m.constant(0, 2 * width) - product
    high, low = (product >> width).truncate(width), product.truncate(width)
    zero = m.constant(0, width)
    probe = add(m, high, zero, low.sign() if signed else None)
    matters = probe.is_not_zero()
    flags.set_carry(m, matters)
    flags.set_overflow(m, matters)
    return product


# -- division ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Division:
    """What the divide microcode leaves."""

    quotient: Value
    remainder: Value
    fits: Value
    """1 bit: the quotient fits; if not there is a divide fault."""
    divided: Value
    """1 bit: the quotient was computed, be it too large in the end."""


@dataclass(frozen=True, slots=True)
class Quotient(Division):
    """What a division leaves, and what it saw in its last step."""

    compared: Value
    """What the divisor was compared with last, but where a carry said enough."""
    borrows: Value
    """1 bit: the last subtraction borrowed, the carry left aside."""


def divide(dividend: Value, divisor: Value, drops_carry: bool = False) -> Quotient:
    """Divide a double-width by a single-width number, both unsigned; the flags stay.

    A quotient that does not fit, as with a divisor of zero, shows in the first compare already.
    ``drops_carry``: the remainder loses a bit then.
    """
    width = divisor.width
    fits = (dividend >> width).truncate(width).below(divisor)
    quotient, remainder, compared, borrows = either(
        ~fits | divisor.sign(),
        lambda: divide_by_bits(dividend, divisor, drops_carry),
        lambda: divide_at_once(dividend, divisor),
    )
    return Quotient(quotient, remainder, fits, fits, compared, borrows)


def divide_at_once(dividend: Value, divisor: Value) -> tuple[Value, Value, Value, Value]:
    """Return what `divide_by_bits` does, where the quotient fits and no bit is carried out."""
    width = divisor.width
    by = divisor.zero_extend(dividend.width)
    quotient, remainder = (dividend // by).truncate(width), (dividend % by).truncate(width)
    taken = quotient.bit(0)
    return quotient, remainder, remainder + (divisor & taken.sign_extend(width)), ~taken


def divide_by_bits(
    dividend: Value, divisor: Value, drops_carry: bool
) -> tuple[Value, Value, Value, Value]:
    """Subtract the divisor bit by bit; return quotient, remainder, and what `Quotient` has more."""
    width = divisor.width
    wide = width if drops_carry else width + 1
    by = divisor.zero_extend(wide)
    remainder = (dividend >> width).truncate(width).zero_extend(wide)
    low = dividend.truncate(width)
    compared = shifted = remainder
    quotient = Value(0, width)
    for index in reversed(range(width)):
        carried = remainder.bit(width - 1)
        shifted = remainder = (remainder << 1) | low.bit(index).zero_extend(wide)
        compared = select(carried, compared, remainder)
        taken = ~remainder.below(by)
        remainder = select(taken, remainder - by, remainder)
        quotient = (quotient << 1) | taken.zero_extend(width)
    borrows = shifted.truncate(width).below(divisor)
    return quotient, remainder.truncate(width), compared.truncate(width), borrows


@dataclass(frozen=True, slots=True)
class SignedQuotient(Division):
    """What a signed division leaves."""

    within: Value
    """1 bit: the remainder is nearer to 0 than the divisor, as always where the quotient fits."""


def divide_signed(m: Context, dividend: Value, divisor: Value) -> SignedQuotient:
    """Divide signed numbers, truncating; the flags stay.  The lowest number fits."""
    width = divisor.width
    minus_dividend, minus = dividend.sign(), dividend.sign() ^ divisor.sign()
    by = magnitude(m, divisor)
    result = divide(magnitude(m, dividend), by, drops_carry=True)
    limit = m.constant((1 << width - 1) - 1, width) + minus.zero_extend(width)
    fits = result.fits & ~limit.below(result.quotient)
    quotient = with_sign(m, minus, result.quotient)
    remainder = with_sign(m, minus_dividend, result.remainder)
    return SignedQuotient(quotient, remainder, fits, result.fits, result.remainder.below(by))


def compare_in_overflow(m: Context, dividend: Value, divisor: Value) -> None:
    """Set the flags of a quotient that an 80286 sees to be too large, in its last step but one.

    The divisor has been subtracted from the high half at once, and then bit by bit.
    """
    width = divisor.width
    remainder = (dividend >> width).truncate(width) - divisor
    shifted = remainder
    for index in range(width - 1, 0, -1):
        carried = remainder.sign()
        shifted = (remainder << 1) | dividend.bit(index).zero_extend(width)
        taken = carried | ~shifted.below(divisor)
        remainder = select(taken, shifted - divisor, shifted)
    subtract(m, shifted, divisor)


def magnitude(m: Context, value: Value) -> Value:
    """Return how far a signed number is from 0."""
    return with_sign(m, value.sign(), value)


def with_sign(m: Context, minus: Value, value: Value) -> Value:
    """Return a number or, where the 1-bit ``minus`` is set, 0 less that number."""
    return select(minus, m.constant(0, value.width) - value, value)


def long_division(m: Context, dividend: Value, divisor: Value) -> Division:
    """Divide a double-width by a single-width number, both unsigned, as an 8086 does.

    The flags but CF stay as the last compare set them (the routine CORD of the chip's
    microcode; captured: vectors 8086/F6.6).
    """
    width = divisor.width
    result = divide(dividend, divisor)
    first = (dividend >> width).truncate(width)
    subtract(m, select(result.fits, result.compared, first), divisor)
    # CF took part in shifting the quotient in.
    flags.set_carry(m, result.fits & ~result.quotient.sign())
    return result


def signed_division(m: Context, dividend: Value, divisor: Value, negate: bool) -> Division:
    """Divide signed numbers, truncating; ``negate``: a REP prefix turns the quotient's sign.

    The chip faults where the quotient's magnitude needs the sign bit, so for -128 as well.
    """
    result = long_division(m, magnitude(m, dividend), magnitude(m, divisor))
    fits = result.fits & ~result.quotient.sign()
    flags.set_carry(m, m.constant(0, 1))
    flags.set_overflow(m, flags.overflow(m) & ~fits)
    minus_dividend, minus = dividend.sign(), dividend.sign() ^ divisor.sign()
    if negate:
        minus = ~minus
    quotient = with_sign(m, minus, result.quotient)
    remainder = with_sign(m, minus_dividend, result.remainder)
    return Division(quotient, remainder, fits, result.fits)


# -- decimal adjust ------------------------------------------------------------------------------


def decimal_adjust(m: Context, al: Value, subtracting: bool, high_limit: int = 0x9F) -> Value:
    """Return AL adjusted after a packed decimal addition (DAA) or subtraction (DAS).

    ``high_limit``: the largest AL whose upper digit stays although AF is set.
    """
    half, full = flags.aux(m), flags.carry(m)
    limit = select(half, m.constant(high_limit, 8), m.constant(0x99, 8))
    low = m.constant(9, 8).below(al & 15) | half
    high = limit.below(al) | full
    correction = select(low, m.constant(6, 8), m.constant(0, 8)) | select(
        high, m.constant(0x60, 8), m.constant(0, 8)
    )
    result = subtract(m, al, correction) if subtracting else add(m, al, correction)
    flags.set_carry(m, high)
    flags.set_aux(m, low.zero_extend(8) << 4)
    return result


def ascii_adjust(m: Context, ax: Value, subtracting: bool) -> Value:
    """Return AX adjusted after an unpacked decimal addition (AAA) or subtraction (AAS)."""
    al, ah = ax.truncate(8), (ax >> 8).truncate(8)
    needed = m.constant(9, 8).below(al & 15) | flags.aux(m)
    correction = select(needed, m.constant(6, 8), m.constant(0, 8))
    one = needed.zero_extend(8)
    if subtracting:
        al, ah = subtract(m, al, correction), ah - one
    else:
        al, ah = add(m, al, correction), ah + one
    flags.set_carry(m, needed)
    flags.set_aux(m, one << 4)
    return (ah.zero_extend(16) << 8) | (al & 15).zero_extend(16)
