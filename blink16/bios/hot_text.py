"""Text on a screen of characters as native code writes it: the usual case of `screen_text`.

That is a page whose cursor is on it, in memory that has nothing to mind but that it
is written, and perhaps a mirror.
"""

from __future__ import annotations

from typing import NamedTuple

from blink16.bios.data_area import BASE, OFFSETS, PAGES
from blink16.bios.screen_text import (
    BLANK,
    COLOR_MEMORY,
    MONO_MEMORY,
    MONO_MODE,
    PLANES_TEXT_MEMORY,
    ROWS,
    TAB,
    VIDEO_MEMORY,
)
from blink16.bios.vga import EGA_INFO
from blink16.cpu.hot import CallContext, HotCall
from blink16.cpu.registers import Cell
from blink16.cpu.values import Value, select
from blink16.devices import cells
from blink16.devices.video import CURSOR_LOW
from blink16.memory import MIRROR_BIT, PAGE_SHIFT, PAGES_OFFSET, SAID_OFFSET, SAID_SIZE, PageState

LAST_COLOR_MODE = 3
"""Of those that show characters."""
BS, HT, LF, CR = 8, 9, 10, 13
_FIRST_CONTROL, _CONTROLS = 7, 0b1001111
"""BEL is the first of those in this set, by bits."""
_MODE_AT, _COLUMNS_AT, _PAGE_SIZE_AT, _START_AT, _CURSORS_AT, _PAGE_AT, _PORT_AT, _LAST_ROW_AT = (
    BASE + OFFSETS[name][0]
    for name in (
        *("video_mode", "columns", "page_size", "page_start", "cursors", "page", "crtc_port"),
        "last_row",
    )
)
_INDEX = 4
"""From a card's base port to that of its 6845's index."""
_UNCLEAN = ~int(PageState.CLEAN) & 0xFF


class Page(NamedTuple):
    """The page that is seen, and where its cursor is."""

    start: Value
    """The linear address of the first cell."""
    size: Value
    """Bytes."""
    columns: Value
    rows: Value
    mirror: Value
    """`MIRROR_BIT` if all is stored there, too, or 0."""
    state: Value
    """That of its pages of memory once they are written."""
    cursor_at: Value
    """Where the data area has the column, and behind it the row."""
    origin: Value
    """The cell with which what the 6845 shows begins."""


def page(c: CallContext) -> Page:
    """Require that all is usual with the page that is seen, and return it."""
    at = c.constant
    mode = c.byte(at(_MODE_AT))
    is_mono = mode.equals(MONO_MODE)
    c.require(mode.below(LAST_COLOR_MODE + 1) | is_mono)
    port = c.get(cells.CRTC, cells.CRTC_BASE)
    c.require((port + _INDEX).equals(c.word(at(_PORT_AT))))
    number = c.byte(at(_PAGE_AT))
    c.require(number.below(PAGES))
    has_lines = c.byte(at(EGA_INFO)).is_not_zero()
    rows = select(has_lines, c.byte(at(_LAST_ROW_AT)) + 1, at(ROWS))
    memory_size = select(has_lines, at(PLANES_TEXT_MEMORY), at(VIDEO_MEMORY))
    columns = c.word(at(_COLUMNS_AT))
    size = (columns * rows) << 1
    c.require(columns.is_not_zero() & columns.below(0x100) & ~memory_size.below(size))
    start = select(is_mono, at(MONO_MEMORY), at(COLOR_MEMORY))
    start = start + (number * c.word(at(_PAGE_SIZE_AT)) & (memory_size - 1))
    c.require((start ^ (start + size - 1)).below(MIRROR_BIT))
    cursor_at = (number << 1) + _CURSORS_AT
    c.require(c.byte(cursor_at).below(columns) & c.byte(cursor_at + 1).below(rows))
    state = c.byte(_state_at(c, start)) & _UNCLEAN
    is_mirrored = state.equals(int(PageState.MIRROR))
    c.require(state.is_zero() | is_mirrored)
    mirror = select(is_mirrored, at(MIRROR_BIT), at(0))
    _require_state(c, start, size, mirror, state)
    c.require((c.byte(_state_at(c, at(BASE))) & _UNCLEAN).is_zero())
    origin = c.word(at(_START_AT)) >> 1
    return Page(start, size, columns, rows, mirror, state, cursor_at, origin)


def _state_at(c: CallContext, address: Value) -> Value:
    return (address >> PAGE_SHIFT) + PAGES_OFFSET


def _require_state(c: CallContext, start: Value, size: Value, mirror: Value, state: Value) -> None:
    """Require that all pages of memory in a range and in its mirror have a state."""
    here, end = c.variable(_state_at(c, start)), _state_at(c, start + size - 1) + 1
    odd = c.variable(0)

    def look() -> None:
        place = here.get()
        both = c.byte(place) ^ state | c.byte(place ^ (mirror >> PAGE_SHIFT)) ^ state
        odd.set(odd.get() | both & _UNCLEAN)
        here.set(place + 1)

    c.repeat(lambda: here.get().below(end), look)
    c.require(odd.get().is_zero())


def room(c: CallContext, size: Value) -> Value:
    """Require that there is room to say so many bytes; return the address for them."""
    said = c.get(cells.SAID, cells.SAID_COUNT)
    c.require((said + size).below(SAID_SIZE))
    return said + SAID_OFFSET


def say(c: CallContext, size: Value) -> None:
    """Say what has been put where there was `room`."""
    c.set(cells.SAID, c.get(cells.SAID, cells.SAID_COUNT) + size, cells.SAID_COUNT)
    c.set(cells.SAID, c.now(), cells.SAID_AT)


class _Writer:
    """Writes characters to a page, which is changed from here on."""

    def __init__(self, c: CallContext, where: Page) -> None:
        self._c, self._page = c, where
        self._column = c.variable(c.byte(where.cursor_at))
        self._row = c.variable(c.byte(where.cursor_at + 1))

    def character(self, code: Value) -> None:
        """Write a character, or do what it is for."""
        c, column, row = self._c, self._column, self._row
        is_low = code.below(_FIRST_CONTROL + _CONTROLS.bit_length()) & ~code.below(_FIRST_CONTROL)
        bits = c.constant(_CONTROLS) >> (code - _FIRST_CONTROL & 7)
        is_control = is_low & bits.bit(0)

        def control() -> None:
            c.when(code.equals(CR), lambda: column.set(0))
            c.when(code.equals(LF), lambda: row.set(row.get() + 1))
            back = code.equals(BS) & column.get().is_not_zero()
            c.when(back, lambda: column.set(column.get() - 1))
            c.when(code.equals(HT), self._tab)

        c.when(is_control, control, lambda: self._put(code))
        self._scroll_if_needed()

    def _tab(self) -> None:
        c = self._c
        left = c.variable(0)
        left.set(c.constant(TAB) - (self._column.get() & TAB - 1))

        def blank() -> None:
            self._put(c.constant(BLANK[0]))
            self._scroll_if_needed()
            left.set(left.get() - 1)

        c.repeat(lambda: left.get().is_not_zero(), blank)

    def _put(self, code: Value) -> None:
        """Put a character at the cursor, which goes on."""
        c, where, column, row = self._c, self._page, self._column, self._row
        cell = where.start + ((row.get() * where.columns + column.get()) << 1)
        for address in (cell, cell ^ where.mirror):
            c.put_byte(address, code)
            c.put_byte(_state_at(c, address), where.state)
        following = column.get() + 1

        def wrap() -> None:
            column.set(0)
            row.set(row.get() + 1)

        c.when(following.below(where.columns), lambda: column.set(following), wrap)

    def _scroll_if_needed(self) -> None:
        is_below = self._row.get().equals(self._page.rows)
        self._c.when(is_below, self._scroll)

    def _scroll(self) -> None:
        """Move all up by a line; the last one gets the attribute at the cursor's column."""
        c, where = self._c, self._page
        self._row.set(where.rows - 1)
        line = where.columns << 1
        last = where.start + where.size - line
        blank = c.byte(last + (self._column.get() << 1) + 1) << 8 | BLANK[0]
        c.move(where.start, where.start + line, where.size - line)
        cell, end = c.variable(last), last + line

        def fill() -> None:
            c.put_word(cell.get(), blank)
            cell.set(cell.get() + 2)

        c.repeat(lambda: cell.get().below(end), fill)
        is_mirrored = where.mirror.is_not_zero()
        c.when(is_mirrored, lambda: c.move(where.start ^ where.mirror, where.start, where.size))
        here = c.variable(_state_at(c, where.start))
        last_state = _state_at(c, where.start + where.size - 1) + 1

        def note() -> None:
            for place in (here.get(), here.get() ^ (where.mirror >> PAGE_SHIFT)):
                c.put_byte(place, where.state)
            here.set(here.get() + 1)

        c.repeat(lambda: here.get().below(last_state), note)

    def finish(self) -> None:
        """Put the cursor where the text ends, in the data area and the 6845."""
        c, where = self._c, self._page
        column, row = self._column.get(), self._row.get()
        c.put_word(where.cursor_at, column | row << 8)
        c.put_byte(_state_at(c, where.cursor_at), c.constant(0))
        place = where.origin + row * where.columns + column
        bits = c.get(cells.CRTC, cells.CRTC_HIGH_BITS)
        c.set(cells.CRTC, c.constant(CURSOR_LOW), cells.CRTC_SELECTED)
        c.set(cells.CRTC, place >> 8 & bits, cells.CRTC_CURSOR_HIGH)
        c.set(cells.CRTC, place & 0xFF, cells.CRTC_CURSOR_LOW)


def write(c: CallContext, where: Page, text: Value, size: Value) -> None:
    """Write text to the page, as `screen_text.write` does; ``text``: its address."""
    writer = _Writer(c, where)
    index = c.variable(0)

    def one() -> None:
        writer.character(c.byte(text + index.get()))
        index.set(index.get() + 1)

    c.repeat(lambda: index.get().below(size), one)
    writer.finish()


def _shown(c: CallContext) -> None:
    """Say the character that the teletype call has shown."""
    one = c.constant(1)
    c.put_byte(room(c, one), c.register(Cell.AX))
    say(c, one)


SHOWN = HotCall(cells.USUAL.element(cells.USUAL_SHOWN), _shown)
