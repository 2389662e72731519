"""A machine's past, as far as it is remembered: checkpoints and inputs, and the way back into it.

A past instant is the nearest checkpoint before it and the instructions from there on, with the
logged inputs at their times.  Here is what is kept for that, within a limit, and how the machine
is put back into a checkpoint; who goes on from there is `timeline`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from blink16.assembly import FOREVER
from blink16.history.checkpoints import MIN_LIMIT, Checkpoint, Ring
from blink16.history.inputs import Input, InputLog
from blink16.history.pages import Image
from blink16.history.terms import STUMBLES, HistorySize, KeptState, ReplayError, TimelineError
from blink16.machine import Machine
from blink16.turns import Turns


class History(NamedTuple):
    """What is known of a machine's past, at some instant."""

    ring: Ring
    log: InputLog
    end: int
    turns: Turns | None
    """Where the machine takes turns with others."""


class Past:
    """What is remembered of a machine that nobody else changes."""

    def __init__(self, machine: Machine, limit: int) -> None:
        """Begin where the machine stands.  ``limit``: bytes (`set_limit`)."""
        self.machine = machine
        self.log = InputLog()
        self.fed = 0
        """How many of the logged inputs the machine has had where it stands."""
        self.end = self.began = machine.icount
        """The newest recorded instruction count, and where the history began."""
        self.rewinds = 0
        """How often the machine was put back into an earlier state, or a later one."""
        self._foreign = False
        """Whether states in it came from a file."""
        machine.memory.begin()
        self._base = self._checkpoint(Image.of(machine.memory))
        """The checkpoint since which `Memory` records which pages are written."""
        self._needed: list[Checkpoint] = []
        """Where somebody means to come back to: not to be thinned out."""
        self.ring = Ring(self._base)
        self.set_limit(limit)

    @property
    def start(self) -> int:
        """The oldest reachable instruction count."""
        return self.ring.first.icount

    def nearest(self, icount: int) -> Checkpoint:
        """Return the nearest checkpoint not after an instruction count."""
        return self.ring.at_or_before(icount)

    def due(self, interval: int) -> int:
        """Return where a run is to keep the next checkpoint: ``interval`` from the last, unless one
        lies ahead that is near enough.
        """
        here, newest = self.machine.icount, self.ring.newest
        if here >= newest:
            return max(here + 1, newest + interval)
        due = max(here + 1, self.nearest(here).icount + interval)
        ahead = self.ring.next_after(here)
        return FOREVER if ahead is not None and ahead.icount < due + interval // 2 else due

    # -- checkpoints -------------------------------------------------------------------------

    def keep(self) -> Checkpoint:
        """Make the checkpoint of this instant, of which there is none yet."""
        memory, base = self.machine.memory, self._base
        image = base.image.renewed(memory)
        memory.begin()
        checkpoint = self._checkpoint(image)
        checkpoint.snapshot = checkpoint.snapshot.sharing(base.snapshot)
        self.ring.add(checkpoint, base)
        self._base = checkpoint
        return checkpoint

    def _checkpoint(self, image: Image) -> Checkpoint:
        machine = self.machine
        return Checkpoint(machine.icount, machine.save(), self.fed, image, machine.effort)

    @contextmanager
    def needing(self, checkpoint: Checkpoint) -> Iterator[None]:
        """Keep a checkpoint meanwhile, whatever else must go."""
        self._needed.append(checkpoint)
        try:
            yield
        finally:
            self._needed.pop()

    def go_back(self, checkpoint: Checkpoint) -> None:
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
        with self.believing():
            machine.restore(checkpoint.snapshot)
        machine.effort = checkpoint.effort
        self.fed = checkpoint.fed
        self.feed()

    @property
    def is_doubted(self) -> bool:
        """Whether states in it came from outside."""
        return self._foreign

    @contextmanager
    def believing(self) -> Iterator[None]:
        """Run a machine whose state came from outside: what it stumbles over was put there."""
        try:
            yield
        except STUMBLES as error:
            if not self._foreign:
                raise
            raise ReplayError(f"a state in the recording is damaged: {error!r:.100}") from error

    # -- inputs ------------------------------------------------------------------------------

    def feed(self) -> bool:
        """Let the inputs happen again that were logged here; whether there were any."""
        if self.fed == len(self.log):
            return False
        before, here = self.fed, self.machine.icount
        while self.fed < len(self.log) and self.log[self.fed].icount == here:
            with self.believing():
                self.log[self.fed].apply(self.machine)
            self.fed += 1
        return self.fed > before

    def pause(self) -> int:
        """Return how far a replay may go: to the next input, or to the end."""
        if self.fed == len(self.log):
            return self.end
        return min(self.end, self.log[self.fed].icount)

    def reach(self) -> bool:
        """Note that the machine has come here; whether inputs were logged here (`feed`)."""
        self.end = max(self.end, self.machine.icount)
        return self.feed()

    def append(self, entry: Input) -> None:
        """Log an input that the machine has just had, at the end of the history."""
        self.log.append(entry)
        self.fed = len(self.log)

    def cut(self) -> bool:
        """Make this the end of the history; True if that dropped a recorded future."""
        here = self.machine.icount
        dropped = here < self.end
        self.ring.truncate(here)
        self.log.truncate(self.fed)
        self.end = here
        return dropped

    # -- from elsewhere ----------------------------------------------------------------------

    def adopt(self, inputs: Iterable[Input], kept: Sequence[KeptState], end: int) -> None:
        """Take over a history recorded elsewhere, of a machine that began exactly like this."""
        self._foreign = True
        for entry in inputs:
            self.log.append(entry)
        images = {self.start: self._base.image}
        for state in kept:
            image = images[state.icount] = images[state.base].replaced(state.pages)
            far = state.icount  # whatever its way here took
            self.ring.add(Checkpoint(state.icount, state.snapshot, state.inputs, image, far))
        self.end = end
        self.feed()
        self.stay_within_limit()

    def follow(self, history: History) -> None:
        """Take over the history of another machine that is made like this one."""
        self.ring, self.log, self.end, _ = history

    # -- limits ------------------------------------------------------------------------------

    def set_limit(self, limit: int) -> None:
        """Bound the memory that the history takes, in bytes; TimelineError if that's too few."""
        if limit < MIN_LIMIT:
            raise TimelineError(f"a history needs {MIN_LIMIT >> 20} MiB at least")
        if self.log.size > limit // 2:
            raise TimelineError(f"the inputs take {self.log.size >> 20} MiB: set twice as much")
        self.ring.limit = limit
        self.stay_within_limit()

    def size(self) -> HistorySize:
        """Say what the history holds and takes."""
        used = self.ring.size + self.log.size
        state = self.ring.floor() if used > self.ring.limit else 0
        limit = self.ring.limit
        return HistorySize(self.start, self.end, len(self.ring), used - state, limit, state)

    def stay_within_limit(self) -> None:
        """Forget the checkpoints that matter least, where there are too many."""
        ring = self.ring
        if ring.size + self.log.size <= ring.limit:
            return
        floor = ring.floor()  # a guest with large files has them anyway
        if ring.size + self.log.size - floor > ring.limit:
            focuses, needed = (self.machine.icount, self.end), [self._base, *self._needed]
            ring.thin(focuses, needed, self.log.size - floor)

    def make_room(self) -> None:
        """Stay within the limit where an input has just been logged, at the end of the history.

        Where the inputs take half of it, their older half is forgotten, and the instants that
        need them.
        """
        while self.log.size > self.ring.limit // 2:
            middle = (self.ring.first.fed + len(self.log)) // 2
            newer = self.ring.first_that_saw(middle + 1)
            if newer is None or newer.icount > self._base.icount:
                self._begin_anew()
                break
            self.ring.forget_before(newer.icount)
            self.log.forget_before(newer.fed)
        self.stay_within_limit()

    def _begin_anew(self) -> None:
        self.log.forget_before(len(self.log))
        memory = self.machine.memory
        memory.begin()
        self._base = self._checkpoint(Image.of(memory))
        self.ring = Ring(self._base, self.ring.limit)
