"""The cursor's lines where characters are taller than a CGA's eight, as an EGA's and a VGA's BIOS
makes them of what programs for a CGA ask for.

Source: IBM PS/2 and PC BIOS Interface Technical Reference, INT 10h/01h and 12h/34h; the rules are
those of the BIOS, of which DOSBox knows.
"""

from __future__ import annotations

CGA_HEIGHT = 8
CGA_CURSOR = 0x0607
"""The usual one: the last two of a CGA's lines."""
HIDDEN = 0x1E00
TALL = 14
"""From so many lines on there is one free below the cursor."""


def emulated(shape: int, height: int) -> int:
    """Return the first (high) and last line (low) for a cursor that programs call ``shape``.

    ``height``: the lines of a character.
    """
    if shape >> 8 & 0x60 == 0x20:
        return HIDDEN
    first, last, bottom = shape >> 8 & 0x1F, shape & 0x1F, height - 1
    if height <= CGA_HEIGHT or last <= 3:
        return shape
    if last < first:
        return last << 8 | bottom
    if first + 2 < last:
        return ((height // 2 if first > 2 else first) << 8) | bottom
    free = 1 if height >= TALL else 0
    return (first - last + bottom - free) << 8 | bottom - free
