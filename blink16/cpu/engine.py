"""What an engine is: something that executes instructions on a packed state and a memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from blink16.cpu.predicates import Predicate
from blink16.memory import Access


class StopReason(Enum):
    """Why ``run`` returned."""

    BUDGET = auto()  # as many instructions retired as were asked for
    BREAKPOINT = auto()  # before the instruction at CS:IP
    WATCHPOINT = auto()  # after the instruction that touched a watched address
    HALT = auto()  # HLT, and no interrupt is to come that would end it
    LOCKUP = auto()  # the segment holds nothing but prefixes: the chip would fetch for ever
    SERVICE = auto()  # engine only: before the instruction of a host service
    ATTENTION = auto()  # engine only: a flag or a request wants the machine's attention
    INTERRUPTED = auto()  # the host asked for a stop
    WAITING = auto()  # a service needs input that has not come; run again to try again
    EXITED = auto()  # the program asked to end; it has not gone yet
    IDLE = auto()  # machine only: for long it has done nothing but wait; run again to go on
    TRAPPED = auto()  # the program did what its system answers with a signal
    LOADED = auto()  # machine only: a process runs another program from here on; run again
    FORKED = auto()  # machine only: a process has made another; run again
    VFORKED = auto()  # machine only: the same, and lends it its memory
    DEPARTED = auto()  # machine only: a process of several has ended; run again
    RESTARTED = auto()  # machine only: it was reset and has passed its self-test; run again
    LACKS = auto()  # strict: before an instruction that this processor hasn't got
    LACKED = auto()  # strict: after one that used what this machine hasn't got

    __hash__ = object.__hash__  # Enum's own is slow, and reasons are looked up at every stop


OF_PROCESSES = frozenset(
    {StopReason.LOADED, StopReason.FORKED, StopReason.VFORKED, StopReason.DEPARTED}
)
"""What a guest's processes do: machines stop for it where somebody has asked for that."""
NEWS = OF_PROCESSES | {StopReason.RESTARTED}
"""What whoever runs a machine may want to know, and it goes on."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why the machine stopped, and the particulars of that reason."""

    reason: StopReason
    address: int | None = None
    """WATCHPOINT: the linear address that was touched."""
    access: Access | None = None
    """WATCHPOINT: how it was touched."""
    status: int = 0
    """EXITED: the program's exit status.  TRAPPED: the POSIX signal number."""
    text: str = ""
    """A sentence for people, where the reason alone does not say it all."""
    passes: bool = False
    """TRAPPED: it concerns one process of several, and the machine goes on without it."""
    parent: int = 0
    child: int = 0
    """FORKED, VFORKED: the threads of both processes."""
    departed: int = 0
    """DEPARTED, EXITED: the thread of the process that ends, where there are several."""
    wait_status: int = 0
    """DEPARTED, EXITED: how, as wait4() tells it: the exit code shifted left by 8, or a signal."""

    @property
    def wait_signal(self) -> int:
        """The signal with which a process departs, 0 if by itself."""
        return self.wait_status & 0x7F


NEVER = 1 << 62
"""A number of instructions or cycles that no run gets to."""
EFFORT_CYCLES = 8
"""So many cycles of what is executed in Python count as one of `Engine.effort`."""


def at_once() -> int:
    """Return the nearest `Engine.horizon`: the machine wants its turn at once."""
    return 0


SOMEBODY: Collection[object] = (None,)
"""An `Engine.stirred` that is never empty: the horizon is asked for after each access."""


class Witness(Protocol):
    """Who is told of what guests do that can't be meant: see `blink16.witness`."""

    def meets(self, ip: int) -> Stop | None:
        """Look at the suspicious instruction that is next, whose opcode lies at CS:``ip``.

        Returns a stop if it isn't to be executed now.
        """
        ...

    def stored_to_rom(self, address: int, ip: int, icount: int) -> bool:
        """Note that the instruction at CS:``ip`` stored to ROM, at a linear address.

        ``icount``: instructions retired before that one.  Returns whether the run is to end
        after it.
        """
        ...


class Engine(Protocol):
    """Executes instructions.  Registers, memory and bus are shared with the machine.

    An instruction with its prefixes and all its REP rounds retires once.  ``run`` raises
    ``icount`` in the registers by exactly the instructions that retired, never more than
    ``budget``, and ``cycles`` by what they took.  It ends before the first instruction, and
    between the first two rounds of a REP instruction, where ``cycles`` is not below ``until``.
    It leaves with every register in place:

    - BUDGET when the instructions or the cycles are used up;
    - BREAKPOINT and SERVICE before the instruction at an address so marked; the first
      instruction of a run is executed even so where ``skip_first`` is given;
    - WATCHPOINT after the instruction that touched a watched byte;
    - HALT after HLT retired, or at once while the processor is halted;
    - ATTENTION after POPF, IRET or STI if TF is set, or IF newly while an interrupt is
      requested (so that the machine can see to them), after IN and OUT (a device may want
      something now, but see ``horizon``), or when the attention cell is not 0, also between
      two rounds of a REP instruction, which then has not retired and goes on with the next run.

    While TF is set, an engine is only run with a budget of one.
    """

    @property
    def name(self) -> str:
        """What executes now, an engine's name."""
        ...

    between_rounds: bool
    """Whether the last run was interrupted between two rounds of a REP instruction."""

    @property
    def just_entered(self) -> bool:
        """Whether the last run, if it took too long, ended with an interrupt's entry."""
        ...

    stirred: Collection[object]
    """Who may want to act at another time, or to interrupt, since the machine asked them last."""
    horizon: Callable[[], int]
    """Asked within IN and OUT, when the port has been accessed and somebody has stirred: at how
    many cycles does the machine want its turn?  An engine that does not ask, but leaves with
    ATTENTION after each, is right too."""

    effort: int
    """How much of what has been done took Python: port accesses, and what the reference executed,
    more for what takes many cycles."""
    tires_at: int
    """Runs end (BUDGET) behind the next instruction after so much of ``effort``."""
    hurries: bool
    """Whether runs end (BUDGET) before an instruction that is a hundred times slower than others.
    An engine on which all are so takes no part in this."""

    witness: Witness | None
    """Told of suspicious instructions (`suspicious`), unless their opcode's address has the
    attribute TOLD, and of stores to pages of ROM whose state has TELL."""

    def run(self, budget: int, until: int = NEVER, *, skip_first: bool = False) -> Stop:
        """Execute at most ``budget`` instructions, while ``cycles`` is below ``until``."""
        ...

    def run_on(self, budget: int, until: int) -> Stop:
        """Execute on from a stub whose service has been done, as `run` with ``skip_first``.

        For calls in loops: there is time left, nobody wants attention, TF is clear.
        """
        ...

    def plan(self, hot: int, other: int) -> None:
        """Note at how many cycles hot devices, and all others, want to act.

        An engine that takes no part in this ends its runs for hot devices, too, and is right.
        """
        ...

    def abandon_rounds(self) -> None:
        """Retire the REP instruction between two rounds of which the run ended.

        The chip backs up by two bytes, for the instruction and one prefix: further prefixes are
        lost when the interrupt returns to it.
        """
        ...

    def overlook(self, predicates: Mapping[int, Predicate]) -> None:
        """Take the predicates of breakpoints by linear address; they replace those before.

        Where its predicate is false, a breakpoint may be overlooked: an engine that takes no
        part in this is right too.
        """
        ...

    def interrupt(self, vector: int) -> None:
        """Enter the interrupt ``vector`` as the processor does between two instructions.

        `Timing.interrupt` cycles pass.
        """
        ...
