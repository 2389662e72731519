"""What INT 33h shows where the mouse is: a character's other colors, or a shape of dots.

A shape's dots keep or blacken those under them, and then flip some.  Both kinds leave alone what
the program has overwritten meanwhile.
Source: Microsoft Mouse Programmer's Reference (1989), functions 9 and 10.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from blink16.bios.video import GuestScreen
from blink16.memory import Memory

SIZE = 16
"""Dots that a shape is wide and high."""
MASKS = Struct(f"<{2 * SIZE}H")
"""A shape as programs give it: lines that keep what is there, then lines that flip it."""
SHAPE_SIZE = MASKS.size
ARROW = MASKS.pack(
    *(0x3FFF, 0x1FFF, 0x0FFF, 0x07FF, 0x03FF, 0x01FF, 0x00FF, 0x007F),
    *(0x003F, 0x001F, 0x01FF, 0x00FF, 0x30FF, 0xF87F, 0xF87F, 0xFCFF),
    *(0x0000, 0x4000, 0x6000, 0x7000, 0x7800, 0x7C00, 0x7E00, 0x7F00),
    *(0x7F80, 0x7C00, 0x6C00, 0x4600, 0x0600, 0x0300, 0x0300, 0x0000),
)
"""The shape before a program gives another."""
WHITES = {0x04: 3, 0x05: 3, 0x06: 1}
"""The color whose bits are flipped, by mode; fifteen in others."""
NARROW_MODES = frozenset({0x04, 0x05, 0x0D, 0x13})
"""Modes with dots of which two are one to the mouse."""


class Shown(NamedTuple):
    """What is on the screen, and what was there before."""

    mode: int
    shape: bytes
    """As `MASKS` has it; of a character its two masks."""
    x: int
    """In dots of the mode, the left ones; of a character its linear address."""
    y: int
    under: bytes
    """A color for each dot, those outside of the picture too; of a character the two bytes."""


def show_cell(memory: Memory, mode: int, address: int, masks: tuple[int, int]) -> Shown:
    """Show a character's place in other colors: ANDed with the one mask, XORed with the other."""
    shape, under = b"".join(mask.to_bytes(2, "little") for mask in masks), memory.read(address, 2)
    memory.write(address, _other_cell(shape, under))
    return Shown(mode, shape, address, 0, under)


def show_dots(screen: GuestScreen, shape: bytes, x: int, y: int) -> Shown:
    """Draw a shape whose left upper dot is at a place of the mouse's coordinates."""
    x >>= screen.mode in NARROW_MODES
    dots = screen.dots()
    places = [(x + across, y + down) for down in range(SIZE) for across in range(SIZE)]
    under = bytes(dots.dot(*place) if min(place) >= 0 else 0 for place in places)
    shown = Shown(screen.mode, shape, x, y, under)
    for at_x, at_y, before, after in _dots(shown):
        if before != after:
            dots.set_dot(at_x, at_y, after)
    return shown


def take_back(memory: Memory, screen: GuestScreen, shown: Shown) -> None:
    """Put back what was there, as far as nobody has written there since."""
    if shown.mode != screen.mode:
        return
    if not screen.graphics:
        if memory.read(shown.x, 2) == _other_cell(shown.shape, shown.under):
            memory.write(shown.x, shown.under)
        return
    dots = screen.dots()
    for x, y, before, after in _dots(shown):
        if before != after and dots.dot(x, y) == after:
            dots.set_dot(x, y, before)


def _other_cell(masks: bytes, under: bytes) -> bytes:
    return bytes(byte & masks[at] ^ masks[2 + at] for at, byte in enumerate(under))


def _dots(shown: Shown) -> Iterator[tuple[int, int, int, int]]:
    """Yield a shape's dots with the colors before and after, but for those left of the picture."""
    lines, white = MASKS.unpack(shown.shape), WHITES.get(shown.mode, 15)
    colors = iter(shown.under)
    for down in range(SIZE):
        keep, flip, y = lines[down], lines[SIZE + down], shown.y + down
        for across in range(SIZE):
            before, bit = next(colors), SIZE - 1 - across
            after = (before if keep >> bit & 1 else 0) ^ (white if flip >> bit & 1 else 0)
            if shown.x + across >= 0 <= y:
                yield shown.x + across, y, before, after
