"""A string on its way to a screen of characters, in one go.

What stands there afterwards is what as many teletype calls would leave, and a tab goes to the next
multiple of eight columns.
"""

from __future__ import annotations

import re
from functools import lru_cache
from struct import Struct as Packing
from typing import NamedTuple

from blink16.bios.data_area import BASE, OFFSETS, PAGES
from blink16.bios.planes import MODES as PLANES_MODES
from blink16.bios.vga import EGA_INFO
from blink16.bus import Bus
from blink16.devices.video import CURSOR_HIGH
from blink16.memory import Memory, linear

COLOR_SEGMENT, MONO_SEGMENT = 0xB800, 0xB000
COLOR_MEMORY, MONO_MEMORY = linear(COLOR_SEGMENT, 0), linear(MONO_SEGMENT, 0)
MONO_MODE = 7
GRAPHICS_MODES = (4, 5, 6)
ROWS = 25
VIDEO_MEMORY, PLANES_TEXT_MEMORY = 0x4000, 0x8000
MODE, SEEN = Packing("<BHHH"), Packing("<BH")
MODE_AT, SEEN_AT = BASE + OFFSETS["video_mode"][0], BASE + OFFSETS["page"][0]
"""The mode, the columns, the size of a page and the start of the one that is seen; which that is,
and the port of the 6845.
"""
_CURSORS_AT, _LAST_ROW_AT = BASE + OFFSETS["cursors"][0], BASE + OFFSETS["last_row"][0]
_CURSORS, _SEEN = _CURSORS_AT - MODE_AT, SEEN_AT - MODE_AT
_AREA_SIZE, _ROWS_SIZE = _SEEN + SEEN.size, EGA_INFO + 1 - _LAST_ROW_AT
_DOTS = PLANES_MODES | frozenset(GRAPHICS_MODES)
MAX_PLACES = 64
"""Different data areas that are remembered."""
TAB = 8
BLANK = b" "
_NEW_LINE, _CR, _LF, _TAB, _BS = b"\r\n", b"\r", b"\n", b"\t", b"\b"
_CONTROLS = frozenset((_NEW_LINE, _CR, _LF, _BS, b"\a"))
_PLAIN = bytes(set(range(256)) - set(b"\a\b\t\n\r"))
"""All characters that are shown as they are."""
_BLANKS = tuple(bytes((BLANK[0], attribute)) for attribute in range(256))
_pieces = re.compile(rb"[^\x07-\x0a\r]+|\r\n|[\x07-\x0a\r]").findall


def size(columns: int, rows: int, memory_size: int) -> tuple[int, int]:
    """Return how many columns and rows there are where the data area has such numbers.

    Guests may write anything there.  The BIOS multiplies by a byte, and has its text in memory.
    """
    columns = columns & 0xFF or 1
    return columns, max(1, min(rows, memory_size // (2 * columns)))


class _Place(NamedTuple):
    """Where the text of the page that is seen lies."""

    start: int
    """The linear address of its first cell."""
    columns: int
    rows: int
    cursor: int
    """Where the data area's part from `MODE_AT` on has its cursor: the column, then the row."""
    port: int
    origin: int
    """The 6845's, and the cell with which what it shows begins."""


@lru_cache(MAX_PLACES)
def _place(mode_fields: bytes, seen: bytes, lines: bytes) -> _Place | None:
    """Return what the data area says; None if dots are shown.

    ``mode_fields``: `MODE`; ``seen``: `SEEN`; ``lines``: from the last row's number to what an
    EGA's BIOS keeps.
    """
    mode, columns, page_size, page_start = MODE.unpack(mode_fields)
    page, port = SEEN.unpack(seen)
    if mode in _DOTS:
        return None
    page, rows, memory_size = page % PAGES, ROWS, VIDEO_MEMORY
    if lines[-1]:
        rows, memory_size = lines[0] + 1, PLANES_TEXT_MEMORY
    if not 0 < 2 * columns * rows <= memory_size or columns > 0xFF:
        columns, rows = size(columns, rows, memory_size)
    start = (MONO_MEMORY if mode == MONO_MODE else COLOR_MEMORY) + page * page_size % memory_size
    return _Place(start, columns, rows, _CURSORS + 2 * page, port, page_start // 2)


def write(memory: Memory, bus: Bus, data: bytes) -> bool:
    """Write text to the page that is seen, from its cursor on; return False if it shows dots.

    As quick as can be: programs print much by single calls.
    """
    area, lines = memory.read(MODE_AT, _AREA_SIZE), memory.read(_LAST_ROW_AT, _ROWS_SIZE)
    place = _place(area[:_CURSORS], area[_SEEN:], lines)
    if place is None:
        return False
    start, columns, rows, cursor, port, origin = place
    column, row = area[cursor], area[cursor + 1]
    if data == _TAB:
        data = BLANK * (TAB - column % TAB)
    if row < rows and column + len(data) < columns and not data.translate(None, _PLAIN):
        memory.write_alternate(start + 2 * (row * columns + column), data)
        column += len(data)
    else:
        row, column = _Page(memory, start, columns, rows).write(row, column, data)
        row, column = row & 0xFF, column & 0xFF
    memory.write(MODE_AT + cursor, bytes((column, row)))
    bus.write_pair(port, CURSOR_HIGH, origin + row * columns + column)
    return True


class _Page:
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
        whole = None
        if row + data.count(_LF) + width // columns >= rows:  # at most so many lines
            whole = bytearray(self._memory.read(self._start, 2 * columns * rows))
            self._whole = whole
        for piece in _pieces(data):
            if piece == _NEW_LINE:
                row, column = row + 1, 0
            elif piece not in _CONTROLS:
                text = BLANK * (TAB - column % TAB) if piece == _TAB else piece
                end = column + len(text)
                if row < rows and end < columns:
                    self._put(row * columns + column, text)
                    column = end
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
        if whole is not None:
            self._memory.write(self._start, bytes(whole))
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
        self._memory.write_alternate(self._start + at, text)

    def _scroll(self, column: int) -> int:
        """Move all up by a line; return the last row, which gets the attribute at ``column``."""
        whole, columns = self._whole, self._columns
        assert whole is not None
        last = len(whole) - 2 * columns
        attribute = whole[last + 2 * min(column, columns - 1) + 1]
        del whole[: 2 * columns]
        whole += _BLANKS[attribute] * columns
        return self._rows - 1
