"""The calls of the guest's system: as they happen, for who looks on, and those of the past."""

from __future__ import annotations

from collections import deque

from blink16.debugger.ledger import Ledger
from blink16.debugger.live_calls import LiveCalls
from blink16.history import booted_calls, queries
from blink16.history.timeline import Timeline

MAX_CALLS = 200


class CallsSeen:
    """Keeps the last calls that were done for the first time, from when somebody asks on."""

    def __init__(self, timeline: Timeline, ledger: Ledger) -> None:
        self._timeline = timeline
        self._machine = timeline.machine
        self._booted = booted_calls.BootedCalls(timeline, ledger.points)
        self.live = LiveCalls(timeline, ledger)
        """Those of a system that was booted, while it runs."""
        self._kept: deque[tuple[int, str]] = deque(maxlen=MAX_CALLS)
        self._begun = False

    def until(self, icount: int) -> list[tuple[int, str]]:
        """Return those before an instant, the oldest first: instruction count and decoded call."""
        if not self._begun:
            self._begun = True
            self._inner, self._machine.on_call = self._machine.on_call, self._take
        self.live.want()
        kept = [call for call in list(self._kept) if call[0] <= icount]
        return sorted([*kept, *self.live.lines(icount)])[-MAX_CALLS:]

    def last(self, count: int, farthest: int | None = None) -> list[tuple[int, str]]:
        """Return the last calls before now, oldest first: of our system, or of one that was booted.

        ``farthest`` and what is raised: see `queries.calls` and `BootedCalls.last`.
        """
        if booted_calls.handlers(self._machine):
            return self._booted.last(count, farthest)
        return queries.calls(self._timeline, count, farthest)

    def _take(self, text: str) -> None:
        if self._inner is not None:
            self._inner(text)
        if not self._machine.replaying:
            now = self._machine.icount
            while self._kept and self._kept[-1][0] > now:  # of a future that is no more
                self._kept.pop()
            self._kept.append((now, text))
