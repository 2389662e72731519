"""What the program printed, and when: through a piece of the run; who wants more asks on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from time import monotonic

from blink16.reports.look import Look
from blink16.reports.ranges import Count
from blink16.reports.registry import ReportError, report

MAX_INSTRUCTIONS = 200_000_000
"""That are looked through at once."""
MAX_SECONDS = 0.1
"""For which one report looks, where that many take longer."""
MAX_PRINTED = 1 << 16
"""Bytes."""
STRIDE = 100_000


@dataclass(frozen=True, slots=True)
class PrintedQuery:
    """From which instant on."""

    after: int = 0


@dataclass(frozen=True, slots=True)
class PrintedPiece:
    """What was printed at an instant."""

    icount: Count
    data: bytes


@dataclass(frozen=True, slots=True)
class PrintedReport:
    """What the program printed on its console."""

    until: Count
    """How far the run was looked through."""
    pieces: tuple[PrintedPiece, ...]


@report("printed", searches=True)
def printed(look: Look, query: PrintedQuery) -> PrintedReport:
    """What the program printed, and when, from an instant on."""
    from blink16.console import Console

    timeline, machine = look.debugger.timeline, look.debugger.machine
    pieces: list[PrintedPiece] = []
    size = 0

    def take(channel: str, data: bytes) -> None:
        nonlocal size
        if channel == Console.CHANNEL:
            size += len(data)
            pieces.append(PrintedPiece(machine.icount, data))

    with _refusals():
        start = max(timeline.start, min(query.after, timeline.end))
        until = min(timeline.end, start + MAX_INSTRUCTIONS)
        with timeline.excursion():
            timeline.seek(start)
            latest = monotonic() + MAX_SECONDS
            before, machine.on_past_output = machine.on_past_output, take
            try:
                for _ in timeline.walk(until, repeat(STRIDE)):
                    is_late = timeline.now > start and monotonic() > latest
                    if size >= MAX_PRINTED or is_late:
                        break
                until = timeline.now
            finally:
                machine.on_past_output = before
    return PrintedReport(until, tuple(pieces))


@contextmanager
def _refusals() -> Iterator[None]:
    from blink16.history import ReplayError, TimelineError

    try:
        yield
    except (TimelineError, ReplayError) as error:
        raise ReportError(str(error)) from None
