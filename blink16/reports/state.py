"""Where a machine stands: registers, time, why it stopped, and who holds it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from blink16.breakpoints import PointKind
from blink16.cpu.registers import Cell
from blink16.memory import MEMORY_SIZE, linear
from blink16.reports.look import Doing, Holder, Look
from blink16.reports.ranges import Bit, Count, Linear, MemoryEnd, Word
from blink16.reports.registry import NoQuery, report

if TYPE_CHECKING:
    from blink16.cpu.registers import Registers
    from blink16.debugger import Event
    from blink16.machine import Machine

FLAG_BITS = {"CF": 0, "PF": 2, "AF": 4, "ZF": 6, "SF": 7, "TF": 8, "IF": 9, "DF": 10, "OF": 11}
"""The flags of an 8086, by Intel's names."""


class StopKind(StrEnum):
    """Why a machine stands."""

    STEPPED = "stepped"
    BREAKPOINT = "breakpoint"
    CAUGHT = "caught"
    WATCHPOINT = "watchpoint"
    INTERRUPTED = "interrupted"
    HISTORY_START = "history start"
    HALTED = "halted"
    EXITING = "exiting"
    EXITED = "exited"
    SIGNALLED = "signalled"
    KILLED = "killed"
    RESTARTED = "restarted"
    LOADED = "loaded"
    EXECUTED = "executed"
    FORKED = "forked"
    VFORKED = "vforked"
    MOVED = "moved"
    LACKING = "lacking"


class PointRole(StrEnum):
    """What a breakpoint or watchpoint waits for."""

    EXECUTE = "execute"
    WRITE = "write"
    READ = "read"
    ACCESS = "access"
    CATCH = "catch"


@dataclass(frozen=True, slots=True)
class StopReport:
    """What ended the last run."""

    kind: StopKind
    role: PointRole | None = None
    """Of the watchpoint that was hit."""
    point: Linear | None = None
    """The linear address of that watchpoint."""
    address: Linear | None = None
    """The linear address that was touched."""
    status: int = 0
    """The program's exit status, where it ends."""
    signal: int = 0
    """The POSIX number of the signal that a trap counts as."""
    text: str = ""
    """A sentence for the user, or empty."""


@dataclass(frozen=True, slots=True)
class RegisterValues:
    """The registers of an 8086 at one instant, 16 bits each."""

    ax: Word
    bx: Word
    cx: Word
    dx: Word
    si: Word
    di: Word
    bp: Word
    sp: Word
    cs: Word
    ds: Word
    es: Word
    ss: Word
    ip: Word
    flags: Word
    line_20: Bit = 0
    """1 while an 80286's address line 20 is open: addresses go on behind 1 MiB then."""

    def linear(self, segment: int, offset: int) -> int:
        """Return a linear address as the processor forms it with these registers."""
        return linear(segment, offset, self.line_20)

    @property
    def pc(self) -> int:
        """The linear address of the next instruction."""
        return self.linear(self.cs, self.ip)

    @property
    def stack(self) -> int:
        """The linear address of the top of the stack."""
        return self.linear(self.ss, self.sp)

    def flag(self, name: str) -> bool:
        """Whether a flag is set, by Intel's name (``ZF``)."""
        return bool(self.flags >> FLAG_BITS[name.upper()] & 1)

    @classmethod
    def of(cls, registers: Registers) -> RegisterValues:
        """Copy the registers of a machine."""
        line_20 = registers.cells[Cell.A20]
        values = {name: getattr(registers, name) for name in REGISTER_NAMES}
        return cls(**values, line_20=line_20)


REGISTER_NAMES = tuple(name for name in RegisterValues.__slots__ if name != "line_20")
"""What an 8086 calls its registers."""


@dataclass(frozen=True, slots=True)
class StateReport:
    """Where a machine stands."""

    generation: Count
    """Moves with every change to the machine or to what is known of it."""
    process: int
    command: str
    """The program's name and arguments."""
    processor: str
    """The processor's model, as its maker calls it."""
    doing: Doing
    holder: Holder
    wanted: bool
    """Whether somebody who watches asks to hold it."""
    icount: Count
    """Instructions retired since it started."""
    start: Count
    """The oldest instruction count that can be reached."""
    end: Count
    """The newest: `icount` is less in the past."""
    registers: RegisterValues
    stop: StopReport | None
    """None if it has not run yet, or was moved since."""
    at: str
    """The name of the next instruction's address (``main+3``), or empty."""
    cycles: Count = 0
    """Clock cycles of the processor since it started."""
    clock_hz: Count = 0
    """Clock cycles in a second of the guest's time; 0 if that is not known."""
    bare_line_feeds: bool = False
    """Whether lines that are printed end in LF alone: who shows them returns the carriage."""
    memory_end: MemoryEnd = MEMORY_SIZE
    """The linear address at which memory ends: 100000h, or 110000h where line 20 leads on."""


@report("state")
def state(look: Look, query: NoQuery) -> StateReport:
    """Where the machine stands: registers, instruction count, why it stopped, who holds it."""
    seen = look.circumstances
    registers = RegisterValues.of(look.registers)
    last = look.debugger.last_event()
    return StateReport(
        generation=seen.generation,
        process=seen.process,
        command=seen.command,
        processor=look.debugger.machine.model.name,
        doing=seen.doing,
        holder=seen.holder,
        wanted=seen.wanted,
        icount=look.registers.icount,
        start=look.history.start,
        end=max(look.history.end, look.registers.icount),
        registers=registers,
        stop=None if last is None or seen.doing is Doing.RUNS else stop_reason(last),
        at=look.name(registers.pc),
        cycles=look.registers.cycles,
        clock_hz=look.debugger.machine.clock_hz,
        bare_line_feeds=_has_bare_line_feeds(look.debugger.machine),
        memory_end=look.debugger.machine.memory.end,
    )


def _has_bare_line_feeds(machine: Machine) -> bool:
    from blink16.elks.kernel import Kernel  # clients import this module, and have no machine

    kernel = machine.find(Kernel)
    return kernel is not None and not kernel.kind.edits


def stop_reason(event: Event) -> StopReport:
    """Return a debugger's event as reports tell it."""
    return StopReport(
        StopKind[event.kind.name],
        ROLES[event.point.kind] if event.point else None,
        event.point.address if event.point else None,
        event.address,
        event.status,
        event.signal,
        event.text,
    )


ROLES = {
    PointKind.EXECUTE: PointRole.EXECUTE,
    PointKind.WRITE: PointRole.WRITE,
    PointKind.READ: PointRole.READ,
    PointKind.ACCESS: PointRole.ACCESS,
}
