"""Arithmetic that is done in two ways, which have to come to the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blink16.cpu.arithmetic import divide_at_once, divide_by_bits
from blink16.cpu.values import Value


def see_that_both_divide_alike(dividend: int, divisor: int, width: int) -> None:
    """Compare quotient, remainder and what the flags follow from."""
    a, b = Value(dividend, 2 * width), Value(divisor, width)
    at_once = [value.handle for value in divide_at_once(a, b)]
    assert at_once[:2] == [dividend // divisor, dividend % divisor]
    for drops_carry in (False, True):
        assert [value.handle for value in divide_by_bits(a, b, drops_carry)] == at_once


@pytest.mark.parametrize("divisor", [1, 2, 3, 10, 0x40, 0x55, 0x7E, 0x7F])
def test_bytes_divide_alike(divisor: int) -> None:
    """Prevents flags after a quick division that the chip, which does it by bits, does not set."""
    for dividend in range(0, divisor << 8, 29):
        see_that_both_divide_alike(dividend, divisor, 8)


@given(st.integers(1, 0x7FFF), st.integers(0, 0xFFFF), st.data())
def test_words_divide_alike(divisor: int, quotient: int, data: st.DataObject) -> None:
    """Prevents the same for words, where not all can be tried."""
    remainder = data.draw(st.integers(0, divisor - 1))
    see_that_both_divide_alike(quotient * divisor + remainder, divisor, 16)
