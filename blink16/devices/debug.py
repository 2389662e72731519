"""Port E9h, on which guests of emulators print for their debugging, as Bochs has it."""

from __future__ import annotations

from blink16.bus import Bus
from blink16.services import Guest

PORT = 0xE9
CHANNEL = "debug"


def attach(guest: Guest, bus: Bus) -> None:
    """Let writes go to the output channel ``debug``; reads give E9h, by which guests know it."""

    def write(port: int, value: int) -> None:
        guest.output(CHANNEL, bytes((value,)))

    bus.attach([PORT], lambda port: PORT, write, what="emulators' debug output")
