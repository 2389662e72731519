"""What the guest has asked its system for."""

from __future__ import annotations

from dataclasses import dataclass

from blink16.reports.look import Look
from blink16.reports.ranges import Count
from blink16.reports.registry import NoQuery, ReportError, report

MAX_CALLS = 1000
FARTHEST = 20_000_000
"""Instructions, about, that are looked back on: some 20 ms."""


@dataclass(frozen=True, slots=True)
class CallsQuery:
    """How many calls are wanted."""

    most: int = 50


@dataclass(frozen=True, slots=True)
class CallLine:
    """A call that was done, with its arguments and its result, as strace writes it."""

    icount: Count
    text: str


@dataclass(frozen=True, slots=True)
class CallsReport:
    """The last calls of DOS or ELKS before now, oldest first."""

    calls: tuple[CallLine, ...]


@dataclass(frozen=True, slots=True)
class RecentCallsReport:
    """The last calls that were seen as they happened, oldest first."""

    calls: tuple[CallLine, ...]


@report("recent-calls")
def recent_calls(look: Look, query: NoQuery) -> RecentCallsReport:
    """The last calls of DOS or ELKS since somebody asked first, also while the machine runs."""
    seen = look.debugger.calls_seen.until(look.registers.icount)
    return RecentCallsReport(tuple(CallLine(icount, text) for icount, text in seen))


@report("calls", searches=True)
def calls(look: Look, query: CallsQuery) -> CallsReport:
    """The last calls of DOS or ELKS before now, with arguments and results."""
    from blink16.history import ReplayError, TimelineError

    most = max(1, min(query.most, MAX_CALLS))
    try:
        found = look.debugger.calls_seen.last(most, FARTHEST)
    except (TimelineError, ReplayError) as error:
        raise ReportError(str(error)) from None
    return CallsReport(tuple(CallLine(icount, text) for icount, text in found))
