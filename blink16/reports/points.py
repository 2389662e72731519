"""The breakpoints and watchpoints that are set, by whomever."""

from __future__ import annotations

from dataclasses import dataclass

from blink16.reports.look import Look
from blink16.reports.registry import NoQuery, report
from blink16.reports.state import ROLES, PointRole

MAX_POINTS = 500


@dataclass(frozen=True, slots=True)
class PointLine:
    """A breakpoint or watchpoint; its address is linear, its length in bytes."""

    role: PointRole
    address: int
    length: int
    name: str
    """Of its address, or empty."""
    has_condition: bool


@dataclass(frozen=True, slots=True)
class PointsReport:
    """What is set now.  gdb sets its own only while the machine runs."""

    points: tuple[PointLine, ...]


@report("points")
def points(look: Look, query: NoQuery) -> PointsReport:
    """The breakpoints and watchpoints that are set, by whomever."""
    found = {}
    for entry in look.debugger.ledger:
        point = entry.point
        role = ROLES[point.kind]
        line = PointLine(
            role, point.address, point.length, look.name(point.address), entry.condition is not None
        )
        found[role, point.address, point.length] = line
    return PointsReport(tuple(found[key] for key in sorted(found))[:MAX_POINTS])
