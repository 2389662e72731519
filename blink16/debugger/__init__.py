"""What debuggers ask of a machine: run forward or backward until something happens."""

from blink16.debugger.debugger import WRITABLE, Debugger
from blink16.debugger.events import Event, EventKind, PointAction, PointCondition, Resume

__all__ = [
    "WRITABLE",
    "Debugger",
    "Event",
    "EventKind",
    "PointAction",
    "PointCondition",
    "Resume",
]
