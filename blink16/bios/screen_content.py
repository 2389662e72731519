"""What stands on a screen: text to read, or the picture's dots; whoever read or sent it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

MAX_COLUMNS, MAX_ROWS = 132, 128
"""A guest may program the 6845 with nonsense; no monitor shows more than this."""
GLYPHS = (
    " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼"
    + "".join(map(chr, range(0x20, 0x7F)))
    + "⌂"
    + bytes(range(0x80, 0xFF)).decode("cp437")
    + " "
)
"""The characters that code page 437 shows, all 256 of them."""
UNDERLINE = 12
"""An MDA's line for it."""


class TextStrip(NamedTuple):
    """A row of characters as far as it is shown, which may begin or end in the middle of one."""

    cells: bytes
    """As `TextScreen.cells`; where it is panned there is one more, which comes in at the right."""
    lines: range
    """Which lines of the characters are shown, those twice shown counted twice."""
    pan: int = 0
    """The dots that are beyond the left edge."""
    cursor: int | None = None
    """The column where the cursor is, if it is in this row and shown."""


@dataclass(frozen=True, slots=True)
class TextScreen:
    """A screen of characters."""

    columns: int
    rows: int
    cells: bytes
    """A character and an attribute for each cell, row by row."""
    cursor: tuple[int, int] | None
    """Row and column, if it is shown and on the screen."""
    cursor_lines: range
    """The lines of a character that the cursor covers."""
    blinking: bool = True
    """Whether bit 7 of an attribute blinks, rather than making the background bright."""
    height: int = 8
    """The lines of a character."""
    mono: bool = False
    """Whether attributes are an MDA's: underlined, reverse, intense, and no colors."""
    palette: bytes = b""
    """Red, green and blue of the sixteen colors; empty: a CGA's."""
    font: bytes = b""
    """Characters of 32 bytes each; empty: ours."""
    second_font: bytes = b""
    """The same for attributes with bit 3; empty: there is one font."""
    cell_width: int = 8
    doubled: bool = False
    """Whether a font's lines are shown twice."""
    wide: bool = False
    """Whether dots are twice as wide: 40 columns are as wide as 80."""
    underline: int = UNDERLINE
    """The line of a character where attributes underline it, if they do."""
    strips: tuple[TextStrip, ...] = ()
    """What is shown, if that is not simply the rows one below the other."""

    def full_lines(self) -> list[str]:
        """Return the rows, each as wide as the screen."""
        width = 2 * self.columns
        return [
            "".join(GLYPHS[code] for code in self.cells[at : at + width : 2])
            for at in range(0, len(self.cells), width)
        ]

    def lines(self) -> list[str]:
        """Return the rows without the blanks at their ends."""
        return [line.rstrip() for line in self.full_lines()]

    def text(self) -> str:
        """Return all rows as one string."""
        return "\n".join(self.lines())


@dataclass(frozen=True, slots=True)
class DotScreen:
    """A picture of dots."""

    width: int
    height: int
    dots: bytes
    """A color for each dot, line by line."""
    palette: bytes = b""
    """Red, green and blue of the colors; empty: the sixteen of a CGA."""


ScreenContent = TextScreen | DotScreen
