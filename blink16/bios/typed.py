"""Strings on the BIOS's screen as so many teletype calls would show them, and sooner."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from blink16.bios import graphics, screen_text
from blink16.bios.video import BEL, BS, CR, LF, NORMAL, GuestScreen
from blink16.bus import Bus
from blink16.memory import Memory


def write_text(memory: Memory, bus: Bus, data: bytes) -> None:
    """Show characters on the page that is seen, as many teletype calls would; of text, tabs too."""
    if not screen_text.write(memory, bus, data):
        screen = GuestScreen(memory, bus)
        show(screen, screen.page, data, bytes((NORMAL,)) * len(data))


def show(screen: GuestScreen, page: int, codes: bytes, attributes: bytes) -> None:
    """Show characters at the cursor, as so many teletype calls with attributes would.

    There may be 65,535, and nobody can stop a service: what scrolls away is not drawn.
    """
    typed = iter(zip(codes, attributes, strict=True))
    if screen.area.cursor(page)[0] >= screen.rows:  # the first one brings it back
        for code, attribute in islice(typed, 1):
            screen.teletype(page, code, attribute)
    paper = _Paper(screen, page)
    paper.type(typed)
    paper.draw()


class _Paper:
    """What is shown with one call: lines on paper, of which the last ones are on the screen."""

    def __init__(self, screen: GuestScreen, page: int) -> None:
        self._screen, self._page = screen, page
        self._rows, self._columns, self._graphics = screen.rows, screen.columns, screen.graphics
        self._line, self._column = screen.area.cursor(page)
        self._fills: list[int] = []
        """What the lines below those that are there now are filled with."""
        self._cells: dict[tuple[int, int], tuple[int, int]] = {}
        """Characters and attributes by line and column."""
        self._xored: dict[tuple[int, int], list[tuple[int, int]]] = {}
        """Those that are XORed into them."""

    def type(self, typed: Iterable[tuple[int, int]]) -> None:
        """Do what a teletype call for each character and attribute does."""
        line, column, fills, columns = self._line, self._column, self._fills, self._columns
        below, cells = self._rows + len(fills), self._cells
        special = graphics.XOR if self._graphics else 0
        for code, attribute in typed:
            if code == CR:
                column = 0
            elif code == LF:
                line += 1
            elif code == BS:
                column = max(0, column - 1)
            elif code != BEL:
                if column >= columns or attribute & special or self._xored:
                    self._put(line, column, code, attribute)
                else:
                    cells[line, column] = code, attribute
                column += 1
                if column >= columns:
                    line, column = line + 1, 0
            if line >= below:
                at = min(column, columns - 1)
                fills.append(0 if self._graphics else self._attribute(line - 1, at))
                below += 1
        self._line, self._column = line, column

    def _put(self, line: int, column: int, code: int, attribute: int) -> None:
        if column >= self._columns:  # the guest had put the cursor there
            if self._graphics:
                return
            line, column = line + column // self._columns, column % self._columns
            row = line - len(self._fills)
            if row >= self._rows:  # and there it does not scroll
                self._screen.put(self._page, row, column, code, attribute)
                return
        if self._graphics and attribute & graphics.XOR:
            self._xored.setdefault((line, column), []).append((code, attribute))
        else:
            self._cells[line, column] = code, attribute
            self._xored.pop((line, column), None)

    def _attribute(self, line: int, column: int) -> int:
        """Return the attribute that a cell of text has by now."""
        if (line, column) in self._cells:
            return self._cells[line, column][1]
        new = line - self._rows
        if new >= 0:
            return self._fills[new]
        return self._screen.cell(self._page, line, column)[1]

    def draw(self) -> None:
        """Draw what is on the screen in the end."""
        screen, page, rows, gone = self._screen, self._page, self._rows, len(self._fills)
        right = self._columns - 1
        if gone:
            screen.scroll(page, 0, 0, rows - 1, right, min(gone, rows), 0)
        if not self._graphics:
            for row in range(max(0, rows - gone), rows):
                screen.scroll(page, row, 0, row, right, 0, self._fills[row + gone - rows])
        for (line, column), cell in self._cells.items():
            if line >= gone:
                screen.put(page, line - gone, column, *cell)
        for (line, column), several in self._xored.items():
            for cell in several if line >= gone else ():
                screen.put(page, line - gone, column, *cell)
        screen.set_cursor(page, self._line - gone, self._column)
