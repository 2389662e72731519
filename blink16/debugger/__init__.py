"""What debuggers ask of a machine: run forward or backward until something happens."""

from blink16.debugger.debugger import WRITABLE, Debugger
from blink16.debugger.drive import drive
from blink16.debugger.events import (
    IDLE,
    ONWARD,
    STEPPED,
    WAITING,
    Event,
    EventKind,
    Pause,
    PointAction,
    PointCondition,
    Resume,
)

__all__ = [
    "IDLE",
    "ONWARD",
    "STEPPED",
    "WAITING",
    "WRITABLE",
    "Debugger",
    "Event",
    "EventKind",
    "Pause",
    "PointAction",
    "PointCondition",
    "Resume",
    "drive",
]
