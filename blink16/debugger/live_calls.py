"""The calls of a system that was booted, as they happen: at full speed, while somebody looks on.

Its handlers are the guest's own code, so the machine has to stand for a moment where calls begin
and where they return.  That is done only while it runs live and is looked at, and not at all for a
while where there are more than can be read.
"""

from __future__ import annotations

from contextlib import suppress

from blink16.breakpoints import Point, PointError
from blink16.debugger.ledger import Ledger, LedgerEntry
from blink16.history import booted_calls
from blink16.history.booted_calls import BootedStretch
from blink16.history.timeline import Timeline
from blink16.machine import Machine

GLANCES_WANTED = 15
"""So many glances (half a second) after it was last asked for, nobody wants it any more."""
MOST_STANDS = 100
"""So often the machine stands between two glances: some milliseconds of 33."""
GLANCES_OFF = 30
"""For so many glances (a second) it is let alone, where it would stand more often."""
LEFT_OUT = "… there are more than can be shown while it runs: they come when it stands"


class LiveCalls:
    """Owns breakpoints that stop nothing, where the guest's system is called."""

    def __init__(self, timeline: Timeline, ledger: Ledger) -> None:
        self._timeline = timeline
        self._ledger = ledger
        self._wanted = self._off = self._stands = 0
        self._branch = 0
        self._seen: BootedStretch | None = None
        self._points: list[Point] = []
        self._left_out: list[int] = []

    def want(self) -> None:
        """Have calls followed, in what is left of this run; from any thread."""
        self._wanted = GLANCES_WANTED

    def lines(self, now: int) -> list[tuple[int, str]]:
        """Return those that began until an instant, oldest first; from any thread."""
        seen, left_out = self._seen, list(self._left_out)
        lines = [] if seen is None else seen.lines(now)
        return sorted([*lines, *((icount, LEFT_OUT) for icount in left_out if icount <= now)])

    def mind(self) -> None:
        """See what is to be followed: the machine is looked at, between two instructions."""
        self._stands = 0
        self._wanted = max(self._wanted - 1, 0)
        self._off = max(self._off - 1, 0)
        if not self._wanted or self._off or not self._timeline.live:
            self.rest()
            return
        machine, now = self._timeline.machine, self._timeline.now
        found = booted_calls.handlers(machine)
        seen = self._seen
        if seen is not None and (seen.handlers, self._branch) == (found, self._timeline.branch):
            if self._points:
                return
        else:
            seen, self._left_out = None, []
        self.rest()
        if found:
            self._branch = self._timeline.branch
            self._seen = seen or BootedStretch(machine, found, now)
            self._follow(self._seen.stops())

    def rest(self) -> None:
        """Let the machine run without us."""
        points, self._points = self._points, []
        for point in points:
            self._ledger.remove(point, self)

    def _follow(self, points: list[Point]) -> None:
        for point in points:
            with suppress(PointError):  # there are too many: some calls are not seen to return
                self._ledger.insert(LedgerEntry(point, self, action=self._stand))
                self._points.append(point)

    def _stand(self, machine: Machine) -> bytes:
        """Mind a call that begins or returns."""
        seen = self._seen
        if seen is None or machine.replaying:
            return b""
        self._stands += 1
        if self._stands > MOST_STANDS:
            self._off = GLANCES_OFF
            self._left_out = [*self._left_out, machine.icount][-booted_calls.MAX_PENDING :]
            self.rest()
            return b""
        self._follow(list(seen.stand(machine.icount)))
        return b""
