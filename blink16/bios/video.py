"""The screen as the BIOS has it: the adapter's memory, its registers, the cursor in the data area.

Source: IBM PC/XT Technical Reference, BIOS listing of VIDEO_IO.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from construct import Array, Bytes, Struct

from blink16.bios import cursor_shape, graphics
from blink16.bios.data_area import PAGES, DataArea
from blink16.bios.planes import MODES as PLANES_MODES
from blink16.bios.planes import PlanesScreen
from blink16.bios.screen_text import (
    BLANK,
    COLOR_MEMORY,
    GRAPHICS_MODES,
    MODE,
    MODE_AT,
    MONO_MEMORY,
    MONO_MODE,
    PLANES_TEXT_MEMORY,
    ROWS,
    SEEN,
    SEEN_AT,
    VIDEO_MEMORY,
    size,
)
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

NORMAL = 0x07
BEL, BS, LF, CR = 7, 8, 10, 13
COLOR_CRTC, MONO_CRTC = 0x3D4, 0x3B4
_COLUMNS = {0: 40, 1: 40, 2: 80, 3: 80, 4: 40, 5: 40, 6: 80, 7: 80}
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

    def shape(self, code: int) -> bytes:
        """Return a character's lines of dots, those that can be seen."""
        ...

    def xor_bits(self, color: int) -> int | None:
        """Return the bits of color that a character XORs; None: it is drawn as any other."""
        ...

    def xor(self, row: int, column: int, shapes: Sequence[bytes]) -> None:
        """XOR lines of dots into a cell: a shape for each bit of color."""
        ...

    def recognize(self, row: int, columns: range) -> bytes:
        """Return the characters that are drawn in a row's cells; 0 where it looks like none."""
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
        self._page_size: int
        self._page_start: int
        self._port: int
        mode, seen = memory.read(MODE_AT, MODE.size), memory.read(SEEN_AT, SEEN.size)
        self.mode, columns, self._page_size, self._page_start = MODE.unpack(mode)
        page, self._port = SEEN.unpack(seen)
        self.page: int = page % PAGES
        """The one that is seen."""
        self.base = MONO_MEMORY if self.mode == MONO_MODE else COLOR_MEMORY
        self.has_planes = memory.read(EGA_INFO, 1)[0] != 0
        """Whether the adapter is an EGA or VGA, whose screen may have any number of rows."""
        rows = self.area.last_row + 1 if self.has_planes else ROWS
        self.memory_size = PLANES_TEXT_MEMORY if self.has_planes else VIDEO_MEMORY
        self.columns, self.rows = size(columns, rows, self.memory_size)

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
        page = self.page if page is None else page
        return PlanesScreen(self._memory, self.mode, page % PAGES)

    # -- the 6845 ----------------------------------------------------------------------------

    def _crtc(self, register: int, value: int) -> None:
        """Set a pair of registers, high byte first."""
        self._bus.write_pair(self._port, register, value)

    def set_cursor(self, page: int, row: int, column: int) -> None:
        """Move a page's cursor."""
        row, column = row & 0xFF, column & 0xFF
        self.area.set_cursor(page, row, column)
        if page % PAGES == self.page:
            place = self._page_start // 2 + row * self.columns + column
            self._bus.write_pair(self._port, CURSOR_HIGH, place)

    def set_cursor_shape(self, shape: int) -> None:
        """Set the cursor's first line (high) and last line, as for a CGA's characters."""
        self.area.cursor_shape = shape
        if self.has_planes and not self._memory.read(EGA_INFO, 1)[0] & NO_CURSOR_EMULATION:
            shape = cursor_shape.emulated(shape, self.area.character_height)
        self._crtc(CURSOR_START, shape)

    def set_page(self, page: int) -> None:
        """Show a page."""
        self.page = self.area.page = page % PAGES
        self._page_start = self.page * self._page_size & 0xFFFF
        self.area.page_start = self._page_start
        planar = self.mode in PLANES_MODES
        self._crtc(START_HIGH, self._page_start if planar else self._page_start // 2)
        self.set_cursor(self.page, *self.area.cursor(self.page))

    def set_palette(self, value: int) -> None:
        """Set a CGA's color register."""
        self.area.crt_palette = value
        self._bus.write((self._port & ~0xF) + COLOR_PORT, value)

    # -- characters --------------------------------------------------------------------------

    def address(self, page: int, row: int, column: int) -> int:
        """Return the linear address of a character cell; the attribute is behind it."""
        offset = page % PAGES * self._page_size + 2 * (row * self.columns + column)
        return self.base + offset % self.memory_size

    def cell(self, page: int, row: int, column: int) -> tuple[int, int]:
        """Return a cell's character and attribute."""
        if self.graphics:
            return self.dots(page).recognize(row, range(column, column + 1))[0], 0
        cell = self._memory.read(self.address(page, row, column), 2)
        return cell[0], cell[1]

    def codes(self, page: int, row: int) -> bytes:
        """Return the characters of a row; where there are dots, 0 for what looks like none."""
        if self.graphics:
            return self.dots(page).recognize(row, range(self.columns))
        return bytes(self.cell(page, row, column)[0] for column in range(self.columns))

    def put(self, page: int, row: int, column: int, code: int, attribute: int | None) -> None:
        """Write a character; without an attribute the cell keeps its own."""
        if self.graphics:
            color = NORMAL if attribute is None else attribute
            self.dots(page).draw(row, column, code, color)
            return
        address = self.address(page, row, column)
        data = (code,) if attribute is None else (code, attribute)
        self._memory.write(address, bytes(data))

    def fill(
        self, page: int, row: int, column: int, count: int, code: int, attribute: int | None
    ) -> None:
        """Write a character to many cells, row by row, as far as the screen goes."""
        first = row * self.columns + column
        count = min(count, self.rows * self.columns - first)
        start = self.address(page, row, column)
        if self.graphics or start + 2 * count > self.base + self.memory_size:
            for at in range(first, first + count):
                self.put(page, *divmod(at, self.columns), code, attribute)
        elif count > 0 and attribute is not None:
            self._memory.write(start, bytes((code, attribute)) * count)
        elif count > 0:
            cells = bytearray(self._memory.read(start, 2 * count))
            cells[::2] = bytes((code,)) * count
            self._memory.write(start, bytes(cells))

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
            row = self._next_line(page, column)
        self.set_cursor(page, row, column)

    def _next_line(self, page: int, column: int) -> int:
        """Scroll the screen up by a line; return the last row."""
        last = self.rows - 1
        fill = 0 if self.graphics else self.cell(page, last, min(column, self.columns - 1))[1]
        self.scroll(page, 0, 0, last, self.columns - 1, 1, fill)
        return last


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
