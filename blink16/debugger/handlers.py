"""Steps through a range pass over the handlers of interrupts that come on their way.

A timer's tick is none of the code that a user steps through: a step that ends with the entry of
a device's interrupt goes on to where that returns, a step back over the return goes on to before
the instruction that the interrupt came behind.  Points in between are minded.
"""

from __future__ import annotations

from collections.abc import Callable

from blink16.assembly import FOREVER
from blink16.breakpoints import Point, PointError, PointKind
from blink16.cpu.engine import Stop, StopReason
from blink16.debugger.events import Event, EventKind, Resume
from blink16.debugger.following import RunTo
from blink16.debugger.ledger import Ledger, LedgerEntry
from blink16.debugger.outcomes import PAUSES
from blink16.history import Interrupted, Timeline
from blink16.machine import Machine
from blink16.timekeeping import Interruption

OWNER = "handlers"
_IRET = 0xCF
_WORD, _FRAME = 2, 6
"""Bytes of the return address' offset, and of all that an interrupt's entry pushes."""


class Handlers:
    """Passes over handlers of devices' interrupts, forward and backward."""

    def __init__(
        self,
        timeline: Timeline,
        ledger: Ledger,
        run: RunTo,
        back: Callable[[int | None], Event],
    ) -> None:
        """Move by ``run`` and ``back``, which mind points; the latter goes back so many
        instructions, or as far as it takes.
        """
        self._timeline = timeline
        self._machine = timeline.machine
        self._ledger = ledger
        self._run = run
        self._back = back
        self._left_off: tuple[Resume, Interruption] | None = None
        """In which run a handler has paused, and where it will return."""

    # -- forward -----------------------------------------------------------------------------

    def step(self, how: Resume, skip: bool) -> Stop:
        """Step once, and out of a handler into which that led; BUDGET when it is done."""
        if self._left_off is not None and self._left_off[0] is how:
            return self._leave(how, self._left_off[1])
        stop, taken = self._noting(lambda: self._run(self._timeline.now + 1, skip))
        if taken is None or stop.reason is not StopReason.BUDGET:
            return stop
        return self._leave(how, taken)

    def _noting(self, step: Callable[[], Stop]) -> tuple[Stop, Interruption | None]:
        """Step; return also which interrupt was taken."""
        machine = self._machine
        machine.note_interruptions(True)
        try:
            return step(), machine.interruption
        finally:
            machine.note_interruptions(False)

    def _leave(self, how: Resume, taken: Interruption) -> Stop:
        """Run to where a handler returns."""
        place = Point(PointKind.EXECUTE, self._machine.linear(taken.cs, taken.ip))
        entry = LedgerEntry(place, OWNER, lambda machine: _stands(machine) == taken)
        try:
            with self._ledger.lending(entry, self._machine.engine):
                stop = self._run(FOREVER, False)
        except PointError:  # there are too many
            return Stop(StopReason.BUDGET)
        self._left_off = (how, taken) if stop.reason in PAUSES else None
        returned = stop.reason is StopReason.BREAKPOINT and entry.holds(self._machine)
        return Stop(StopReason.BUDGET) if returned else stop

    # -- backward ----------------------------------------------------------------------------

    def step_back(self) -> Event:
        """Step back once, and to before the interrupt from whose handler that came."""
        event = self._back(1)
        returned = self._returned_to()
        if event.kind is not EventKind.STEPPED or returned is None:
            return event
        after = self._timeline.now
        top = self._machine.linear(returned.ss, returned.sp - _FRAME)
        pushed = Point(PointKind.WRITE, top, _WORD)
        try:
            with self._ledger.lending(LedgerEntry(pushed, OWNER), self._machine.engine):
                before = self._back(None)
        except PointError:
            return event
        pushes = before.point == pushed and all(entry.point != pushed for entry in self._ledger)
        if not pushes and before.kind is not EventKind.HISTORY_START:
            return before
        if not (pushes and self._interrupts(returned)):
            self._timeline.seek(after)
        return event

    def _returned_to(self) -> Interruption | None:
        """Return where the IRET leads at which the machine stands; None if it's at none."""
        machine = self._machine
        memory, registers = machine.memory, machine.registers
        if memory.whole[machine.pc] != _IRET:
            return None
        ss, sp = registers.ss, registers.sp
        ip, cs = (
            int.from_bytes(memory.peek(memory.linear(ss, sp + at), _WORD), "little")
            for at in (0, _WORD)
        )
        return Interruption(cs, ip, ss, (sp + _FRAME) & 0xFFFF)

    def _interrupts(self, returned: Interruption) -> bool:
        """Whether a device's interrupt comes behind the next instruction that will return there."""
        before = self._timeline.now
        stop, taken = self._noting(lambda: self._timeline.run(1, skip_breakpoint=True))
        if stop.reason is StopReason.INTERRUPTED:
            raise Interrupted
        self._timeline.seek(before)
        return taken == returned


def _stands(machine: Machine) -> Interruption:
    registers = machine.registers
    return Interruption(registers.cs, registers.ip, registers.ss, registers.sp)
