"""BIOS functions that aren't there: each is told once, and what it is answered is its service's.

Functions by which programs merely look whether something is there are no lack; their services
keep lists of those.
"""

from __future__ import annotations

from blink16.lacks import Kind
from blink16.services import Guest

PLACES = 0x200
"""For each function: none, or one of its 256 subfunctions."""


def no_function(
    guest: Guest, vector: int, selector: str = "", remedy: str = "", *, who: str = "this BIOS"
) -> None:
    """Tell that there is no such function of an interrupt.

    ``selector``: the register that holds the subfunction, if it is that which is unknown.
    ``who``: whose function it would be.  To be called while AH is still the function.
    """
    number = guest.registers.ah
    place, what = (vector << 8 | number) * PLACES, f"{who} has no INT {vector:02X}h/{number:02X}h"
    if selector:
        subfunction: int = getattr(guest.registers, selector)
        place += 1 + (subfunction & 0xFF)
        what += f" with {selector.upper()}={subfunction:02X}h"
    guest.lacks(Kind.BIOS_FUNCTION, what, remedy, place=place)


def no_unit(guest: Guest, vector: int, unit: int, what: str, remedy: str = "") -> None:
    """Tell that what a function is to work on isn't there: a drive, a port."""
    called = f"INT {vector:02X}h/{guest.registers.ah:02X}h"
    place = -(vector << 8 | unit & 0xFF)
    guest.lacks(Kind.BIOS_FUNCTION, f"{called} for {what}, which isn't there", remedy, place=place)
