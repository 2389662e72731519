"""A debugger as simple as can be, to test the stub by: it goes back by starting over.

It asks nothing of the timeline, so that the stub's tests fail for the stub's own reasons.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

from blink16.breakpoints import Point
from blink16.cpu.engine import Stop, StopReason
from blink16.debugger import Debugger, Event, EventKind, PointAction, PointCondition, Resume
from blink16.debugger.arrivals import Arrivals
from blink16.debugger.catches import Catches
from blink16.debugger.family import Family
from blink16.debugger.ledger import Ledger, LedgerEntry
from blink16.debugger.names_known import NamesKnown
from blink16.history import Timeline
from blink16.machine import Machine

LIMIT = 20_000
"""Instructions after which a run ends as if the user had interrupted it."""

_KINDS = {
    StopReason.BREAKPOINT: EventKind.BREAKPOINT,
    StopReason.HALT: EventKind.HALTED,
    StopReason.LOCKUP: EventKind.HALTED,
    StopReason.INTERRUPTED: EventKind.INTERRUPTED,
    StopReason.BUDGET: EventKind.STEPPED,
}


class NaiveDebugger(Debugger):
    """Runs a machine; ``script`` holds events to be returned instead, one a resume."""

    def __init__(
        self, code: bytes = b"\x40\x43\xeb\xfc", *, segment: int = 0x1000, fpu: bool = False
    ) -> None:
        """Take code for segment:0000; the default is inc ax, inc bx and a jump back."""
        self.machine = Machine.bare("reference", fpu=fpu)
        self.machine.memory.write(segment << 4, code)
        for name in ("cs", "ds", "es", "ss"):
            setattr(self.machine.registers, name, segment)
        self.machine.registers.ip = 0
        self.machine.registers.sp = 0xFFFE
        self.timeline = Timeline(self.machine)  # stands idle
        self.ledger = Ledger(self.machine.memory)
        self.catches = Catches(self.machine, self.ledger)
        self.family = Family(self.machine)
        self._arrivals = Arrivals(self.machine, self.ledger, self.catches, self.family)
        self.names = NamesKnown(self.machine)
        self.script: deque[Event] = deque()
        self.resumes: list[Resume] = []
        self.interrupts = 0
        self.on_notice = lambda text: None
        self._last: Event | None = None
        self._start = self.machine.save()
        self._ram = bytes(self.machine.memory.ram)

    def resume(self, how: Resume) -> Event:
        """Run, at once and to the end."""
        self.resumes.append(how)
        if self.script:
            self._last = self.script.popleft()
        elif how.backward:
            self._last = self._backward(how)
        else:
            self._last = self._forward(how)
        return self._last

    def tell_of(self, kinds: frozenset[EventKind]) -> None:
        """Its programs have no processes of which to tell."""

    def _forward(self, how: Resume) -> Event:
        if how.step_range is None:
            return self._translate(self.machine.run(how.count or LIMIT, skip_breakpoint=True), how)
        start, end = how.step_range
        while True:
            event = self._translate(self.machine.run(1, skip_breakpoint=True), Resume(count=1))
            if event.kind is not EventKind.STEPPED or not start <= self.machine.pc < end:
                return event

    def _translate(self, stop: Stop, how: Resume) -> Event:
        if stop.reason is StopReason.WATCHPOINT:
            assert stop.address is not None
            assert stop.access is not None
            point = self.points.watch_at(stop.address, stop.access)
            return Event(EventKind.WATCHPOINT, point, stop.address, stop.access)
        if stop.reason is StopReason.BUDGET and how.count is None:
            return Event(EventKind.INTERRUPTED)
        return Event(_KINDS[stop.reason])

    def _backward(self, how: Resume) -> Event:
        now = self.machine.icount
        if how.count is not None:
            self._restart()
            self.machine.run(max(now - how.count, 0), skip_breakpoint=True)
            return Event(EventKind.STEPPED if now >= how.count else EventKind.HISTORY_START)
        self._restart()
        hits = [0]
        while self.machine.icount < now:
            stop = self.machine.run(now - self.machine.icount, skip_breakpoint=True)
            if stop.reason is StopReason.BREAKPOINT and self.machine.icount < now:
                hits.append(self.machine.icount)
        self._restart()
        while self.machine.icount < hits[-1]:
            self.machine.run(hits[-1] - self.machine.icount, skip_breakpoint=True)
        return Event(EventKind.BREAKPOINT if len(hits) > 1 else EventKind.HISTORY_START)

    def _restart(self) -> None:
        self.machine.restore(self._start)
        self.machine.memory.ram[:] = self._ram

    def interrupt(self) -> None:
        """Count the request; runs are short here."""
        self.interrupts += 1

    def last_event(self) -> Event | None:
        """Return what ended the last resume."""
        return self._last

    @property
    def is_at_end(self) -> bool:
        """Whether the program has asked to end."""
        return self._last is not None and self._last.kind is EventKind.EXITING

    def insert(
        self,
        point: Point,
        condition: PointCondition | None = None,
        action: PointAction | None = None,
        *,
        owner: Hashable = None,
    ) -> None:
        """Set a point; its condition is taken to hold, and it does nothing."""
        self.ledger.insert(LedgerEntry(point, owner))

    def read_memory(self, address: int, length: int) -> bytes:
        """Read up to the end of memory."""
        return self.machine.memory[address : address + length]

    def write_memory(self, address: int, data: bytes) -> None:
        """Write memory."""
        self.machine.memory.write(address, data)

    def write_register(self, name: str, value: int) -> None:
        """Set a register by name."""
        setattr(self.machine.registers, name, value)

    def write_coprocessor(self, state: bytes) -> None:
        """Set an 8087's registers."""
        assert self.machine.registers.x87 is not None
        self.machine.registers.x87.receive(state)
