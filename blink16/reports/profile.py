"""Where the program spent its time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from blink16.reports.look import Look
from blink16.reports.ranges import Count
from blink16.reports.registry import ReportError, report

REGION = 0x100
"""Bytes that are counted together where addresses have no names."""
MAX_LINES = 1000


@dataclass(frozen=True, slots=True)
class ProfileQuery:
    """How far to look back."""

    instructions: int = 1_000_000
    most: int = 50
    """Lines wanted."""


@dataclass(frozen=True, slots=True)
class ProfileLine:
    """A function, or a stretch of `REGION` bytes."""

    name: str
    address: Count
    """Linear, of its beginning."""
    counted: Count


@dataclass(frozen=True, slots=True)
class ProfileReport:
    """Where the last instructions were executed, the most first."""

    span: Count
    """Instructions looked back on."""
    counted: Count
    """Of these, how many were looked at."""
    lines: tuple[ProfileLine, ...]


@report("profile", searches=True)
def profile(look: Look, query: ProfileQuery) -> ProfileReport:
    """Where the program spent its last instructions, by symbol."""
    from blink16.history import ReplayError, TimelineError, queries

    timeline = look.debugger.timeline
    span = max(0, min(query.instructions, timeline.now - timeline.start))
    try:
        seen = queries.profile(timeline, span)
    except (TimelineError, ReplayError) as error:
        raise ReportError(str(error)) from None
    regions: Counter[tuple[str, int]] = Counter()
    for address, count in seen.items():
        regions[_region(look, address)] += count
    most = max(0, min(query.most, MAX_LINES))
    lines = (ProfileLine(name, address, n) for (name, address), n in regions.most_common(most))
    return ProfileReport(span, seen.total(), tuple(lines))


def _region(look: Look, address: int) -> tuple[str, int]:
    """Return what to count an address under."""
    service = look.debugger.machine.service_names.get(address)
    if service is not None:
        return service, address
    found = look.debugger.names.symbols.find(address)
    if found is not None and (not found[0].size or found[1] < found[0].size):
        return found[0].name, found[0].address
    return "", address & ~(REGION - 1)
