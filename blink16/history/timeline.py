"""The history of a machine: every past instant, exactly.

A machine is a pure function of its start state and its inputs by instruction count.  So a past
instant is the nearest checkpoint before it and the instructions from there on, with the logged
inputs at their times.  Checkpoints lie in a ring (`blink16.history`), about five milliseconds
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
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from itertools import pairwise
from time import perf_counter
from typing import NamedTuple

from blink16.assembly import FOREVER
from blink16.cpu.engine import Stop, StopReason
from blink16.cpu.registers import Cell
from blink16.governor import Governor
from blink16.history.checkpoints import DEFAULT_LIMIT, MIN_LIMIT, Checkpoint, Ring
from blink16.history.glances import Glances
from blink16.history.inputs import Input, InputLog, MemoryWritten, Received, RegisterWritten
from blink16.history.moving_thread import MovingThread
from blink16.history.pace import MIN_INTERVAL, Pace
from blink16.history.pages import Image
from blink16.history.terms import (
    STUMBLES,
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
from blink16.turns import Turns

FEW = 256
"""Instructions for which nobody waits for a turn."""
BRIEF = 1024
"""So many instructions take a native engine microseconds; a few milliseconds where they do nothing
but ask ports.
"""
LITTLE = 64
"""So much of `Machine.effort` takes a millisecond or two."""
MAX_HITS = 64
"""Points may stop a replay so often before they are taken out of its way."""
INTERRUPTED = Stop(StopReason.INTERRUPTED)
_NO_TURN = nullcontext(True)
"""Few instructions are done without one: steps come by the thousand, and are to be quick."""


class History(NamedTuple):
    """What is known of a machine's past, at some instant."""

    ring: Ring
    log: InputLog
    end: int
    turns: Turns | None
    """Where the machine takes turns with others."""


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
        self._log = InputLog()
        self._fed = 0
        self.changes = 0
        """Moves with everything that happens to the machine from outside."""
        self.rewinds = 0
        """How often the machine was put back into an earlier state, or a later one."""
        self.branch = 0
        """Another one whenever a recorded future was dropped."""
        self._pace = pace or Pace()
        self.thread = MovingThread(machine.interrupt, self._calm)
        self._brief = False
        """Whether a run is to take no more than a fraction of a millisecond (`briefly`)."""
        self._foreign = False
        """Whether states in it came from a file."""
        self._end = machine.icount
        self._start = machine.icount
        machine.memory.begin()
        self._base = self._checkpoint(Image.of(machine.memory))
        """The checkpoint since which `Memory` records which pages are written."""
        self._origins: list[Checkpoint] = []
        """Where seeks and excursions go back to: not to be thinned out."""
        self._ring = Ring(self._base)
        self.set_limit(limit)

    @property
    def now(self) -> int:
        """The instruction count where the machine stands."""
        return self._registers.icount

    @property
    def start(self) -> int:
        """The oldest reachable instruction count."""
        return self._ring.first.icount

    @property
    def began(self) -> int:
        """Where the history began; `start` is later if the beginning had to be forgotten."""
        return self._start

    @property
    def end(self) -> int:
        """The newest recorded instruction count, where live execution goes on."""
        return self._end

    @property
    def live(self) -> bool:
        """Whether the machine stands at the end, so that running on is for the first time."""
        return self._registers.icount >= self._end

    # -- running forward ---------------------------------------------------------------------

    def run(
        self, budget: int = FOREVER, *, skip_breakpoint: bool = False, through_traps: bool = False
    ) -> Stop:
        """Run forward, through the recording and on into live execution without a seam."""
        try:
            return self._run(budget, skip_breakpoint, through_traps)
        finally:
            if self.observer is not None:
                self.observer.reached(self._end)

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

    def is_near(self, icount: int) -> bool:
        """Whether a seek back to an instruction count, or a run from there, takes no longer than
        that: a checkpoint lies shortly before it, and what came since was executed natively.
        """
        nearest = self._ring.at_or_before(icount)
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
        machine, here = self.machine, self.now
        machine.replaying = here < self._end
        goal, until = min(goal, here + self._pace.slice), FOREVER
        if not machine.replaying:
            self._deliver()
            if self.governor is not None:
                until = self.governor.limit(machine.time)
        if machine.replaying:
            goal = min(goal, self._end)
            if self._fed < len(self._log):
                goal = min(goal, self._log[self._fed].icount)
        if self._brief:
            goal = min(goal, here + BRIEF)
        due = self._due() if dense else FOREVER
        stop = self._measured_run(max(1, min(goal, due) - here), until, skip, through_traps)
        if stop.reason is StopReason.SERVICE:
            stop = Stop(StopReason.BUDGET)
        now = self.now
        if now > self._end:
            self._end = now
        if self._feed() and stop.reason in _RESTS and not machine.registers.cells[Cell.HALTED]:
            stop = Stop(StopReason.BUDGET)  # what it waited for has come
        if now >= due and not self._is_midway(stop):
            self.keep()
        return stop

    def _measured_run(self, budget: int, until: int, skip: bool, through_traps: bool) -> Stop:
        """Run the machine, and take account of its pace where that tells something."""
        run = self._doubted_run if self._foreign else self.machine.run
        if budget < MIN_INTERVAL:
            return run(budget, until=until, skip_breakpoint=skip, through_traps=through_traps)
        before, started = self.now, perf_counter()
        stop = run(budget, until=until, skip_breakpoint=skip, through_traps=through_traps)
        self._pace.ran(self.now - before, perf_counter() - started)
        return stop

    def _doubted_run(
        self, budget: int, *, until: int, skip_breakpoint: bool, through_traps: bool
    ) -> Stop:
        with self._believing():
            return self.machine.run(
                budget, until=until, skip_breakpoint=skip_breakpoint, through_traps=through_traps
            )

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

    def _due(self) -> int:
        """Where the next checkpoint is to be, unless one lies ahead that is near enough."""
        here, interval = self.now, self._pace.interval
        newest = self._ring.newest
        if here >= newest:
            return max(here + 1, newest + interval)
        due = max(here + 1, self._ring.at_or_before(here).icount + interval)
        ahead = self._ring.next_after(here)
        return FOREVER if ahead is not None and ahead.icount < due + interval // 2 else due

    def _take_rounds_back(self) -> None:
        """Undo the rounds of a REP instruction that has not retired."""
        here = self.now
        self._go_back(self._ring.at_or_before(here))
        self._replay(here, whole=True)

    # -- inputs ------------------------------------------------------------------------------

    def receive(self, channel: str, data: bytes) -> bool:
        """Take input from outside; from any thread.  False if too much waits already.

        The machine gets it before it next executes an instruction live.
        """
        return self.inbox.put(channel, data)

    def _deliver(self) -> None:
        while (arrived := self.inbox.take()) is not None:
            self._happen(Received(self.now, *arrived))

    def _happen(self, entry: Input) -> None:
        """Log an input and let it happen, here at the end of the history."""
        self.changes += 1
        entry.apply(self.machine)
        self._log.append(entry)
        self._fed = len(self._log)
        if self.observer is not None:
            self.observer.happened(entry)
        if self._log.size > self._ring.limit // 2:
            self._forget_beginning()
        self._stay_within_limit()

    def _feed(self) -> bool:
        """Let the inputs happen again that were logged here; whether there were any."""
        if self._fed == len(self._log):
            return False
        before = self._fed
        while self._fed < len(self._log) and self._log[self._fed].icount == self.now:
            with self._believing():
                self._log[self._fed].apply(self.machine)
            self._fed += 1
        return self._fed > before

    @contextmanager
    def _believing(self) -> Iterator[None]:
        """Run a machine whose state came from outside: what it stumbles over was put there."""
        try:
            yield
        except STUMBLES as error:
            if not self._foreign:
                raise
            raise ReplayError(f"a state in the recording is damaged: {error!r:.100}") from error

    def inputs(self) -> list[Input]:
        """Return the logged inputs that are remembered, oldest first."""
        return self._log.since(self.start)

    def change(self) -> bool:
        """Make this the end of the history; True if that dropped a recorded future.

        `write_memory` and `write_register` call it.  Whoever changes the machine in another
        way makes it impossible to come back here.
        """
        dropped = self.now < self._end
        self._ring.truncate(self.now)
        self._log.truncate(self._fed)
        self._end = self.now
        self.machine.replaying = False
        self.branch += dropped
        if dropped and self.observer is not None:
            self.observer.dropped(self._end, len(self._log))
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
        if not self.start <= icount <= self._end:
            span = f"{self.start}..{self._end}"
            raise TimelineError(f"instruction {icount} is outside the history, which is {span}")
        nearest = self._ring.at_or_before(icount).icount
        midway = self.machine.between_rounds
        onward = nearest <= self.now <= icount and not midway
        way = icount - (self.now if onward else nearest)
        short = midway or way <= self._pace.slice
        with nullcontext() if short else self._returning_if_interrupted():
            if not onward:
                self._go_back(self._ring.at_or_before(icount))
            self._replay(icount, whole=short, fine=True)
        self.machine.replaying = not self.live

    @contextmanager
    def _returning_if_interrupted(self) -> Iterator[None]:
        origin = self.keep()
        self._origins.append(origin)
        try:
            yield
        except Interrupted:
            self._go_back(origin)
            raise
        finally:
            self._origins.pop()

    @contextmanager
    def excursion(self) -> Iterator[None]:
        """Come back to this instant at the end, whatever happens."""
        origin = self.keep()
        self._origins.append(origin)
        try:
            yield
        finally:
            self._origins.pop()
            self._go_back(origin)
            self.machine.replaying = not self.live

    def keep(self) -> Checkpoint:
        """Return the checkpoint of this instant, made now if there is none."""
        here = self._ring.at(self.now)
        if here is not None:
            return here
        started = perf_counter()
        memory = self.machine.memory
        image = self._base.image.renewed(memory)
        memory.begin()
        checkpoint = self._checkpoint(image)
        self._ring.add(checkpoint)
        self._base = checkpoint
        self._pace.checkpointed(perf_counter() - started)
        if self.observer is not None and self.live:
            self.observer.kept(self.now, self._fed, checkpoint.snapshot)
        self._stay_within_limit()
        return checkpoint

    def _checkpoint(self, image: Image) -> Checkpoint:
        machine = self.machine
        return Checkpoint(machine.icount, machine.save(), self._fed, image, machine.effort)

    def _go_back(self, checkpoint: Checkpoint) -> None:
        """Put the machine into the state of a checkpoint, wherever that lies."""
        machine = self.machine
        machine.replaying = True
        self.rewinds += 1
        pages = checkpoint.image.at(machine.memory.written_marks())
        if checkpoint is not self._base:
            pages |= checkpoint.image.differences(self._base.image)
        machine.memory.put_pages(pages)
        machine.memory.begin()
        self._base = checkpoint
        with self._believing():
            machine.restore(checkpoint.snapshot)
        machine.effort = checkpoint.effort
        self._fed = checkpoint.fed
        self._feed()

    def _replay(self, icount: int, *, whole: bool, fine: bool = False) -> None:
        """Run through the recording to ``icount``.

        ``whole``: don't stop for anybody.  ``fine``: leave checkpoints on the way, the denser
        the nearer to the goal (`_stride`), so that steps back from there are quick.
        """
        hits = 0
        with ExitStack() as stack:
            while self.now < icount:
                if not whole and self.thread.take_request():
                    raise Interrupted
                here = self.now
                goal = here + self._stride(icount - here) if fine else icount
                with self._turn(self.now if whole else icount) as has_turn:
                    if not has_turn:
                        continue
                    stop = self._step_of_replay(goal)
                if goal != icount and self._is_far_from_checkpoint(stop):
                    self.keep()
                hits += stop.reason in _POINTS
                if hits == MAX_HITS:
                    stack.enter_context(self.without_points())

    def _stride(self, way: int) -> int:
        """Return how much of a way to go before the next checkpoint: half of it, or, where that
        saves less than it costs, as far as steps back are quick from there.
        """
        if way > self._pace.far:
            return way - way // 2
        return way - self._pace.fine if way > self._pace.fine else way

    def _is_far_from_checkpoint(self, stop: Stop) -> bool:
        gap = self.now - self._ring.at_or_before(self.now).icount
        return stop.reason is StopReason.BUDGET and gap >= self._pace.fine // 2

    def _step_of_replay(self, goal: int, *, skip: bool = True) -> Stop:
        """Run towards ``goal`` in the past, to the next point or input at most."""
        before = self.now, self._fed
        stop = self._slice(goal, skip=skip, through_traps=True, dense=False)
        stuck = (self.now, self._fed) == before and stop.reason not in _NO_DIVERGENCE
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
        return self._ring.at_or_before(icount - 1).icount

    def has_hit(self, low: int, high: int) -> bool:
        """Whether a point is hit at an instant in low..high-1; Interrupted as by `hits`."""
        self._go_back(self._ring.at_or_before(low))
        self._replay(low, whole=False)
        with closing(self.hits(high)) as hits:
            return next(hits, None) is not None

    # -- a second machine --------------------------------------------------------------------

    def history(self) -> History:
        """Return the history as it is now, for `follow`."""
        return History(self._ring.copy(), self._log.copy(), self._end, self.thread.turns)

    def follow(self, history: History) -> None:
        """Take over the history of another machine that is made like this one.

        It is here to be looked at: nothing may be run on behind its end, nor changed.
        """
        self._ring, self._log, self._end, self.thread.turns = history

    def agrees(self, low: int, high: int) -> bool:
        """Whether a replay from one checkpoint in low..high comes to what the next one holds."""
        for before, after in pairwise(self._ring.between(low, high)):
            self._go_back(before)
            self._replay(after.icount, whole=False)
            if self._fed == after.fed:  # else there was input after it
                same_ram = after.image.is_in(self.machine.memory)
                return same_ram and self.machine.save() == after.snapshot
        return False

    # -- recordings --------------------------------------------------------------------------

    def adopt(self, inputs: Iterable[Input], kept: Sequence[KeptState], end: int) -> None:
        """Take over a history recorded elsewhere, of a machine that began exactly like this.

        This must be where the history begins, and nothing may have happened yet.
        """
        self._foreign = True
        for entry in inputs:
            self._log.append(entry)
        images = {self.start: self._base.image}
        for state in kept:
            image = images[state.icount] = images[state.base].replaced(state.pages)
            far = state.icount  # whatever its way here took
            self._ring.add(Checkpoint(state.icount, state.snapshot, state.inputs, image, far))
        self._end = end
        self._feed()
        self._stay_within_limit()

    # -- limits ------------------------------------------------------------------------------

    def set_limit(self, limit: int) -> None:
        """Bound the memory that the history takes, in bytes; TimelineError if that's too few."""
        if limit < MIN_LIMIT:
            raise TimelineError(f"a history needs {MIN_LIMIT >> 20} MiB at least")
        if self._log.size > limit // 2:
            raise TimelineError(f"the inputs take {self._log.size >> 20} MiB: set twice as much")
        self._ring.limit = limit
        self._stay_within_limit()

    def size(self) -> HistorySize:
        """Say what the history holds and takes."""
        used = self._ring.size + self._log.size
        state = self._ring.floor() if used > self._ring.limit else 0
        limit = self._ring.limit
        return HistorySize(self.start, self._end, len(self._ring), used - state, limit, state)

    def icounts(self) -> list[int]:
        """Return where the checkpoints lie, ascending."""
        return self._ring.icounts()

    def _stay_within_limit(self) -> None:
        ring = self._ring
        if ring.size + self._log.size <= ring.limit:
            return
        floor = ring.floor()  # a guest with large files has them anyway
        if ring.size + self._log.size - floor > ring.limit:
            ring.thin((self.now, self._end), [self._base, *self._origins], self._log.size - floor)

    def _forget_beginning(self) -> None:
        """Forget the older half of the inputs, and with them the instants that need them.

        Here is the end of the history, where an input was just logged.
        """
        while self._log.size > self._ring.limit // 2:
            middle = (self._ring.first.fed + len(self._log)) // 2
            newer = self._ring.first_that_saw(middle + 1)
            if newer is None or newer.icount > self._base.icount:
                self._begin_anew()
                return
            self._ring.forget_before(newer.icount)
            self._log.forget_before(newer.fed)

    def _begin_anew(self) -> None:
        self._log.forget_before(len(self._log))
        memory = self.machine.memory
        memory.begin()
        self._base = self._checkpoint(Image.of(memory))
        self._ring = Ring(self._base, self._ring.limit)


_RESTS = {StopReason.WAITING, StopReason.HALT}
_BEFORE = {StopReason.BREAKPOINT, StopReason.LACKS}
_BEHIND = {StopReason.WATCHPOINT, StopReason.LACKED}
_POINTS = _BEFORE | _BEHIND
_NO_DIVERGENCE = {StopReason.BUDGET, StopReason.INTERRUPTED, *_POINTS}
_ENDS = {StopReason.WAITING, StopReason.EXITED, StopReason.TRAPPED, StopReason.LOCKUP}
