"""Strings on the BIOS's screen as so many teletype calls would show them, and sooner."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from blink16.bios import graphics, screen_text
from blink16.bios.video import BEL, BS, CR, LF, NORMAL, GuestScreen
from blink16.bus import Bus
from blink16.memory import Memory

COLOR_BITS = 4
"""So many a character may XOR."""


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
        self._xored: dict[tuple[int, int], int] = {}
        """The dots that are XORed into them, in one number: a shape for each bit of color."""
        self._dots = screen.dots(page) if screen.graphics else None
        self._xors: dict[tuple[int, int], int] = {}
        """What characters with attributes XOR, with a bit before it."""

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
        lit = self._xors.get((code, attribute)) or self._xor(code, attribute)
        place, xored = (line, column), self._xored
        if not lit:
            self._cells[place] = code, attribute
            xored.pop(place, None)
        elif place in xored:
            xored[place] ^= lit
        else:
            xored[place] = lit

    def _xor(self, code: int, attribute: int) -> int:
        """Return the dots that a character XORs; 0: it is drawn as any other."""
        dots = self._dots
        if dots is None or (bits := dots.xor_bits(attribute)) is None:
            return 0
        shape = dots.shape(code)
        planes = [shape if bits >> bit & 1 else bytes(len(shape)) for bit in range(COLOR_BITS)]
        lit = self._xors[code, attribute] = int.from_bytes(b"\1" + b"".join(planes), "big")
        return lit

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
        if self._dots and self._xored:
            height = len(self._dots.shape(0))
            size = COLOR_BITS * height
            for (line, column), lit in self._xored.items():
                if line >= gone:
                    planes = (lit & (1 << 8 * size) - 1).to_bytes(size, "big")
                    shapes = [planes[at : at + height] for at in range(0, size, height)]
                    self._dots.xor(line - gone, column, shapes)
        screen.set_cursor(page, self._line - gone, self._column)
