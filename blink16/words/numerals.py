"""The one reader of numbers that people type and packets carry.

Whoever asks says how large the number may be; what is no such number is a `NumeralError`, however
long it is.
"""

from __future__ import annotations

import re

MAX_DIGITS = 40
"""Digits that are read at all, leading zeros included."""
_DIGITS = {
    base: re.compile(rf"[{digits}]{{1,{MAX_DIGITS}}}")
    for base, digits in ((10, "0-9"), (16, "0-9a-fA-F"))
}
_PREFIX = re.compile(r"0[xX]")
_SIZE = re.compile(r"([0-9]+)([kKmMgG]?)")
_UNITS = {"": 20, "k": 10, "m": 20, "g": 30}
MAX_SIZE = 1 << 50
_SHOWN = 40


class NumeralError(ValueError):
    """Text that is no number, or not one in the bounds asked for; says so in one line."""


def digits(text: str, base: int, most: int, least: int = 0) -> int:
    """Read bare digits of base 10 or 16; NumeralError unless it is ``least``..``most``."""
    if _DIGITS[base].fullmatch(text) and least <= (number := int(text, base)) <= most:
        return number
    if base == 16:
        raise NumeralError(f"{text[:_SHOWN]!r} is no hexadecimal number up to {most:X}")
    raise NumeralError(f"{text[:_SHOWN]!r} is no number from {least} to {most}")


def literal(text: str, most: int, least: int = 0) -> int:
    """Read a number in decimal, or behind 0x in hex; NumeralError as `digits`."""
    if not _PREFIX.match(text):
        return digits(text, 10, most, least)
    try:
        return digits(text[2:], 16, most, least)
    except NumeralError:
        raise NumeralError(f"{text[:_SHOWN]!r} is no number from {least} to {most}") from None


def is_literal(text: str) -> bool:
    """Return whether a text is written as `literal` reads it, however large the number is."""
    if _PREFIX.match(text):
        return _DIGITS[16].fullmatch(text[2:]) is not None
    return _DIGITS[10].fullmatch(text) is not None


def size(text: str) -> int:
    """Read a number of bytes: in MiB, or with k, m or g behind it; NumeralError if it is none."""
    found = _SIZE.fullmatch(text)
    try:
        unit = _UNITS[found[2].lower()] if found else 0
        return digits(found[1] if found else "", 10, MAX_SIZE >> unit) << unit
    except NumeralError:
        raise NumeralError(f"a size looks like 256M or 1G, not {text[:_SHOWN]!r}") from None
