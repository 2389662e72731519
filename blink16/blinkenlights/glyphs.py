"""Code page 437 as a terminal shows it: a glyph for each byte, of one column each."""

from __future__ import annotations

_CONTROLS = " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼"
CP437 = (
    _CONTROLS
    + bytes(range(0x20, 0x7F)).decode("ascii")
    + "⌂"
    + bytes(range(0x80, 0x100)).decode("cp437").replace("\xa0", " ")
)
"""Glyphs by byte."""
ASCII = "".join(chr(byte) if 0x20 <= byte < 0x7F else " ."[byte > 0] for byte in range(256))
"""The same for terminals without UTF-8."""
DENSITY = " ·░▒▓█"
"""How full of other bytes than 0 a stretch of memory is."""
