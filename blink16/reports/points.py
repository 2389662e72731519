"""The breakpoints and watchpoints that are set, by whomever."""

from __future__ import annotations

from dataclasses import dataclass

from blink16.reports.look import Look
from blink16.reports.ranges import Count, Linear
from blink16.reports.registry import NoQuery, report
from blink16.reports.state import ROLES, PointRole

MAX_POINTS = 500


@dataclass(frozen=True, slots=True)
class PointLine:
    """A breakpoint or watchpoint; its address is linear, its length in bytes."""

    role: PointRole
    address: Linear
    length: Count
    name: str
    """Of its address, or empty."""
    has_condition: bool


@dataclass(frozen=True, slots=True)
class PointsReport:
    """What is set now.  gdb sets its own only while the machine runs."""

    points: tuple[PointLine, ...]


@dataclass(frozen=True, slots=True)
class WantedPointsReport:
    """Where the machine's user wants breakpoints from the beginning, in his words.

    As he gave them to the server, or wrote them into the program's ``blink16.toml``.
    """

    places: tuple[str, ...]


@report("wanted-points")
def wanted_points(look: Look, query: NoQuery) -> WantedPointsReport:
    """Where front ends are to have breakpoints from the beginning."""
    return WantedPointsReport(look.debugger.wanted_breakpoints[:MAX_POINTS])


@report("points")
def points(look: Look, query: NoQuery) -> PointsReport:
    """The breakpoints and watchpoints that are set, by whomever."""
    found = {}
    for entry in look.debugger.ledger:
        if entry.owner is look.debugger.calls_seen.live:
            continue  # nobody has set it
        point = entry.point
        role = ROLES[point.kind]
        line = PointLine(
            role, point.address, point.length, look.name(point.address), entry.condition is not None
        )
        found[role, point.address, point.length] = line
    return PointsReport(tuple(found[key] for key in sorted(found))[:MAX_POINTS])
