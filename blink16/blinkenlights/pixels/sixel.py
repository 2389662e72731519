"""Sixels: a picture for terminals in columns of six dots (DEC STD 070, VT330/VT340 manual).

A band of six rows is said once for each color in it: a character a column, 3Fh plus a bit for each
of its six dots from the top.  ``!N`` repeats what follows, ``$`` goes back to the band's beginning,
``-`` to the next band.  What is cheap here: a picture of few colors, whose bands stay as they were.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

BAND = 6
"""Rows."""
EMPTY = 0x3F
_RUN = re.compile(rb"(.)\1{3,}", re.DOTALL)


def encode(rows: Sequence[bytes], palette: bytes) -> str:
    """Return a picture: a color's number for each dot, and the colors' red, green and blue.

    ``rows`` are of one length.  Colors come out in percent, as sixels have them.
    """
    width, height = len(rows[0]), len(rows)
    used = sorted(set().union(*rows))
    colors = b"".join(b"#%d;2;%d;%d;%d" % (n, *_percent(palette, n)) for n in used)
    bands = (band(tuple(rows[top : top + BAND])) for top in range(0, height, BAND))
    raster = b'"1;1;%d;%d' % (width, height)  # square dots
    return "\x1bP0;1q" + (raster + colors + b"-".join(bands)).decode("ascii") + "\x1b\\"


@lru_cache(maxsize=2048)
def band(rows: tuple[bytes, ...]) -> bytes:
    """Return up to six rows, a layer for each color in them."""
    bits: dict[bytes, int] = {}
    for y, row in enumerate(rows):  # rows that are alike, as in a picture made larger, are one
        bits[row] = bits.get(row, 0) | 1 << y
    layers = []
    for color in sorted(set().union(*bits)):
        dots = sum(
            int.from_bytes(row.translate(_weight(color, weight)), "big")
            for row, weight in bits.items()
            if color in row
        )
        columns = dots.to_bytes(len(rows[0]), "big").translate(_CHARACTERS)
        layers.append(b"#%d%s" % (color, _RUN.sub(_repeated, columns.rstrip(b"?"))))
    return b"$".join(layers)


_CHARACTERS = bytes((EMPTY + dots) & 0xFF for dots in range(256))


@lru_cache(maxsize=4096)
def _weight(color: int, weight: int) -> bytes:
    """Return what makes a row the dots of a color, with the bits of the rows that are like it."""
    table = bytearray(256)
    table[color] = weight
    return bytes(table)


def _repeated(run: re.Match[bytes]) -> bytes:
    return b"!%d%s" % (run.end() - run.start(), run[1])


def _percent(palette: bytes, number: int) -> tuple[int, int, int]:
    red, green, blue = palette[3 * number : 3 * number + 3]
    return _hundredths(red), _hundredths(green), _hundredths(blue)


def _hundredths(part: int) -> int:
    return (part * 100 + 127) // 255
