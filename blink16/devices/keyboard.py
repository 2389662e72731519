"""The PC/XT's keyboard and the shift register that takes its scan codes, read at port 60h.

A code in the register raises IRQ 1 and keeps the keyboard from sending the next one until the
program has acknowledged it with bit 7 of port 61h (`ppi`).  An AT's controller takes the read
of port 60h for that, and so do many programs: here that will do as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from blink16.devices import keys
from blink16.devices.pic import RequestLine
from blink16.devices.telling import Telling
from blink16.services import Guest

CODES_PER_SECOND = 100
"""How fast it sends: slowly enough for a BIOS with a buffer of fifteen keys."""
MAX_WAITING = 1 << 16
"""Codes that may wait to be sent; strokes that don't fit any more are dropped whole."""
SELF_TEST_PASSED = 0xAA
RESET_MILLISECONDS = 20
"""The keyboard resets itself when its clock line has been held low for so long."""
SELF_TEST_MILLISECONDS = 8
"""How long it tests itself then; programs wait up to half a second for the outcome."""


class KeyboardState(NamedTuple):
    """Codes on their way, and the register."""

    waiting: bytes = b""
    code: int = 0
    """The shift register."""
    full: bool = False
    """Whether the register holds a code that hasn't been acknowledged."""
    free_at: int = 0
    """The time from which on the next code can come."""
    held_since: int = -1
    """Since when the program holds the clock line low; -1: it doesn't."""
    clearing: bool = False
    """Whether the program holds the register cleared."""


class Keyboard(Telling[KeyboardState]):
    """The keyboard: a device and a receiver of scan codes."""

    CHANNEL = "keyboard"
    """The name of its component, which takes scan codes (`keys.typed`, `keys.chord`)."""

    def __init__(self, guest: Guest, irq: RequestLine) -> None:
        self._guest = guest
        self._irq = irq
        self._interval = max(1, guest.clock_hz // CODES_PER_SECOND)
        self._self_test_time = guest.clock_hz * SELF_TEST_MILLISECONDS // 1000
        self._reset_time = guest.clock_hz * RESET_MILLISECONDS // 1000
        self.state = KeyboardState()
        self.is_held: Callable[[], bool] = lambda: False
        """Whether a controller has no room for a code (an AT's, with a byte of the mouse)."""
        self.interrupts: Callable[[], bool] = lambda: True
        """Whether a code raises IRQ 1."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when the register has become full or empty."""

    def save(self) -> KeyboardState:
        """Return the state."""
        return self.state

    def restore(self, state: KeyboardState) -> None:
        """Take the state of a `save`."""
        self.state = state

    # -- the keyboard's side -----------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Press and release keys: ``data`` are scan codes."""
        waiting = self.state.waiting
        if len(waiting) + len(data) <= MAX_WAITING:
            self.state = self.state._replace(waiting=waiting + data)

    def due(self) -> int | None:
        """Return when the next code comes."""
        s = self.state
        stuck = s.full or s.clearing or s.held_since >= 0 or self.is_held()
        return None if stuck or not s.waiting else s.free_at

    def is_heard(self) -> bool:
        """Return whether IRQ 1 would be passed on, and a code can come."""
        s = self.state
        return not (s.full or s.clearing or s.held_since >= 0) and self._irq.is_heard()

    def is_sending(self) -> bool:
        """Return whether a code is on its way, by an interrupt, to the program."""
        if self.state.full:  # while interrupts are off, it has come so far
            return self._irq.is_pending() and self._irq.is_heard()
        return bool(self.state.waiting) and self.is_heard()

    def advance(self, time: int) -> None:
        """Let a code come into the register."""
        s = self.state
        self.state = s._replace(waiting=s.waiting[1:])
        self.show(s.waiting[0])

    # -- the program's side ------------------------------------------------------------------

    def read(self) -> int:
        """Return the register, as a read of port 60h does."""
        code = self._state.code
        self._acknowledge()
        return code

    def clear(self, held: bool) -> None:
        """Clear the register and keep it so, as bit 7 of an XT's port 61h asks, or no longer."""
        if held and not self._state.clearing:
            self._acknowledge()
            self.state = self.state._replace(code=0, clearing=True)
        elif self._state.clearing and not held:
            self.state = self.state._replace(clearing=False)

    def hold(self, held: bool, *, resets: bool) -> None:
        """Hold the clock line low, or let it go.

        ``resets``: whether the keyboard is an XT's, which resets itself when that took long.
        """
        now, since = self._guest.time, self._state.held_since
        if held and since < 0:
            self.state = self.state._replace(held_since=now)
        elif since >= 0 and not held:
            self.state = self.state._replace(held_since=-1)
            if resets and now - since >= self._reset_time:
                waiting = bytes((SELF_TEST_PASSED,)) + self.state.waiting
                free_at = now + self._self_test_time
                self.state = self.state._replace(waiting=waiting, free_at=free_at)

    def show(self, code: int) -> None:
        """Have a code in the register at once, as if it had come."""
        self.state = self.state._replace(code=code, full=True)
        self.on_change()
        self._irq(self.interrupts())

    def _acknowledge(self) -> None:
        """Make room for the next code."""
        if self._state.full:
            free_at = max(self.state.free_at, self._guest.time + self._interval)
            self.state = self.state._replace(full=False, free_at=free_at)
            self.on_change()
            self._irq(False)


class Typing:
    """A receiver of characters, typed on a keyboard; it has no state of its own."""

    CHANNEL = "typing"
    """The usual name of its component, which takes text or a terminal's input."""

    def __init__(self, keyboard: Keyboard) -> None:
        self._keyboard = keyboard

    def save(self) -> None:
        """Return the state: there is none."""

    def restore(self, state: None) -> None:
        """Take the state of a `save`."""

    def receive(self, data: bytes) -> None:
        """Type ``data``, with Shift, Ctrl and Alt as it needs them."""
        self._keyboard.receive(keys.typed(data))
