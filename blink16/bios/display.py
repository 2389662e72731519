"""Reads what stands on the screen: from the adapter's memory and registers, as a monitor does."""

from __future__ import annotations

from blink16.bios import graphics, vga_display
from blink16.bios.data_area import DataArea
from blink16.bios.screen_content import (
    MAX_COLUMNS,
    MAX_ROWS,
    DotScreen,
    ScreenContent,
    TextScreen,
)
from blink16.bios.screen_text import (
    COLOR_SEGMENT,
    MONO_MODE,
    MONO_SEGMENT,
    ROWS,
    VIDEO_MEMORY,
)
from blink16.devices.vga import Vga
from blink16.devices.video import (
    MODE_80_COLUMNS,
    MODE_640_DOTS,
    MODE_BLINK,
    MODE_GRAY,
    Adapter,
    Video,
)
from blink16.memory import Memory, linear

MIN_WORDS, MAX_WORDS, MIN_LINES, MAX_LINES = 16, 64, 32, 512
"""Dots in other shapes are shown as `USUAL`, since no monitor shows them at all."""
USUAL = {1: (40, 100, 2), 3: (45, 87, 4)}
"""Words in a row, rows, and lines of a row, by the lines that have a bank of their own."""
COLUMNS_REGISTER, ROWS_REGISTER, LINES_REGISTER = 1, 6, 9
BANK = 0x2000
"""Bytes: the lines of a row of dots lie in banks, one behind the other."""
PALETTES = {
    # color register's palette bit, monochrome burst: colors 1 to 3 of 320x200
    (False, False): (2, 4, 6),
    (True, False): (3, 5, 7),
    (False, True): (3, 4, 7),
    (True, True): (3, 4, 7),
}
INTENSE, PALETTE_BIT, BRIGHT_BIT = 8, 0x20, 0x10
HERCULES_SECOND_PAGE = 0x80


def read(memory: Memory, video: Video | None) -> ScreenContent | None:
    """Return what the adapter shows; None if it is switched off.

    Without an adapter (``video``) the BIOS data area tells what there is.
    """
    if isinstance(video, Vga):
        return vga_display.read(memory, video)
    if video is None or not any(video.state.crtc):
        return _by_data_area(memory)
    if not video.enabled:
        return None
    if not video.graphics:
        return _text(memory, video)
    if video.adapter is Adapter.CGA:
        return _color_graphics(memory, video)
    return _hercules(memory, video)


def _by_data_area(memory: Memory) -> TextScreen:
    area = DataArea(memory)
    columns = max(1, min(area.columns, MAX_COLUMNS))
    segment = MONO_SEGMENT if area.video_mode == MONO_MODE else COLOR_SEGMENT
    cells = _window(memory, linear(segment, 0), area.page_start, 2 * columns * ROWS)
    row, column = area.cursor(area.page)
    shown = row < ROWS and column < columns
    return TextScreen(columns, ROWS, cells, (row, column) if shown else None, range(6, 8))


def _window(memory: Memory, base: int, start: int, length: int) -> bytes:
    """Return bytes of the video memory from ``start`` on; it wraps, twice if need be."""
    content = bytes(memory.ram[base : base + VIDEO_MEMORY])
    start %= VIDEO_MEMORY
    return (content * (2 + length // VIDEO_MEMORY))[start : start + length]


def _text(memory: Memory, video: Video) -> TextScreen:
    crtc = video.state.crtc
    columns = max(1, min(crtc[COLUMNS_REGISTER], MAX_COLUMNS))
    rows = max(1, min(crtc[ROWS_REGISTER], MAX_ROWS))
    mono = video.adapter is not Adapter.CGA
    base = linear(MONO_SEGMENT if mono else COLOR_SEGMENT, 0)
    cells = _window(memory, base, 2 * video.start, 2 * columns * rows)
    place = divmod(video.cursor - video.start, columns)
    shown = bool(video.cursor_lines) and 0 <= place[0] < rows
    return TextScreen(
        columns,
        rows,
        cells,
        place if shown else None,
        video.cursor_lines,
        bool(video.state.mode & MODE_BLINK),
        crtc[LINES_REGISTER] + 1,
        mono,
        wide=not mono and not video.state.mode & MODE_80_COLUMNS,
    )


def _color_graphics(memory: Memory, video: Video) -> DotScreen:
    mode, color = video.state.mode, video.state.color
    fine = bool(mode & MODE_640_DOTS)
    bits = 1 if fine else 2
    if fine:
        colors: tuple[int, ...] = (0, color & 0x0F)
    else:
        palette = PALETTES[bool(color & PALETTE_BIT), bool(mode & MODE_GRAY)]
        bright = INTENSE if color & BRIGHT_BIT else 0
        colors = (color & 0x0F, *(entry | bright for entry in palette))
    return _dots(memory, video, graphics.BASE, 1, _unpacking(bits, colors), 8 // bits)


def _hercules(memory: Memory, video: Video) -> DotScreen:
    segment = COLOR_SEGMENT if video.state.mode & HERCULES_SECOND_PAGE else MONO_SEGMENT
    return _dots(memory, video, linear(segment, 0), 3, _unpacking(1, (0, 7)), 8)


def _dots(
    memory: Memory, video: Video, base: int, banks: int, unpacked: list[bytes], dots: int
) -> DotScreen:
    """Return what a 6845 reads from banks of 8 KiB, one for each of the first lines of a row.

    It counts words: each row begins where the one before it ends.  ``dots``: in a byte.
    """
    crtc, first = video.state.crtc, video.start
    words, rows, height = crtc[COLUMNS_REGISTER], crtc[ROWS_REGISTER], crtc[LINES_REGISTER] + 1
    if not MIN_WORDS <= words <= MAX_WORDS or not MIN_LINES <= rows * height <= MAX_LINES:
        (words, rows, height), first = USUAL[banks], 0
    lines = [(row, line) for row in range(rows) for line in range(height)]
    picture = bytearray()
    for row, line in lines:
        start = 2 * (first + row * words) % BANK
        bank = base + (line & banks) * BANK
        content = bytes(memory.ram[bank : bank + BANK])
        shown = (content[start:] + content)[: 2 * words]
        picture += b"".join(unpacked[byte] for byte in shown)
    return DotScreen(2 * words * dots, len(lines), bytes(picture))


def _unpacking(bits: int, colors: tuple[int, ...]) -> list[bytes]:
    """Return, for each byte of video memory, the colors of its dots."""
    mask = (1 << bits) - 1
    return [
        bytes(colors[byte >> shift & mask] for shift in range(8 - bits, -1, -bits))
        for byte in range(256)
    ]
