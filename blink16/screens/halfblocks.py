"""A picture of dots on a terminal: each character is two dots, one above the other.

Each is the mean of four dots of the picture, which fills the terminal in the shape of a screen.
"""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter

from blink16.bios.picture import COLORS
from blink16.bios.screen_content import DotScreen

UPPER_HALF = "▀"
WIDE, HIGH = 4, 3
"""The shape of a PC's screen."""
TRUE_COLORS, MANY_COLORS = 1 << 24, 256
CUBE = (0, 95, 135, 175, 215, 255)
"""The levels of the 216 colors from 16 on that terminals with 256 have."""
_LEVELS = tuple(min(range(6), key=lambda n: abs(CUBE[n] - part)) for part in range(256))
GRAYS = range(8, 248, 10)
"""The levels of those from 232 on."""
ANSI = (0, 4, 2, 6, 1, 5, 3, 7)
"""The sixteen colors of a CGA as ANSI numbers them, the bright ones from 90 or 100 on."""

Rgb = tuple[int, int, int]
Quad = tuple[int, int, int, int]
SIXTEEN: list[Rgb] = list(zip(COLORS[::3], COLORS[1::3], COLORS[2::3], strict=True))


def rows_of(screen: DotScreen, columns: int, lines: int, colors: int) -> list[str]:
    """Return the rows of characters that show a picture, at most so many and so wide.

    ``colors``: how many the terminal shows, 2²⁴, 256 or 16.
    """
    wide = max(1, min(columns, lines * 2 * WIDE // HIGH))
    high = max(1, -(-wide * HIGH // (2 * WIDE)))
    pick = itemgetter(*_samples(2 * wide, screen.width))
    sampled = [
        pick(screen.dots[y * screen.width : (y + 1) * screen.width])
        for y in _samples(4 * high, screen.height)
    ]
    means = _Means(screen.palette or COLORS)
    halves = [
        [means[quad] for quad in zip(a[::2], a[1::2], b[::2], b[1::2], strict=True)]
        for a, b in zip(sampled[::2], sampled[1::2], strict=True)
    ]
    return [_row(*pair, colors) for pair in zip(halves[::2], halves[1::2], strict=True)]


def _samples(count: int, size: int) -> list[int]:
    """Return so many places of ``size``, as evenly as can be."""
    return [(2 * n + 1) * size // (2 * count) for n in range(count)]


class _Means(dict[Quad, Rgb]):
    """The mean of each four colors of a palette."""

    def __init__(self, palette: bytes) -> None:
        super().__init__()
        self._palette = palette

    def __missing__(self, quad: Quad) -> Rgb:
        parts = (self._palette[3 * color : 3 * color + 3].ljust(3, b"\0") for color in quad)
        red, green, blue = (sum(levels) // 4 for levels in zip(*parts, strict=True))
        self[quad] = red, green, blue
        return self[quad]


def _row(upper: list[Rgb], lower: list[Rgb], colors: int) -> str:
    """Return a row of characters by its upper and lower dots."""
    parts, last = list[str](), ""
    for above, below in zip(upper, lower, strict=True):
        look = _look(above, below, colors)
        parts.append(UPPER_HALF if look == last else look + UPPER_HALF)
        last = look
    return "".join(parts)


# -- colors ----------------------------------------------------------------------------------


@lru_cache(maxsize=1 << 14)
def _look(above: Rgb, below: Rgb, colors: int) -> str:
    """Return the sequence that makes the upper half of a character so, and the lower so."""
    name = _true if colors >= TRUE_COLORS else _indexed if colors >= MANY_COLORS else _basic
    return f"\x1b[{name(above, 30)};{name(below, 40)}m"


def _true(color: Rgb, base: int) -> str:
    return f"{base + 8};2;{color[0]};{color[1]};{color[2]}"


@lru_cache(maxsize=1 << 14)
def _indexed(color: Rgb, base: int) -> str:
    """Return the nearest of 256 colors."""
    red, green, blue = (_LEVELS[part] for part in color)
    cube = CUBE[red], CUBE[green], CUBE[blue]
    gray = max(0, min(len(GRAYS) - 1, (sum(color) // 3 - GRAYS.start + 5) // GRAYS.step))
    level, index = GRAYS[gray], 16 + 36 * red + 6 * green + blue
    if _distance(color, (level, level, level)) < _distance(color, cube):
        index = 232 + gray
    return f"{base + 8};5;{index}"


@lru_cache(maxsize=1 << 14)
def _basic(color: Rgb, base: int) -> str:
    """Return the nearest of sixteen colors."""
    number = min(range(16), key=lambda n: _distance(color, SIXTEEN[n]))
    return str(base + (60 if number > 7 else 0) + ANSI[number & 7])


def _distance(one: Rgb, other: Rgb) -> int:
    (red, green, blue), (r, g, b) = one, other  # a sum over pairs takes four times as long
    return (red - r) ** 2 + (green - g) ** 2 + (blue - b) ** 2
