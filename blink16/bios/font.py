"""The characters' dots: code page 437 from GNU Unifont (see FONT-LICENSE.txt)."""

from __future__ import annotations

from functools import cache
from importlib import resources

WIDTH, HEIGHT = 8, 16


@cache
def large() -> bytes:
    """Return 16 bytes for each character, one a line, the leftmost dot in bit 7."""
    return (resources.files("blink16.bios") / "font-8x16.bin").read_bytes()


@cache
def small() -> bytes:
    """Return 8 bytes for each character: two lines of the large ones in one."""
    lines = large()
    return bytes(upper | lower for upper, lower in zip(lines[::2], lines[1::2], strict=True))
