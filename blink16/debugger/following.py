"""Steps of one process among several: they end when it has the processor, not another."""

from __future__ import annotations

from collections.abc import Callable

from blink16.assembly import FOREVER
from blink16.breakpoints import Point, PointKind
from blink16.cpu.engine import Stop, StopReason
from blink16.debugger.events import Resume
from blink16.debugger.ledger import Ledger, LedgerEntry
from blink16.machine import Machine
from blink16.memory import linear

RunTo = Callable[[int, bool], Stop]
"""Runs up to an instruction count; whether to skip a breakpoint where it begins."""
OWNER = "following"


class Follower:
    """Lets a machine run until a process has the processor again."""

    def __init__(self, machine: Machine, ledger: Ledger, run: RunTo) -> None:
        self._machine = machine
        self._ledger = ledger
        self._run = run
        self._last: tuple[Resume, int | None] | None = None

    def thread_of(self, how: Resume) -> int | None:
        """Return which process a step is about, the same after each pause in it; or None."""
        table = self._machine.process_table
        if table is None or (how.count != 1 and how.step_range is None):
            return None
        if not table.keeps_steps and how.thread in (None, table.current()):
            return None
        if self._last is None or self._last[0] is not how:
            self._last = how, table.current() if how.thread is None else how.thread
        return self._last[1]

    def has_to_wait(self, how: Resume) -> bool:
        """Whether a step is about a process that hasn't got the processor now."""
        table = self._machine.process_table
        return table is not None and how.thread is not None and table.current() != how.thread

    def catch_up(self, thread: int | None) -> Stop | None:
        """Run until a process has the processor; None if it has, or lives no more."""
        table = self._machine.process_table
        if thread is None or table is None or table.current() == thread:
            return None
        process = next((one for one in table.processes() if one.thread == thread), None)
        if process is None or process.registers is None:
            return None
        place = linear(process.registers["cs"], process.registers["ip"])
        point = Point(PointKind.EXECUTE, place)

        def has_it(machine: Machine) -> bool:
            return table.current() == thread

        entry = LedgerEntry(point, OWNER, has_it)
        with self._ledger.lending(entry, self._machine.engine):
            stop = self._run(FOREVER, False)
        arrived = stop.reason is StopReason.BREAKPOINT and self._machine.pc == place
        if not arrived or not has_it(self._machine):
            return stop
        theirs = any(entry.holds(self._machine) for entry in self._ledger.at(place))
        return stop if theirs else None

    def follow(self, thread: int | None, stop: Stop, step: Callable[[], Stop]) -> Stop:
        """Step again after a step that another process has ended with."""
        table = self._machine.process_table
        while table is not None and thread is not None and stop.reason is StopReason.BUDGET:
            if table.current() == thread:
                return stop
            if all(one.thread != thread for one in table.processes()):
                return stop  # it has ended
            missed = self.catch_up(thread)
            if missed is not None:
                return missed
            stop = step()
        return stop
