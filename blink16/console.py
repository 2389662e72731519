"""The console of a program without a PC around it: a queue of bytes typed, and end of input."""

from __future__ import annotations

from collections.abc import Callable

MAX_PENDING = 1 << 20
"""Bytes of input that may wait; what comes beyond is dropped, as a tty drops it."""


class Console:
    """Input that waits for the guest.  Part of the machine's state (`services.Receiver`)."""

    CHANNEL = "console"
    """The name of its component, and of the output channel that shows what programs print."""

    def __init__(self) -> None:
        self._pending = b""
        self._ended = False
        self.on_starved: Callable[[], None] = lambda: None
        """Called, perhaps often, when the guest looks for input and finds too little.  No state."""
        self.on_received: Callable[[], None] = lambda: None
        """Called when input has come: whose system takes it at once sets this.  No state."""

    def receive(self, data: bytes) -> None:
        """Append input; no bytes at all mean that the input has ended."""
        if data:
            self._pending = (self._pending + data)[:MAX_PENDING]
        else:
            self._ended = True
        self.on_received()

    def peek(self) -> bytes:
        """Return the input that waits, without taking it."""
        if not self._pending and not self._ended:
            self.on_starved()
        return self._pending

    @property
    def waiting(self) -> bytes:
        """The input that waits; looking at it is no sign of a guest that wants more."""
        return self._pending

    @property
    def ended(self) -> bool:
        """Whether no more input will come."""
        return self._ended

    def read(self, limit: int) -> bytes | None:
        """Take at most ``limit`` bytes; None: none has come yet; empty: the input has ended."""
        if not self._pending and not self._ended:
            self.on_starved()
            return None
        data, self._pending = self._pending[:limit], self._pending[limit:]
        return data

    def read_line(self, limit: int) -> bytes | None:
        """Like `read`, but only up to and with a newline, and None until the line is whole."""
        end = self._pending.find(b"\n") + 1
        if not end and not self._ended and len(self._pending) < limit:
            self.on_starved()
            return None
        return self.read(min(end or limit, limit))

    def save(self) -> tuple[bytes, bool]:
        """Return the state."""
        return self._pending, self._ended

    def restore(self, state: tuple[bytes, bool]) -> None:
        """Take the state of a `save`."""
        self._pending, self._ended = state
