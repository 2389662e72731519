"""Input on its way to a machine, and the wait for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Condition
from time import monotonic

MAX_QUEUED = 1 << 20
"""Bytes of input that may wait until a machine takes them; what comes beyond is refused."""
MAX_QUEUED_INPUTS = 1 << 14
"""Inputs that may, however short."""


class Inbox:
    """Input by channel, oldest first.  All methods may be called from any thread."""

    def __init__(self) -> None:
        self.queued = 0
        """Bytes that wait."""
        self._queue: deque[tuple[str, bytes]] = deque()
        self._stirred = False
        self._nudged = False
        self.on_nudge: Callable[[], object] = lambda: None
        """Called in the thread that waits, after a `nudge`."""
        self._changed = Condition()

    def put(self, channel: str, data: bytes) -> bool:
        """Take input; no bytes are its end.  Return whether there was room for it."""
        with self._changed:
            room = self.queued + len(data) <= MAX_QUEUED and len(self._queue) < MAX_QUEUED_INPUTS
            if room:
                self.queued += len(data)
                self._queue.append((channel, data))
                self._changed.notify_all()
            return room

    def take(self) -> tuple[str, bytes] | None:
        """Return the oldest input and its channel; None if there is none."""
        if not self._queue:
            return None
        with self._changed:
            channel, data = self._queue.popleft()
            self.queued -= len(data)
            return channel, data

    def wait(self, seconds: float | None) -> None:
        """Wait until there is input, or a `stir`; no longer than so many seconds."""
        end = None if seconds is None else monotonic() + seconds
        while True:
            with self._changed:
                left = None if end is None else end - monotonic()
                self._changed.wait_for(lambda: self._queue or self._stirred or self._nudged, left)
                if not self._nudged:
                    self._stirred = False
                    return
                self._nudged = False
            self.on_nudge()

    def nudge(self) -> None:
        """Have `on_nudge` called in the wait that is going on, or else in the next."""
        with self._changed:
            self._nudged = True
            self._changed.notify_all()

    def stir(self) -> None:
        """End the wait that is going on, or else the next."""
        with self._changed:
            self._stirred = True
            self._changed.notify_all()
