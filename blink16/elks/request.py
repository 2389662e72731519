"""A system call's arguments, and the caller's memory."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from blink16.cpu.registers import Cell
from blink16.elks.kernel import Kernel
from blink16.elks.state import Task, WaitFor, Waiting
from blink16.hostfs.hostfolder import os_error
from blink16.memory import linear
from blink16.services import CALLER_FLAGS, Guest, Outcome

GENERAL = slice(Cell.AX, Cell.DI + 1)
_DS = int(Cell.DS)
SEGMENT_SIZE = 0x10000
MAX_PATH = 1024


@dataclass(frozen=True, slots=True)
class Blocked:
    """A call that must wait.  It has changed nothing but its task's progress."""

    waiting: Waiting
    interrupted: int = errno.EINTR
    """What a signal makes of it."""


@dataclass(frozen=True, slots=True)
class Born:
    """There is another process, whose number is the call's result."""

    child: int
    borrows: bool = False
    """It runs at once, in its parent's memory."""


Result = int | Blocked | Born | Outcome
"""AX; or why there is none yet, or will be none."""


class Request:
    """What a program asks for.  All methods raise EFAULT beyond the end of a segment."""

    __slots__ = ("bx", "cx", "di", "dx", "guest", "kernel", "number", "si")

    def __init__(self, kernel: Kernel, guest: Guest) -> None:
        """Take the request of a guest that stands at INT 80h's stub."""
        self.kernel, self.guest = kernel, guest
        registers = guest.registers.cells[GENERAL].tolist()
        self.number, self.cx, self.dx, self.bx, _, _, self.si, self.di = registers

    @property
    def task(self) -> Task:
        """The process that asks."""
        return self.kernel.task

    def address(self, offset: int, length: int) -> int:
        """Return the linear address of a range in the segment that the caller has in DS."""
        ds = self.guest.registers.cells[_DS]
        last = offset + length
        for block in self.kernel.state.blocks:
            if block.segment == ds:
                if last > block.paragraphs << 4:
                    raise os_error(errno.EFAULT)
                break
        if last > SEGMENT_SIZE:
            raise os_error(errno.EFAULT)
        return linear(ds, offset)

    def get(self, offset: int, length: int) -> bytes:
        """Read the caller's memory."""
        return self.guest.memory.read(self.address(offset, length), length) if length else b""

    def put(self, offset: int, data: bytes) -> None:
        """Write the caller's memory."""
        if data:
            self.guest.memory.write(self.address(offset, len(data)), data)

    def word(self, offset: int) -> int:
        """Read a word."""
        return int.from_bytes(self.get(offset, 2), "little")

    def put_word(self, offset: int, value: int) -> None:
        """Write a word."""
        self.put(offset, (value & 0xFFFF).to_bytes(2, "little"))

    def path(self, offset: int) -> str:
        """Read a path name that ends with a NUL; none at all is the working directory."""
        length = min(MAX_PATH + 1, SEGMENT_SIZE - offset)
        memory, start = self.guest.memory, linear(self.guest.registers.cells[_DS], offset)
        # find the end without touching what lies behind it, for the sake of watchpoints
        end = memory.find(b"\0", start, start + length)
        if end < 0:
            raise os_error(errno.ENAMETOOLONG if length > MAX_PATH else errno.EFAULT)
        if end == start:
            return "."
        self.address(offset, end - start)
        return str(memory.read(start, end - start), "utf-8", "surrogateescape")

    def deadline(self, milliseconds: int) -> int:
        """Return when a wait that began with this call ends, the same each time it is redone."""
        waiting = self.task.waiting
        if waiting is not None and waiting.deadline is not None:
            return waiting.deadline
        return self.kernel.later(milliseconds)

    def block(
        self, reason: WaitFor, subject: int = 0, amount: int = 0, deadline: int | None = None
    ) -> Blocked:
        """Return that the call must wait."""
        return Blocked(Waiting(reason, subject, amount, deadline))


def signed16(value: int) -> int:
    """Return a word as a C int."""
    return value - 0x10000 if value & 0x8000 else value


def behind_stub(guest: Guest) -> dict[str, int]:
    """Return the registers that the caller has when the stub's IRET has returned to it."""
    r, memory = guest.registers, guest.memory
    values = {
        name: getattr(r, name)
        for name in ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp", "ds", "es", "ss")
    }
    values["ip"] = memory.read_word(linear(r.ss, r.sp))
    values["cs"] = memory.read_word(linear(r.ss, r.sp + 2))
    values["flags"] = memory.read_word(linear(r.ss, r.sp + CALLER_FLAGS))
    values["sp"] = (r.sp + CALLER_FLAGS + 2) & 0xFFFF
    return values
