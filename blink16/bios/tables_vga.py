"""An EGA's and a VGA's tables in ROM: the fonts, and what a VGA says that it can do."""

from __future__ import annotations

from blink16.bios import font
from blink16.bios.rom import SEGMENT
from blink16.memory import Memory, linear

FONT_OFFSETS = {16: 0xA000, 14: 0xB000, 8: 0xBE00}
"""Where the fonts lie, by the lines of a character."""
FUNCTIONALITY_OFFSET = 0xC600
FUNCTIONALITY = bytes.fromhex("ff e0 0f 00 00 00 00 07 02 08 ff 0e 00 00 3f 00")
"""Modes 0 to 13h, 200, 350 and 400 lines, all functions."""


def write(memory: Memory) -> None:
    """Write the tables."""
    for shapes, height in ((font.large(), 16), (font.medium(), 14), (font.small(), 8)):
        memory.write(linear(SEGMENT, FONT_OFFSETS[height]), shapes)
    memory.write(linear(SEGMENT, FUNCTIONALITY_OFFSET), FUNCTIONALITY)
