"""Probes: what an engine writes down of all that it executes, and the tape that it writes on.

An event has a fixed size and lies on the tape in the order in which things happened.  Native code
finds the tape by a pointer in the packed state; everybody else calls `Tape.note`.  How often each
address was executed is counted in place.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from construct import Int16ul, Int32ul, Int64ul, Struct

from blink16.cpu.opcodes import ControlFlow
from blink16.cpu.registers import Registers
from blink16.cpu.slots import Slot
from blink16.memory import RAM_SIZE
from blink16.packing import packing


class Probe(IntFlag):
    """What is wanted."""

    EXECUTED = 1
    WRITES = 2
    READS = 4
    CALLS = 8
    RETURNS = 16
    INTERRUPTS = 32
    BRANCHES = 64
    PORTS = 128


class ProbeEvent(IntEnum):
    """What an event is.  What its fields mean follows from it."""

    FIRST = 0  # `address`: executed for the first time on this tape
    WRITE = 1  # `address`, `was`, `now`, of `detail` bits; `by` whom (`Accessor`)
    READ = 2  # `address`, `now`, of `detail` bits; `by` whom
    CALL = 3  # to the far address `target`; `detail`: a `Way`; SS:SP after it in `was`:`now`
    RETURN = 4  # the same
    INTERRUPT = 5  # the same; `by`: the vector
    BRANCH = 6  # the same
    PORT = 7  # `address`, `now`, of `detail` bits; `by`: a `Direction`


class Way(IntEnum):
    """How control went elsewhere: the detail of calls, returns, interrupts and branches."""

    NEAR = 0
    FAR = 1
    INTERRUPT = 2  # IRET
    SOFTWARE = 3  # INT, INTO, BOUND
    FAULT = 4  # a division, or what the processor refuses
    HARDWARE = 5  # between two instructions
    CONDITIONAL = 6  # a branch that was taken


class Accessor(IntEnum):
    """Who read or wrote memory."""

    GUEST = 0
    SERVICE = 1  # the host, at an interrupt's stub
    HOST = 2  # a device, or a debugger


class Direction(IntEnum):
    """What an instruction did with a port."""

    IN = 0
    OUT = 1


EVENT = Struct(
    "icount" / Int64ul,
    "kind" / Int16ul,
    "detail" / Int16ul,
    "cs" / Int16ul,
    "ip" / Int16ul,
    "target" / Int32ul,  # or address
    "was" / Int16ul,
    "now" / Int16ul,
    "by" / Int64ul,
)
"""Little-endian.  ``icount``: instructions retired before; ``cs``:``ip``: the instruction."""
EVENT_SIZE = EVENT.sizeof()
EVENT_LAYOUT = packing(EVENT)
"""The same for who reads many: its fields in order."""
_PACKED = struct.Struct("<4Q")
OPAQUE = 0x100
"""In a WRITE's detail: ``was`` is not known, since the address is a window to planes."""
COUNTS = RAM_SIZE
"""Counters: one for each CS * 16 + IP, which goes beyond 1 MiB where an address wraps."""
CAPACITY = 1 << 16
"""Events between two calls of whoever takes them."""
HEADER = 6
"""64-bit words of a tape's head: cursor, end, the flush function, the counters, a `Probe`, and
the instant of the load or store that is being done."""
CURSOR_WORD, END_WORD, FLUSH_WORD, COUNTS_WORD, PROBES_WORD, NOW_WORD = range(HEADER)
TAPE = Slot(248, 64)
"""Where the packed state has the address of the tape's head."""

WAYS: dict[ControlFlow, tuple[Probe, ProbeEvent, Way]] = {
    ControlFlow.CALL: (Probe.CALLS, ProbeEvent.CALL, Way.NEAR),
    ControlFlow.FAR_CALL: (Probe.CALLS, ProbeEvent.CALL, Way.FAR),
    ControlFlow.RETURN: (Probe.RETURNS, ProbeEvent.RETURN, Way.NEAR),
    ControlFlow.FAR_RETURN: (Probe.RETURNS, ProbeEvent.RETURN, Way.FAR),
    ControlFlow.INTERRUPT_RETURN: (Probe.RETURNS, ProbeEvent.RETURN, Way.INTERRUPT),
    ControlFlow.BRANCH: (Probe.BRANCHES, ProbeEvent.BRANCH, Way.CONDITIONAL),
    ControlFlow.JUMP: (Probe.BRANCHES, ProbeEvent.BRANCH, Way.NEAR),
    ControlFlow.FAR_JUMP: (Probe.BRANCHES, ProbeEvent.BRANCH, Way.FAR),
}
"""What is noted where an instruction takes control elsewhere."""


@dataclass(frozen=True, slots=True)
class Probes:
    """What is asked of a run."""

    wanted: Probe
    writes: tuple[range, ...] = ()
    """Linear addresses; the ranges in which WRITES are wanted."""
    reads: tuple[range, ...] = ()


class Tape:
    """Events and counts of a machine that runs with probes, for one engine at a time."""

    def __init__(
        self, probes: Probes, take: Callable[[memoryview], None], capacity: int = CAPACITY
    ) -> None:
        """Make an empty tape.

        ``take``: given events, many at once, which it may look at until it returns; it is called
        in the machine's thread, and what it raises is raised by `flush` later (and the events are
        lost).
        """
        self.probes = probes
        self.writer = Accessor.HOST
        """Who it is that reads and writes, while it is not the guest."""
        self._take = take
        self._held: list[bytes] | None = None
        self._events = mmap.mmap(-1, capacity * EVENT_SIZE)
        self._counts = mmap.mmap(-1, COUNTS * 8)
        self.counts = memoryview(self._counts).cast("Q")
        """How often the instruction at each CS * 16 + IP was executed."""
        self._begin = _address(self._events)
        self._error: BaseException | None = None
        self._flush = ctypes.CFUNCTYPE(None)(self._full)
        flush = ctypes.cast(self._flush, ctypes.c_void_p).value or 0
        self._head = (ctypes.c_uint64 * HEADER)(
            self._begin,
            self._begin + capacity * EVENT_SIZE,
            flush,
            _address(self._counts),
            int(probes.wanted),
            0,
        )

    def attach(self, registers: Registers) -> None:
        """Let native code find it."""
        TAPE.view(registers.state)[0] = ctypes.addressof(self._head)

    def note(
        self,
        kind: ProbeEvent,
        icount: int,
        place: tuple[int, int],
        target: int,
        *,
        detail: int = 0,
        was: int = 0,
        now: int = 0,
        by: int = 0,
    ) -> None:
        """Write an event down; ``place``: CS and IP."""
        words = kind | detail << 16 | place[0] << 32 | place[1] << 48
        rest = target | was << 32 | now << 48
        event = _PACKED.pack(icount, words, rest, by)
        if self._held is None:
            self._write(event)
        else:
            self._held.append(event)

    def _write(self, event: bytes) -> None:
        head = self._head
        if head[CURSOR_WORD] == head[END_WORD]:
            self._full()
        at = head[CURSOR_WORD] - self._begin
        self._events[at : at + EVENT_SIZE] = event
        head[CURSOR_WORD] += EVENT_SIZE

    def executed(self, icount: int, cs: int, ip: int) -> None:
        """Count an instruction that has retired; ``icount``: before it."""
        at = (cs << 4) + ip
        if not self.counts[at]:
            self.note(ProbeEvent.FIRST, icount, (cs, ip), at)
        self.counts[at] += 1

    def hold(self, writer: Accessor) -> None:
        """Put aside what is noted from now on, by ``writer``: it may come to nothing."""
        self.writer = writer
        self._held = []

    def release(self, *, keep: bool) -> None:
        """Write down what was put aside, or forget it."""
        held, self._held = self._held or (), None
        self.writer = Accessor.HOST
        for event in held if keep else ():
            self._write(event)

    def flush(self) -> None:
        """Hand over what has gathered; raises what went wrong when that was done before."""
        self._full()
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _full(self) -> None:
        """Empty the tape.  Native code calls this, too: nothing may be raised."""
        end = self._head[CURSOR_WORD] - self._begin
        self._head[CURSOR_WORD] = self._begin
        if end and self._error is None:
            try:
                self._take(memoryview(self._events)[:end])
            except BaseException as error:
                self._error = error


def _address(area: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(area))
