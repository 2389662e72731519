"""What a terminal makes of sixels, by DEC STD 070: the other half of what the view says."""

from __future__ import annotations

import re

_SIXELS = re.compile(r"\x1bP[0-9;]*q(.*?)\x1b\\", re.DOTALL)
_PARTS = re.compile(
    r'"(?P<raster>[0-9;]+)|#(?P<color>[0-9]+)(?P<parts>;2;[0-9;]+)?'
    r"|!(?P<count>[0-9]+)(?P<repeated>[?-~])|(?P<dots>[?-~])|(?P<move>[$-])"
)
Percent = tuple[int, int, int]


def pictures(seen: str) -> list[str]:
    """Return the pictures in what was written to a terminal, without what is around them."""
    return _SIXELS.findall(seen)


def decoded(picture: str) -> list[list[Percent | None]]:
    """Return its dots, row by row; None where nothing was drawn."""
    colors: dict[int, Percent] = {}
    rows: list[list[Percent | None]] = []
    x = y = color = at = 0
    while at < len(picture):
        part = _PARTS.match(picture, at)
        assert part is not None, f"no sixels: {picture[at : at + 10]!r}"
        at = part.end()
        if part["raster"]:
            width, height = map(int, part["raster"].split(";")[2:])
            rows = [[None] * width for _ in range(height)]
        elif part["color"]:
            color = int(part["color"])
            if part["parts"]:
                red, green, blue = map(int, part["parts"][3:].split(";"))
                colors[color] = red, green, blue
        elif part["move"]:
            x, y = 0, y + 6 * (part["move"] == "-")
        else:
            bits = ord(part["repeated"] or part["dots"]) - 0x3F
            count = int(part["count"] or 1)
            for bit in range(6):
                if bits >> bit & 1:
                    rows[y + bit][x : x + count] = [colors[color]] * count
            x += count
    return rows
