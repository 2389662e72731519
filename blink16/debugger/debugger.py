"""What debuggers ask of a machine: run forward or backward until something happens.

`travel` has the ways along the timeline; here is what clients make of them: steps, pauses, ends
at which a machine stands, and changes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from blink16.assembly import FOREVER
from blink16.breakpoints import Point, PointError, Points
from blink16.console import Console
from blink16.cpu.engine import Stop, StopReason
from blink16.cpu.registers import Registers
from blink16.debugger.aftermath import clear_up
from blink16.debugger.arrivals import Arrivals
from blink16.debugger.calls_seen import CallsSeen
from blink16.debugger.catches import Catch, Catches
from blink16.debugger.drive import drive
from blink16.debugger.events import (
    STEPPED,
    WAITING,
    Event,
    EventKind,
    Pause,
    PointAction,
    PointCondition,
    Resume,
)
from blink16.debugger.family import Family
from blink16.debugger.following import Follower
from blink16.debugger.handlers import Handlers
from blink16.debugger.ledger import Ledger, LedgerEntry
from blink16.debugger.names_known import NamesKnown
from blink16.debugger.outcomes import ENDS, PAUSES
from blink16.debugger.travel import Travel
from blink16.history import Interrupted, ReplayError, Timeline
from blink16.history.bookmarks import Bookmarks
from blink16.history.checkpoints import DEFAULT_LIMIT
from blink16.history.scouts import MakeMachine, Scouts
from blink16.machine import Machine
from blink16.memory import Attribute

BRIEF_STEPS = 50
"""Steps through a range that are taken in less than a millisecond."""
_SERVICE = int(Attribute.SERVICE)  # plain ints are quicker
WRITABLE = frozenset(
    {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "es", "cs", "ss", "ds", "ip", "flags"}
)
"""The registers that `Debugger.write_register` sets."""


class Debugger:
    """One machine under control.

    Forward, a breakpoint at the starting pc is skipped, and a watchpoint stops behind the
    instruction that touched.  Backward, a breakpoint stops at the last instant before now at
    which pc stood there, a watchpoint before the instruction that touched, which is undone.
    """

    def __init__(
        self,
        machine: Machine,
        *,
        history_limit: int = DEFAULT_LIMIT,
        timeline: Timeline | None = None,
    ) -> None:
        """Take control of a machine.

        ``history_limit``: bytes; TimelineError if too few.
        ``timeline``: the machine's history, if there is one already.
        """
        self.machine = machine
        self.timeline = timeline or Timeline(machine, limit=history_limit)
        self.on_notice: Callable[[str], None] = lambda text: None
        """Called with one line for the user (unknown system call, future dropped, ...)."""
        self.on_print: Callable[[bytes], None] = lambda data: None
        """Called with what the actions of breakpoints print; it may wait."""
        self.ledger = Ledger(machine.memory)
        """Breakpoints and watchpoints."""
        self.catches = Catches(machine, self.ledger)
        self.names = NamesKnown(machine)
        """What addresses are called."""
        self.bookmarks = Bookmarks()
        self.wanted_breakpoints: tuple[str, ...] = ()
        """Where its user wants front ends to set some, in his words."""
        self.typed_channel = Console.CHANNEL
        """The machine's channel that takes what is typed on its console."""
        self.calls_seen = CallsSeen(self.timeline, self.ledger)
        self.family = Family(machine)
        """Whom the client follows at forks: of that EXECUTED, FORKED and VFORKED tell."""
        self._arrivals = Arrivals(machine, self.ledger, self.catches, self.family)
        self._travel = Travel(
            *(self.timeline, self.ledger, self._arrivals, self.family, self.names, self._print)
        )
        run_to, back = self._travel.run_to, self._travel.back
        self._follower = Follower(machine, self.ledger, run_to)
        self._handlers = Handlers(self.timeline, self.ledger, run_to, back)
        self.timeline.without_points = self.ledger.points.replaced
        self._last: Event | None = None
        self._ended: tuple[int, Stop] | None = None
        """An exit or trap at which the machine stands, and its instruction count."""
        self._paused: tuple[Resume, int, Pause] | None = None
        """What has paused, and the instruction count at which it is to stop."""
        machine.on_notice = lambda text: self.on_notice(text)

    # -- running -----------------------------------------------------------------------------

    def resume(self, how: Resume) -> Event | Pause:
        """Run until something happens.  Blocks; call it in a worker thread.

        After a pause call it again with the same object; it goes on where it was.  A request to
        stop that comes too late for this resume is for the next: whoever made a run of several
        forgets it at its end (`forget_interrupt`).
        """
        judges = self.ledger.conditions > 0
        if judges:
            self._travel.overlook(self.ledger.predicates())
        try:
            outcome = self._backward(how) if how.backward else self._forward(how)
        except Interrupted:
            outcome = Event(EventKind.INTERRUPTED)
        except ReplayError as error:
            outcome = Event(EventKind.INTERRUPTED, text=str(error))
        finally:
            self.calls_seen.live.rest()
            if judges:
                self._travel.overlook({})
        if isinstance(outcome, Event):
            if outcome.kind is EventKind.INTERRUPTED:
                outcome = replace(outcome, arrival=self.event_here())
            outcome = self._last = self._judged(outcome)
            for line in self.names.meet():
                self.on_notice(line)
        return outcome

    def send_scouts(self, make: MakeMachine) -> None:
        """Let machines like this one look ahead in searches through the past."""
        self._travel.all_scouts = Scouts(make, self.ledger.points)

    @property
    def scouts(self) -> Scouts | None:
        """Who look ahead; nobody where it is Python that executes, one thread at a time."""
        return self._travel.scouts

    def drive(self, how: Resume) -> Event:
        """Resume, and go on after each pause, until something happens.

        Blocks, with the guest for input for ever; `interrupt` ends it.
        """
        try:
            return drive(partial(self.resume, how), self.timeline.inbox.wait)
        finally:
            self.forget_interrupt()

    def is_brief(self, how: Resume) -> bool:
        """Return whether a step is over in microseconds, and needs no thread.

        One forward is, on any engine, unless it is a service, which may wait, or begins with a
        prefix, which may be a REP of 65,535 rounds.  Where a device may have something to put
        out, it takes as long as somebody outside takes, and so does an action of a breakpoint;
        conditions have to be armed.  One backward is if it is replayed from nearby.
        """
        if how.count != 1 or self._is_involved(how):
            return False
        if how.backward:
            return self.timeline.is_quick and self.timeline.is_near(self.timeline.now - 1)
        if not self.timeline.live:
            return False
        memory, pc = self.machine.memory, self.machine.pc
        maybe_long = self.machine.model.maybe_long
        if memory.attributes[pc] & _SERVICE or memory.whole[pc] in maybe_long:
            return False
        return not self.machine.is_device_due()

    def _is_involved(self, how: Resume) -> bool:
        """Whether more is to be done on a run than to run."""
        has_to_wait = self._follower.has_to_wait(how)
        return bool(self.ledger.acts or self.ledger.conditions or has_to_wait)

    def resume_briefly(self, how: Resume) -> Event | Pause | None:
        """Resume, if that may be over in less than a millisecond; None if some of it is left.

        Then `drive` is to go on.  Steps through a range are taken one by one.
        """
        if how.step_range is not None:
            return None if how.backward else self._step_briefly(how, how.step_range)
        if how.count is None:
            return None if how.backward else self._run_briefly(how)
        return self.resume(how) if self.is_brief(how) else None

    def _step_briefly(self, how: Resume, step_range: tuple[int, int]) -> Event | Pause | None:
        one = Resume(count=1, thread=how.thread)
        for _ in range(BRIEF_STEPS):
            if not self.is_brief(one) or self.machine.is_asked():
                return None
            outcome = self.resume(one)
            if outcome is not STEPPED or not self._is_within(step_range):
                return outcome
            if self.at_breakpoint():
                return self._judged(Event(EventKind.BREAKPOINT))
        return None

    def _run_briefly(self, how: Resume) -> Event | Pause | None:
        """Run on for a moment: where breakpoints are set, one of them may be near."""
        timeline, before = self.timeline, self.timeline.now
        if not self.points or not timeline.live or not timeline.is_quick or self._is_involved(how):
            return None
        if self._ended is not None or self._paused is not None:
            return None  # it stands at a service, which is to be passed first
        with timeline.briefly():
            outcome = self.resume(how)
        if outcome is not STEPPED:
            return outcome
        if timeline.now == before:
            return None
        self._last = self.event_here()  # else a run that goes on from here would pass it
        return self._last

    def interrupt(self) -> None:
        """Make a running `resume` return INTERRUPTED soon; from any thread.

        If none is running, the next returns at once.  A request ends with the resume that
        reports it, or with the `drive` that it meets, whatever that returns.
        """
        self.timeline.interrupt()

    def forget_interrupt(self) -> None:
        """Drop a request that came too late for the resume that it was meant for."""
        self.calls_seen.live.rest()
        self.timeline.forget_interrupt()

    def receive(self, channel: str, data: bytes) -> bool:
        """Take input for the guest; from any thread.  No bytes are the input's end.

        False if it can't be taken, since too much waits until the machine next runs.
        """
        return self.timeline.receive(channel, data)

    def tell_of(self, kinds: frozenset[EventKind]) -> None:
        """Let resumes end with these of LOADED, EXECUTED, FORKED and VFORKED, and no others."""
        self._travel.tells = kinds

    def last_event(self) -> Event | None:
        """What ended the last resume; None before the first."""
        return self._last

    @property
    def is_at_end(self) -> bool:
        """Whether the machine stands where its program has asked to end, and would be let go."""
        if self._ended is None:
            return False
        where, stop = self._ended
        return where == self.timeline.now and stop.reason is StopReason.EXITED

    # -- forward -----------------------------------------------------------------------------

    def _forward(self, how: Resume) -> Event | Pause:
        self._travel.ask()
        ended, self._ended = self._ended, None
        paused, self._paused = self._paused, None
        now = self.timeline.now
        goal = FOREVER if how.count is None else now + how.count
        skips = True
        if paused is not None and paused[0] is how:
            goal = paused[1]
            skips = paused[2] is WAITING  # else it has moved, and a breakpoint there is a new one
        if ended is not None and ended[0] == now:
            gone = self._pass(ended[1])
            if gone is not None or self.timeline.now == goal:
                return gone or STEPPED
        skip = self.timeline.now == now and skips
        stop = self._end_of_followed(self._go(how, goal, skip))
        if stop.reason in ENDS:
            self._ended = self.timeline.now, stop
        if stop.reason in PAUSES:
            self._paused = how, goal, PAUSES[stop.reason]
            return PAUSES[stop.reason]
        return self._travel.event(stop)

    def _go(self, how: Resume, goal: int, skip: bool) -> Stop:
        """Run on; a step stays with its process, which may have to wait for the processor.

        A step doesn't end with a program: gdb would forget that it steps.
        """
        thread = self._follower.thread_of(how)
        if thread is None:
            return self._advance(how, goal, skip)
        self._travel.tells -= {EventKind.LOADED, EventKind.EXECUTED}
        missed = self._follower.catch_up(thread)
        if missed is not None:
            return missed

        def step(skip: bool) -> Stop:
            return self._advance(how, max(goal, self.timeline.now + 1), skip)

        return self._follower.follow(thread, step(skip), lambda: step(True))

    def _advance(self, how: Resume, goal: int, skip: bool) -> Stop:
        if how.step_range:
            return self._step_through(how, how.step_range, skip)
        return self._travel.run_to(goal, skip)

    def _pass(self, stop: Stop) -> Event | None:
        """Go on from an exit or a trap; the event if that was the end of the program."""
        if stop.reason is StopReason.EXITED:
            self._ended = self.timeline.now, stop
            return Event(EventKind.EXITED, status=stop.status)
        again = self.timeline.run(1, skip_breakpoint=True, through_traps=True)
        if self.family.is_followed_child(again.departed):
            return Event(EventKind.KILLED, signal=again.wait_signal)
        if again.reason is StopReason.TRAPPED:
            self._ended = self.timeline.now, stop
            return Event(EventKind.KILLED, signal=stop.status, text=stop.text)
        goes_on = again.reason in (StopReason.BUDGET, StopReason.DEPARTED)
        return None if goes_on else self._travel.event(again)

    def _end_of_followed(self, stop: Stop) -> Stop:
        """Return the end of a child that is followed as a program's: the machine stands before."""
        if not self.family.is_followed_child(stop.departed):
            return stop
        if stop.reason is StopReason.DEPARTED:
            self._travel.arrive(self.timeline.now - 1, self.timeline.now)
        if signal := stop.wait_signal:
            return Stop(StopReason.TRAPPED, status=signal, text=f"signal {signal} ends it")
        return Stop(StopReason.EXITED, status=stop.wait_status >> 8)

    def _step_through(self, how: Resume, step_range: tuple[int, int], skip: bool) -> Stop:
        """Step until pc is outside of a range, or something happens."""
        while True:
            stop = self._handlers.step(how, skip)
            if stop.reason is not StopReason.BUDGET or not self._is_within(step_range):
                return stop
            if self.at_breakpoint():
                return Stop(StopReason.BREAKPOINT)
            skip = True

    def _is_within(self, step_range: tuple[int, int]) -> bool:
        return step_range[0] <= self.machine.pc < step_range[1]

    # -- backward ----------------------------------------------------------------------------

    def _backward(self, how: Resume) -> Event:
        self._ended = self._paused = None
        if self.timeline.now <= self.timeline.start:
            return self._travel.history_start()
        if how.step_range is None:
            return self._travel.back(how.count)
        while True:
            event = self._handlers.step_back()
            if event.kind is not EventKind.STEPPED or not self._is_within(how.step_range):
                return event
            if self.at_breakpoint():
                return Event(EventKind.BREAKPOINT)

    def seek(self, icount: int) -> None:
        """Move to an instant of the history; TimelineError, Interrupted as `Timeline.seek`."""
        self._ended = self._paused = None
        self._last = None
        self.timeline.seek(icount)

    # -- points ------------------------------------------------------------------------------

    @property
    def points(self) -> Points:
        """The breakpoints and watchpoints, whoever set them."""
        return self.ledger.points

    def insert(
        self,
        point: Point,
        condition: PointCondition | None = None,
        action: PointAction | None = None,
        *,
        owner: Hashable = None,
    ) -> None:
        """Set a breakpoint or watchpoint; PointError if it can't be set.

        A breakpoint with a condition stops, in either direction, where that holds.  One with an
        action never stops: it prints (`on_print`), in either direction, as it is reached.
        Setting a point again replaces both; each ``owner`` has a point of its own.
        """
        self.ledger.insert(LedgerEntry(point, owner, condition, action))

    def remove(self, point: Point, *, owner: Hashable = None) -> None:
        """Take an owner's point away; one that isn't there is no error."""
        self.ledger.remove(point, owner)

    def take_points(self, old: Debugger) -> None:
        """Set the points of another debugger, whose machine ours replaces, but for catches: those
        lie where its handlers were, and are set anew by their titles.
        """
        for entry in old.ledger:
            if not isinstance(entry.owner, Catch):
                self.ledger.insert(entry)
        for catch in old.catches.all():
            with suppress(PointError):  # its handler is not there yet
                self.catches.take(catch)

    def remove_all(self) -> None:
        """Take all away (a client left)."""
        if self.family.has_left():  # the end of a child is none of the machine
            self._last = self._ended = None
        self.family.forget()
        self.ledger.clear()

    def has_breakpoint(self) -> bool:
        """Whether there is a breakpoint where the machine stands, whatever its condition."""
        return bool(self._arrivals.here())

    def at_breakpoint(self) -> bool:
        """Whether the machine stands at a breakpoint that is to stop it."""
        return self._arrivals.are_to_stop()

    def event_here(self) -> Event | None:
        """Return the event of arriving where the machine stands, if a breakpoint is to stop it."""
        return self._judged(Event(EventKind.BREAKPOINT)) if self.at_breakpoint() else None

    def _judged(self, event: Event) -> Event:
        return self._arrivals.judged(event, self.names.symbols)

    def _print(self, text: bytes) -> None:
        if text:
            self.on_print(text)

    # -- memory and registers ----------------------------------------------------------------

    def read_memory(self, address: int, length: int) -> bytes:
        """Bytes from a linear address; cut off at the end of memory (`Memory.end`)."""
        memory = self.machine.memory
        return memory[address : min(address + length, memory.end)]

    def write_memory(self, address: int, data: bytes) -> None:
        """Store bytes, as far as memory goes.  In the past this drops the recorded future."""
        data = data[: max(0, self.machine.memory.end - address)]
        if data:
            self._changed(lambda: self.timeline.write_memory(address, data))

    def write_register(self, name: str, value: int) -> None:
        """Set a register (see `WRITABLE`).  In the past this drops the recorded future.

        ValueError if there is no such register; of the value, the low 16 bits count.
        """
        if name not in WRITABLE:
            raise ValueError(f"there is no register {name!r} to set")
        self._changed(lambda: self.timeline.write_register(name, value & 0xFFFF))

    def write_coprocessor(self, state: bytes) -> None:
        """Set all of an 8087's registers (`Coprocessor.save`).  In the past this drops the
        recorded future.
        """
        x87 = self.machine.registers.x87
        if x87 is None:
            raise ValueError("there is no 8087")
        self._changed(lambda: self.timeline.write_input(x87.COMPONENT, state))

    @property
    def registers(self) -> Registers:
        """The processor's."""
        return self.machine.registers

    def write_process_register(self, thread: int, name: str, value: int) -> None:
        """Set a register of a process that has not the processor; else as `write_register`."""
        table = self.machine.process_table
        found = None if table is None else table.register_input(thread, name, value & 0xFFFF)
        if found is None:
            raise ValueError(f"there is no register {name!r} to set in thread {thread}")
        channel, data = found
        self._changed(lambda: self.timeline.write_input(channel, data))

    def _changed(self, write: Callable[[], bool]) -> None:
        end = self.timeline.end
        self._ended = self._paused = None
        if write():
            count = end - self.timeline.now
            self.on_notice(f"changed the past: {count} recorded instructions ahead are dropped")
            for line in clear_up(self.machine):
                self.on_notice(line)
            gone = self.bookmarks.drop_after(self.timeline.now)
            if gone:
                self.on_notice(f"with them went the bookmarks {', '.join(gone)}")
