"""A system call's arguments, and the caller's memory."""

from __future__ import annotations

import errno
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from blink16.cpu.registers import Cell
from blink16.elks.kernel import Kernel
from blink16.elks.segments import PARAGRAPH, Blocks, find
from blink16.elks.state import Task, WaitFor, Waiting
from blink16.hostfs.hostfolder import os_error
from blink16.memory import ADDRESS_MASK, linear
from blink16.services import Guest, Outcome

_GENERAL = Struct("=8H")
"""The general registers, with which the packed state begins."""
_DS = int(Cell.DS)
SEGMENT_SIZE = 0x10000
MAX_PATH = 1024
KNOWN_PATHS = 256
"""Paths that need not be decoded anew."""


class Blocked(NamedTuple):
    """A call that must wait.  It has changed nothing but its task's progress."""

    waiting: Waiting
    interrupted: int = errno.EINTR
    """What a signal makes of it."""


class Born(NamedTuple):
    """There is another process, whose number is the call's result."""

    child: int
    borrows: bool = False
    """It runs at once, in its parent's memory."""


Result = int | Blocked | Born | Outcome
"""AX; or why there is none yet, or will be none."""


class Request:
    """What a program asks for, from one call to the next.

    All methods raise EFAULT beyond the end of a segment.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.guest: Guest = kernel.chassis
        self.number = 0
        self.bx = self.cx = self.dx = self.si = self.di = 0
        self.task: Task = kernel.task
        """The process that asks."""
        registers = self.guest.registers
        self._state, self._cells = registers.state, registers.cells
        self._read_before = self.guest.memory.read_before
        self._segment = -1
        """The caller's DS, as it was when its end was looked for."""
        self._blocks: Blocks = ()
        self._base = self._limit = 0

    def take(self) -> Task:
        """Take the request of a guest that stands at INT 80h's stub; return who asks."""
        self.number, self.cx, self.dx, self.bx, _, _, self.si, self.di = _GENERAL.unpack_from(
            self._state
        )
        state = self.kernel.state
        self.task = task = state.tasks[state.current or state.shown]
        return task

    def address(self, offset: int, length: int) -> int:
        """Return the linear address of a range in the segment that the caller has in DS."""
        segment = self._cells[_DS]
        if segment != self._segment or self.kernel.state.blocks is not self._blocks:
            self._enter(segment)
        if offset + length > self._limit:
            raise os_error(errno.EFAULT)
        return self._base + offset & ADDRESS_MASK

    def _enter(self, segment: int) -> None:
        """Look where the segment ends that the caller has in DS."""
        self._segment, self._blocks = segment, self.kernel.state.blocks
        block = find(self._blocks, segment)
        size = SEGMENT_SIZE if block is None else block.paragraphs * PARAGRAPH
        self._base, self._limit = linear(segment, 0), min(size, SEGMENT_SIZE)

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
        length = MAX_PATH + 1
        if offset + length > SEGMENT_SIZE:
            length = SEGMENT_SIZE - offset
        segment = self._cells[_DS]
        if segment != self._segment or self.kernel.state.blocks is not self._blocks:
            self._enter(segment)
        start = self._base + offset & ADDRESS_MASK
        room = self._limit - offset + 1 if offset < self._limit else 1
        name = self._read_before(b"\0", start, length if length < room else room)
        if name is None:
            is_endless = self.guest.memory.find(b"\0", start, start + length) < 0
            raise os_error(errno.ENAMETOOLONG if is_endless and length > MAX_PATH else errno.EFAULT)
        return _text(name) if name else "."

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


@lru_cache(maxsize=KNOWN_PATHS)
def _text(name: bytes) -> str:
    """Return a path as a string, the same object for those that come in loops."""
    return str(name, "utf-8", "surrogateescape")


def signed16(value: int) -> int:
    """Return a word as a C int."""
    return value - 0x10000 if value & 0x8000 else value
