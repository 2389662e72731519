"""Port E9h, on which guests of emulators print for their debugging, as Bochs has it."""

from __future__ import annotations

from blink16.bus import Bus
from blink16.services import Guest

PORT = 0xE9
CHANNEL = "debug"


def attach(guest: Guest, bus: Bus) -> None:
    """Let writes go to the output channel ``debug``; reads give E9h, by which guests know it."""
    bus.attach(
        [PORT], lambda port: PORT, lambda port, value: guest.output(CHANNEL, bytes((value,)))
    )
