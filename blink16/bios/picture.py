"""The screen as a PNG file.  Source: PNG specification, third edition (W3C, 2025)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from construct import Bytes, Checksum, Const, Int8ub, Int32ub, Struct, this

from blink16.bios import font
from blink16.bios.screen_content import DotScreen, ScreenContent, TextScreen, TextStrip

SIGNATURE = b"\x89PNG\r\n\x1a\n"
INDEXED = 3
BLINK, BACKGROUND_BITS = 0x80, 4
LINE_GRAPHICS = range(0xC0, 0xE0)
SECOND_FONT = 0x08
"""The bit of an attribute that chooses among two fonts, where there are two."""
COARSE_WIDTH = 320
"""Pictures of so few dots in a line are drawn twice as wide; all but Hercules' twice as high."""
TALL_HEIGHT = 300
FONT_STRIDE = 32
"""Bytes of a character in a font that an adapter holds."""

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
    palette = COLORS if screen is None else screen.palette or COLORS
    raw = b"".join(b"\0" + line for line in lines)  # 0: no filter
    header = HEADER.build({"width": len(lines[0]), "height": len(lines)})
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def dots_of(screen: TextScreen) -> DotScreen:
    """Return the dots of a screen of characters."""
    lines = _text_lines(screen)
    return DotScreen(len(lines[0]), len(lines), b"".join(lines), screen.palette)


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


@dataclass(frozen=True, slots=True)
class _Shapes:
    """How an adapter draws characters."""

    font: bytes
    size: int
    """Bytes of a character in the font."""
    lines: tuple[tuple[int, int], ...]
    """For each line of the picture in a row: the line of the font, and of the 6845's count."""
    ninth: bool = False
    """Whether characters are nine dots wide; the ninth of line graphics is like the eighth."""


def _shapes(screen: TextScreen) -> _Shapes:
    """Return an MDA's characters of 9x14, or a CGA's, of which each line is drawn twice.

    Where a CGA shows all eight lines of a character, a finer font is used for the sixteen.
    """
    height = screen.height
    if screen.font:
        repeat = 2 if screen.doubled else 1
        lines = tuple((y // repeat, y // repeat) for y in range(height * repeat))
        return _Shapes(screen.font, FONT_STRIDE, lines, screen.cell_width > font.WIDTH)
    if screen.mono:
        size = font.MEDIUM_HEIGHT
        return _Shapes(font.medium(), size, tuple((y % size, y) for y in range(height)), True)
    if height == font.SMALL_HEIGHT:
        return _Shapes(font.large(), font.HEIGHT, tuple((y, y // 2) for y in range(font.HEIGHT)))
    size = font.SMALL_HEIGHT
    return _Shapes(font.small(), size, tuple((y // 2 % size, y // 2) for y in range(2 * height)))


def _text_lines(screen: TextScreen) -> list[bytes]:
    shapes = _shapes(screen)
    lines = []
    drawn: dict[tuple[int, int, bool], bytes] = {}
    for strip in screen.strips or _rows(screen, len(shapes.lines)):
        for line, count in (shapes.lines[y] for y in strip.lines):
            dots = bytearray()
            for column, (code, attribute) in enumerate(_pairs(strip.cells)):
                second = screen.second_font if attribute & SECOND_FONT else b""
                shape = (second or shapes.font)[code * shapes.size + line]
                full = count == screen.underline and _is_underlined(screen, attribute)
                full = full or (column == strip.cursor and count in screen.cursor_lines)
                ninth = shapes.ninth and code in LINE_GRAPHICS
                key = 0xFF if full else shape, attribute, ninth or full
                if key not in drawn:
                    drawn[key] = _dots(screen, shapes, *key)
                dots += drawn[key]
            width = len(dots) // (len(strip.cells) // 2) * screen.columns
            lines.append(bytes(dots[strip.pan : strip.pan + width]))
    return lines


def _rows(screen: TextScreen, height: int) -> Iterator[TextStrip]:
    """Yield the rows of a screen, one below the other."""
    width = 2 * screen.columns
    at, column = screen.cursor or (None, None)
    for row in range(screen.rows):
        cells = screen.cells[row * width : (row + 1) * width]
        yield TextStrip(cells, range(height), cursor=column if row == at else None)


def _pairs(cells: bytes) -> Iterator[tuple[int, int]]:
    return zip(cells[::2], cells[1::2], strict=True)


def _dots(screen: TextScreen, shapes: _Shapes, dots: int, attribute: int, ninth: bool) -> bytes:
    foreground, background = _colors(screen, attribute)
    line = bytes(foreground if dots >> bit & 1 else background for bit in range(7, -1, -1))
    if shapes.ninth:
        line += line[-1:] if ninth else bytes((background,))
    return bytes(dot for dot in line for _ in range(2)) if screen.wide else line


def _colors(screen: TextScreen, attribute: int) -> tuple[int, int]:
    """Return the colors of a character and of its background."""
    if screen.mono:
        return mono_colors(attribute, blinking=screen.blinking)
    background = attribute >> BACKGROUND_BITS
    return attribute & 0x0F, background & 0x07 if screen.blinking else background


def mono_colors(attribute: int, *, blinking: bool) -> tuple[int, int]:
    """Return an MDA's shade of a character and of its background: 0, 7 or 15.

    Source: IBM Options and Adapters Technical Reference, Monochrome Display, attributes.
    """
    bright = 8 if attribute & 8 else 0
    background = 8 if attribute & BLINK and not blinking else 0
    match attribute & 0x77:
        case 0x00:
            return 0, 0
        case 0x70:
            return bright, 7 | background
    return 7 | bright, background


def _is_underlined(screen: TextScreen, attribute: int) -> bool:
    """Whether an MDA, or an EGA or VGA in whatever mode, underlines a character."""
    return attribute & (0x77 if screen.font else 7) == 1 and bool(screen.mono or screen.font)
