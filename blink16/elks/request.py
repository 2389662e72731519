"""A system call's arguments, and the caller's memory."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from blink16.hostfolder import os_error
from blink16.memory import linear
from blink16.services import Guest

SEGMENT_SIZE = 0x10000
MAX_PATH = 1024


@dataclass(frozen=True, slots=True)
class Request:
    """What a program asks for.  All methods raise EFAULT beyond the end of a segment."""

    guest: Guest
    number: int
    bx: int
    cx: int
    dx: int

    @classmethod
    def of(cls, guest: Guest) -> Request:
        """Return the request of a guest that stands at INT 80h's stub."""
        registers = guest.registers
        return cls(guest, registers.ax, registers.bx, registers.cx, registers.dx)

    def address(self, offset: int, length: int) -> int:
        """Return the linear address of a range in the caller's data segment."""
        if offset + length > SEGMENT_SIZE:
            raise os_error(errno.EFAULT)
        return linear(self.guest.registers.ds, offset)

    def get(self, offset: int, length: int) -> bytes:
        """Read the caller's memory."""
        return self.guest.memory.read(self.address(offset, length), length)

    def put(self, offset: int, data: bytes) -> None:
        """Write the caller's memory."""
        if data:
            self.guest.memory.write(self.address(offset, len(data)), data)

    def word(self, offset: int) -> int:
        """Read a word."""
        return int.from_bytes(self.get(offset, 2), "little")

    def put_word(self, offset: int, value: int) -> None:
        """Write a word."""
        self.put(offset, value.to_bytes(2, "little"))

    def path(self, offset: int) -> str:
        """Read a path name that ends with a NUL."""
        length = min(MAX_PATH + 1, SEGMENT_SIZE - offset)
        start = linear(self.guest.registers.ds, offset)
        # find the end without touching what lies behind it, for the sake of watchpoints
        end = self.guest.memory[start : start + length].find(b"\0")
        if end < 0:
            raise os_error(errno.ENAMETOOLONG if length > MAX_PATH else errno.EFAULT)
        return self.get(offset, end).decode("utf-8", "surrogateescape") if end else ""


def signed16(value: int) -> int:
    """Return a word as a C int."""
    return value - 0x10000 if value & 0x8000 else value
