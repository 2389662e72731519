"""A machine that moves a little way at a time, and keeps what is needed to come back.

A slice goes to where something is due at most: an input, a checkpoint, a look at who asks it to
stop.  What a slice runs live becomes history; in the past it is run again, with the logged inputs
at their times.  Where to go, forward or back, is `Timeline`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import perf_counter

from blink16.assembly import FOREVER
from blink16.cpu.engine import Stop, StopReason
from blink16.cpu.registers import Cell
from blink16.governor import Governor
from blink16.history.checkpoints import Checkpoint
from blink16.history.glances import Glances
from blink16.history.inputs import Input, Received
from blink16.history.moving_thread import MovingThread
from blink16.history.pace import MIN_INTERVAL, Pace
from blink16.history.past import Past
from blink16.history.terms import Observer
from blink16.inbox import Inbox
from blink16.machine import Machine

FEW = 256
"""Instructions for which nobody waits for a turn."""
BRIEF = 1024
"""So many instructions take a native engine microseconds; a few milliseconds where they do nothing
but ask ports.
"""
TIRING = 2048
"""A run ends after so much of `Engine.effort`, which takes 2 to 20 milliseconds, for checkpoints
and whoever waits, however few the instructions were."""
LITTLE = 64
"""So much of `Machine.effort` takes a millisecond or two."""
_NO_DOUBT, _NO_TURN = nullcontext(), nullcontext(True)
"""Few instructions are done without one: steps come by the thousand, and are to be quick."""
_RESTS = {StopReason.WAITING, StopReason.HALT}


class Mover:
    """A machine, its past, and the thread that moves it: the lower storey of a `Timeline`."""

    def __init__(self, machine: Machine, limit: int, pace: Pace | None) -> None:
        """Begin where the machine stands; the parameters are those of a `Timeline`."""
        self.machine = machine
        self._registers = machine.registers
        self.observer: Observer | None = None
        self.governor: Governor | None = None
        """Keeps the live machine from going faster than our clock; then it is never IDLE."""
        self.inbox = Inbox()
        """Input that waits until the machine next runs live."""
        self._glances = Glances()
        self.inbox.on_nudge = self._glances.serve
        self.changes = 0
        """Moves with everything that happens to the machine from outside."""
        self._pace = pace or Pace()
        self.thread = MovingThread(machine.interrupt, self._calm)
        self._brief = False
        """Whether a run is to take no more than a fraction of a millisecond (`briefly`)."""
        self._unkept = 0.0
        """Seconds of running since the last checkpoint was made."""
        self._past = Past(machine, limit)

    @property
    def now(self) -> int:
        """The instruction count where the machine stands."""
        return self._registers.icount

    @property
    def start(self) -> int:
        """The oldest reachable instruction count."""
        return self._past.start

    @property
    def began(self) -> int:
        """Where the history began; `start` is later if the beginning had to be forgotten."""
        return self._past.began

    @property
    def end(self) -> int:
        """The newest recorded instruction count, where live execution goes on."""
        return self._past.end

    @property
    def rewinds(self) -> int:
        """How often the machine was put back into an earlier state, or a later one."""
        return self._past.rewinds

    @property
    def live(self) -> bool:
        """Whether the machine stands at the end, so that running on is for the first time."""
        return self._registers.icount >= self._past.end

    # -- how quick it is ---------------------------------------------------------------------

    @property
    def is_quick(self) -> bool:
        """Whether much is done in a fraction of a millisecond."""
        return self.machine.engine.name == "native"

    @property
    def stride(self) -> int:
        """Instructions that take some milliseconds."""
        return self._pace.slice

    def seconds(self, instructions: int) -> float:
        """Return how long so many instructions take, about."""
        return self._pace.seconds(instructions)

    def is_near(self, icount: int) -> bool:
        """Whether a seek back to an instruction count, or a run from there, takes no longer than
        that: a checkpoint lies shortly before it, and what came since was executed natively.
        """
        nearest = self._past.nearest(icount)
        effort = self.machine.effort - nearest.effort
        is_near = self.start <= icount <= nearest.icount + self._pace.fine
        return is_near and 0 <= effort <= LITTLE and not self.machine.between_rounds

    @contextmanager
    def briefly(self) -> Iterator[None]:
        """Let the runs in here take a fraction of a millisecond, and wait for no turn.

        They end (BUDGET) wherever they are then, and before a service or another thing that
        takes long.
        """
        self._hurry(True)
        try:
            yield
        finally:
            self._hurry(False)

    def _hurry(self, hurries: bool) -> None:
        self._brief = hurries
        self.machine.hurry(hurries)

    # -- slices ------------------------------------------------------------------------------

    def _turn(self, goal: int) -> AbstractContextManager[bool]:
        """Have a turn, where machines take turns; False if somebody asks us to stop instead.

        A few instructions are done without one.
        """
        turns = self.thread.turns
        if turns is None or self._brief or goal - self.now < FEW:
            return _NO_TURN
        return self.thread.turn(turns)

    def _slice(
        self, goal: int, *, skip: bool = False, through_traps: bool = False, dense: bool = True
    ) -> Stop:
        """Run towards ``goal``, at most to where something is due: an input, a checkpoint."""
        machine, past, here = self.machine, self._past, self.now
        machine.replaying = here < past.end
        goal, until = min(goal, here + self._pace.slice), FOREVER
        if not machine.replaying:
            self.thread.begin_live()
            skip = not self._deliver() and skip  # else a breakpoint there is a new one
            if self.governor is not None:
                until = self.governor.limit(machine.time)
        if machine.replaying:
            goal = min(goal, past.pause())
        if self._brief:
            goal = min(goal, here + BRIEF)
        due = past.due(self._pace.interval) if dense else FOREVER
        stop = self._measured_run(max(1, min(goal, due) - here), until, skip, through_traps)
        if self.thread.end_live() and stop.reason is StopReason.INTERRUPTED:
            stop = self._end_instruction(through_traps)
        if stop.reason is StopReason.SERVICE:
            stop = Stop(StopReason.BUDGET)
        if past.reach() and stop.reason in _RESTS and not machine.registers.cells[Cell.HALTED]:
            stop = Stop(StopReason.BUDGET)  # what it waited for has come
        is_due = self.now >= due or (dense and self._unkept >= self._pace.late)
        if is_due and not self._is_midway(stop):
            self.keep()
        return stop

    def _measured_run(self, budget: int, until: int, skip: bool, through_traps: bool) -> Stop:
        """Run the machine, and take account of its pace where that tells something."""
        before, started = self.now, perf_counter()
        with self._past.believing() if self._past.is_doubted else _NO_DOUBT:
            stop = self.machine.run(
                budget,
                until=until,
                skip_breakpoint=skip,
                through_traps=through_traps,
                effort=TIRING,
            )
        seconds = perf_counter() - started
        self._unkept += seconds
        if budget >= MIN_INTERVAL:
            self._pace.ran(self.now - before, seconds)
        return stop

    def _end_instruction(self, through_traps: bool) -> Stop:
        """Go on to where input can be given, if that is not here: behind a REP instruction."""
        if not self.machine.between_rounds:
            return Stop(StopReason.BUDGET)
        return self.machine.run(1, skip_breakpoint=True, through_traps=through_traps)

    def _keep_pace(self) -> None:
        """Wait until our clock has caught up with the live machine; not if somebody acts."""
        if self.governor is None or not self.live:
            return
        self.inbox.wait(self.governor.ahead(self.machine.time))

    def _is_midway(self, stop: Stop) -> bool:
        return stop.reason is StopReason.INTERRUPTED and self.machine.between_rounds

    def keep(self) -> Checkpoint:
        """Return the checkpoint of this instant, made now if there is none."""
        here = self._past.ring.at(self.now)
        if here is not None:
            return here
        started = perf_counter()
        checkpoint, self._unkept = self._past.keep(), 0.0
        self._pace.checkpointed(perf_counter() - started)
        if self.observer is not None and self.live:
            self.observer.kept(self.now, self._past.fed, checkpoint.snapshot)
        self._past.stay_within_limit()
        return checkpoint

    # -- from outside ------------------------------------------------------------------------

    def receive(self, channel: str, data: bytes) -> bool:
        """Take input from outside; from any thread.  False if too much waits already.

        The machine gets it before it next executes an instruction live.
        """
        taken = self.inbox.put(channel, data)
        self.thread.hasten()
        return taken

    def glance(self, look: Callable[[], None]) -> None:
        """Have something looked at while the machine runs, or waits for input; from any thread.

        It is called in the machine's thread, between two instructions.  In a search through the
        past it waits for that to end.
        """
        self._glances.ask(look)
        self.inbox.nudge()

    def interrupt(self) -> None:
        """Ask the run or seek that is going on, or else the next, to stop; from any thread."""
        self.thread.ask()
        self.inbox.stir()

    def forget_interrupt(self) -> None:
        """Drop a request to stop that nothing has reported yet."""
        self.thread.forget()

    def _calm(self) -> None:
        self.machine.registers.cells[Cell.ATTENTION] = 0

    def _deliver(self) -> bool:
        """Let the input happen that has come; whether that led elsewhere, by an interrupt."""
        place = None
        while (arrived := self.inbox.take()) is not None:
            place = self.machine.pc if place is None else place
            self._happen(Received(self.now, *arrived))
        return place is not None and self.machine.pc != place

    def _happen(self, entry: Input) -> None:
        """Log an input and let it happen, here at the end of the history."""
        self.changes += 1
        entry.apply(self.machine)
        self._past.append(entry)
        if self.observer is not None:
            self.observer.happened(entry)
        self._past.make_room()
