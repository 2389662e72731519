"""A number that moves with every change to a machine, or to what is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blink16.debugger import Debugger


class Generation:
    """Tells changes apart by comparing what a machine's front ends can see of it."""

    def __init__(self) -> None:
        self._number = 0
        self._seen: tuple[object, ...] = ()

    def of(self, debugger: Debugger, *more: object) -> int:
        """Return the number for a debugger as it is now, and whatever else counts (``more``).

        It is higher than the last if anything has changed since that was asked for.
        """
        timeline = debugger.timeline
        seen = (
            debugger,
            debugger.machine.icount,
            timeline.end,
            timeline.changes,
            debugger.last_event(),
            tuple(debugger.points),
            debugger.bookmarks.all(),
            debugger.names.symbols,
            *more,
        )
        if seen != self._seen:
            self._number += 1
            self._seen = seen
        return self._number
