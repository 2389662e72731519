"""What a debugger is asked to do, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from blink16.breakpoints import Point
from blink16.machine import Machine
from blink16.memory import Access
from blink16.timekeeping import IDLE_INTERVAL

PointCondition = Callable[[Machine], bool]
"""Whether a breakpoint at which the machine stands is to stop it.  A `Predicate` is cheaper."""
PointAction = Callable[[Machine], bytes]
"""What a breakpoint prints about a machine that stands there, instead of stopping it."""


class EventKind(Enum):
    """Why the debugger has control again."""

    STEPPED = auto()
    BREAKPOINT = auto()
    CAUGHT = auto()  # what the program asks of its system, see `catches`
    WATCHPOINT = auto()
    INTERRUPTED = auto()  # the user asked
    HISTORY_START = auto()  # nothing older is recorded
    HALTED = auto()  # HLT with nothing to end it
    EXITING = auto()  # the program asked to end; the machine is still there
    EXITED = auto()  # and was resumed after that: now it is gone
    SIGNALLED = auto()  # a trap (divide error, INT 3, ...), see signal
    KILLED = auto()  # resumed after a trap that ends the program
    LOADED = auto()  # a process has loaded a program with names; told only who wants to know
    EXECUTED = auto()  # the same, of any program
    FORKED = auto()  # a process has made another; told only who wants to know
    VFORKED = auto()  # the same, and waits until that executes a program or ends
    RESTARTED = auto()  # a PC was reset and has passed its self-test
    MOVED = auto()  # a command of the user's has gone to another instant
    LEAVING = auto()  # a step is about to let a program go: the machine stands where it was
    LACKING = auto()  # strict: the guest used what the machine hasn't got

    __hash__ = object.__hash__  # Enum's own is slow, and kinds are looked up at every stop


@dataclass(frozen=True, slots=True)
class Event:
    """Why a `Debugger.resume` is over."""

    kind: EventKind
    point: Point | None = None  # WATCHPOINT: the watchpoint that was hit
    address: int | None = None  # WATCHPOINT: the linear address touched
    access: Access | None = None  # WATCHPOINT
    status: int = 0  # EXITING, EXITED: exit status
    signal: int = 0  # SIGNALLED, KILLED: POSIX signal number
    text: str = ""  # a sentence for the user, or empty
    parent: int = 0  # FORKED, VFORKED: the threads of both
    child: int = 0
    arrival: Event | None = None  # INTERRUPTED: what a breakpoint says at which it has just arrived


STEPPED = Event(EventKind.STEPPED)
"""As many instructions have retired as were asked for, and there is nothing more to say."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A run that is not over, but the guest has nothing to do: wait, then let it go on."""

    seconds: float | None
    """How long to wait for input; None: until there is some."""


WAITING = Pause(None)
"""The guest can't go on without input."""
IDLE = Pause(1 / IDLE_INTERVAL)
"""It does nothing but wait; its clock is to go no faster than ours."""
ONWARD = Pause(0.0)
"""Nothing to wait for."""


@dataclass(frozen=True, slots=True)
class Resume:
    """How to run on."""

    backward: bool = False
    count: int | None = None
    """Instructions to retire (1 for stepi); None to go on until something happens."""
    step_range: tuple[int, int] | None = None
    """Step until pc is outside [start, end), linear."""
    thread: int | None = None
    """The process of the guest that a step is about; None: the one that has the processor."""

    def anew(self, thread: int | None = None) -> Resume:
        """Return one like it, about a process of the guest: to begin, and not to go on, with."""
        return Resume(self.backward, self.count, self.step_range, thread)
