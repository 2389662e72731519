"""The characters' dots: code page 437, from GNU Unifont and UNSCII (see FONT-LICENSE.txt)."""

from __future__ import annotations

from functools import cache
from importlib import resources

WIDTH, HEIGHT = 8, 16
SMALL_HEIGHT, MEDIUM_HEIGHT = 8, 14


@cache
def large() -> bytes:
    """Return 16 bytes for each character, one a line, the leftmost dot in bit 7."""
    return (resources.files("blink16.bios") / "font-8x16.bin").read_bytes()


@cache
def small() -> bytes:
    """Return 8 bytes for each character, drawn for eight lines."""
    return (resources.files("blink16.bios") / "font-8x8.bin").read_bytes()


@cache
def medium() -> bytes:
    """Return 14 bytes for each character: the large ones without their first and last line."""
    font = large()
    return b"".join(font[at + 1 : at + 1 + MEDIUM_HEIGHT] for at in range(0, len(font), HEIGHT))
