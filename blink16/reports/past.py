"""Questions about the past: who touched this last, how often was that executed, what led here.

They look through the history and leave the machine where it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blink16.breakpoints import Point, PointError, PointKind
from blink16.memory import MEMORY_SIZE, linear
from blink16.reports.look import Look
from blink16.reports.ranges import Bit, Count, Word
from blink16.reports.registry import ReportError, report
from blink16.reports.state import PointRole

if TYPE_CHECKING:
    from blink16.history.queries import Moment

MAX_TRACE = 10_000
MAX_BACK = 1_000_000
_KINDS = {
    PointRole.EXECUTE: PointKind.EXECUTE,
    PointRole.WRITE: PointKind.WRITE,
    PointRole.READ: PointKind.READ,
    PointRole.ACCESS: PointKind.ACCESS,
}


@dataclass(frozen=True, slots=True)
class Instant:
    """An instruction about to be executed, and when."""

    icount: Count
    cs: Word
    ip: Word
    code: bytes
    """Sixteen bytes from there on."""
    name: str
    """``main+3``, or empty."""
    line_20: Bit = 0
    """1 if it lies above 1 MiB, behind address line 20."""

    @property
    def address(self) -> int:
        """The linear address of the instruction."""
        return linear(self.cs, self.ip, self.line_20)

    @classmethod
    def of(cls, moment: Moment, look: Look) -> Instant:
        """Return a moment of the history with its name."""
        name, is_high = look.name(moment.address), moment.address >= MEMORY_SIZE
        return cls(moment.icount, moment.cs, moment.ip, moment.code, name, int(is_high))


# -- who touched this last -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TouchQuery:
    """Which memory, by its linear address, and what may have been done with it."""

    role: PointRole
    address: int
    length: int = 1


@dataclass(frozen=True, slots=True)
class TouchReport:
    """Who touched some memory last; all None if nobody did as far back as the past reaches."""

    icount: Count | None = None
    """When; seeking there shows the machine before it."""
    by: Instant | None = None
    """The instruction that did; None if a debugger did."""
    before: bytes = b""
    after: bytes = b""


@report("touch", searches=True)
def last_touch(look: Look, query: TouchQuery) -> TouchReport:
    """Who wrote, read or executed some memory last before now."""
    from blink16.history import queries

    if query.role not in _KINDS:
        raise ReportError(f"nothing touches memory by {query.role}")
    debugger = look.debugger
    with _refusals():
        point = Point(_KINDS[query.role], query.address, query.length)
        touch = queries.last_touch(debugger.timeline, debugger.points, point)
    if touch is None:
        return TouchReport()
    by = Instant.of(touch.moment, look) if touch.moment else None
    return TouchReport(touch.icount, by, touch.before, touch.after)


# -- how often -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HitsQuery:
    """Which instruction, by its linear address."""

    address: int
    which: int = 1
    """The time that is asked for in particular: from 1 on, or from -1 back."""


@dataclass(frozen=True, slots=True)
class HitsReport:
    """How often an instruction was executed before now; instants are instruction counts."""

    count: Count
    first: Count | None
    last: Count | None
    chosen: Count | None
    """When it was the time that was asked for; None if there was none."""


@report("hits", searches=True)
def hits(look: Look, query: HitsQuery) -> HitsReport:
    """How often an instruction was executed, and when."""
    from blink16.history import queries

    if not -MAX_BACK <= query.which <= 1 << 62 or query.which == 0:
        raise ReportError(f"there is no number {query.which} among hits")
    debugger = look.debugger
    with _refusals():
        found = queries.executions(debugger.timeline, debugger.points, query.address, query.which)
    some = found.count > 0
    return HitsReport(
        found.count, found.first if some else None, found.last if some else None, found.chosen
    )


# -- what led here ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TraceQuery:
    """How many instructions are wanted."""

    most: int = 20


@dataclass(frozen=True, slots=True)
class Executed:
    """An instruction that was executed, and the registers that it changed."""

    at: Instant
    changed: dict[str, int]


@dataclass(frozen=True, slots=True)
class TraceReport:
    """The last instructions before now, oldest first."""

    entries: tuple[Executed, ...]


@report("trace", searches=True)
def trace(look: Look, query: TraceQuery) -> TraceReport:
    """The last instructions before now, and the registers that each changed."""
    from blink16.history import queries

    timeline = look.debugger.timeline
    with _refusals():
        entries = queries.trace(timeline, max(0, min(query.most, MAX_TRACE)))
    return TraceReport(
        tuple(
            Executed(Instant.of(entry.moment, look), dict(entry.changed))
            for entry in timeline.thread.in_turns(entries)
        )
    )


@contextmanager
def _refusals() -> Iterator[None]:
    from blink16.history import ReplayError, TimelineError

    try:
        yield
    except (TimelineError, ReplayError, PointError) as error:
        raise ReportError(str(error)) from None
