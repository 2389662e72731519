"""Types what comes from a terminal or a file on the PC's keyboard.

Text that comes at once, pasted or from a script, is typed no faster than it is read.  Single keys
are a person's, who presses them whether the guest reads them or not: a game that looks at port 60h
leaves the BIOS's buffer full, and wants the next key as soon as the last.
"""

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
FULL = 15
"""Keys in the BIOS's buffer behind which another one is lost to who reads them by INT 16h."""
PATIENCE = 600
"""Seconds after which more is typed all the same: the guest may look at port 60h."""
PASTED = 4
"""So many keys that wait were not pressed one by one."""


class Typist:
    """A device (`services.Device`) that takes keys from the console's input."""

    COMPONENT = "typist"

    def __init__(self, guest: Guest, console: Console, keyboard: Keyboard) -> None:
        self._guest = guest
        self._console = console
        self._keyboard = keyboard
        self._interval = max(1, guest.clock_hz // KEYS_PER_SECOND)
        self._slow_interval = max(1, guest.clock_hz // SLOW_KEYS_PER_SECOND)
        self._full_interval = guest.clock_hz * PATIENCE
        self._typed_at = 0
        self._looked_at = 0
        self._is_pasted = False

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
        if time - self._typed_at < self._pause():
            return
        key = next_key(self._console.waiting)
        if key is not None:
            self._keyboard.receive(typed(self._console.read(key.length) or b""))
            self._typed_at = time
        self._is_pasted = self._is_pasted and bool(self._console.waiting)

    def _pause(self) -> int:
        """Return how long after the last key the next one may be typed."""
        self._is_pasted = self._is_pasted or _keys_in(self._console.waiting, PASTED) == PASTED
        if self._keyboard.state.waiting:
            return self._slow_interval
        unread = len(KeyBuffer(self._guest.memory)) if self._is_pasted else 0
        return 0 if unread < ROOM else self._slow_interval if unread < FULL else self._full_interval

    def pass_by(self, time: int) -> None:
        """Type nothing this time."""
        self._looked_at = time

    def save(self) -> tuple[int, int, bool]:
        """Return the state."""
        return self._typed_at, self._looked_at, self._is_pasted

    def restore(self, state: tuple[int, int, bool]) -> None:
        """Take the state of a `save`."""
        self._typed_at, self._looked_at, self._is_pasted = state


def _keys_in(text: bytes, most: int) -> int:
    """Return how many keys a text is, ``most`` at most."""
    keys = 0
    while keys < most and (key := next_key(text)) is not None:
        text = text[key.length :]
        keys += 1
    return keys
