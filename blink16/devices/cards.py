"""What a PC may have beside its board, its drives and its display adapter."""

from __future__ import annotations

from typing import NamedTuple


class Cards(NamedTuple):
    """The machine's type, and cards and things that are plugged in."""

    at: bool = False
    """Whether it is an AT: two 8259As, an 8042, a clock that interrupts, hard disk ports."""
    joystick: bool = False
    mouse: bool = False
    """A serial mouse on COM1."""
    ps2mouse: bool = False
    """A PS/2 mouse at the 8042 of an AT."""
    ems: bool = False
    """A board of 2 MiB of expanded memory, ports 260h to 263h, frame E000h."""
    umb: bool = False
    """RAM where adapters' ROMs may be, from D0000h to DFFFFh."""
    sound: bool = False
    """Whether somebody listens to the speaker."""
    real_disks: bool = False
    """Whether INT 13h takes the time of a real drive, rather than none."""


XT = Cards()
