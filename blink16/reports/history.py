"""How far the past reaches, and what marks are in it."""

from __future__ import annotations

from dataclasses import dataclass

from blink16.reports.look import Doing, Look
from blink16.reports.ranges import Count
from blink16.reports.registry import NoQuery, report

MAX_PLACES = 512


@dataclass(frozen=True, slots=True)
class Mark:
    """A bookmark."""

    name: str
    icount: Count


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """The history of a machine; instants are instruction counts."""

    start: Count
    """The oldest instant that can be reached."""
    end: Count
    """The newest."""
    now: Count
    began: Count
    """Where it began; less than `start` if the beginning had to be given up."""
    checkpoints: Count
    used: Count
    """Bytes."""
    limit: Count
    """Bytes."""
    bookmarks: tuple[Mark, ...]
    places: tuple[Count, ...] = ()
    """Where checkpoints lie, ascending, at most `MAX_PLACES` of them; none while it runs."""


@report("history")
def history(look: Look, query: NoQuery) -> HistoryReport:
    """How far the past reaches, what it costs, and the bookmarks in it."""
    size = look.history
    marks = tuple(Mark(name, icount) for icount, name in look.debugger.bookmarks.all())
    return HistoryReport(
        start=size.start,
        end=max(size.end, look.registers.icount),
        now=look.registers.icount,
        began=look.debugger.timeline.began,
        checkpoints=size.checkpoints,
        used=size.used,
        limit=size.limit,
        bookmarks=marks,
        places=_places(look),
    )


def _places(look: Look) -> tuple[int, ...]:
    if look.circumstances.doing in (Doing.RUNS, Doing.TRAVELS):
        return ()
    places = look.debugger.timeline.icounts()
    return tuple(places[:: -(-len(places) // MAX_PLACES) or 1])
