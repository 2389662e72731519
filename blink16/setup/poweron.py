"""Power on: memory and registers as a real machine may have them, which is anyhow.

A boot sector that counts on zeros, or on being entered as 0000:7C00, runs in an emulator and on
no PC.  The BIOS leaves CS:IP with one of two values, DL with the drive, and nothing else.
"""

from __future__ import annotations

from random import Random

from blink16.bios.rom import jump
from blink16.memory import MEMORY_SIZE, RAM_SIZE, linear
from blink16.services import Guest

RAM = range(0x600, 0xA0000)
"""Behind vectors and data areas, which the BIOS writes."""
HIGH_RAM = range(MEMORY_SIZE, RAM_SIZE)
"""What an 80286 has besides, be its address line 20 open or not."""
TO_BOOT_SECTOR, OTHERWISE = jump(0x0000, 0x7C00), jump(0x07C0, 0x0000)
"""How BIOSes jump to the same place."""
FREE_REGISTERS = ("ax", "bx", "cx", "si", "di", "bp", "ds", "es")
STACKS = (0x0000, 0x7C00), (0x0030, 0x0100), (0x0000, 0x0400)
STATUS_FLAGS = 0x08D5


class DrawnSeed(int):
    """A seed that nobody has named, and which is told, so that the same can be had again."""

    def told(self) -> str:
        """Return how to have the same again."""
        return f"memory and registers hold anything; --poweron random:{self} makes it the same"


def fill_memory(guest: Guest, seed: int) -> None:
    """Fill RAM with anything; to be done before there is a program."""
    random = Random(seed)
    for ram in (RAM, HIGH_RAM) if guest.has_a20 else (RAM,):
        guest.memory.store(ram.start, random.randbytes(len(ram)))


def fill_registers(guest: Guest, seed: int) -> None:
    """Give registers any values before a boot sector, and the BIOS a way to jump there."""
    random, r = Random(seed + 1), guest.registers
    at = linear(r.cs, r.ip)
    if guest.memory.read(at, len(TO_BOOT_SECTOR)) != TO_BOOT_SECTOR:
        return  # an option ROM comes first
    for name in FREE_REGISTERS:
        setattr(r, name, random.getrandbits(16))
    r.dh = random.getrandbits(8)
    r.flags ^= random.getrandbits(16) & STATUS_FLAGS
    r.ss, r.sp = random.choice(STACKS)
    if random.getrandbits(1):
        guest.memory.write(at, OTHERWISE)
