"""The screen as a PNG file.  Source: PNG specification, third edition (W3C, 2025)."""

from __future__ import annotations

import zlib

from construct import Bytes, Checksum, Const, Int8ub, Int32ub, Struct, this

from blink16.bios import font
from blink16.bios.display import DotScreen, ScreenContent, TextScreen

SIGNATURE = b"\x89PNG\r\n\x1a\n"
INDEXED = 3
BLINK, BACKGROUND_BITS = 0x80, 4
COARSE_WIDTH = 320
"""Pictures of so few dots in a line are drawn twice as wide; all but Hercules' twice as high."""
TALL_HEIGHT = 300

CHUNK = Struct(
    "length" / Int32ub,
    "type" / Bytes(4),
    "data" / Bytes(this.length),
    "crc" / Checksum(Int32ub, zlib.crc32, lambda chunk: chunk.type + chunk.data),
)
HEADER = Struct(
    "width" / Int32ub,
    "height" / Int32ub,
    "depth" / Const(8, Int8ub),
    "color_type" / Const(INDEXED, Int8ub),
    "compression" / Const(0, Int8ub),
    "filter" / Const(0, Int8ub),
    "interlace" / Const(0, Int8ub),
)
COLORS = bytes.fromhex(
    "000000 0000aa 00aa00 00aaaa aa0000 aa00aa aa5500 aaaaaa"
    "555555 5555ff 55ff55 55ffff ff5555 ff55ff ffff55 ffffff"
)
"""Red, green and blue of the sixteen colors of a CGA."""
BLACK_DOT = b"\0"


def png(screen: ScreenContent | None) -> bytes:
    """Return a PNG file of a screen; of a screen that is off, a black one."""
    match screen:
        case TextScreen():
            lines = _text_lines(screen)
        case DotScreen():
            lines = _dot_lines(screen)
        case None:
            lines = [BLACK_DOT * 640] * 400
    raw = b"".join(b"\0" + line for line in lines)  # 0: no filter
    header = HEADER.build({"width": len(lines[0]), "height": len(lines)})
    chunks = ((b"IHDR", header), (b"PLTE", COLORS), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    built: bytes = CHUNK.build({"length": len(data), "type": kind, "data": data})
    return built


def _dot_lines(screen: DotScreen) -> list[bytes]:
    lines = []
    for y in range(screen.height):
        line = screen.dots[y * screen.width : (y + 1) * screen.width]
        if screen.width <= COARSE_WIDTH:
            line = bytes(dot for dot in line for _ in range(2))
        lines += [line] * (1 if screen.height > TALL_HEIGHT else 2)
    return lines


def _text_lines(screen: TextScreen) -> list[bytes]:
    lines = [bytearray() for _ in range(screen.rows * font.HEIGHT)]
    rows: dict[tuple[int, int, int], bytes] = {}
    for index in range(screen.rows * screen.columns):
        row, column = divmod(index, screen.columns)
        code, attribute = screen.cells[2 * index], screen.cells[2 * index + 1]
        for y in range(font.HEIGHT):
            dots = font.large()[code * font.HEIGHT + y]
            if (row, column) == screen.cursor and _is_cursor(screen, y):
                dots = 0xFF
            key = dots, attribute, screen.blinking
            if key not in rows:
                rows[key] = _eight_dots(*key)
            lines[row * font.HEIGHT + y] += rows[key]
    return [bytes(line) for line in lines]


def _is_cursor(screen: TextScreen, y: int) -> bool:
    """Whether the cursor covers line ``y`` of a character: it counts the adapter's 8 or 14."""
    height = 8 if screen.cursor_lines.stop <= 8 else 14
    return y * height // font.HEIGHT in screen.cursor_lines


def _eight_dots(dots: int, attribute: int, blinking: bool) -> bytes:
    foreground, background = attribute & 0x0F, attribute >> BACKGROUND_BITS
    if blinking:
        background &= 0x07
    return bytes(foreground if dots >> bit & 1 else background for bit in range(7, -1, -1))
