"""How the end of an engine's run is told to clients."""

from __future__ import annotations

from blink16.breakpoints import Points
from blink16.cpu.engine import Stop, StopReason
from blink16.debugger.events import IDLE, STEPPED, WAITING, Event, EventKind

KINDS = {
    StopReason.BUDGET: EventKind.STEPPED,
    StopReason.BREAKPOINT: EventKind.BREAKPOINT,
    StopReason.WATCHPOINT: EventKind.WATCHPOINT,
    StopReason.HALT: EventKind.HALTED,
    StopReason.LOCKUP: EventKind.HALTED,
    StopReason.INTERRUPTED: EventKind.INTERRUPTED,
    StopReason.EXITED: EventKind.EXITING,
    StopReason.TRAPPED: EventKind.SIGNALLED,
    StopReason.RESTARTED: EventKind.RESTARTED,
    StopReason.LOADED: EventKind.LOADED,
    StopReason.FORKED: EventKind.FORKED,
    StopReason.VFORKED: EventKind.VFORKED,
    StopReason.LACKS: EventKind.LACKING,
    StopReason.LACKED: EventKind.LACKING,
}
PAUSES = {StopReason.WAITING: WAITING, StopReason.IDLE: IDLE}
ARRIVALS = {
    StopReason.BUDGET,
    StopReason.INTERRUPTED,
    StopReason.WATCHPOINT,
    StopReason.LACKED,
}
"""Ends of runs at an instruction that the run would have looked at next."""
ENDS = {StopReason.EXITED, StopReason.TRAPPED}
"""After which the program does not go on by itself."""
_WATCHES = {StopReason.WATCHPOINT, StopReason.LACKED}


def is_watch(stop: Stop) -> bool:
    """Whether a run has ended behind the instruction that was waited for."""
    return stop.reason in _WATCHES


def event_of(stop: Stop, points: Points, *, executed: bool) -> Event:
    """Return what clients are told of a run's end.

    ``points``: those that were set.  ``executed``: whether a program that was loaded is another
    in the same process.
    """
    if stop.reason is StopReason.BUDGET:
        return STEPPED
    kind = KINDS[stop.reason]
    if stop.reason is StopReason.WATCHPOINT:
        assert stop.address is not None
        assert stop.access is not None
        point = points.watch_at(stop.address, stop.access)
        return Event(kind, point, stop.address, stop.access)
    if kind is EventKind.LOADED and executed:
        return Event(EventKind.EXECUTED)
    if stop.reason in (StopReason.FORKED, StopReason.VFORKED):
        return Event(kind, parent=stop.parent, child=stop.child)
    if stop.reason is StopReason.TRAPPED:
        return Event(kind, signal=stop.status, text=stop.text)
    return Event(kind, status=stop.status, text=stop.text)
