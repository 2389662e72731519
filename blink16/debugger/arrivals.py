"""What the breakpoints say to a machine that has come to where they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from blink16.cpu.engine import Stop, StopReason
from blink16.debugger.catches import Catch, Catches
from blink16.debugger.events import Event, EventKind
from blink16.debugger.family import Family
from blink16.debugger.ledger import Ledger, LedgerEntry
from blink16.history.terms import Hit
from blink16.machine import Machine
from blink16.symbols import SymbolTable

_AT_POINTS = {EventKind.BREAKPOINT, EventKind.STEPPED}


class Met(NamedTuple):
    """What came of the breakpoints where the machine stands."""

    stops: bool
    text: bytes
    """What their actions print."""


class Arrivals:
    """Judges the breakpoints where a machine stands: whether they hold, for this process."""

    def __init__(self, machine: Machine, ledger: Ledger, catches: Catches, family: Family) -> None:
        self._machine = machine
        self._ledger = ledger
        self._catches = catches
        self._family = family

    def here(self) -> Sequence[LedgerEntry]:
        """Return the breakpoints where the machine stands, whatever their conditions."""
        return self._ledger.at(self._machine.pc)

    def are_to_stop(self) -> bool:
        """Whether one of them is to stop the machine."""
        stops = any(e.action is None and e.holds(self._machine) for e in self.here())
        return stops and not self._family.is_left()

    def met(self) -> Met:
        """Have each that holds do its action, and say whether one is to stop the machine."""
        stops, text = False, b""
        for entry in self.here() if not self._family.is_left() else ():
            if entry.holds(self._machine):
                if entry.action is None:
                    stops = True
                else:
                    text += entry.action(self._machine)
        return Met(stops, text)

    def accept(self, hit: Hit) -> bool:
        """Whether a hit of a search, where the machine stands now, is one that stops."""
        return not is_breakpoint(hit.stop) or self.are_to_stop()

    def met_again(self, hit: Hit) -> Met:
        """Return what came of a hit in the past; a watchpoint stops and prints nothing."""
        return self.met() if is_breakpoint(hit.stop) else Met(True, b"")

    def judged(self, event: Event, symbols: SymbolTable) -> Event:
        """Return an event with what was caught: a stop at a catch alone is no breakpoint."""
        if self._ledger.is_empty or event.kind not in _AT_POINTS or not self.here():
            return event
        text = self._catches.told(symbols)
        if not text:
            return event
        others = (e for e in self.here() if e.action is None and not isinstance(e.owner, Catch))
        if any(e.holds(self._machine) for e in others):
            return replace(event, text=text)
        return Event(EventKind.CAUGHT, text=text)


def is_breakpoint(stop: Stop) -> bool:
    """Whether a run has ended at a breakpoint."""
    return stop.reason is StopReason.BREAKPOINT
