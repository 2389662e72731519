"""What stands on a PC's screen, as characters or as dots."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from blink16.reports.look import Look
from blink16.reports.ranges import Count, Side
from blink16.reports.registry import NoQuery, ReportError, report

if TYPE_CHECKING:
    from blink16.bios.screen_content import ScreenContent, TextScreen, TextStrip

MAX_DOTS = 1024 * 1024
MAX_CHARACTER_HEIGHT = MAX_PAN = 32
MAX_STRIPS = 1024
MAX_COLORS = 256
FONT_SIZE = 256 * 32
"""Bytes of a font: 32 for each character, a line each."""


@dataclass(frozen=True, slots=True)
class CharacterShapes:
    """How characters are drawn."""

    height: int = 8
    """Lines of a character."""
    width: int = 8
    doubled: bool = False
    """Whether lines are shown twice."""
    wide: bool = False
    """Whether dots are twice as wide: 40 columns are as wide as 80."""
    underline: int = 12
    """The line in which attributes underline, if they do."""
    rom_font: int = 0
    """The lines of the BIOS' font that an EGA or VGA has; 0: `font`, or no EGA or VGA."""
    font: bytes = b""
    """A font that a program made, compressed (zlib): 32 bytes for each character."""
    second_font: bytes = b""
    """The same for attributes with bit 3, where there are two fonts."""


@dataclass(frozen=True, slots=True)
class StripReport:
    """A row of characters that is not shown as a whole."""

    cells: bytes
    """As those of a screen; where it is panned there is one more."""
    first: int
    end: int
    """Which lines of the characters are shown: from the first to that before the end."""
    pan: int = 0
    """The dots that are beyond the left edge."""
    cursor: int | None = None
    """The column where the cursor is."""


@dataclass(frozen=True, slots=True)
class ScreenReport:
    """A screen: `cells` where it shows text, `packed` where it shows dots, neither if it is off."""

    icount: Count
    width: Side = 0
    """Columns of text, or dots in a line."""
    height: Side = 0
    """Rows of text, or lines of dots."""
    cells: bytes = field(default=b"", repr=False)
    """A character of code page 437 and an attribute for each cell, row by row."""
    packed: bytes = field(default=b"", repr=False)
    """A color for each dot, line by line, compressed (zlib): see `dots`."""
    cursor: tuple[Side, Side] | None = None
    """Row and column, if it is shown."""
    cursor_lines: tuple[int, int] = (0, 0)
    """The first line of a character that the cursor covers, and the first below it."""
    blinking: bool = True
    """Whether bit 7 of an attribute blinks, rather than making the background bright."""
    palette: bytes = field(default=b"", repr=False)
    """Red, green and blue of each color; empty: the sixteen of a CGA."""
    mono: bool = False
    """Whether attributes are an MDA's: underlined, reverse, intense, and no colors."""
    shapes: CharacterShapes = field(default=CharacterShapes(), repr=False)
    strips: tuple[StripReport, ...] = ()
    """What is shown of text, if that is not simply the rows one below the other."""

    def __post_init__(self) -> None:
        cells, colors = self.width * self.height, len(self.palette) // 3
        if self.cells and len(self.cells) != 2 * cells:
            raise ReportError(f"{len(self.cells)} bytes are no {self.width}x{self.height} cells")
        if self.packed and not 0 < cells <= MAX_DOTS:
            raise ReportError(f"{self.width}x{self.height} dots are no screen")
        if len(self.palette) % 3 or colors > MAX_COLORS or (colors < 16 and self.cells and colors):
            raise ReportError(f"{len(self.palette)} bytes are no palette")

    @property
    def is_text(self) -> bool:
        """Whether it shows characters."""
        return bool(self.cells)

    @property
    def is_off(self) -> bool:
        """Whether it is dark."""
        return not self.cells and not self.packed

    @property
    def dots(self) -> bytes:
        """The colors of the dots, line by line; ValueError if the report is damaged."""
        dots = _unpacked(self.packed, MAX_DOTS)
        if not dots or len(dots) != self.width * self.height:
            raise ValueError(f"{len(dots)} dots are no {self.width}x{self.height}")
        return dots

    @property
    def lines(self) -> list[str]:
        """The rows of text without the blanks at their ends; none if it shows dots."""
        from blink16.bios.screen_content import TextScreen

        shown = self._shown()
        return shown.lines() if isinstance(shown, TextScreen) else []

    @property
    def text(self) -> str:
        """The text, without blanks at the ends of lines and below the last one."""
        return "\n".join(self.lines).rstrip("\n")

    def __contains__(self, text: str) -> bool:
        """Whether a text stands in one of the rows."""
        return any(text in line for line in self.lines)

    def png(self) -> bytes:
        """Return a picture of it, as a PNG file."""
        from blink16.bios import picture

        return picture.png(self._shown())

    def _shown(self) -> ScreenContent | None:
        from blink16.bios.screen_content import DotScreen

        if self.cells:
            return self._text()
        if not self.packed:
            return None
        return DotScreen(self.width, self.height, self.dots, self.palette)

    def _text(self) -> TextScreen:
        from blink16.bios.screen_content import TextScreen

        shapes = self.shapes
        font = _rom_font(shapes.rom_font) if shapes.rom_font else _font(shapes.font)
        fits = 0 < shapes.height <= MAX_CHARACTER_HEIGHT and len(self.strips) <= MAX_STRIPS
        if not fits or (self.strips and not font):
            raise ValueError("characters that no adapter draws")
        return TextScreen(
            self.width,
            self.height,
            self.cells,
            self.cursor,
            range(*self.cursor_lines),
            self.blinking,
            shapes.height,
            self.mono,
            self.palette,
            font,
            _font(shapes.second_font),
            shapes.width,
            shapes.doubled,
            shapes.wide,
            shapes.underline,
            tuple(map(self._strip, self.strips)),
        )

    def _strip(self, strip: StripReport) -> TextStrip:
        from blink16.bios.screen_content import TextStrip

        lines = self.shapes.height * (2 if self.shapes.doubled else 1)
        there = 0 <= strip.first <= strip.end <= lines and 0 <= strip.pan <= MAX_PAN
        if not there or len(strip.cells) != 2 * (self.width + bool(strip.pan)):
            raise ValueError("a row of text that no adapter shows")
        return TextStrip(strip.cells, range(strip.first, strip.end), strip.pan, strip.cursor)


def _unpacked(packed: bytes, most: int) -> bytes:
    """Return what was compressed, but not more than that; ValueError if it is damaged."""
    try:
        return zlib.decompressobj().decompress(packed, most)
    except zlib.error as error:
        raise ValueError(f"a picture that can't be unpacked: {error}") from None


def _font(packed: bytes) -> bytes:
    """Return a font that was compressed; ValueError if it is damaged."""
    font = _unpacked(packed, FONT_SIZE) if packed else b""
    if len(font) not in (0, FONT_SIZE):
        raise ValueError(f"{len(font)} bytes are no font")
    return font


@cache
def _rom_font(height: int) -> bytes:
    """Return the BIOS' font of such characters as an adapter holds it."""
    from blink16.bios import font

    fonts = {8: font.small, 14: font.medium, 16: font.large}
    if height not in fonts:
        raise ValueError(f"the BIOS has no font of {height} lines")
    shapes = fonts[height]()
    lines = (shapes[at : at + height] for at in range(0, len(shapes), height))
    return b"".join(line.ljust(FONT_SIZE // 256, b"\0") for line in lines)


def _shapes_of(text: TextScreen) -> CharacterShapes:
    """Return how a screen's characters are drawn; a font that is in ROM only by its name."""
    known = next((n for n in (16, 8, 14) if text.font == _rom_font(n)), 0) if text.font else 0
    return CharacterShapes(
        text.height,
        text.cell_width,
        text.doubled,
        text.wide,
        text.underline,
        known,
        b"" if known or not text.font else zlib.compress(text.font, 1),
        zlib.compress(text.second_font, 1) if text.second_font else b"",
    )


@report("screen")
def screen(look: Look, query: NoQuery) -> ScreenReport:
    """What stands on the screen."""
    from blink16.bios import display
    from blink16.bios.screen_content import DotScreen, TextScreen

    icount = look.registers.icount
    match display.read(look.memory, look.video):
        case TextScreen() as text:
            lines = text.cursor_lines
            return ScreenReport(
                icount,
                text.columns,
                text.rows,
                cells=text.cells,
                cursor=text.cursor,
                cursor_lines=(lines.start, lines.stop),
                blinking=text.blinking,
                palette=text.palette,
                mono=text.mono,
                shapes=_shapes_of(text),
                strips=tuple(
                    StripReport(
                        strip.cells, strip.lines.start, strip.lines.stop, strip.pan, strip.cursor
                    )
                    for strip in text.strips
                ),
            )
        case DotScreen(width, height, dots, palette):
            packed = zlib.compress(dots, 1)
            return ScreenReport(icount, width, height, packed=packed, palette=palette)
        case None:
            return ScreenReport(icount)
