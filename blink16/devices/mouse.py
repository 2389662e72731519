"""A serial mouse in Microsoft's protocol: three bytes of seven bits for each movement.

When a driver switches its power (RTS or DTR) on, it says M.  Source: Microsoft Mouse Programmer's
Reference, "Serial mouse data format".
"""

from __future__ import annotations

from collections.abc import Iterator

from blink16.devices.uart import Uart

HELLO = b"M"
SYNC, LEFT, RIGHT = 0x40, 0x20, 0x10
FARTHEST = 127


def movement(
    dx: int, dy: int, *, left: bool = False, right: bool = False, middle: bool = False
) -> bytes:
    """Return the input that moves a mouse, right and down, with its buttons down or not."""
    dx, dy = (max(-FARTHEST, min(FARTHEST, distance)) for distance in (dx, dy))
    return bytes((dx & 0xFF, dy & 0xFF, left | right << 1 | middle << 2))


def movements(dx: int, dy: int, buttons: int) -> bytes:
    """Return the input of a movement of any length, in as many pieces as it takes.

    ``buttons``: 1 left, 2 right, 4 middle.
    """
    left, right, middle = (bool(buttons >> bit & 1) for bit in range(3))
    parts = max(1, -(-max(abs(dx), abs(dy)) // FARTHEST))
    return b"".join(
        movement(
            dx * (n + 1) // parts - dx * n // parts,
            dy * (n + 1) // parts - dy * n // parts,
            left=left,
            right=right,
            middle=middle,
        )
        for n in range(parts)
    )


def movements_of(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield movements: right and down, signed, and the buttons (1 left, 2 right, 4 middle)."""
    for at in range(0, len(data) - 2, 3):
        dx, dy, buttons = data[at : at + 3]
        yield (dx ^ 0x80) - 0x80, (dy ^ 0x80) - 0x80, buttons


class SerialMouse:
    """A mouse on a serial line: a receiver of movements, three bytes each."""

    CHANNEL = "serial-mouse"

    def __init__(self, line: Uart) -> None:
        self._line = line
        line.on_power = self.hello

    @property
    def is_used(self) -> bool:
        """Whether whoever has a mouse should move it."""
        return True

    def save(self) -> None:
        """Return the state: the line has it all."""

    def restore(self, state: None) -> None:
        """Take the state of a `save`."""

    def hello(self) -> None:
        """Say who it is."""
        self._line.receive(HELLO)

    def receive(self, data: bytes) -> None:
        """Move it, or press its buttons."""
        for dx, dy, buttons in movements_of(data):
            first = SYNC | (LEFT if buttons & 1 else 0) | (RIGHT if buttons & 2 else 0)
            first |= dy >> 4 & 0x0C | dx >> 6 & 0x03
            self._line.receive(bytes((first, dx & 0x3F, dy & 0x3F)))
