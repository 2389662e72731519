"""Host services: what BIOS, DOS and ELKS do in Python when the guest reaches their stub.

A service hangs on a stub in the BIOS ROM segment, an IRET to which an interrupt vector points.
When the guest reaches the stub, the service runs as part of the IRET's instruction.  It sees
the machine as a `Guest`, and everything it remembers lives in a `Component`, whose state is
part of the machine and goes back in time with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from blink16.bus import Bus
from blink16.cpu.model import Model
from blink16.cpu.registers import Cell, Registers
from blink16.lacks import Kind
from blink16.memory import MEMORY_SIZE, Memory
from blink16.process_table import ProcessTable


@dataclass(frozen=True, slots=True)
class Done:
    """The service is finished; the stub's IRET returns to the caller."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The service needs input that has not come.  It must have changed nothing."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The service has loaded other registers, those of another process or program.

    The processor goes on there, not behind the stub's IRET; the call retires all the same.
    """

    loaded: bool = False
    """It is another program: whoever runs the machine may want to know its names."""


class Forked(NamedTuple):
    """A process has made another: done, but whoever runs the machine may want to know."""

    parent: int
    child: int
    """Their threads."""
    borrows: bool = False
    """The child runs in its parent's memory, and its registers are loaded: `Elsewhere`."""


class Departed(NamedTuple):
    """A process of several has ended, and the registers of another are loaded: `Elsewhere`."""

    thread: int
    status: int
    """As wait4() tells it: the exit code shifted left by 8, or a signal."""


@dataclass(frozen=True, slots=True)
class Exit:
    """The program ends with ``status``.  The machine stops before it is gone."""

    status: int
    text: str = ""
    """How, where that is not by what every program does."""
    last: Departed | None = None
    """The process whose end it is, where the system has several."""


@dataclass(frozen=True, slots=True)
class Restart:
    """The machine starts anew, as ``text`` says: done, but whoever runs it wants to know."""

    text: str


@dataclass(frozen=True, slots=True)
class Trap:
    """Something the program's system answers with a signal (POSIX number), like a divide error.

    The machine stops at the stub.  If it is run again, a ``resumable`` trap returns to the
    program, or does what comes ``then``; another ends it.
    """

    signal: int
    text: str
    resumable: bool = False
    then: Callable[[], Outcome | None] | None = None
    """What the system does when the machine is run on from a resumable trap, and where that
    leads to; None: back to the program."""
    passes: bool = False
    """It concerns one process of several: the machine goes on without it."""


Outcome = Done | Wait | Elsewhere | Forked | Departed | Exit | Trap | Restart
DONE = Done()
ELSEWHERE = Elsewhere()
LOADED = Elsewhere(loaded=True)
WAIT = Wait()


class Guest(Protocol):
    """The machine as services and devices see it."""

    @property
    def registers(self) -> Registers:
        """The processor's registers; ``icount`` in it is the machine's clock."""
        ...

    @property
    def memory(self) -> Memory:
        """The RAM."""
        ...

    @property
    def has_a20(self) -> bool:
        """Whether the processor has an address line 20, so that there is memory behind 1 MiB."""
        ...

    def linear(self, segment: int, offset: int) -> int:
        """Return the linear address of ``segment:offset``, as the processor has it now."""
        ...

    def output(self, channel: str, data: bytes) -> None:
        """Show bytes outside (``channel``: ``console``, ``stderr``, …); silent in replays."""
        ...

    @property
    def may_say_later(self) -> bool:
        """Whether what is shown may be told at the end of a run: nobody minds the instant."""
        ...

    def effect(self, act: Callable[[], None]) -> None:
        """Do something to the world outside (write a host file), now or, in replays, not."""
        ...

    @property
    def traces_calls(self) -> bool:
        """Whether anybody wants to know the calls of the guest's system."""
        ...

    def trace_call(self, text: str) -> None:
        """Tell a call of the guest's system, decoded, with its result; in replays too."""
        ...

    def notice(self, text: str) -> None:
        """Tell the user one line, like an unknown system call; silent in replays."""
        ...

    def lacks(self, kind: Kind, what: str, remedy: str = "", *, place: int | None = None) -> None:
        """Tell, once for ``place``, what the guest wants of a service that there isn't.

        ``what``: a clause.  ``remedy``: what would help.  ``place``: by default the linear
        address of the call; or a function's number, say, to be told once wherever it is called.
        """
        ...

    def device_lacks(self, port: int, what: str) -> None:
        """Tell, once for ``port``, what the guest's access wants of a device that it hasn't got."""
        ...

    def nanoseconds(self) -> int:
        """Nanoseconds of guest time since the Unix epoch, from the instruction count."""
        ...

    @property
    def time(self) -> int:
        """The time on which clocks run: clock cycles, also those slept through in HLT."""
        ...

    @property
    def clock_hz(self) -> int:
        """How much of `time` is a second to the guest."""
        ...

    def reset_processor(self) -> None:
        """Raise the processor's RESET line, by a device: it begins anew behind its instruction."""
        ...

    def looked_in_vain(self) -> None:
        """Note that the guest looked for input and there is none: it may be idle."""
        ...

    def changed(self, component: object) -> None:
        """Note that a device may want to act at another time, or to interrupt: it has changed."""
        ...


Service = Callable[[Guest], Outcome]


class Chassis(Guest, Protocol):
    """The machine as those see it who put programs and systems into it."""

    @property
    def model(self) -> Model:
        """The processor."""
        ...

    @property
    def bus(self) -> Bus:
        """The I/O ports."""
        ...

    resets_on_shutdown: bool
    """Whether the board resets a processor that has shut down."""

    def add_component(self, name: str, component: Component) -> None:
        """Make a component's state part of the machine's; ValueError if the name is taken."""
        ...

    def add_device(
        self, name: str, device: Device, *, hot: bool = False, tells: bool = False
    ) -> None:
        """Add a component that acts by itself when its time has come.

        ``hot``: it is one for which native code can act.  ``tells``: it tells when it changes
        (`Guest.changed`), and need be asked when it is due only then, and when it has acted or
        received something.
        """
        ...

    def add_controller(self, name: str, controller: InterruptController) -> None:
        """Add the component that asks for interrupts."""
        ...

    def add_non_maskable(self, name: str, source: NonMaskable) -> None:
        """Add the component that asks for the non-maskable interrupt."""
        ...

    def add_stub(self, name: str, service: Service | None = None) -> tuple[int, int]:
        """Put an IRET stub into ROM, with a service or none; return its segment and offset."""
        ...

    def name_code(self, address: int, size: int, name: str) -> None:
        """Tell debuggers what some code in ROM is called."""
        ...

    def hang_service(self, vector: int, service: Service, name: str | None = None) -> None:
        """Point an interrupt vector at a new stub that runs ``service``."""
        ...

    def set_vector(self, vector: int, segment: int, offset: int) -> None:
        """Set the far address of an interrupt's handler."""
        ...

    def tell_processes(self, table: ProcessTable) -> None:
        """Let debuggers see the processes of the guest's system."""
        ...


class Component(Protocol):
    """A device or a system whose state is part of the machine."""

    def save(self) -> Any:
        """Return the whole state as immutable plain data (bytes, ints, tuples), quickly."""
        ...

    def restore(self, state: Any) -> None:
        """Take a state that `save` returned, of this or of another machine's component."""
        ...


class Receiver(Component, Protocol):
    """A component that takes input from outside: a console, a keyboard, a serial line."""

    def receive(self, data: bytes) -> None:
        """Take input; the machine calls this between two instructions and logs it."""
        ...


def caller_address(guest: Guest) -> tuple[int, int]:
    """Return the segment and offset to which the stub's IRET will return."""
    ss, sp = guest.registers.ss, guest.registers.sp
    return guest.memory.read_word(guest.linear(ss, sp + 2)), guest.memory.read_word(
        guest.linear(ss, sp)
    )


class Device(Component, Protocol):
    """A component for which time passes: a timer, a serial line, a keyboard.

    Time is the machine's: clock cycles of the processor, also those slept through in HLT.  When a
    device is due may change only when one of them acts, receives something, or is accessed by
    a port or a service: the machine asks anew after that.
    """

    def due(self) -> int | None:
        """Return when it next wants to act; None: not before something else happens."""
        ...

    def advance(self, time: int) -> None:
        """Let everything happen that is due until ``time``, and make `due` later than that."""
        ...

    def is_heard(self) -> bool:
        """Return whether what it does may interrupt the processor, as things are now."""
        ...


class InterruptController(Component, Protocol):
    """What stands between the devices' interrupt lines and the processor."""

    def pending(self) -> bool:
        """Return whether it asks the processor for an interrupt."""
        ...

    def acknowledge(self) -> int:
        """Return the interrupt's vector, as in the processor's two INTA cycles."""
        ...

    def is_deaf(self) -> bool:
        """Return whether it would pass on no request at all, as it is now."""
        ...


class NonMaskable(Component, Protocol):
    """What asks for the interrupt that the processor can't refuse."""

    def pending(self) -> bool:
        """Return whether it asks."""
        ...

    def acknowledge(self) -> None:
        """Note that the processor enters the interrupt."""
        ...


_SS, _SP = int(Cell.SS), int(Cell.SP)
CALLER_FLAGS = 4
"""At a stub, the caller's IP, CS and flags lie at SS:SP+0, +2, +4."""


def caller_flags_address(guest: Guest) -> int:
    """Return the linear address of the flags that the stub's IRET will restore."""
    cells = guest.registers.cells
    return guest.linear(cells[_SS], cells[_SP] + CALLER_FLAGS)


def set_caller_flag(guest: Guest, mask: int, on: bool) -> None:
    """Set or clear flags of the low byte (like CF) in what the stub's IRET will restore."""
    memory, cells = guest.memory, guest.registers.cells
    address = (cells[_SS] << 4) + (cells[_SP] + CALLER_FLAGS & 0xFFFF)
    if address >= MEMORY_SIZE:
        address = caller_flags_address(guest)
    flags = memory.whole[address]  # the IRET reads them anyway
    wanted = flags | mask if on else flags & ~mask
    if wanted != flags:
        memory.write(address, bytes((wanted,)))
