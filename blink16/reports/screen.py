"""What stands on a PC's screen, as characters or as dots."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blink16.reports.look import Look
from blink16.reports.registry import NoQuery, report

if TYPE_CHECKING:
    from blink16.bios import display

MAX_DOTS = 640 * 480


@dataclass(frozen=True, slots=True)
class ScreenReport:
    """A screen: `cells` where it shows text, `packed` where it shows dots, neither if it is off."""

    icount: int
    width: int = 0
    """Columns of text, or dots in a line."""
    height: int = 0
    """Rows of text, or lines of dots."""
    cells: bytes = b""
    """A character of code page 437 and an attribute for each cell, row by row."""
    packed: bytes = b""
    """A color for each dot, line by line, compressed (zlib): see `dots`."""
    cursor: tuple[int, int] | None = None
    """Row and column, if it is shown."""
    cursor_lines: tuple[int, int] = (0, 0)
    """The first line of a character that the cursor covers, and the first below it."""
    blinking: bool = True
    """Whether bit 7 of an attribute blinks, rather than making the background bright."""
    palette: bytes = b""
    """Red, green and blue of each color; empty: the sixteen of a CGA."""
    mono: bool = False
    """Whether attributes are an MDA's: underlined, reverse, intense, and no colors."""

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
        unpacked = zlib.decompressobj()
        try:
            dots = unpacked.decompress(self.packed, MAX_DOTS)
        except zlib.error as error:
            raise ValueError(f"a picture that can't be unpacked: {error}") from None
        if len(dots) != self.width * self.height:
            raise ValueError(f"{len(dots)} dots are no {self.width}x{self.height}")
        return dots

    @property
    def lines(self) -> list[str]:
        """The rows of text without the blanks at their ends; none if it shows dots."""
        from blink16.bios import display

        shown = self._shown()
        return shown.lines() if isinstance(shown, display.TextScreen) else []

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

    def _shown(self) -> display.ScreenContent | None:
        from blink16.bios import display

        if self.cells:
            if len(self.cells) != 2 * self.width * self.height:
                raise ValueError(f"{len(self.cells)} bytes are no {self.width}x{self.height} cells")
            return display.TextScreen(
                self.width,
                self.height,
                self.cells,
                self.cursor,
                range(*self.cursor_lines),
                self.blinking,
                mono=self.mono,
                palette=self.palette,
            )
        if not self.packed:
            return None
        return display.DotScreen(self.width, self.height, self.dots, self.palette)


@report("screen")
def screen(look: Look, query: NoQuery) -> ScreenReport:
    """What stands on the screen."""
    from blink16.bios import display

    icount = look.registers.icount
    match display.read(look.memory, look.video):
        case display.TextScreen() as text:
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
            )
        case display.DotScreen(width, height, dots, palette):
            packed = zlib.compress(dots, 1)
            return ScreenReport(icount, width, height, packed=packed, palette=palette)
        case None:
            return ScreenReport(icount)
