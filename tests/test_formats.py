"""The formats that dprintf sends."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blink16.gdbstub.formats import MAX_FIELD, MAX_FORMAT, FormatError, parse, render


def read(address: int, longest: int) -> bytes:
    """Return a string of the guest's."""
    return b"text at 4660"[:longest] if address == 0x1234 else b""


def printed(source: bytes, *values: int) -> bytes:
    """Return what a format makes of values."""
    return b"".join(render(parse(source), values, read))


@pytest.mark.parametrize(
    ("source", "values", "text"),
    [
        (rb"plain %% \t\"\\\e\n", (), b'plain % \t"\\\x1b\n'),
        (b"%d %i %u", (-1, -2, -1), b"-1 -2 4294967295"),
        (b"%hd %hhd %hu", (0xFFFF, 0x80, -1), b"-1 -128 65535"),
        (b"%ld %lld %llu", (1 << 32, 1 << 32, -1), b"0 4294967296 18446744073709551615"),
        (b"%x %X %#x %#x %o %#o %#o", (255, 255, 255, 0, 8, 8, 0), b"ff FF 0xff 0 10 010 0"),
        (b"[%5d][%-5d][%05d][%+d][% d][%.3d]", (7,) * 6, b"[    7][7    ][00007][+7][ 7][007]"),
        (b"[%-05d][%08.3d][%+u][%#6o]", (7,) * 4, b"[7    ][     007][7][    07]"),
        (b"%c%c|%3c|%-3c|", (0x41, 0x142, 0x43, 0x44), b"AB|  C|D  |"),
        (b"%s|%.4s|%6.4s|%s", (0x1234, 0x1234, 0x1234, 0), b"text at 4660|text|  text|(null)"),
        (b"%p %p", (0xFFFFFFFF10045, 0), b"0xfff10045 (nil)"),
        (b"%'d", (1000,), b"1000"),
        (b"more values", (1, 2, 3), b"more values"),
    ],
)
def test_formats_say_what_c_says(source: bytes, values: tuple[int, ...], text: bytes) -> None:
    """Prevents numbers of the wrong width or sign, and Python's ideas of # and 0."""
    assert printed(source, *values) == text


@pytest.mark.parametrize(
    "source",
    [
        *(b"%", b"100 %", b"%d", b"%n", b"%f", b"%*d", b"%y", b"%5", b"\\q", b"end\\"),
        *(b"%%%d" % (MAX_FIELD + 1), b"%999999999d", b"%.300x", b"%" + b"9" * 900 + b"d"),
        b"x" * (MAX_FORMAT + 1),
    ],
)
def test_nonsense_is_refused(source: bytes) -> None:
    """Prevents exceptions of Python's, and fields that fill the memory."""
    with pytest.raises(FormatError):
        printed(source)


@given(st.binary(max_size=40), st.lists(st.integers(0, (1 << 64) - 1), max_size=4))
def test_any_format_is_printed_or_refused(source: bytes, values: list[int]) -> None:
    """Prevents a format from an unknown client that ends the machine's thread."""
    with suppress(FormatError):
        printed(source, *values)


@given(st.from_regex(rb"%[-+ #0]{0,3}[0-9]{0,2}(\.[0-9]?)?(hh|h|l|ll)?[diuoxX]", fullmatch=True))
def test_each_number_format_is_printed(source: bytes) -> None:
    """Prevents combinations of flags that Python's % refuses or takes for its own."""
    assert printed(source, 0x123456789)
