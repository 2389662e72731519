"""How often something happened over time: layers of a time bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from blink16.memory import ADDRESS_MASK
from blink16.reports.look import Look
from blink16.reports.ranges import Count
from blink16.reports.registry import ReportError, report
from blink16.reports.state import PointRole

if TYPE_CHECKING:
    from blink16.history.timeline import Timeline

MAX_BUCKETS = 2000
MOST = 200_000_000
"""Instructions that one report goes through at most: about a quarter of a second."""
FEW = 20_000
"""Instructions for which no native code is waited for."""
MOST_SLOWLY = 200_000
"""Instructions that one report goes through where there is no native code: about a second."""


@dataclass(frozen=True, slots=True)
class ActivityQuery:
    """What is counted, and in which parts of the history.

    The instants ``low`` to ``high`` (instruction counts; cut to the history) are divided into
    ``buckets`` parts of nearly the same length; ``first`` is the number of the first that is
    wanted, to go on where the report before ended.
    """

    role: PointRole
    """EXECUTE: how often the instruction at ``address`` was executed, which for a function's
    first instruction is how often it was called, and for a service's stub (``int21``) how often
    that was asked.  WRITE, READ, ACCESS: the stores and loads that met ``length`` bytes there."""
    address: int
    """Linear."""
    length: int = 1
    low: int = 0
    high: int = 1 << 62
    buckets: int = 200
    first: int = 0


@dataclass(frozen=True, slots=True)
class ActivityReport:
    """How often something happened in each part of a stretch of history.

    ``counts[n]`` is of the bucket ``first + n``, which holds the instants from ``edges[n]`` up to,
    and without, ``edges[n + 1]``.  Not more than about `MOST` instructions are gone through at a
    time: while ``first + len(counts) < buckets`` there is more, to be asked with that as the
    query's ``first`` and with this ``low`` and ``high``.  No counts at all: native code is still
    being made, for some seconds; ask again later.
    """

    low: Count
    high: Count
    buckets: Count
    """As they were asked for, cut to the history; there are no more than instants."""
    first: Count
    edges: tuple[Count, ...]
    counts: tuple[Count, ...]

    def __post_init__(self) -> None:
        if self.counts and len(self.edges) != len(self.counts) + 1:
            raise ReportError(f"{len(self.counts)} buckets have no {len(self.edges)} edges")


@report("activity", searches=True)
def counts_over_time(look: Look, query: ActivityQuery) -> ActivityReport:
    """How often a function was called, or memory was written or read, over time, as buckets."""
    from blink16.history import ReplayError, TimelineError

    timeline = look.debugger.timeline
    if not (query.length > 0 and 0 <= query.address <= ADDRESS_MASK + 1 - query.length):
        raise ReportError(f"{query.length} bytes at {query.address:#x} are not in memory")
    if query.role is PointRole.CATCH:
        raise ReportError("what is caught has no address, and can't be counted")
    low, high = max(timeline.start, query.low), min(timeline.end, query.high)
    buckets = max(0, min(query.buckets, MAX_BUCKETS, high - low))
    first = max(0, min(query.first, buckets))
    if not buckets:
        return ActivityReport(low, max(low, high), 0, 0, (low,), ())
    edges = [low + (high - low) * n // buckets for n in range(first, buckets + 1)]
    try:
        edges, counts = _counted(look, query, edges)
    except (TimelineError, ReplayError) as error:
        raise ReportError(str(error)) from None
    return ActivityReport(low, high, buckets, first, tuple(edges), tuple(counts))


def _counted(look: Look, query: ActivityQuery, edges: list[int]) -> tuple[list[int], list[int]]:
    """Return as many of the edges as can be reached at once, and the counts between them."""
    from blink16.cpu.probes import Probe
    from blink16.questions import activity

    timeline = look.debugger.timeline
    engine, most = _engine(timeline, edges[-1] - edges[0])
    if not most:
        return edges[:1], []
    edges = edges[:2] + [edge for edge in edges[2:] if edge - edges[0] <= most]
    with look.debugger.ledger.points.replaced():
        if query.role is PointRole.EXECUTE:
            return edges, activity.executions(timeline, query.address, edges, engine)
        wanted = {PointRole.WRITE: Probe.WRITES, PointRole.READ: Probe.READS}
        probe = wanted.get(query.role, Probe.WRITES | Probe.READS)
        where = range(query.address, query.address + query.length)
        return edges, activity.accesses(timeline, probe, where, edges, engine)


def _engine(timeline: Timeline, span: int) -> tuple[str, int]:
    """Return what goes through the history, and how many instructions of it; 0 if not yet."""
    from blink16.questions.probed import Readiness, readiness

    if span <= FEW:
        return "reference", FEW
    match readiness(timeline.machine):
        case Readiness.READY:
            return "native", MOST
        case Readiness.COMING:
            return "native", 0
        case Readiness.NEVER:
            return "reference", MOST_SLOWLY
