"""What an EGA or a VGA shows: read from its registers, its planes and its text memory.

Source: IBM PS/2 Hardware Interface Technical Reference, "Video subsystem".
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from blink16.bios.screen_content import (
    MAX_COLUMNS,
    MAX_ROWS,
    DotScreen,
    ScreenContent,
    TextScreen,
    TextStrip,
)
from blink16.bios.vga_modes import ega_colors
from blink16.devices.vga import Vga, VgaState
from blink16.memory import Memory

MAX_WIDTH, MAX_HEIGHT = 1024, 1024
COLOR_TEXT, MONO_TEXT, TEXT_SIZE = 0xB8000, 0xB0000, 0x8000
CHARACTERS, FONT_STRIDE, FONT_PLANE = 256, 32, 2
FONT_BLOCKS = (0x0000, 0x4000, 0x8000, 0xC000, 0x2000, 0x6000, 0xA000, 0xE000)
CELLS = 0x10000
CGA_BANK = 0x2000
EIGHT_DOTS, HALF_CLOCK = 0x01, 0x08
DOUBLE_SCAN, LINE_COMPARE_8 = 0x80, 0x10
SHIFT_256, SHIFT_CGA = 0x40, 0x20
ATTRIBUTE_BLINK, ATTRIBUTE_MONO = 0x08, 0x02
PAGED_PALETTE, PAN_STOPS = 0x80, 0x20
PRESET, BYTE_MODE = 0x1F, 0x40
BANKS = 0x01
"""In the mode control register: 0 if row lines choose a bank of 8 KiB, as a CGA's do."""


def read(memory: Memory, video: Vga) -> ScreenContent | None:
    """Return what the adapter shows; None if it is switched off."""
    if not video.enabled:
        return None
    return _dots(memory, video) if video.graphics else _text(memory, video)


# -- colors ----------------------------------------------------------------------------------


def _eight_bits(level: int) -> int:
    """Return a DAC's six bits as eight: the lowest one is repeated, as QEMU does."""
    return level << 2 | (level & 1) * 3


def _dac(video: Vga) -> bytes:
    """Return the 256 colors behind the attribute controller."""
    colors = video.vga.dac if video.is_vga else ega_colors(cga=video.lines <= 200)
    return bytes(map(_eight_bits, colors))


def _attribute_colors(video: Vga) -> list[int]:
    """Return which of the DAC's colors each of the sixteen is."""
    a = video.vga.attribute
    colors = []
    for index in range(16):
        color = a[index] & 0x3F
        if video.is_vga:
            high = a[0x14] << 4 & 0xC0
            color = (
                (color & 0x0F) | (a[0x14] << 4 & 0xF0) if a[0x10] & PAGED_PALETTE else color | high
            )
        colors.append(color)
    return colors


def _sixteen(video: Vga) -> bytes:
    """Return red, green and blue of the sixteen colors."""
    dac = _dac(video)
    return b"".join(dac[3 * color : 3 * color + 3] for color in _attribute_colors(video))


# -- text ------------------------------------------------------------------------------------


class TextRows(NamedTuple):
    """How rows of characters lie in memory: those that are shown whole, or most of them."""

    base: int
    """The linear address of the memory."""
    columns: int
    high: int
    """Lines of a row on the screen."""
    starts: list[int]
    """Where each row begins, in cells."""


def text_rows(video: Vga) -> TextRows:
    """Return how the rows lie that the adapter shows."""
    s = video.vga
    high = ((s.crtc[9] & 0x1F) + 1) * (2 if s.crtc[9] & DOUBLE_SCAN else 1)
    columns = max(1, min(s.crtc[1] + 1, MAX_COLUMNS))
    rows = max(1, min(video.lines // high, MAX_ROWS))
    split = (_line_compare(video) + 1 + high // 2) // high
    starts = _row_starts(_text_start(s), 2 * s.crtc[0x13], rows, split)
    return TextRows(MONO_TEXT if s.graphics[6] >> 2 & 3 == 2 else COLOR_TEXT, columns, high, starts)


def _text_start(s: VgaState) -> int:
    return (s.crtc[0x0C] << 8 | s.crtc[0x0D]) + (s.crtc[8] >> 5 & 3)


def _text(memory: Memory, video: Vga) -> TextScreen:
    s = video.vga
    base, columns, high, starts = text_rows(video)
    content = bytes(memory.ram[base : base + TEXT_SIZE])
    cells = b"".join(_cells(content, at, columns) for at in starts)
    first, last = s.crtc[0x0A], s.crtc[0x0B] & 0x1F
    lines = range(0) if first & 0x20 else range(first & 0x1F, last + 1)
    columns_of_cursor = (_cursor_in(s, at, columns) if lines else None for at in starts)
    places = ((row, at) for row, at in enumerate(columns_of_cursor) if at is not None)
    return TextScreen(
        columns,
        len(starts),
        cells,
        next(places, None),
        lines,
        bool(s.attribute[0x10] & ATTRIBUTE_BLINK),
        (s.crtc[9] & 0x1F) + 1,
        bool(s.attribute[0x10] & ATTRIBUTE_MONO),
        palette=_sixteen(video),
        font=_font(memory, s, second=False),
        second_font=_font(memory, s, second=True) if _has_two_fonts(s) else b"",
        cell_width=8 if s.sequencer[1] & EIGHT_DOTS else 9,
        doubled=bool(s.crtc[9] & DOUBLE_SCAN),
        wide=bool(s.sequencer[1] & HALF_CLOCK),
        underline=s.crtc[0x14] & 0x1F,
        strips=_strips(video, content, columns, high, bool(lines)),
    )


def _cells(content: bytes, at: int, count: int) -> bytes:
    at = 2 * at % TEXT_SIZE
    return (content[at:] + content)[: 2 * count]


def _cursor_in(s: VgaState, start: int, columns: int) -> int | None:
    """Return in which column of a row the cursor is, if it is there."""
    column = (s.crtc[0x0E] << 8 | s.crtc[0x0F]) - start
    return column if 0 <= column < columns else None


def _strips(
    video: Vga, content: bytes, columns: int, high: int, cursor: bool
) -> tuple[TextStrip, ...]:
    """Return the rows as far as they are shown; empty if it is all of each.

    ``high``: lines of a row on the screen.
    """
    s = video.vga
    pan, line = _text_pan(s), (s.crtc[8] & PRESET) % high
    split, height = _line_compare(video) + 1, min(video.lines, MAX_HEIGHT)
    if not pan and not line and (split >= height or split % high == 0):
        return ()
    strips, y, at = list[TextStrip](), 0, _text_start(s)
    while y < height:
        end = min(height, y + high - line, split if y < split else height)
        cells = _cells(content, at, columns + bool(pan))
        there = _cursor_in(s, at, columns) if cursor else None
        strips.append(TextStrip(cells, range(line, line + end - y), pan, there))
        y, at, line = end, at + 2 * s.crtc[0x13], 0
        if y == split:
            at, pan = 0, 0 if s.attribute[0x10] & PAN_STOPS else pan
    return tuple(strips)


def _text_pan(s: VgaState) -> int:
    """Return by how many dots text is moved to the left: with nine of them, 8 is none."""
    pan = s.attribute[0x13] & 0xF
    if s.sequencer[1] & EIGHT_DOTS:
        pan &= 7
    else:
        pan = 0 if pan & 8 else pan + 1
    return 2 * pan if s.sequencer[1] & HALF_CLOCK else pan


def _font(memory: Memory, s: VgaState, *, second: bool) -> bytes:
    """Return the characters in plane 2, 32 bytes each: those of attributes with bit 3, or not."""
    block = FONT_BLOCKS[_blocks(s)[second]]
    cells = memory.planes[block : block + CHARACTERS * FONT_STRIDE]
    return bytes(cell >> 8 * FONT_PLANE & 0xFF for cell in cells)


def _has_two_fonts(s: VgaState) -> bool:
    first, second = _blocks(s)
    return first != second


def _blocks(s: VgaState) -> tuple[int, int]:
    """Return the blocks of the fonts, by bit 3 of attributes."""
    select = s.sequencer[3]
    return (select & 3) | (select >> 2 & 4), (select >> 2 & 3) | (select >> 3 & 4)


# -- dots ------------------------------------------------------------------------------------


class DotLines(NamedTuple):
    """How the lines of a picture lie in memory."""

    characters: int
    """Of eight dots, in a line."""
    starts: list[int]
    """Where each line begins: a cell of the planes, or, if they are banked, a byte."""
    banked: bool
    """Whether it is a CGA's memory, in two banks."""
    split: int
    """The first line of the lower half, which begins anew at 0."""


def dot_lines(video: Vga) -> DotLines:
    """Return how the lines lie that the adapter shows."""
    s = video.vga
    repeated = (s.crtc[9] & 0x1F) + 1
    banked = not s.crtc[0x17] & BANKS
    if banked:
        repeated = 1
    repeated *= 2 if s.crtc[9] & DOUBLE_SCAN else 1
    height = max(1, min(video.lines // repeated, MAX_HEIGHT))
    characters = max(1, min(s.crtc[1] + 1, MAX_WIDTH // 8))
    if banked:
        unit = 1 if s.crtc[0x17] & BYTE_MODE else 2
        start = unit * (s.crtc[0x0C] << 8 | s.crtc[0x0D])
        stride = 2 * unit * s.crtc[0x13]
        starts = [
            (start + (y >> 1) * stride) % CGA_BANK + (y & 1) * CGA_BANK for y in range(height)
        ]
        return DotLines(characters, starts, banked, height)
    start = (s.crtc[0x0C] << 8 | s.crtc[0x0D]) + (s.crtc[8] >> 5 & 3)
    split, rest = divmod(_line_compare(video) + 1, repeated)
    stride = 2 * s.crtc[0x13]
    if rest and split < height:  # within a line that is shown more than once
        split, height = split * repeated + rest, min(height * repeated, MAX_HEIGHT)
        upper = [start + y // repeated * stride for y in range(split)]
        lower = [y // repeated * stride for y in range(height - split)]
        return DotLines(characters, [*upper, *lower], banked, split)
    return DotLines(characters, _row_starts(start, stride, height, split), banked, split)


def _line_compare(video: Vga) -> int:
    """Return the last line before memory is shown from its beginning on."""
    s = video.vga
    compare = s.crtc[0x18] | (s.crtc[7] & LINE_COMPARE_8) << 4
    return compare | ((s.crtc[9] & 0x40) << 3 if video.is_vga else 0)


def _row_starts(start: int, stride: int, rows: int, split: int) -> list[int]:
    """Return where rows begin: from ``start`` on, from the row ``split`` on from 0."""
    return [start + y * stride if y < split else (y - split) * stride for y in range(rows)]


def _dots(memory: Memory, video: Vga) -> DotScreen:
    s, lines = video.vga, dot_lines(video)
    if lines.banked:
        return _cga_dots(memory, video, lines)
    pan, height = s.attribute[0x13] & 0xF, len(lines.starts)
    stops = bool(s.attribute[0x10] & PAN_STOPS)
    pans = [0 if y >= lines.split and stops else pan for y in range(height)]
    if s.graphics[5] & SHIFT_256:
        return _bytes(memory, video, lines.characters * 4, lines.starts, pans)
    return _planes(memory, video, lines.characters * 8, lines.starts, pans)


def _bytes(memory: Memory, video: Vga, width: int, rows: list[int], pans: list[int]) -> DotScreen:
    """Return dots of a byte each: four in a cell."""
    content = _plane_bytes(memory, video)
    dots = bytearray()
    for row, pan in zip(rows, pans, strict=True):
        at = (4 * row + pan // 2) % len(content)
        dots += (content[at : at + width] + content[:width])[:width]
    mask = video.vga.dac_mask
    shown = bytes(dots).translate(bytes(color & mask for color in range(256)))
    return DotScreen(width, len(rows), shown, _dac(video))


def _plane_bytes(memory: Memory, video: Vga) -> bytes:
    content = bytes(video.plane_bytes())
    if video.window is video.window.RAM:
        window = bytes(memory.ram[0xA0000:0xB0000])
        content = window + content[len(window) :]
    return content


_BITS = tuple(bytes(byte >> bit & 1 for bit in range(7, -1, -1)) for byte in range(256))


@lru_cache(maxsize=2048)
def _planes_line(cells: bytes) -> bytes:
    """Return the dots of cells, 0 to 15 each.  Most lines are as they were in the last picture."""
    line = 0
    for plane in range(4):
        bits = b"".join(_BITS[byte] for byte in cells[plane::4])
        line |= int.from_bytes(bits, "big") << plane
    return line.to_bytes(2 * len(cells), "big")


def _planes(memory: Memory, video: Vga, width: int, rows: list[int], pans: list[int]) -> DotScreen:
    """Return dots that have a bit in each plane."""
    content = _plane_bytes(memory, video)
    enabled = video.vga.attribute[0x12] & 0xF
    colors = _attribute_colors(video)
    visible = bytes(colors[dot & enabled] for dot in range(16)).ljust(256, b"\0")
    size = width // 8 + 2
    dots = bytearray()
    for row, pan in zip(rows, pans, strict=True):
        at = 4 * (row % CELLS)
        cells = content[at : at + 4 * size]
        if len(cells) < 4 * size:
            cells = (cells + content)[: 4 * size]
        skip = pan & 7
        dots += _planes_line(cells)[skip : skip + width].translate(visible)
    return DotScreen(width, len(rows), bytes(dots), _dac(video))


def _cga_dots(memory: Memory, video: Vga, lines: DotLines) -> DotScreen:
    """Return the dots of modes 4 to 6, which lie as a CGA's."""
    bits = cga_bits(video)
    colors = _attribute_colors(video)
    unpacked = [
        bytes(colors[byte >> shift & (1 << bits) - 1] for shift in range(8 - bits, -1, -bits))
        for byte in range(256)
    ]
    size = lines.characters * bits
    dots = bytearray()
    for start in lines.starts:
        bank, at = divmod(start, CGA_BANK)
        content = bytes(memory.ram[COLOR_TEXT + bank * CGA_BANK :][:CGA_BANK])
        dots += b"".join(unpacked[byte] for byte in (content[at:] + content)[:size])
    return DotScreen(size * 8 // bits, len(lines.starts), bytes(dots), _dac(video))


def cga_bits(video: Vga) -> int:
    """Return the bits of a dot in a CGA's modes."""
    return 2 if video.vga.graphics[5] & SHIFT_CGA else 1
