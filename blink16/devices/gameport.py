"""The game port at 201h: four one-shots that a joystick's potentiometers time, and four buttons.

Without a joystick the one-shots never end: the port reads FFh, by which programs know.
Source: IBM Options and Adapters Technical Reference, "Game control adapter".
"""

from __future__ import annotations

from typing import NamedTuple

from blink16.bus import Bus
from blink16.services import Guest

PORT = 0x201
BUTTONS = 0xF0
AXES = 4
SHORTEST_US, LONGEST_US = 24.2, 1124.2
"""How long a one-shot lasts at either end of an axis."""
CENTER = 128
NEVER = -1


def held(*axes: int, pressed: int = 0) -> bytes:
    """Return the input that holds the sticks: up to four axes from 0 to 255, the rest centered.

    ``pressed``: bits 0 and 1 for the first stick's buttons, 2 and 3 for the second's.
    """
    return bytes((*axes, *(CENTER,) * (AXES - len(axes)), pressed))


class GamePortState(NamedTuple):
    """Where the sticks are, and when the one-shots were started."""

    axes: tuple[int, int, int, int] = (CENTER, CENTER, CENTER, CENTER)
    """0 to 255; of the first stick x and y, of the second."""
    pressed: int = 0
    """Bits 0 to 3."""
    started: int = NEVER


class GamePort:
    """A game control adapter: a receiver of five bytes, four axes and the buttons."""

    CHANNEL = "joystick"

    def __init__(self, guest: Guest, bus: Bus, *, connected: bool = False) -> None:
        self._guest = guest
        self._connected = connected
        self.state = GamePortState()
        bus.attach([PORT], self._read, self._write, what="game port")

    @property
    def is_used(self) -> bool:
        """Whether whoever has a mouse should move it."""
        return self._connected

    def save(self) -> GamePortState:
        """Return the state."""
        return self.state

    def restore(self, state: GamePortState) -> None:
        """Take the state of a `save`."""
        self.state = state

    def receive(self, data: bytes) -> None:
        """Move the sticks; anything but five bytes has no effect."""
        if len(data) == AXES + 1:
            x, y, z, w, pressed = data
            self.state = self.state._replace(axes=(x, y, z, w), pressed=pressed & 0xF)

    @property
    def switches(self) -> int:
        """The buttons as the port's bits 4 to 7 show them: 0 is pressed."""
        return BUTTONS & ~(self.state.pressed << 4)

    def lasts_us(self, axis: int) -> float:
        """Return for how long an axis keeps its one-shot running where the stick is, in µs."""
        return SHORTEST_US + (LONGEST_US - SHORTEST_US) * self.state.axes[axis] / 255

    def _write(self, port: int, value: int) -> None:
        self.state = self.state._replace(started=self._guest.time)

    def _read(self, port: int) -> int:
        s = self.state
        if not self._connected:
            return 0xFF
        value = self.switches
        if s.started == NEVER:
            return value
        passed = (self._guest.time - s.started) * 1_000_000 / self._guest.clock_hz
        for axis in range(AXES):
            if passed < self.lasts_us(axis):
                value |= 1 << axis
        return value
