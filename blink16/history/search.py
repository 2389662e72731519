"""Reverse search: restore, run forward with the points armed, remember the last hit."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from time import perf_counter

from blink16.history.scouts import Scouts, Tract
from blink16.history.terms import Hit, Interrupted
from blink16.history.timeline import Timeline

MANY_HITS = 64
"""After so many hits in one stretch its later half is searched first."""
MIN_STRETCH = 32
"""Instructions that aren't worth halving."""
MAX_SAID = 4096
"""So many texts are kept until they can be told in reverse; then a checkpoint cuts the stretch."""

Accept = Callable[[Hit], bool]
"""Whether a hit counts.  At a breakpoint the machine stands there; at a watchpoint it stands
behind the instruction that touched (where a condition on the new value is to be judged)."""

Meet = Callable[[Hit], tuple[bool, bytes]]
"""Whether a hit stops, and what is to be told about it, which is nothing at a watchpoint."""


def everything(hit: Hit) -> bool:
    """Let each hit count."""
    return True


def last_hit(
    timeline: Timeline, low: int, accept: Accept = everything, scouts: Scouts | None = None
) -> Hit | None:
    """Return the last hit at an instant in low..now-1; None if there is none.

    ``scouts``: who look ahead for the points that are searched for.
    The machine is left somewhere in the history: `Timeline.seek` from there.

    Interrupted if a request to stop came.  Then the machine stands at the earliest instant
    down to which all was searched: there is no hit between it and where the search began.
    """
    with closing(_tracts(timeline, low, scouts)) as tracts:
        for start, high in tracts:
            try:
                hit = _last_in_stretch(timeline, start, high, accept)
            except Interrupted:
                timeline.seek(high)
                raise
            if hit is not None:
                return hit
    return None


def _tracts(timeline: Timeline, low: int, scouts: Scouts | None) -> Generator[Tract]:
    """Yield the parts of low..now-1 that may have hits, the newest first; first without scouts."""
    high = timeline.now
    if high > low:
        timeline.keep()  # so that an interrupted search can end here at once
    began = perf_counter()
    while high > low:
        start = max(low, timeline.before(high))
        ahead = timeline.seconds(high - start)
        if scouts is not None and scouts.is_time(perf_counter() - began, ahead):
            yield from scouts.tracts(timeline, low, high)
            return
        yield Tract(start, high)
        high = start


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


def last_stop(
    timeline: Timeline,
    low: int,
    meet: Meet,
    tell: Callable[[bytes], None],
    scouts: Scouts | None = None,
) -> Hit | None:
    """Return the last hit in low..now-1 that stops, and tell of all hits down to it, newest first.

    The machine is left, and Interrupted raised, as by `last_hit`.
    """
    with closing(_tracts(timeline, low, scouts)) as tracts:
        for start, end in tracts:
            high = end
            while high > start:
                try:
                    passed = _pass(timeline, start, high, meet)
                except Interrupted:
                    timeline.seek(high)
                    raise
                for text in reversed(passed.texts):
                    tell(text)
                if passed.stop is not None:
                    return passed.stop
                high = passed.low
    return None


@dataclass(slots=True)
class _Passed:
    """What was met from `low` on."""

    low: int
    stop: Hit | None = None
    texts: list[bytes] = field(default_factory=list)
    """Those at the stop and after it, oldest first."""


def _pass(timeline: Timeline, low: int, high: int, meet: Meet) -> _Passed:
    """Look at low..high-1, or at as much of its end as has few texts."""
    timeline.seek(low)
    passed = _Passed(low)
    for hit in timeline.hits(high):
        stops, text = meet(hit)
        if text and len(passed.texts) == MAX_SAID:
            timeline.keep()  # so that what was met before can be searched by itself
            passed = _Passed(hit.icount)
        if stops:
            passed.stop = hit
            passed.texts.clear()
        if text:
            passed.texts.append(text)
    return passed
