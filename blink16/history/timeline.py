"""The history of a machine: every past instant, exactly.

A machine is a pure function of its start state and its inputs by instruction count.  So a past
instant is a checkpoint before it and the instructions from there on, with the logged inputs at
their times: `past` remembers both, here the machine moves.  Checkpoints lie less than a millisecond
of running apart, denser where the user goes and sparser with distance; each can be reached
from each at the cost of the pages that differ.  So it makes no difference to a jump how far it
goes, and after a jump into the past the checkpoints ahead are still there.

Rules:

- The state at an instruction count is the one after the inputs logged there.  So a processor that
  slept in HLT until one of them came goes on by itself when they are replayed.
- Time stands between two instructions.  Where a request to stop meets a REP instruction
  between two rounds, its rounds are taken back.
- While the machine is in the past, nothing is shown or done outside, and input waits until the
  machine is live again.  A change made in the past drops the future.
- A request to stop (`interrupt`) is for the run or seek that is going on, or else for the next.
  It ends with the first that reports it, or when whoever the request was meant for has come to
  his end and says so (`forget_interrupt`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from itertools import pairwise
from time import perf_counter

from blink16.assembly import FOREVER
from blink16.cpu.engine import Stop, StopReason
from blink16.cpu.registers import Cell
from blink16.governor import Governor
from blink16.history.checkpoints import DEFAULT_LIMIT, Checkpoint
from blink16.history.glances import Glances
from blink16.history.inputs import Input, MemoryWritten, Received, RegisterWritten
from blink16.history.moving_thread import MovingThread
from blink16.history.pace import MIN_INTERVAL, Pace
from blink16.history.past import History, Past
from blink16.history.terms import (
    HistorySize,
    Hit,
    Interrupted,
    KeptState,
    Observer,
    ReplayError,
    TimelineError,
)
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
MAX_HITS = 64
"""Points may stop a replay so often before they are taken out of its way."""
INTERRUPTED = Stop(StopReason.INTERRUPTED)
_NO_DOUBT, _NO_TURN = nullcontext(), nullcontext(True)
"""Few instructions are done without one: steps come by the thousand, and are to be quick."""


class Timeline:
    """A machine and its history: checkpoints, the log of inputs, seek to any instruction count.

    From here on nobody else may run or change the machine.
    """

    def __init__(
        self, machine: Machine, *, limit: int = DEFAULT_LIMIT, pace: Pace | None = None
    ) -> None:
        """Begin the history of ``machine`` where it stands.

        ``limit``: bytes (`set_limit`).  ``pace``: how far apart checkpoints are to be.
        """
        self.machine = machine
        self._registers = machine.registers
        self.without_points: Callable[[], AbstractContextManager[None]] = nullcontext
        """Takes all points out of the machine for a while."""
        self.observer: Observer | None = None
        self.governor: Governor | None = None
        """Keeps the live machine from going faster than our clock; then it is never IDLE."""
        self.inbox = Inbox()
        """Input that waits until the machine next runs live."""
        self._glances = Glances()
        self.inbox.on_nudge = self._glances.serve
        self.changes = 0
        """Moves with everything that happens to the machine from outside."""
        self.branch = 0
        """Another one whenever a recorded future was dropped."""
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

    # -- running forward ---------------------------------------------------------------------

    def run(
        self, budget: int = FOREVER, *, skip_breakpoint: bool = False, through_traps: bool = False
    ) -> Stop:
        """Run forward, through the recording and on into live execution without a seam."""
        try:
            return self._run(budget, skip_breakpoint, through_traps)
        finally:
            if self.observer is not None:
                self.observer.reached(self._past.end)

    def _run(self, budget: int, skip: bool, through_traps: bool) -> Stop:
        if budget <= 0:
            return Stop(StopReason.BUDGET)
        before, thread = self.now, self.thread
        goal = before + budget
        while not (thread.is_asked and thread.take_request()):
            with self._turn(goal) as has_turn:
                if not has_turn:
                    continue
                stop = self._slice(goal, skip=skip, through_traps=through_traps)
            here = self.now
            if stop.reason is StopReason.INTERRUPTED:
                if self.machine.between_rounds:
                    self._take_rounds_back()
                self.forget_interrupt()
                return stop
            slept = stop.reason is StopReason.IDLE and self.governor is not None
            if not slept and (stop.reason is not StopReason.BUDGET or here >= goal):
                return stop
            if self._brief:
                if self.machine.between_rounds:
                    self._hurry(False)
                    self._take_rounds_back()
                return stop
            self._glances.serve()
            self._keep_pace()
            thread.let_others_in(self.machine.effort)
            skip = skip and here == before
            before = here
        return INTERRUPTED

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

    def glance(self, look: Callable[[], None]) -> None:
        """Have something looked at while the machine runs, or waits for input; from any thread.

        It is called in the machine's thread, between two instructions.  In a search through the
        past it waits for that to end.
        """
        self._glances.ask(look)
        self.inbox.nudge()

    def _is_midway(self, stop: Stop) -> bool:
        return stop.reason is StopReason.INTERRUPTED and self.machine.between_rounds

    def _take_rounds_back(self) -> None:
        """Undo the rounds of a REP instruction that has not retired."""
        here = self.now
        self._past.go_back(self._past.nearest(here))
        self._replay(here, whole=True)

    # -- inputs ------------------------------------------------------------------------------

    def receive(self, channel: str, data: bytes) -> bool:
        """Take input from outside; from any thread.  False if too much waits already.

        The machine gets it before it next executes an instruction live.
        """
        taken = self.inbox.put(channel, data)
        self.thread.hasten()
        return taken

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

    def inputs(self) -> list[Input]:
        """Return the logged inputs that are remembered, oldest first."""
        return self._past.log.since(self.start)

    def change(self) -> bool:
        """Make this the end of the history; True if that dropped a recorded future.

        `write_memory` and `write_register` call it.  Whoever changes the machine in another
        way makes it impossible to come back here.
        """
        dropped = self._past.cut()
        self.machine.replaying = False
        self.branch += dropped
        if dropped and self.observer is not None:
            self.observer.dropped(self._past.end, len(self._past.log))
        return dropped

    def write_memory(self, address: int, data: bytes) -> bool:
        """Store bytes from a linear address on; True if that dropped a recorded future."""
        dropped = self.change()
        self._happen(MemoryWritten(self.now, address, data))
        return dropped

    def write_register(self, name: str, value: int) -> bool:
        """Set a register of `Registers`; True if that dropped a recorded future."""
        dropped = self.change()
        self._happen(RegisterWritten(self.now, name, value))
        return dropped

    def write_input(self, channel: str, data: bytes) -> bool:
        """Let input come here, in the middle of history; True if that dropped a future."""
        dropped = self.change()
        self._happen(Received(self.now, channel, data))
        return dropped

    # -- interruption ------------------------------------------------------------------------

    def interrupt(self) -> None:
        """Ask the run or seek that is going on, or else the next, to stop; from any thread."""
        self.thread.ask()
        self.inbox.stir()

    def forget_interrupt(self) -> None:
        """Drop a request to stop that nothing has reported yet."""
        self.thread.forget()

    def _calm(self) -> None:
        self.machine.registers.cells[Cell.ATTENTION] = 0

    # -- moving ------------------------------------------------------------------------------

    def seek(self, icount: int) -> None:
        """Move the machine to an instruction count in start..end.

        TimelineError outside of these.  Interrupted if a request to stop came: then the
        machine is where it was.
        """
        if not self.start <= icount <= self._past.end:
            span = f"{self.start}..{self._past.end}"
            raise TimelineError(f"instruction {icount} is outside the history, which is {span}")
        nearest = self._past.nearest(icount).icount
        midway = self.machine.between_rounds
        onward = nearest <= self.now <= icount and not midway
        way = icount - (self.now if onward else nearest)
        short = midway or way <= self._pace.slice
        with nullcontext() if short else self._returning_if_interrupted():
            if not onward:
                self._past.go_back(self._past.nearest(icount))
            self._replay(icount, whole=short, fine=True)
        self.machine.replaying = not self.live

    @contextmanager
    def _returning_if_interrupted(self) -> Iterator[None]:
        origin = self.keep()
        with self._past.needing(origin):
            try:
                yield
            except Interrupted:
                self._past.go_back(origin)
                raise

    @contextmanager
    def excursion(self) -> Iterator[None]:
        """Come back to this instant at the end, whatever happens."""
        origin = self.keep()
        try:
            with self._past.needing(origin):
                yield
        finally:
            self._past.go_back(origin)
            self.machine.replaying = not self.live

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

    def _replay(self, icount: int, *, whole: bool, fine: bool = False) -> None:
        """Run through the recording to ``icount``.

        ``whole``: don't stop for anybody.  ``fine``: leave checkpoints on the way, the denser
        the nearer to the goal (`Pace.stride`), so that steps back from there are quick.
        """
        hits = 0
        with ExitStack() as stack:
            while self.now < icount:
                if not whole and self.thread.take_request():
                    raise Interrupted
                here = self.now
                goal = here + self._pace.stride(icount - here) if fine else icount
                with self._turn(self.now if whole else icount) as has_turn:
                    if not has_turn:
                        continue
                    stop = self._step_of_replay(goal)
                self.thread.let_others_in(self.machine.effort)
                if goal != icount and self._is_far_from_checkpoint(stop):
                    self.keep()
                hits += stop.reason in _POINTS
                if hits == MAX_HITS:
                    stack.enter_context(self.without_points())

    def _is_far_from_checkpoint(self, stop: Stop) -> bool:
        gap = self.now - self._past.nearest(self.now).icount
        return stop.reason is StopReason.BUDGET and gap >= self._pace.fine // 2

    def _step_of_replay(self, goal: int, *, skip: bool = True) -> Stop:
        """Run towards ``goal`` in the past, to the next point or input at most."""
        before = self.now, self._past.fed
        stop = self._slice(goal, skip=skip, through_traps=True, dense=False)
        stuck = (self.now, self._past.fed) == before and stop.reason not in _NO_DIVERGENCE
        if stuck or (not self.live and stop.reason in _ENDS):
            reason = stop.reason.name.lower()
            raise ReplayError(f"the replay differs: {reason} at instruction {self.now}")
        return stop

    # -- looking for points ------------------------------------------------------------------

    def hits(self, high: int) -> Generator[Hit]:
        """Run through the recording to ``high`` (included in start..end), yielding each hit.

        A breakpoint counts where it stands, also here, but not at ``high``.  While it yields,
        the machine stands at a breakpoint, or behind the instruction that touched a watched
        address.  Interrupted if a request to stop came; then the machine may stand between
        two rounds of an instruction, and the caller must `seek`.
        """
        skip = False
        while self.now < high:
            if self.thread.take_request():
                raise Interrupted
            with self._turn(high) as has_turn:
                if not has_turn:
                    continue
                stop = self._step_of_replay(high, skip=skip)
            self.thread.let_others_in(self.machine.effort)
            skip = stop.reason in _BEFORE
            if skip:
                yield Hit(self.now, stop)
            elif stop.reason in _BEHIND:
                yield Hit(self.now - 1, stop)

    def walk(self, high: int, strides: Iterable[int]) -> Iterator[None]:
        """Run through the recording to ``high`` in strides (in instructions), yielding before each.

        Interrupted if a request to stop came, as with `hits`.
        """
        for stride in strides:
            if self.now >= high:
                return
            yield
            self._replay(min(high, self.now + stride), whole=False)

    def before(self, icount: int) -> int:
        """Return where the last checkpoint before ``icount`` lies (``icount`` > start)."""
        return self._past.nearest(icount - 1).icount

    def begin_at(self, icount: int) -> None:
        """Move to an instruction count by way of the checkpoint before it; Interrupted as `hits`.

        Nothing is kept on the way, for who does not stay.
        """
        self._past.go_back(self._past.nearest(icount))
        self._replay(icount, whole=False)

    # -- a second machine --------------------------------------------------------------------

    def history(self) -> History:
        """Return the history as it is now, for `follow`."""
        past = self._past
        return History(past.ring.copy(), past.log.copy(), past.end, self.thread.turns)

    def follow(self, history: History) -> None:
        """Take over the history of another machine that is made like this one.

        It is here to be looked at: nothing may be run on behind its end, nor changed.
        """
        self._past.follow(history)
        self.thread.turns = history.turns

    def agrees(self, low: int, high: int) -> bool:
        """Whether a replay from one checkpoint in low..high comes to what the next one holds."""
        for before, after in pairwise(self._past.ring.between(low, high)):
            self._past.go_back(before)
            self._replay(after.icount, whole=False)
            if self._past.fed == after.fed:  # else there was input after it
                same_ram = after.image.is_in(self.machine.memory)
                return same_ram and self.machine.save() == after.snapshot
        return False

    # -- recordings --------------------------------------------------------------------------

    def adopt(self, inputs: Iterable[Input], kept: Sequence[KeptState], end: int) -> None:
        """Take over a history recorded elsewhere, of a machine that began exactly like this.

        This must be where the history begins, and nothing may have happened yet.
        """
        self._past.adopt(inputs, kept, end)

    # -- limits ------------------------------------------------------------------------------

    def set_limit(self, limit: int) -> None:
        """Bound the memory that the history takes, in bytes; TimelineError if that's too few."""
        self._past.set_limit(limit)

    def size(self) -> HistorySize:
        """Say what the history holds and takes."""
        return self._past.size()

    def icounts(self) -> list[int]:
        """Return where the checkpoints lie, ascending."""
        return self._past.ring.icounts()


_RESTS = {StopReason.WAITING, StopReason.HALT}
_BEFORE = {StopReason.BREAKPOINT, StopReason.LACKS}
_BEHIND = {StopReason.WATCHPOINT, StopReason.LACKED}
_POINTS = _BEFORE | _BEHIND
_NO_DIVERGENCE = {StopReason.BUDGET, StopReason.INTERRUPTED, *_POINTS}
_ENDS = {StopReason.WAITING, StopReason.EXITED, StopReason.TRAPPED, StopReason.LOCKUP}
