"""Reverse search: restore, run forward with the points armed, remember the last hit."""

from __future__ import annotations

from collections.abc import Callable

from blink16.history.terms import Hit, Interrupted
from blink16.history.timeline import Timeline

MANY_HITS = 64
"""After so many hits in one stretch its later half is searched first."""
MIN_STRETCH = 32
"""Instructions that aren't worth halving."""

Accept = Callable[[Hit], bool]
"""Whether a hit counts.  At a breakpoint the machine stands there; at a watchpoint it stands
behind the instruction that touched (where a condition on the new value is to be judged)."""


def everything(hit: Hit) -> bool:
    """Let each hit count."""
    return True


def last_hit(timeline: Timeline, low: int, accept: Accept = everything) -> Hit | None:
    """Return the last hit at an instant in low..now-1; None if there is none.

    The machine is left somewhere in the history: `Timeline.seek` from there.

    Interrupted if a request to stop came.  Then the machine stands at the earliest instant
    down to which all was searched: there is no hit between it and where the search began.
    """
    high = timeline.now
    if high > low:
        timeline.keep()  # so that an interrupted search can end here at once
    while high > low:
        start = max(low, timeline.before(high))
        try:
            hit = _last_in_stretch(timeline, start, high, accept)
        except Interrupted:
            timeline.seek(high)
            raise
        if hit is not None:
            return hit
        high = start
    return None


def _last_in_stretch(timeline: Timeline, low: int, high: int, accept: Accept) -> Hit | None:
    """Return the last hit in low..high-1.  Where hits are many, not all need be looked at."""
    timeline.seek(low)
    last = None
    count = 0
    for hit in timeline.hits(high):
        if accept(hit):
            last = hit
            count += 1
        if count > MANY_HITS and high - hit.icount > MIN_STRETCH:
            middle = (hit.icount + 1 + high) // 2
            return (
                _last_in_stretch(timeline, middle, high, accept)
                or _last_in_stretch(timeline, hit.icount + 1, middle, accept)
                or last
            )
    return last
