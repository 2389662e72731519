"""What the registers of an EGA or VGA say of memory: where it is, and how planes are used.

Programs change them for nearly each store, and go through the same few again and again: answers
are kept.
"""

from __future__ import annotations

from array import array
from enum import IntEnum
from functools import cache, lru_cache
from typing import NamedTuple

from blink16.cpu.planar import BYTES, PlanarRegister
from blink16.devices.video import COLOR_MEMORY, MONO_MEMORY

CHAIN_4 = 0x08
KEPT = 4096
"""Answers."""


class Window(IntEnum):
    """What is at A0000h."""

    NOTHING = 0
    RAM = 1
    PLANES = 2


class MemoryMap(NamedTuple):
    """Where the registers want memory."""

    window: Window
    text: int | None
    """The linear address of the memory of text."""
    mono: bool
    """Whether there is memory at B0000h, as a monochrome adapter has it."""


@lru_cache(KEPT)
def arranged(graphics: bytes, sequencer: bytes, is_vga: bool) -> tuple[MemoryMap, array[int]]:
    """Return where the graphics controller and the sequencer want memory, and how it is used.

    The latter are the cells of `PlanarRegister` behind the latch.  Equal maps are one object.
    """
    return _map(graphics, sequencer, is_vga), _spread(graphics, sequencer, is_vga)


def _map(graphics: bytes, sequencer: bytes, is_vga: bool) -> MemoryMap:
    g, q, where = graphics, sequencer, graphics[6] >> 2 & 3
    window = Window.NOTHING
    if where <= 1:
        straight = q[2] & 0xF == 0xF and not (g[1] & 0xF or g[3] or g[5] & 0x0B) and g[8] == 0xFF
        is_plain = q[4] & CHAIN_4 and straight and is_vga
        window = Window.RAM if is_plain else Window.PLANES
    return _one(window, {2: MONO_MEMORY, 3: COLOR_MEMORY}.get(where), where == 2)


@cache
def _one(window: Window, text: int | None, mono: bool) -> MemoryMap:
    return MemoryMap(window, text, mono)


def _spread(graphics: bytes, sequencer: bytes, is_vga: bool) -> array[int]:
    g, q = graphics, sequencer
    used = {
        PlanarRegister.MAP_MASK: spread(q[2]),
        PlanarRegister.SET_RESET: spread(g[0]),
        PlanarRegister.ENABLE_SET_RESET: spread(g[1]),
        PlanarRegister.COLOR_COMPARE: spread(g[2]),
        PlanarRegister.COLOR_CARE: spread(g[7]),
        PlanarRegister.BIT_MASK: g[8] * BYTES,
        PlanarRegister.FUNCTION: g[3] >> 3 & 3,
        PlanarRegister.ROTATE: g[3] & 7,
        PlanarRegister.READ_SHIFT: 8 * (g[4] & 3),
        PlanarRegister.WRITE_MODE: g[5] & 3,
        PlanarRegister.READ_MODE: g[5] >> 3 & 1,
        PlanarRegister.CHAINED: int(bool(q[4] & CHAIN_4) and is_vga),
    }
    return array("I", (used[register] for register in sorted(used)))


def spread(planes: int) -> int:
    """Return FFh in the byte of each plane whose bit is set."""
    return sum(0xFF << 8 * plane for plane in range(4) if planes >> plane & 1)
