"""What the guest shows, as a terminal can draw it: rows of styled text, or halves of characters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from blink16.blinkenlights.emulator import TerminalCell
from blink16.reports.screen import ScreenReport

if TYPE_CHECKING:
    from PIL import Image

CGA = bytes.fromhex(
    "000000 0000aa 00aa00 00aaaa aa0000 aa00aa aa5500 aaaaaa"
    "555555 5555ff 55ff55 55ffff ff5555 ff55ff ffff55 ffffff"
)
"""Red, green and blue of the sixteen colors."""
GREEN = bytes.fromhex("000000 33cc66 88ffaa")
"""An MDA's: dark, lit, intense."""
NAMES = ("black", "blue", "green", "cyan", "red", "magenta", "brown", "white")
"""A terminal's colors by the number that a CGA gives them."""
WIDE, HIGH = 4, 3
"""The shape of a PC's screen."""
CURSOR = Style(reverse=True)

Cell = tuple[str, Style]


# -- text ------------------------------------------------------------------------------------


def row_of(screen: ScreenReport, row: int) -> bytes:
    """Return the characters of a row, each with its attribute behind it."""
    at = row * screen.width * 2
    return screen.cells[at : at + screen.width * 2]


def text_cells(screen: ScreenReport, row: int, glyphs: str) -> list[Cell]:
    """Return a row of a PC's screen."""
    cells = row_of(screen, row)
    style = _mono if screen.mono else _colored
    palette = screen.palette or CGA
    drawn = [
        (glyphs[code], style(attribute, screen.blinking, palette))
        for code, attribute in zip(cells[::2], cells[1::2], strict=True)
    ]
    return _with_cursor(drawn, screen.cursor, row)


def terminal_cells(
    cells: Sequence[TerminalCell], row: int, cursor: tuple[int, int] | None
) -> list[Cell]:
    """Return a row of a program's terminal."""
    return _with_cursor([(cell.text, _named(*cell[1:])) for cell in cells], cursor, row)


def _with_cursor(cells: list[Cell], cursor: tuple[int, int] | None, row: int) -> list[Cell]:
    if cursor is not None and cursor[0] == row and cursor[1] < len(cells):
        text, style = cells[cursor[1]]
        cells[cursor[1]] = (text, style + CURSOR)
    return cells


def strip(cells: Iterable[Cell]) -> Strip:
    """Return cells as Textual draws them, those that look alike as one piece."""
    runs = groupby(cells, key=lambda cell: cell[1])
    return Strip([Segment("".join(text for text, _ in run), style) for style, run in runs])


@lru_cache(maxsize=1024)
def _colored(attribute: int, blinking: bool, palette: bytes) -> Style:
    ground = attribute >> 4 & (7 if blinking else 15)
    return Style(color=_rgb(palette, attribute & 15), bgcolor=_rgb(palette, ground))


@lru_cache(maxsize=256)
def _mono(attribute: int, blinking: bool, palette: bytes) -> Style:
    """Return what an MDA makes of an attribute, by IBM's technical reference."""
    reverse = attribute & 0x77 == 0x70
    ink = 0 if not attribute & 0x77 else 2 if attribute & 8 else 1
    return Style(
        color=_rgb(GREEN, 0 if reverse else ink),
        bgcolor=_rgb(GREEN, 1 if reverse else 0),
        underline=attribute & 7 == 1,
    )


def _rgb(palette: bytes, number: int) -> Color:
    return Color.from_rgb(*palette[3 * number : 3 * number + 3])


@lru_cache(maxsize=1024)
def _named(ink: str, ground: str, bold: bool, underlined: bool, reversed_: bool) -> Style:
    return Style(
        color=_terminal_color(ink, bold),
        bgcolor=_terminal_color(ground, False),
        bold=bold or None,
        underline=underlined or None,
        reverse=reversed_ or None,
    )


def _terminal_color(name: str, bold: bool) -> Color | None:
    """Return a color of a terminal; None for the one that it has by itself."""
    plain = name.removeprefix("bright")
    if plain in NAMES:
        return _rgb(CGA, NAMES.index(plain) + 8 * (bold or plain != name))
    try:
        return Color.parse(f"#{name}") if len(name) == 6 else None
    except ValueError:
        return None


# -- dots ------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def image(screen: ScreenReport) -> Image.Image:
    """Return a screen of dots as a picture of as many dots; ValueError if it is damaged.

    It is kept: who changes it makes a copy.
    """
    from PIL import Image

    picture = Image.frombytes("P", (screen.width, screen.height), screen.dots)
    picture.putpalette(screen.palette or CGA)
    return picture


def fitted(columns: int, rows: int) -> tuple[int, int]:
    """Return the columns and rows that a screen of dots takes of so many, in its shape."""
    wide = min(columns, rows * 2 * WIDE // HIGH)
    return max(wide, 1), max(-(-wide * HIGH // (2 * WIDE)), 1)


def halves(screen: ScreenReport, columns: int, rows: int) -> Iterator[Strip]:
    """Yield rows in which a character is two dots, the mean of the screen's."""
    from PIL import Image

    wide, high = fitted(columns, rows)
    picture = image(screen).convert("RGB").resize((wide, 2 * high), Image.Resampling.BOX)
    dots = picture.tobytes()
    margin = Segment(" " * ((columns - wide) // 2))
    for y in range(high):
        lines = (2 * y, 2 * y + 1)
        above, below = (dots[3 * wide * line : 3 * wide * (line + 1)] for line in lines)
        cells = (
            ("▀", _two_dots(above[x : x + 3], below[x : x + 3])) for x in range(0, 3 * wide, 3)
        )
        yield Strip([margin, *strip(cells)])


@lru_cache(maxsize=4096)
def _two_dots(upper: bytes, lower: bytes) -> Style:
    return Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower))
