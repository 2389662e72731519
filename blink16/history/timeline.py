"""The history of a machine: every past instant, exactly.

A machine is a pure function of its start state and its inputs by instruction count.  So a past
instant is a checkpoint before it and the instructions from there on, with the logged inputs at
their times: `past` remembers both, `mover` moves the machine a little way, here it is said where
to.  Checkpoints lie less than a millisecond of running apart, denser where the user goes and
sparser with distance; each can be reached from each at the cost of the pages that differ.  So it
makes no difference to a jump how far it goes, and after a jump into the past the checkpoints ahead
are still there.

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

from blink16.assembly import FOREVER
from blink16.cpu.engine import Stop, StopReason
from blink16.history.checkpoints import DEFAULT_LIMIT
from blink16.history.inputs import Input, MemoryWritten, Received, RegisterWritten
from blink16.history.mover import Mover
from blink16.history.pace import Pace
from blink16.history.past import History
from blink16.history.terms import (
    HistorySize,
    Hit,
    Interrupted,
    KeptState,
    ReplayError,
    TimelineError,
)
from blink16.machine import Machine

MAX_HITS = 64
"""Points may stop a replay so often before they are taken out of its way."""
INTERRUPTED = Stop(StopReason.INTERRUPTED)


class Timeline(Mover):
    """A machine and its history: checkpoints, the log of inputs, seek to any instruction count.

    From here on nobody else may run or change the machine.
    """

    def __init__(
        self, machine: Machine, *, limit: int = DEFAULT_LIMIT, pace: Pace | None = None
    ) -> None:
        """Begin the history of ``machine`` where it stands.

        ``limit``: bytes (`set_limit`).  ``pace``: how far apart checkpoints are to be.
        """
        super().__init__(machine, limit, pace)
        self.without_points: Callable[[], AbstractContextManager[None]] = nullcontext
        """Takes all points out of the machine for a while."""
        self.branch = 0
        """Another one whenever a recorded future was dropped."""

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
            if stop.reason is StopReason.IDLE and (here >= goal or self.governor is not None):
                stop = Stop(StopReason.BUDGET)
            if stop.reason is not StopReason.BUDGET or here >= goal:
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

    def _take_rounds_back(self) -> None:
        """Undo the rounds of a REP instruction that has not retired."""
        here = self.now
        self._past.go_back(self._past.nearest(here))
        self._replay(here, whole=True)

    # -- inputs ------------------------------------------------------------------------------

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


_BEFORE = {StopReason.BREAKPOINT, StopReason.LACKS}
_BEHIND = {StopReason.WATCHPOINT, StopReason.LACKED}
_POINTS = _BEFORE | _BEHIND
_NO_DIVERGENCE = {StopReason.BUDGET, StopReason.INTERRUPTED, *_POINTS}
_ENDS = {StopReason.WAITING, StopReason.EXITED, StopReason.TRAPPED, StopReason.LOCKUP}
