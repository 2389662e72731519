"""Option ROMs: the BIOS extensions on adapter cards, which the self-test finds and calls.

Source: IBM PC/XT Technical Reference, "ROM scan".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from construct import Const, Int8ul, Struct

from blink16.bios.geometry import BootError
from blink16.memory import Memory
from blink16.words.texts import counted

SCAN_BEGIN, SCAN_END, SCAN_STEP = 0xC0000, 0xF0000, 0x800
BLOCK = 512
ENTRY = 3
"""Offset of the code that a scan calls."""
HEADER = Struct("signature" / Const(b"\x55\xaa"), "blocks" / Int8ul)


@dataclass(frozen=True, slots=True)
class OptionRom:
    """A ROM's image and the linear address where it is to be."""

    address: int
    image: bytes


def place(memory: Memory, roms: Sequence[OptionRom]) -> None:
    """Put ROMs into memory; BootError if one can't be there."""
    taken: list[range] = []
    for rom in roms:
        where = range(rom.address, rom.address + len(rom.image))
        if not rom.image:
            raise BootError(f"the ROM for address {rom.address:05X}h is empty")
        if where.start < SCAN_BEGIN or where.stop > SCAN_END:
            raise BootError(
                f"a ROM of {counted(len(rom.image), 'byte')} at {rom.address:05X}h isn't between "
                f"{SCAN_BEGIN:05X}h and {SCAN_END:05X}h"
            )
        if any(where.start < other.stop and other.start < where.stop for other in taken):
            raise BootError(f"the ROM at {rom.address:05X}h overlaps another one")
        taken.append(where)
        memory.write(rom.address, rom.image)


def scan(memory: Memory) -> list[int]:
    """Return the linear addresses of the ROMs that there are, whose checksum is right."""
    found = []
    for address in range(SCAN_BEGIN, SCAN_END, SCAN_STEP):
        start = memory.read(address, HEADER.sizeof())
        if start[:2] != b"\x55\xaa":
            continue
        length = HEADER.parse(start).blocks * BLOCK
        inside = 0 < length <= SCAN_END - address
        if inside and sum(memory.read(address, length)) % 256 == 0:
            found.append(address)
    return found
