"""How the beam goes over the picture, by what the CRT controller was told.

Sources: Motorola MC6845 data sheet; IBM Options and Adapters Technical Reference; IBM PS/2
Hardware Interface Technical Reference, "Video subsystem".
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from blink16.devices.oscillator import MASTER_HZ

RETRACE_6845 = 16
"""Lines: a 6845's vertical retrace cannot be told to last otherwise."""
MIN_DOTS, MIN_LINES = 100, 100
"""With less a controller is not programmed yet."""
VGA_CLOCKS = (25_175_000, 28_322_000, 16_257_000, MASTER_HZ)
"""Dots a second, by bits 2 and 3 of an EGA's or VGA's miscellaneous output."""
KEPT = 64
"""Answers: programs go through the same few."""
EIGHT_DOTS, HALF_CLOCK = 0x01, 0x08
"""Bits of the clocking mode register."""


class Raster(NamedTuple):
    """Dots in a line, lines in a picture, and which of them the beam shows."""

    hz: int
    """Dots a second."""
    dots: int
    shown_dots: int
    lines: int
    shown_lines: int
    retrace_line: int
    """The line with which the vertical retrace begins."""
    retrace_lines: int

    def position(self, dot: int) -> tuple[int, int]:
        """Return the line and the dot in it, of a dot since the beginning of time."""
        line, dot = divmod(dot % (self.dots * self.lines), self.dots)
        return line, dot


COLOR_RASTER = Raster(MASTER_HZ, 912, 640, 262, 200, 224, RETRACE_6845)
VGA_RASTER = Raster(28_322_000, 900, 720, 449, 400, 412, 2)
MONO_RASTER = Raster(16_257_000, 882, 720, 370, 350, 350, RETRACE_6845)


@lru_cache(KEPT)
def of_6845(crtc: bytes, hz: int, character: int) -> Raster | None:
    """Return what a 6845's first registers say; None if they are not set yet.

    ``character``: dots of a character, at ``hz``.
    """
    high = (crtc[9] & 0x1F) + 1
    raster = Raster(
        hz,
        (crtc[0] + 1) * character,
        crtc[1] * character,
        ((crtc[4] & 0x7F) + 1) * high + (crtc[5] & 0x1F),
        (crtc[6] & 0x7F) * high,
        (crtc[7] & 0x7F) * high,
        RETRACE_6845,
    )
    return _if_set(raster)


@lru_cache(KEPT)
def of_vga(crtc: bytes, misc: int, clocking: int, is_vga: bool) -> Raster | None:
    """Return what an EGA's or VGA's registers say; None if they are not set yet.

    ``clocking``: the clocking mode register.  An EGA has fewer bits, and one crystal besides that
    of the system, for 350 lines.
    """
    overflow = crtc[7]
    character = 8 if clocking & EIGHT_DOTS else 9
    total = crtc[6] | (overflow & 0x01) << 8
    shown = crtc[0x12] | (overflow & 0x02) << 7
    retrace = crtc[0x10] | (overflow & 0x04) << 6
    if is_vga:
        total |= (overflow & 0x20) << 4
        shown |= (overflow & 0x40) << 3
        retrace |= (overflow & 0x80) << 2
        hz = VGA_CLOCKS[misc >> 2 & 3]
    else:
        hz = VGA_CLOCKS[2 + (shown < 200)]
    raster = Raster(
        hz // 2 if clocking & HALF_CLOCK else hz,
        (crtc[0] + (5 if is_vga else 2)) * character,
        (crtc[1] + 1) * character,
        total + (2 if is_vga else 1),
        shown + 1,
        retrace,
        (crtc[0x11] - retrace & 0xF) or 16,
    )
    return _if_set(raster)


def _if_set(raster: Raster) -> Raster | None:
    return raster if raster.dots >= MIN_DOTS and raster.lines >= MIN_LINES else None
