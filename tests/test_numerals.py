"""The one reader of numbers: what it takes, and that nothing else gets through."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blink16 import numerals
from blink16.numerals import NumeralError

ODD = ["", "-1", "+1", " 1", "1 ", "1_0", "0x", "0x-1", "0o7", "1e+3", "٣", "²"]
ODD += ["0x1g", "0" * 41, "\n"]


@pytest.mark.parametrize("text", ODD)
def test_what_is_no_number_is_refused_in_a_line(text: str) -> None:
    """Prevents Python's own generous ideas of a number, and tracebacks."""
    for base in (10, 16):
        with pytest.raises(NumeralError) as raised:
            numerals.digits(text, base, 1 << 62)
        assert "\n" not in str(raised.value)
    with pytest.raises(NumeralError):
        numerals.literal(text, 1 << 62)
    assert not numerals.is_literal(text)


def test_both_notations_are_read_in_either_case() -> None:
    """Prevents 0X10, which one type sees as a number and the next as none."""
    assert numerals.literal("0x1F", 31) == numerals.literal("0X1f", 31) == 31
    assert numerals.literal("0" * 39 + "9", 9) == 9
    assert numerals.size("2") == numerals.size("2048k") == 2 << 20


def test_bounds_are_kept() -> None:
    """Prevents a count of none, or one that no machine could reach."""
    for text in ("0", "0x0", "11", "0xB", "9" * 40, "9" * 5000):
        with pytest.raises(NumeralError, match="no number from 1 to 10"):
            numerals.literal(text, 10, least=1)


@given(st.text(max_size=50), st.sampled_from((10, 16)))
def test_any_text_is_a_number_or_an_error(text: str, base: int) -> None:
    """Prevents anything but a number or one kind of error."""
    readers: list[Callable[[], int]] = [
        lambda: numerals.digits(text, base, 1 << 80),
        lambda: numerals.literal(text, 1 << 80),
        lambda: numerals.size(text),
    ]
    for read in readers:
        try:
            assert read() >= 0
        except NumeralError as error:
            assert len(str(error)) < 300  # noqa: PT017
