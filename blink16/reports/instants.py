"""When something happened, through the recorded run: for a picture of the whole of it.

These look through a piece of the run and tell how far they came; who wants more asks from there on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat

from blink16.breakpoints import Point, PointError
from blink16.reports.look import Look
from blink16.reports.past import POINT_KINDS
from blink16.reports.registry import ReportError, report
from blink16.reports.state import PointRole

MAX_INSTRUCTIONS = 5_000_000
"""That are looked through at once: some 10 ms."""
MAX_INSTANTS = 500
MAX_PRINTED = 1 << 16
"""Bytes."""
STRIDE = 100_000


@dataclass(frozen=True, slots=True)
class InstantsQuery:
    """What is looked for, and from which instant on."""

    role: PointRole
    address: int
    length: int = 1
    after: int = 0


@dataclass(frozen=True, slots=True)
class InstantsReport:
    """Instants at which memory was executed, written or read, in ascending order."""

    until: int
    """How far the run was looked through: all before this instant are told."""
    instants: tuple[int, ...]


@report("instants", searches=True)
def instants(look: Look, query: InstantsQuery) -> InstantsReport:
    """When some memory was executed, written or read, from an instant on."""
    timeline = look.debugger.timeline
    if query.role not in POINT_KINDS:
        raise ReportError(f"nothing touches memory by {query.role}")
    found: list[int] = []
    with _refusals():
        point = Point(POINT_KINDS[query.role], query.address, query.length)
        start = max(timeline.start, min(query.after, timeline.end))
        until = min(timeline.end, start + MAX_INSTRUCTIONS)
        with timeline.excursion(), look.debugger.ledger.points.replaced([point]):
            timeline.seek(start)
            for hit in timeline.hits(until):
                if hit.icount >= start and hit.icount not in found[-1:]:
                    found.append(hit.icount)
                if len(found) == MAX_INSTANTS:
                    until = hit.icount + 1
                    break
    return InstantsReport(until, tuple(found))


@dataclass(frozen=True, slots=True)
class PrintedQuery:
    """From which instant on."""

    after: int = 0


@dataclass(frozen=True, slots=True)
class PrintedPiece:
    """What was printed at an instant."""

    icount: int
    data: bytes


@dataclass(frozen=True, slots=True)
class PrintedReport:
    """What the program printed on its console."""

    until: int
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
        if channel == Console.CHANNEL:
            pieces.append(PrintedPiece(machine.icount, data))

    with _refusals():
        start = max(timeline.start, min(query.after, timeline.end))
        until = min(timeline.end, start + MAX_INSTRUCTIONS)
        with timeline.excursion():
            timeline.seek(start)
            before, machine.on_past_output = machine.on_past_output, take
            try:
                for _ in timeline.walk(until, repeat(STRIDE)):
                    size = sum(len(piece.data) for piece in pieces)
                    if size >= MAX_PRINTED:
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
    except (TimelineError, ReplayError, PointError) as error:
        raise ReportError(str(error)) from None
