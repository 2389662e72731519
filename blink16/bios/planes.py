"""Characters and dots in an EGA's and a VGA's own modes, 0Dh to 13h.

The font is the one that INT 43h's vector points at.
"""

from __future__ import annotations

from collections.abc import Sequence

from blink16.bios.data_area import DataArea
from blink16.bios.graphics import ScrollWindow, codes_of
from blink16.memory import DIRTY_SHIFT, PAGE_SHIFT, Memory, PageState, linear

WINDOW = 0xA0000
FONT_VECTOR = 0x43
BYTES_MODE = 0x13
XOR = 0x80
CELLS = 0x10000
WIDTHS = {0x0D: 320, 0x0E: 640, 0x0F: 640, 0x10: 640, 0x11: 640, 0x12: 640, 0x13: 320}
MODES = frozenset(WIDTHS)
SPREAD = tuple(sum(0xFF << 8 * plane for plane in range(4) if c >> plane & 1) for c in range(16))


class PlanesScreen:
    """The dots of a page."""

    def __init__(self, memory: Memory, mode: int, page: int = 0) -> None:
        self._memory = memory
        self._mode = mode
        area = DataArea(memory)
        self._start = page * area.page_size
        self.width = WIDTHS[mode]
        self.height = max(1, area.character_height)
        self.rows = area.last_row + 1
        self.lines = {0x0D: 200, 0x0E: 200, 0x13: 200, 0x11: 480, 0x12: 480}.get(mode, 350)
        self._stride = self.width // 8
        self._in_ram = not memory.pages[WINDOW >> PAGE_SHIFT] & PageState.PLANAR

    # -- dots --------------------------------------------------------------------------------

    def dot(self, x: int, y: int) -> int:
        """Return a dot's color; 0 outside of the picture."""
        if x >= self.width or y >= self.lines:
            return 0
        if self._mode == BYTES_MODE:
            return self._bytes(y * self.width + x, 1)[0]
        cell = self._memory.planes[(self._start + y * self._stride + x // 8) % CELLS]
        shift = 7 - x % 8
        return sum((cell >> 8 * plane + shift & 1) << plane for plane in range(4))

    def set_dot(self, x: int, y: int, color: int) -> None:
        """Set a dot's color, or with bit 7 of ``color`` XOR it."""
        if x >= self.width or y >= self.lines:
            return
        if self._mode == BYTES_MODE:
            self._set_bytes(y * self.width + x, bytes((color,)))
        else:
            self._set_cell(y * self._stride + x // 8, 0x80 >> x % 8, 0xFF, color)

    def _set_cell(self, at: int, mask: int, dots: int, color: int) -> None:
        """Set the dots of a cell within ``mask``: those in ``dots`` have the color, others none."""
        at = (self._start + at) % CELLS
        before, spread = self._memory.planes[at], mask * 0x01010101
        lit = SPREAD[color & 0xF] & (dots & mask) * 0x01010101
        after = before ^ lit if color & XOR else before & ~spread | lit
        self._memory.planes[at] = after & 0xFFFFFFFF
        self._memory.planes_dirty[at >> DIRTY_SHIFT] = 1

    def _bytes(self, at: int, size: int) -> bytes:
        if self._in_ram:
            return self._memory.read(WINDOW + at, size)
        return bytes(self._memory.planes.cast("B")[at : at + size])

    def _set_bytes(self, at: int, data: bytes) -> None:
        if self._in_ram:
            self._memory.write(WINDOW + at, data)
            return
        self._memory.planes.cast("B")[at : at + len(data)] = data
        for part in range(at >> 2 >> DIRTY_SHIFT, (at + len(data) >> 2 >> DIRTY_SHIFT) + 1):
            self._memory.planes_dirty[part] = 1

    # -- characters --------------------------------------------------------------------------

    def shape(self, code: int) -> bytes:
        """Return a character's lines of dots, those that can be seen."""
        segment = self._memory.read_word(FONT_VECTOR * 4 + 2)
        at = linear(segment, self._memory.read_word(FONT_VECTOR * 4) + code * self.height)
        return self._memory.read(at, min(self.height, self.lines))

    def draw(self, row: int, column: int, code: int, color: int) -> None:
        """Draw a character; with bit 7 of ``color`` XOR it into the picture."""
        for y, line in enumerate(self.shape(code), row * self.height):
            if y >= self.lines or column * 8 >= self.width:
                return
            if self._mode == BYTES_MODE:
                dots = bytes(color if line >> bit & 1 else 0 for bit in range(7, -1, -1))
                self._set_bytes(y * self.width + column * 8, dots)
            else:
                self._set_cell(y * self._stride + column, 0xFF, line, color)

    def xor_bits(self, color: int) -> int | None:
        """Return the bits of color that a character XORs; None: it is drawn as any other."""
        return color & 0xF if color & XOR and self._mode != BYTES_MODE else None

    def xor(self, row: int, column: int, shapes: Sequence[bytes]) -> None:
        """XOR lines of dots into a cell: a shape for each bit of color."""
        if column * 8 >= self.width:
            return
        for y, lines in enumerate(zip(*shapes, strict=True), row * self.height):
            if y >= self.lines:
                return
            at = (self._start + y * self._stride + column) % CELLS
            self._memory.planes[at] ^= int.from_bytes(lines, "little")
            self._memory.planes_dirty[at >> DIRTY_SHIFT] = 1

    def recognize(self, row: int, columns: range) -> bytes:
        """Return the characters that are drawn in a row's cells; 0 where it looks like none."""
        known = codes_of(self.shape)
        lines = range(row * self.height, row * self.height + min(self.height, self.lines))
        content = [self._lit(y, columns) for y in lines]
        return bytes(known.get(bytes(shape), 0) for shape in zip(*content, strict=True))

    def _lit(self, y: int, columns: range) -> bytes:
        """Return which dots of a line's cells have a color."""
        here = range(columns.start, max(columns.start, min(columns.stop, self._stride)))
        if y >= self.lines:
            return bytes(len(columns))
        if self._mode == BYTES_MODE:
            dots = self._bytes(y * self.width + here.start * 8, len(here) * 8)
            bits = "".join("1" if dot else "0" for dot in dots)
            lit = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
        else:
            start, planes = self._start + y * self._stride, self._memory.planes
            cells = [planes[(start + column) % CELLS] for column in here]
            lit = bytes((c | c >> 8 | c >> 16 | c >> 24) & 0xFF for c in cells)
        return lit.ljust(len(columns), b"\0")

    def scroll(self, window: ScrollWindow, lines: int, color: int) -> None:
        """Move a window's rows up (down if negative); what comes free has a color; 0: all of it."""
        first, end = window.top * self.height, min((window.bottom + 1) * self.height, self.lines)
        rows = [self._row(y, window) for y in range(first, end)]
        count = min(abs(lines) * self.height or len(rows), len(rows))
        blanks = [self._blank(window, color)] * count
        moved = rows[count:] + blanks if lines >= 0 else blanks + rows[: len(rows) - count]
        for y, content in enumerate(moved, first):
            self._set_row(y, window, content)

    def _row(self, y: int, window: ScrollWindow) -> list[int]:
        size = window.right - window.left + 1
        if self._mode == BYTES_MODE:
            return list(self._bytes(y * self.width + window.left * 8, size * 8))
        start = self._start + y * self._stride + window.left
        return [self._memory.planes[at % CELLS] for at in range(start, start + size)]

    def _blank(self, window: ScrollWindow, color: int) -> list[int]:
        size = window.right - window.left + 1
        return [color] * size * 8 if self._mode == BYTES_MODE else [SPREAD[color & 0xF]] * size

    def _set_row(self, y: int, window: ScrollWindow, content: list[int]) -> None:
        if self._mode == BYTES_MODE:
            self._set_bytes(y * self.width + window.left * 8, bytes(content))
            return
        start = self._start + y * self._stride + window.left
        for at, cell in enumerate(content, start):
            self._memory.planes[at % CELLS] = cell
            self._memory.planes_dirty[at % CELLS >> DIRTY_SHIFT] = 1


def clear(memory: Memory) -> None:
    """Make all planes black."""
    memory.planes.cast("B")[:] = bytes(CELLS * 4)
    memory.planes_dirty[:] = b"\x01" * len(memory.planes_dirty)
    if not memory.pages[WINDOW >> PAGE_SHIFT] & (PageState.PLANAR | PageState.ROM):
        memory.write(WINDOW, bytes(0x10000))
