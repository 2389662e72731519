"""Sixels: a picture for terminals in columns of six dots (DEC STD 070, VT330/VT340 manual).

A band of six rows is said once for each color in it: a character a column, 3Fh plus a bit for each
of its six dots from the top.  ``!N`` repeats what follows, ``$`` goes back to the band's beginning,
``-`` to the next band.  What is cheap here: a picture of few colors, whose bands stay as they were.
Bands of many colors are looked through once, from run to run, and not once for each color.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby

BAND = 6
"""Rows."""
EMPTY = 0x3F
FEW = 24
"""Colors in a band up to which it is quicker to look for one after the other."""
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
    colors = set().union(*bits)
    if len(colors) > FEW:
        return b"$".join(_by_runs(bits))
    layers = []
    for color in sorted(colors):
        dots = sum(
            int.from_bytes(row.translate(_weight(color, weight)), "big")
            for row, weight in bits.items()
            if color in row
        )
        columns = dots.to_bytes(len(rows[0]), "big").translate(_CHARACTERS)
        layers.append(b"#%d%s" % (color, _RUN.sub(_repeated, columns.rstrip(b"?"))))
    return b"$".join(layers)


def _by_runs(bits: Mapping[bytes, int]) -> Iterable[bytearray]:
    """Return a layer for each color: rows with the bits that they have are read once, in runs."""
    weights = tuple(bits.values())
    layers: dict[int, bytearray] = {}
    ends: dict[int, int] = {}
    left = 0
    for column, run in groupby(zip(*bits, strict=True)):
        right = left + len(tuple(run))
        dots: dict[int, int] = {}
        for color, weight in zip(column, weights, strict=True):
            dots[color] = dots.get(color, 0) | weight
        for color, there in dots.items():
            if color not in layers:
                layers[color], ends[color] = bytearray(b"#%d" % color), 0
            if gap := left - ends[color]:
                layers[color] += _run(0, gap)
            layers[color] += _run(there, right - left)
            ends[color] = right
        left = right
    return layers.values()


@lru_cache(maxsize=4096)
def _run(dots: int, count: int) -> bytes:
    """Return characters that are alike, as short as can be."""
    character = bytes([EMPTY + dots])
    return character * count if count <= 3 else b"!%d%s" % (count, character)


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
