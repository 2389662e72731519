"""A terminal's mouse (xterm's SGR reports): switching it on, and its reports as events."""

from __future__ import annotations

import re
from typing import NamedTuple

ON, OFF = "\x1b[?1002h\x1b[?1006h", "\x1b[?1006l\x1b[?1002l"
_REPORT = re.compile(rb"\x1b\[<(\d{1,3});(\d{1,4});(\d{1,4})([Mm])")
_BEGUN = re.compile(rb"\x1b\[<[\d;]{0,13}\Z")
"""A report whose end has not come; no key begins like that."""
MOVES, WHEEL = 0x20, 0x40
LEFT, MIDDLE, RIGHT, NONE = range(4)
_BITS = {LEFT: 1, RIGHT: 2, MIDDLE: 4}


class MouseReport(NamedTuple):
    """Which buttons are down (bit 0 the left, bit 1 the right), and the cell from 0."""

    buttons: int
    column: int
    row: int


class MouseReports:
    """Takes the mouse's reports out of a terminal's input."""

    def __init__(self) -> None:
        self._down = 0
        self._begun = b""

    def take(self, data: bytes) -> tuple[bytes, list[MouseReport]]:
        """Return the input without reports, and those in order; one may come in pieces."""
        data = self._begun + data
        begun = _BEGUN.search(data)
        self._begun = begun[0] if begun else b""
        data = data.removesuffix(self._begun)
        reports = [self._report(*found.groups()) for found in _REPORT.finditer(data)]
        return _REPORT.sub(b"", data), reports

    def _report(self, code: bytes, column: bytes, row: bytes, end: bytes) -> MouseReport:
        number = int(code)
        bit = _BITS.get(number & 3, 0)
        if not number & (MOVES | WHEEL):
            self._down = self._down | bit if end == b"M" else self._down & ~bit
        return MouseReport(self._down, int(column) - 1, int(row) - 1)
