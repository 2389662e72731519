"""What an AT's battery keeps in the CMOS memory: the configuration that SETUP would have written.

Our own BIOS looks at the devices themselves; other BIOSes (`--bios`) and programs read it here.
Source: IBM PC/AT Technical Reference, "CMOS RAM address map"; for the shapes of disks of no IBM
type, Ralf Brown's CMOS memory map, 1Bh to 2Ch, and 3Dh.
"""

from __future__ import annotations

from collections.abc import Iterator

from blink16.bios.drives import Drives
from blink16.bios.geometry import FIRST_HARD_DISK
from blink16.devices.ppi import Display, switches
from blink16.devices.rtc import Rtc
from blink16.devices.video import Adapter
from blink16.memory import MEMORY_SIZE, RAM_SIZE

FLOPPIES, HARD_DISKS, EQUIPMENT, BASE_MEMORY, ADDED_MEMORY = 0x10, 0x12, 0x14, 0x15, 0x17
DISK_TYPES, SHAPES, CHECKSUM, FOUND_MEMORY = 0x19, (0x1B, 0x24), 0x2E, 0x30
BOOT_ORDER, BOOT_FLOPPY, BOOT_HARD_DISK = 0x3D, 1, 2
"""What BIOSes of emulators try first, and second in the high nibble; IBM's looks at drives only."""
CHECKED = range(FLOPPIES, CHECKSUM)
SEE_BELOW, OWN_SHAPE = 0xF, 47
"""A disk's type of four bits that stands for the byte at 19h, and the type whose shape follows."""
NEVER_PRECOMPENSATE, MORE_THAN_8_HEADS = 0xFFFF, 0x08
BASE_KIB = 640


def fill(
    rtc: Rtc, drives: Drives, adapter: Adapter, *, extended: bool, coprocessor: bool = False
) -> None:
    """Let the clock's memory say what the machine has.

    ``extended``: whether there is memory above the first mebibyte; ``coprocessor``: an 80287.
    """
    memory = {
        FLOPPIES: _floppy_type(drives, 0) << 4 | _floppy_type(drives, 1),
        EQUIPMENT: _equipment(drives, adapter, coprocessor),
    }
    memory |= _word(BASE_MEMORY, BASE_KIB)
    added = RAM_SIZE - MEMORY_SIZE >> 10 if extended else 0
    memory |= _word(ADDED_MEMORY, added) | _word(FOUND_MEMORY, added)
    types = 0
    for number, at in enumerate(SHAPES):
        disk = drives.disk(FIRST_HARD_DISK + number)
        if disk is not None:
            types |= SEE_BELOW << (0 if number else 4)
            memory[DISK_TYPES + number] = OWN_SHAPE
            memory |= dict(zip(range(at, at + 9), _shape(*disk.shape), strict=True))
    memory[HARD_DISKS] = types
    memory[BOOT_ORDER] = BOOT_FLOPPY | BOOT_HARD_DISK << 4
    total = sum(value for at, value in memory.items() if at in CHECKED)
    memory[CHECKSUM], memory[CHECKSUM + 1] = total >> 8 & 0xFF, total & 0xFF
    rtc.keep(memory)


def _floppy_type(drives: Drives, drive: int) -> int:
    return drives.geometry(drive).drive_type if drive in drives else 0


def _equipment(drives: Drives, adapter: Adapter, coprocessor: bool) -> int:
    display = Display.MONOCHROME if adapter.is_mono else Display.COLOR_80X25
    if adapter.has_planes:
        display = Display.NONE  # it has a BIOS of its own
    banks = switches(Display.NONE, 1) & ~1  # which an AT's byte has not
    floppies = drives.count(hard_disks=False)
    return switches(display, floppies, coprocessor=coprocessor) & ~banks


def _word(at: int, value: int) -> dict[int, int]:
    return {at: value & 0xFF, at + 1: value >> 8}


def _shape(cylinders: int, heads: int, sectors: int) -> Iterator[int]:
    """Return the nine bytes of a disk of a type of its own."""
    yield from cylinders.to_bytes(2, "little")
    yield heads
    yield from NEVER_PRECOMPENSATE.to_bytes(2, "little")
    yield MORE_THAN_8_HEADS if heads > 8 else 0
    yield from cylinders.to_bytes(2, "little")  # where the heads land
    yield sectors
