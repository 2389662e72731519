"""The screen as INT 10h has it: a CGA's text memory, the cursor in the BIOS data area.

What the teletype call and strings show also goes to the console channel, byte for byte.
Source: IBM PC/XT Technical Reference, BIOS listing of VIDEO_IO.
"""

from __future__ import annotations

from blink16.bios.data_area import PAGES, DataArea
from blink16.memory import Memory, linear
from blink16.services import DONE, Guest, Outcome

CHANNEL = "console"
COLOR_SEGMENT, MONO_SEGMENT = 0xB800, 0xB000
MONO_MODE = 7
ROWS = 25
BLANK = b" "
NORMAL = 0x07
BEL, BS, LF, CR = 7, 8, 10, 13
VIDEO_MEMORY = 0x4000
CURSOR_LINES = 0x0607
COLOR_CRTC, MONO_CRTC = 0x3D4, 0x3B4
_COLUMNS = {0: 40, 1: 40, 2: 80, 3: 80, 4: 40, 5: 40, 6: 80, 7: 80}
_CRT_MODES = {0: 0x2C, 1: 0x28, 2: 0x2D, 3: 0x29, 4: 0x2A, 5: 0x2E, 6: 0x1E, 7: 0x29}
"""What the BIOS writes to the mode register 3D8h."""
GRAPHICS_MODES = (4, 5, 6)


class Screen:
    """The text screen in a guest's memory."""

    def __init__(self, memory: Memory) -> None:
        self.area = DataArea(memory)
        self._memory = memory
        self.mode = self.area.video_mode
        self.columns = max(1, self.area.columns)
        segment = MONO_SEGMENT if self.mode == MONO_MODE else COLOR_SEGMENT
        self.base = linear(segment, 0)

    @property
    def graphics(self) -> bool:
        """Whether the screen shows dots, where no text can be."""
        return self.mode in GRAPHICS_MODES

    def address(self, page: int, row: int, column: int) -> int:
        """Return the linear address of a character cell; the attribute is behind it."""
        offset = page % PAGES * self.area.page_size + 2 * (row * self.columns + column)
        return self.base + offset % VIDEO_MEMORY

    def cell(self, page: int, row: int, column: int) -> tuple[int, int]:
        """Return a cell's character and attribute."""
        cell = self._memory.read(self.address(page, row, column), 2)
        return cell[0], cell[1]

    def put(self, page: int, row: int, column: int, code: int, attribute: int | None) -> None:
        """Write a character; without an attribute the cell keeps its own."""
        if self.graphics:
            return
        address = self.address(page, row, column)
        data = (code,) if attribute is None else (code, attribute)
        self._memory.write(address, bytes(data))

    def scroll(
        self, page: int, top: int, left: int, bottom: int, right: int, lines: int, attribute: int
    ) -> None:
        """Move a window's lines up (down if negative) and blank what comes free; 0: all of it."""
        bottom, right = min(bottom, ROWS - 1), min(right, self.columns - 1)
        if self.graphics or top > bottom or left > right:
            return
        width = right - left + 1
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
        if row >= ROWS:
            row = ROWS - 1
            fill = self.cell(page, row, min(column, self.columns - 1))[1]
            self.scroll(page, 0, 0, ROWS - 1, self.columns - 1, 1, fill)
        self.area.set_cursor(page, row, column)


def set_mode(memory: Memory, mode: int, *, keep: bool = False) -> None:
    """Put the screen into a mode and (unless ``keep``) clear it."""
    area = DataArea(memory)
    area.video_mode = mode
    area.columns = _COLUMNS[mode]
    area.page_size = 0x1000 if _COLUMNS[mode] == 80 else 0x0800
    if mode in GRAPHICS_MODES:
        area.page_size = VIDEO_MEMORY
    area.page = area.page_start = 0
    area.cursor_shape = CURSOR_LINES
    area.crtc_port = MONO_CRTC if mode == MONO_MODE else COLOR_CRTC
    area.crt_mode, area.crt_palette = _CRT_MODES[mode], 0x30
    area.last_row, area.character_height = ROWS - 1, 8
    for page in range(PAGES):
        area.set_cursor(page, 0, 0)
    if keep:
        return
    screen = Screen(memory)
    blank = b"\0\0" if screen.graphics else BLANK + bytes((NORMAL,))
    memory.write(screen.base, blank * (VIDEO_MEMORY // 2))


def int10(guest: Guest) -> Outcome:
    """Do the video function in AH; a CGA's BIOS leaves alone those that it hasn't got."""
    function = _FUNCTIONS.get(guest.registers.ah)
    if function is not None:
        function(guest, Screen(guest.memory))
    return DONE


def _set_mode(guest: Guest, screen: Screen) -> None:
    mode, keep = guest.registers.al & 0x7F, bool(guest.registers.al & 0x80)
    if mode in _COLUMNS:
        set_mode(guest.memory, mode, keep=keep)


def _set_cursor_shape(guest: Guest, screen: Screen) -> None:
    screen.area.cursor_shape = guest.registers.cx


def _set_cursor(guest: Guest, screen: Screen) -> None:
    r = guest.registers
    screen.area.set_cursor(r.bh, r.dh, r.dl)


def _get_cursor(guest: Guest, screen: Screen) -> None:
    r = guest.registers
    r.dh, r.dl = screen.area.cursor(r.bh)
    r.cx = screen.area.cursor_shape


def _set_page(guest: Guest, screen: Screen) -> None:
    page = guest.registers.al % PAGES
    screen.area.page = page
    screen.area.page_start = page * screen.area.page_size


def _scroll(guest: Guest, screen: Screen) -> None:
    r = guest.registers
    lines = r.al if r.ah == 0x06 else -r.al
    screen.scroll(screen.area.page, r.ch, r.cl, r.dh, r.dl, lines, r.bh)


def _read_cell(guest: Guest, screen: Screen) -> None:
    r = guest.registers
    r.al, r.ah = screen.cell(r.bh, *screen.area.cursor(r.bh))


def _write_cells(guest: Guest, screen: Screen) -> None:
    """09h: CX times the character AL with attribute BL, 0Ah: without; the cursor stays."""
    r = guest.registers
    attribute = r.bl if r.ah == 0x09 else None
    row, column = screen.area.cursor(r.bh)
    first = row * screen.columns + column
    last = min(first + r.cx, ROWS * screen.columns)
    for at in range(first, last):
        screen.put(r.bh, *divmod(at, screen.columns), r.al, attribute)


def _set_palette(guest: Guest, screen: Screen) -> None:
    r = guest.registers
    old = screen.area.crt_palette
    if r.bh == 0:
        screen.area.crt_palette = old & 0xE0 | r.bl & 0x1F
    elif r.bh == 1:
        screen.area.crt_palette = old & ~0x20 | (r.bl & 1) << 5


def _teletype(guest: Guest, screen: Screen) -> None:
    code = guest.registers.al
    screen.teletype(screen.area.page, code)
    guest.output(CHANNEL, bytes((code,)))


def _get_mode(guest: Guest, screen: Screen) -> None:
    r = guest.registers
    r.al, r.ah, r.bh = screen.mode, screen.columns, screen.area.page


def _write_string(guest: Guest, screen: Screen) -> None:
    """13h: CX characters from ES:BP at DX; AL bit 0 moves the cursor, bit 1: with attributes."""
    r = guest.registers
    has_attributes = bool(r.al & 2)
    data = guest.memory.read(linear(r.es, r.bp), r.cx * (2 if has_attributes else 1))
    codes = data[::2] if has_attributes else data
    attributes = data[1::2] if has_attributes else bytes((r.bl,)) * len(codes)
    before = screen.area.cursor(r.bh)
    screen.area.set_cursor(r.bh, r.dh, r.dl)
    for code, attribute in zip(codes, attributes, strict=True):
        screen.teletype(r.bh, code, attribute)
    guest.output(CHANNEL, codes)
    if not r.al & 1:
        screen.area.set_cursor(r.bh, *before)


_FUNCTIONS = {
    0x00: _set_mode,
    0x01: _set_cursor_shape,
    0x02: _set_cursor,
    0x03: _get_cursor,
    0x05: _set_page,
    0x06: _scroll,
    0x07: _scroll,
    0x08: _read_cell,
    0x09: _write_cells,
    0x0A: _write_cells,
    0x0B: _set_palette,
    0x0E: _teletype,
    0x0F: _get_mode,
    0x13: _write_string,
}
