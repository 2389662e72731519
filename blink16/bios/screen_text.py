"""A string on its way to a screen of characters, in one go.

What stands there afterwards is what as many teletype calls would leave, and a tab goes to the next
multiple of eight columns.
"""

from __future__ import annotations

import re

from blink16.memory import Memory

TAB = 8
BLANK = b" "
_NEW_LINE, _CR, _LF, _TAB, _BS = b"\r\n", b"\r", b"\n", b"\t", b"\b"
_CONTROLS = frozenset((_NEW_LINE, _CR, _LF, _BS, b"\a"))
_pieces = re.compile(rb"[^\x07-\x0a\r]+|\r\n|[\x07-\x0a\r]").findall


class ScreenText:
    """A page of characters that text is written to."""

    __slots__ = ("_columns", "_memory", "_rows", "_start", "_whole")

    def __init__(self, memory: Memory, start: int, columns: int, rows: int) -> None:
        """``start``: the linear address of the page's first cell."""
        self._memory = memory
        self._start, self._columns, self._rows = start, columns, rows
        self._whole: bytearray | None = None
        """The page's content where it may scroll: it is stored when all is written."""

    def write(self, row: int, column: int, data: bytes) -> tuple[int, int]:
        """Write from a place on, and return where that ends."""
        columns, rows = self._columns, self._rows
        width = column + len(data) + (TAB - 1) * data.count(_TAB)
        if row + data.count(_LF) + width // columns >= rows:  # at most so many lines
            self._whole = bytearray(self._memory.read(self._start, 2 * columns * rows))
        for piece in _pieces(data):
            if piece == _NEW_LINE:
                row, column = row + 1, 0
            elif piece not in _CONTROLS:
                text = BLANK * (TAB - column % TAB) if piece == _TAB else piece
                if row < rows and column + len(text) < columns:
                    self._put(row * columns + column, text)
                    column += len(text)
                else:
                    row, column = self._wrap(row, column, text)
            elif piece == _LF:
                row += 1
            elif piece == _CR:
                column = 0
            elif piece == _BS:
                column = max(0, column - 1)
            if row >= rows:
                row = self._scroll(column)
        if self._whole is not None:
            self._memory.write(self._start, bytes(self._whole))
        return row, column

    def _wrap(self, row: int, column: int, text: bytes) -> tuple[int, int]:
        """Write characters that may fill lines."""
        columns = self._columns
        column = min(column, columns - 1)
        while text:
            if row >= self._rows:
                row = self._scroll(column)
            part, text = text[: columns - column], text[columns - column :]
            self._put(row * columns + column, part)
            column += len(part)
            if column >= columns:
                row, column = row + 1, 0
        return row, column

    def _put(self, cell: int, text: bytes) -> None:
        """Put characters into cells, which keep their attributes."""
        at, size = 2 * cell, 2 * len(text)
        if self._whole is not None:
            self._whole[at : at + size : 2] = text
            return
        cells = bytearray(self._memory.read(self._start + at, size))
        cells[::2] = text
        self._memory.write(self._start + at, bytes(cells))

    def _scroll(self, column: int) -> int:
        """Move all up by a line; return the last row, which gets the attribute at ``column``."""
        whole, columns = self._whole, self._columns
        assert whole is not None
        last = len(whole) - 2 * columns
        attribute = whole[last + 2 * min(column, columns - 1) + 1]
        del whole[: 2 * columns]
        whole += bytes((BLANK[0], attribute)) * columns
        return self._rows - 1
