"""The screen as the BIOS has it: the adapter's memory, its registers, the cursor in the data area.

Source: IBM PC/XT Technical Reference, BIOS listing of VIDEO_IO.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Protocol

from construct import Array, Bytes, Struct

from blink16.bios import cursor_shape, graphics
from blink16.bios.data_area import PAGES, DataArea
from blink16.bios.planes import MODES as PLANES_MODES
from blink16.bios.planes import PlanesScreen
from blink16.bios.vga import CRT_MODES, EGA_INFO, NO_CURSOR_EMULATION, VgaBios, modes_of
from blink16.bus import Bus
from blink16.devices.video import (
    COLOR_PORT,
    CURSOR_HIGH,
    CURSOR_START,
    MODE_PORT,
    REGISTERS,
    START_HIGH,
    Adapter,
)
from blink16.memory import Memory, linear

COLOR_SEGMENT, MONO_SEGMENT = 0xB800, 0xB000
MONO_MODE = 7
ROWS = 25
BLANK = b" "
NORMAL = 0x07
BEL, BS, LF, CR = 7, 8, 10, 13
VIDEO_MEMORY, PLANES_TEXT_MEMORY = 0x4000, 0x8000
TAB = 8
_PIECES = re.compile(rb"[^\x07\x08\t\n\r]+|[\x07\x08\t\n\r]")
_CONTROLS = (b"\x07", b"\x08", b"\n", b"\r")
COLOR_CRTC, MONO_CRTC = 0x3D4, 0x3B4
_COLUMNS = {0: 40, 1: 40, 2: 80, 3: 80, 4: 40, 5: 40, 6: 80, 7: 80}
GRAPHICS_MODES = (4, 5, 6)
MONOCHROME_EQUIPMENT = 0x30
"""Both bits of the equipment word: there is a monochrome adapter."""
PALETTE = 0x30
PALETTE_640 = 0x3F
_CRTC_REGISTERS = 16
PARAMETERS = Struct("crtc" / Array(4, Bytes(_CRTC_REGISTERS)))
"""What INT 1Dh's vector points at: how to program the 6845 for modes 0-1, 2-3, 4-6 and 7."""
CRTC = (
    bytes.fromhex("38 28 2d 0a 1f 06 19 1c 02 07 06 07 00 00 00 00"),
    bytes.fromhex("71 50 5a 0a 1f 06 19 1c 02 07 06 07 00 00 00 00"),
    bytes.fromhex("38 28 2d 0a 7f 06 64 70 02 01 06 07 00 00 00 00"),
    bytes.fromhex("61 50 52 0f 19 06 19 19 02 0d 0b 0c 00 00 00 00"),
)
_CRTC_OF_MODE = (0, 0, 1, 1, 2, 2, 2, 3)
PARAMETERS_VECTOR = 0x1D


class DotsOfMode(Protocol):
    """Dots and characters of a graphics mode."""

    def dot(self, x: int, y: int) -> int:
        """Return a dot's color."""
        ...

    def set_dot(self, x: int, y: int, color: int) -> None:
        """Set a dot's color, or with bit 7 of ``color`` XOR it."""
        ...

    def draw(self, row: int, column: int, code: int, color: int) -> None:
        """Draw a character."""
        ...

    def recognize(self, row: int, column: int) -> int:
        """Return the character that is drawn in a cell."""
        ...

    def scroll(self, window: graphics.ScrollWindow, lines: int, color: int) -> None:
        """Move a window's rows."""
        ...


class GuestScreen:
    """The screen in a guest's memory, and the ports of its adapter."""

    def __init__(self, memory: Memory, bus: Bus) -> None:
        self.area = DataArea(memory)
        self._memory = memory
        self._bus = bus
        self.mode = self.area.video_mode
        self.columns = max(1, self.area.columns)
        segment = MONO_SEGMENT if self.mode == MONO_MODE else COLOR_SEGMENT
        self.base = linear(segment, 0)
        self.has_planes = bool(memory.read(EGA_INFO, 1)[0])
        """Whether the adapter is an EGA or VGA, whose screen may have any number of rows."""
        self.rows = self.area.last_row + 1 if self.has_planes else ROWS
        self.memory_size = PLANES_TEXT_MEMORY if self.has_planes else VIDEO_MEMORY

    @property
    def graphics(self) -> bool:
        """Whether the screen shows dots.  A mode that no adapter has counts as text: a guest may
        have written anything where the BIOS keeps it.
        """
        return self.mode in GRAPHICS_MODES or self.mode in PLANES_MODES

    def dots(self, page: int | None = None) -> DotsOfMode:
        """Return the dots of a page."""
        if self.mode in GRAPHICS_MODES:
            return graphics.CgaDots(self._memory, self.mode)
        page = self.area.page if page is None else page
        return PlanesScreen(self._memory, self.mode, page % PAGES)

    # -- the 6845 ----------------------------------------------------------------------------

    def _crtc(self, register: int, value: int) -> None:
        """Set a pair of registers, high byte first."""
        port = self.area.crtc_port
        for index, byte in ((register, value >> 8 & 0xFF), (register + 1, value & 0xFF)):
            self._bus.write(port, index)
            self._bus.write(port + 1, byte)

    def set_cursor(self, page: int, row: int, column: int) -> None:
        """Move a page's cursor."""
        self.area.set_cursor(page, row, column)
        if page % PAGES == self.area.page:
            self._show_cursor()

    def _show_cursor(self) -> None:
        row, column = self.area.cursor(self.area.page)
        self._crtc(CURSOR_HIGH, self.area.page_start // 2 + row * self.columns + column)

    def set_cursor_shape(self, shape: int) -> None:
        """Set the cursor's first line (high) and last line, as for a CGA's characters."""
        self.area.cursor_shape = shape
        if self.has_planes and not self._memory.read(EGA_INFO, 1)[0] & NO_CURSOR_EMULATION:
            shape = cursor_shape.emulated(shape, self.area.character_height)
        self._crtc(CURSOR_START, shape)

    def set_page(self, page: int) -> None:
        """Show a page."""
        self.area.page = page % PAGES
        self.area.page_start = self.area.page * self.area.page_size
        planar = self.mode in PLANES_MODES
        self._crtc(START_HIGH, self.area.page_start if planar else self.area.page_start // 2)
        self._show_cursor()

    def set_palette(self, value: int) -> None:
        """Set a CGA's color register."""
        self.area.crt_palette = value
        self._bus.write((self.area.crtc_port & ~0xF) + COLOR_PORT, value)

    # -- characters --------------------------------------------------------------------------

    def address(self, page: int, row: int, column: int) -> int:
        """Return the linear address of a character cell; the attribute is behind it."""
        offset = page % PAGES * self.area.page_size + 2 * (row * self.columns + column)
        return self.base + offset % self.memory_size

    def cell(self, page: int, row: int, column: int) -> tuple[int, int]:
        """Return a cell's character and attribute."""
        if self.graphics:
            return self.dots(page).recognize(row, column), 0
        cell = self._memory.read(self.address(page, row, column), 2)
        return cell[0], cell[1]

    def put(self, page: int, row: int, column: int, code: int, attribute: int | None) -> None:
        """Write a character; without an attribute the cell keeps its own."""
        if self.graphics:
            color = NORMAL if attribute is None else attribute
            self.dots(page).draw(row, column, code, color)
            return
        address = self.address(page, row, column)
        data = (code,) if attribute is None else (code, attribute)
        self._memory.write(address, bytes(data))

    def scroll(
        self, page: int, top: int, left: int, bottom: int, right: int, lines: int, attribute: int
    ) -> None:
        """Move a window's lines up (down if negative) and blank what comes free; 0: all of it."""
        bottom, right = min(bottom, self.rows - 1), min(right, self.columns - 1)
        if top > bottom or left > right:
            return
        if self.graphics:
            window = graphics.ScrollWindow(top, left, bottom, right)
            self.dots(page).scroll(window, lines, attribute)
            return
        width = right - left + 1
        if width == self.columns:
            self._scroll_rows(page, top, bottom, lines, attribute)
            return
        rows = [
            self._memory.read(self.address(page, row, left), 2 * width)
            for row in range(top, bottom + 1)
        ]
        blank = (BLANK + bytes((attribute,))) * width
        count = min(abs(lines) or len(rows), len(rows))
        blanks = [blank] * count
        moved = rows[count:] + blanks if lines >= 0 else blanks + rows[: len(rows) - count]
        for row, content in enumerate(moved, top):
            self._memory.write(self.address(page, row, left), content)

    def _scroll_rows(self, page: int, top: int, bottom: int, lines: int, attribute: int) -> None:
        """Move whole rows."""
        row = 2 * self.columns
        size = (bottom - top + 1) * row
        moved = min(abs(lines) * row or size, size)
        start = self.address(page, top, 0)
        content = self._memory.read(start, size)
        blanks = (BLANK + bytes((attribute,))) * (moved // 2)
        shifted = content[moved:] + blanks if lines >= 0 else blanks + content[: size - moved]
        self._memory.write(start, shifted)

    def write(self, data: bytes) -> None:
        """Show characters on the page that is seen, as many teletype calls would, tabs too."""
        page = self.area.page
        if self.graphics:
            self.show(page, data, bytes((NORMAL,)) * len(data))
            return
        row, column = self.area.cursor(page)
        for piece in _PIECES.findall(data):
            if piece in _CONTROLS:
                row, column = self._control(piece, row, column)
            elif piece == b"\t":
                row, column = self._run(page, row, column, b" " * (TAB - column % TAB))
            else:
                row, column = self._run(page, row, column, piece)
            if row >= self.rows:
                row = self._next_line(page, column)
        self.set_cursor(page, row, column)

    def _control(self, code: bytes, row: int, column: int) -> tuple[int, int]:
        if code == b"\r":
            return row, 0
        if code == b"\n":
            return row + 1, column
        return row, max(0, column - (code == b"\b"))

    def _run(self, page: int, row: int, column: int, text: bytes) -> tuple[int, int]:
        """Show printable characters, which keep the attributes that are there."""
        column = min(column, self.columns - 1)
        while text:
            if row >= self.rows:
                row = self._next_line(page, column)
            part, text = text[: self.columns - column], text[self.columns - column :]
            where = self.address(page, row, column)
            cells = bytearray(self._memory.read(where, 2 * len(part)))
            cells[::2] = part
            self._memory.write(where, bytes(cells))
            column += len(part)
            if column >= self.columns:
                row, column = row + 1, 0
        return row, column

    def _next_line(self, page: int, column: int) -> int:
        """Scroll the screen up by a line; return the last row."""
        fill = self.cell(page, self.rows - 1, min(column, self.columns - 1))[1]
        self.scroll(page, 0, 0, self.rows - 1, self.columns - 1, 1, fill)
        return self.rows - 1

    def teletype(self, page: int, code: int, attribute: int | None = None) -> None:
        """Show a character at the cursor and move on, scrolling at the end of the screen."""
        row, column = self.area.cursor(page)
        if code == CR:
            column = 0
        elif code == LF:
            row += 1
        elif code == BS:
            column = max(0, column - 1)
        elif code != BEL:
            self.put(page, row, column, code, attribute)
            column += 1
            if column >= self.columns:
                row, column = row + 1, 0
        if row >= self.rows:
            row = self.rows - 1
            at = min(column, self.columns - 1)
            fill = 0 if self.graphics else self.cell(page, row, at)[1]
            self.scroll(page, 0, 0, self.rows - 1, self.columns - 1, 1, fill)
        self.set_cursor(page, row, column)

    def show(self, page: int, codes: bytes, attributes: bytes) -> None:
        """Show characters at the cursor, as so many teletype calls with attributes would.

        There may be 65,535, and nobody can stop a service: what scrolls away is not drawn.
        """
        typed = iter(zip(codes, attributes, strict=True))
        if self.area.cursor(page)[0] >= self.rows:  # the first one brings it back
            for code, attribute in islice(typed, 1):
                self.teletype(page, code, attribute)
        sheet = _Sheet(self, page)
        sheet.type(typed)
        sheet.draw()


class _Sheet:
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


def set_mode(
    memory: Memory,
    bus: Bus,
    mode: int,
    *,
    keep: bool = False,
    adapter: Adapter = Adapter.CGA,
) -> None:
    """Put the screen into a mode that the adapter has and (unless ``keep``) clear it."""
    area = DataArea(memory)
    if adapter.has_planes:
        VgaBios(memory, bus, is_vga=adapter is Adapter.VGA).set_mode(mode, keep=keep)
        return
    if area.equipment & MONOCHROME_EQUIPMENT == MONOCHROME_EQUIPMENT:
        mode = MONO_MODE
    elif mode == MONO_MODE:
        mode = 0
    area.video_mode = mode
    area.columns = _COLUMNS[mode]
    area.page_size = 0x1000 if _COLUMNS[mode] == 80 else 0x0800
    if mode in GRAPHICS_MODES:
        area.page_size = VIDEO_MEMORY
    area.page = area.page_start = 0
    area.crtc_port = MONO_CRTC if mode == MONO_MODE else COLOR_CRTC
    area.crt_mode = CRT_MODES[mode]
    area.last_row, area.character_height = ROWS - 1, 8
    for page in range(PAGES):
        area.set_cursor(page, 0, 0)
    _program(memory, bus, area)
    screen = GuestScreen(memory, bus)
    screen.set_palette(PALETTE_640 if mode == 6 else PALETTE)
    if not keep:
        blank = b"\0\0" if screen.graphics else BLANK + bytes((NORMAL,))
        memory.write(screen.base, blank * (VIDEO_MEMORY // 2))


def _program(memory: Memory, bus: Bus, area: DataArea) -> None:
    """Set the adapter's registers from the table that INT 1Dh's vector leads to."""
    at = linear(*reversed(_far_pointer(memory, PARAMETERS_VECTOR)))
    tables = PARAMETERS.parse(memory.read(at, PARAMETERS.sizeof())).crtc
    base = area.crtc_port & ~0xF
    bus.write(base + MODE_PORT, 0)
    table = tables[_CRTC_OF_MODE[area.video_mode]]
    for register, value in enumerate(table.ljust(REGISTERS, b"\0")):
        bus.write(area.crtc_port, register)
        bus.write(area.crtc_port + 1, value)
    area.cursor_shape = table[CURSOR_START] << 8 | table[CURSOR_START + 1]
    bus.write(base + MODE_PORT, area.crt_mode)


def _far_pointer(memory: Memory, vector: int) -> tuple[int, int]:
    return memory.read_word(vector * 4), memory.read_word(vector * 4 + 2)


def shows(mode: int, adapter: Adapter) -> bool:
    """Whether an adapter shows a mode as it is: what the BIOS makes text of is no CGA's picture."""
    if (adapter.is_mono and mode in GRAPHICS_MODES) or (
        adapter is Adapter.CGA and mode == MONO_MODE
    ):
        return False
    return is_mode(mode, adapter)


def is_mode(mode: int, adapter: Adapter = Adapter.CGA) -> bool:
    """Whether an adapter has a mode."""
    return mode in (modes_of(adapter is Adapter.VGA) if adapter.has_planes else _COLUMNS)
