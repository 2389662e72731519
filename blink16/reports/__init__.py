"""What front ends show, as typed values that travel as JSON: a report is one small file here."""

from blink16.reports import (  # register
    activity,
    calls,
    devices,
    disks,
    fpu,
    frames,
    history,
    past,
    points,
    printed,
    processes,
    profile,
    screen,
    sources,
    state,
    symbols,
)
from blink16.reports.generation import Generation
from blink16.reports.look import Circumstances, Doing, Holder, Look
from blink16.reports.registry import OBJECT, REPORTS, Report, ReportError, ReportQuestion, parse

__all__ = [
    "OBJECT",
    "REPORTS",
    "Circumstances",
    "Doing",
    "Generation",
    "Holder",
    "Look",
    "Report",
    "ReportError",
    "ReportQuestion",
    "activity",
    "calls",
    "devices",
    "disks",
    "fpu",
    "frames",
    "history",
    "parse",
    "past",
    "points",
    "printed",
    "processes",
    "profile",
    "screen",
    "sources",
    "state",
    "symbols",
]
