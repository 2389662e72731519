"""Registers as tools for DOSBox-X see them: sixteen, with the offsets in EIP and ESP.

gdb would run through its own breakpoints with an offset in eip; these tools multiply CS by
sixteen themselves.  Source: DOSBox-X's gdb stub, as the client dbxdebug 0.5 describes it.
"""

from __future__ import annotations

import struct

from blink16.cpu.registers import Cell, Registers
from blink16.gdbstub.registers import RegisterOwner
from blink16.gdbstub.replies import RefusedError

FEATURE = "dosbox-x-linear-bp+"
"""By which such a tool knows that addresses of memory and breakpoints are linear."""
NAMES = ("ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "ip", "flags", "cs", "ss", "ds", "es")
COUNT = 16  # FS and GS, which an 8086 has not, are zeros
SIZE = 4 * COUNT
_ALL = struct.Struct("<16I")


def read_all(registers: Registers) -> bytes:
    """Return all registers as g has them."""
    ax, cx, dx, bx, sp, bp, si, di, es, cs, ss, ds, ip = registers.cells[: Cell.IP + 1]
    flags = registers.flags
    return _ALL.pack(ax, cx, dx, bx, sp, bp, si, di, ip, flags, cs, ss, ds, es, 0, 0)


def read(registers: Registers, number: int) -> bytes:
    """Return one register, little-endian; RefusedError if there is none of that number."""
    if number >= COUNT:
        raise RefusedError(f"no register {number}")
    return read_all(registers)[4 * number : 4 * number + 4]


def write(owner: RegisterOwner, number: int, data: bytes) -> None:
    """Set one register; RefusedError if there is none, or if it has another size."""
    if number >= len(NAMES):
        raise RefusedError(f"no register {number}")
    if len(data) != 4:
        raise RefusedError("a register has 32 bits")
    if data != read(owner.registers, number):
        owner.write_register(NAMES[number], int.from_bytes(data, "little") & 0xFFFF)


def write_all(owner: RegisterOwner, data: bytes) -> None:
    """Set all registers from what g shows; RefusedError if the size is wrong."""
    if len(data) != SIZE:
        raise RefusedError(f"the registers are {SIZE} bytes, not {len(data)}")
    for number in range(len(NAMES)):
        write(owner, number, data[4 * number : 4 * number + 4])
