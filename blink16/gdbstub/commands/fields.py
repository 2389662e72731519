"""The fields of packets: numbers, bytes and texts, or `MalformedError`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from blink16.words import numerals
from blink16.words.numerals import NumeralError

_HEX_BYTES = re.compile(rb"(?:[0-9a-fA-F]{2})*")
_ID = rb"(-1|[0-9a-fA-F]{1,16})"
_THREAD = re.compile(_ID)
_PROCESS_THREAD = re.compile(rb"p%b(?:\.%b)?" % (_ID, _ID))
PROCESS_BASE = 8_086_000
"""What gdb's and LLDB's numbers of processes have more than ours.  No process of a host has such a
number (Linux: up to 2**22), so that plugins that look ours up in /proc find none.
"""
MAX_NUMBER = (1 << 64) - 1
ALL = -1
ANY = 0


@dataclass(frozen=True, slots=True)
class ThreadId:
    """A thread of a process, either of which may be `ALL` or `ANY`.

    Clients that know but one process say nothing about it: that is any.
    """

    process: int
    thread: int


class MalformedError(ValueError):
    """A packet whose fields are not what its name calls for."""


def number(field: bytes, what: str) -> int:
    """Read a number in hex."""
    try:
        return numerals.digits(field.decode("latin-1"), 16, MAX_NUMBER)
    except NumeralError:
        raise MalformedError(f"bad {what}") from None


def process(field: bytes) -> int:
    """Read the number of a process, as any client calls it."""
    return _ours(number(field, "process"))


def _ours(number: int) -> int:
    return number - PROCESS_BASE if number > PROCESS_BASE else number


def data(field: bytes, what: str) -> bytes:
    """Read bytes in hex."""
    if not _HEX_BYTES.fullmatch(field):
        raise MalformedError(f"bad {what}")
    return bytes.fromhex(field.decode("ascii"))


def text(field: bytes, what: str) -> str:
    """Read text in UTF-8."""
    try:
        return field.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedError(f"bad {what}") from None


def thread(field: bytes) -> ThreadId:
    """Read a thread-id: ``THREAD``, ``pPROCESS.THREAD`` or ``pPROCESS``, which means all of it."""
    both = _PROCESS_THREAD.fullmatch(field)
    if both:
        process = _ours(int(both[1], 16))
        return ThreadId(process, int(both[2] or b"-1", 16))
    if not _THREAD.fullmatch(field):
        raise MalformedError("bad thread")
    number = int(field, 16)
    return ThreadId(ALL if number == ALL else ANY, number)


def split(field: bytes, separator: bytes, count: int, what: str) -> list[bytes]:
    """Split into so many parts."""
    parts = field.split(separator, count - 1)
    if len(parts) != count:
        raise MalformedError(f"bad {what}")
    return parts


def place(field: bytes) -> tuple[int, int]:
    """Read ``ADDRESS,LENGTH``."""
    address, length = split(field, b",", 2, "address and length")
    return number(address, "address"), number(length, "length")


def after(field: bytes, separator: bytes) -> bytes:
    """Return what stands behind a separator."""
    if not field.startswith(separator):
        raise MalformedError(f"expected {separator.decode('ascii')!r}")
    return field[len(separator) :]
