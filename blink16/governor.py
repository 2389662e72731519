"""Keeps a machine's clock from going faster than ours."""

from __future__ import annotations

import time
from collections.abc import Callable

LOOK_SECONDS = 0.01
"""A machine runs ahead of our clock by so much at most, but for what it sleeps through in HLT."""
MAX_LAG_SECONDS = 0.5
"""What a machine that falls behind may catch up on; the rest is forgiven."""


class Governor:
    """Compares a machine's time, in clock cycles, with seconds of ours."""

    def __init__(self, clock_hz: int, now: Callable[[], float] = time.monotonic) -> None:
        """``now``: our clock, in seconds."""
        self._rate = clock_hz
        self._now = now
        self._started: tuple[float, int] | None = None

    def limit(self, time: int) -> int:
        """Return up to which machine time to run before the clocks are compared again."""
        return time + max(1, round(self._rate * LOOK_SECONDS))

    def start(self, time: int) -> None:
        """Begin: the machine runs from here on."""
        self._started = self._now(), time

    def ahead(self, time: int) -> float:
        """Return how many seconds the machine is to wait until our clock has caught up."""
        if self._started is None:
            self.start(time)
            return 0.0
        seconds, begin = self._started
        ahead = (time - begin) / self._rate - (self._now() - seconds)
        if ahead < -MAX_LAG_SECONDS:
            self.start(time)
        return max(0.0, ahead)
