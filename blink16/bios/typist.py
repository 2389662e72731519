"""Types what comes from a terminal or a file on the PC's keyboard, no faster than it is read."""

from __future__ import annotations

from blink16.bios.key_buffer import KeyBuffer
from blink16.bios.keyboard import next_key
from blink16.console import Console
from blink16.devices.keyboard import Keyboard
from blink16.devices.keys import typed
from blink16.services import Guest

KEYS_PER_SECOND = 40
ROOM = 8
"""Keys that may wait in the BIOS's buffer, which holds 15, before typing slows down."""
SLOW_KEYS_PER_SECOND = 1


class Typist:
    """A device (`services.Device`) that takes keys from the console's input."""

    COMPONENT = "typist"

    def __init__(self, guest: Guest, console: Console, keyboard: Keyboard) -> None:
        self._guest = guest
        self._console = console
        self._keyboard = keyboard
        self._interval = max(1, guest.clock_hz // KEYS_PER_SECOND)
        self._slow_interval = max(1, guest.clock_hz // SLOW_KEYS_PER_SECOND)
        self._typed_at = 0
        self._looked_at = 0

    def due(self) -> int | None:
        """Return when the next key can be typed."""
        if not self._console.waiting:
            return None
        return max(self._typed_at, self._looked_at) + self._interval

    def is_heard(self) -> bool:
        """Return whether a key would interrupt the processor."""
        return self._keyboard.is_heard()

    def advance(self, time: int) -> None:
        """Type a key if the guest has taken those before."""
        self._looked_at = time
        taken = not self._keyboard.state.waiting and len(KeyBuffer(self._guest.memory)) < ROOM
        if not taken and time - self._typed_at < self._slow_interval:
            return
        key = next_key(self._console.waiting)
        if key is not None:
            self._keyboard.receive(typed(self._console.read(key.length) or b""))
            self._typed_at = time

    def pass_by(self, time: int) -> None:
        """Type nothing this time."""
        self._looked_at = time

    def save(self) -> tuple[int, int]:
        """Return the state."""
        return self._typed_at, self._looked_at

    def restore(self, state: tuple[int, int]) -> None:
        """Take the state of a `save`."""
        self._typed_at, self._looked_at = state
