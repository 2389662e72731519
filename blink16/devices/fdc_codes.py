"""What a uPD765A's bytes mean: its commands, status registers, and the names of sectors.

Source: NEC uPD765A data sheet.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

MSR_REQUEST, MSR_TO_HOST, MSR_NO_DMA, MSR_BUSY = 0x80, 0x40, 0x20, 0x10
ST0_ABNORMAL, ST0_INVALID, ST0_ATTENTION = 0x40, 0x80, 0xC0
ST0_SEEK_END, ST0_CHECK, ST0_HEAD = 0x20, 0x10, 0x04
ST1_END, ST1_OVERRUN, ST1_NO_DATA, ST1_PROTECTED, ST1_NO_ADDRESS = 0x80, 0x10, 0x04, 0x02, 0x01
ST2_OTHER_MARK, ST2_WRONG_CYLINDER, ST2_EQUAL, ST2_NOT_SATISFIED = 0x40, 0x10, 0x08, 0x04
ST3_PROTECTED, ST3_READY, ST3_TRACK_0, ST3_TWO_SIDES = 0x40, 0x20, 0x10, 0x08
MULTI_TRACK, SKIP, COMMAND = 0x80, 0x20, 0x1F
ANY_BYTE = 0xFF
"""Which the scan commands take for equal to every other."""


class FdcCommand(IntEnum):
    """The lower five bits of a command's first byte."""

    READ_TRACK = 0x02
    SPECIFY = 0x03
    SENSE_DRIVE = 0x04
    WRITE = 0x05
    READ = 0x06
    RECALIBRATE = 0x07
    SENSE_INTERRUPT = 0x08
    WRITE_DELETED = 0x09
    READ_ID = 0x0A
    READ_DELETED = 0x0C
    FORMAT = 0x0D
    SEEK = 0x0F
    SCAN_EQUAL = 0x11
    SCAN_LOW = 0x19
    SCAN_HIGH = 0x1D


_LENGTHS = {
    FdcCommand.SPECIFY: 3,
    FdcCommand.SENSE_DRIVE: 2,
    FdcCommand.RECALIBRATE: 2,
    FdcCommand.SENSE_INTERRUPT: 1,
    FdcCommand.READ_ID: 2,
    FdcCommand.FORMAT: 6,
    FdcCommand.SEEK: 3,
}
WRITING = (FdcCommand.WRITE, FdcCommand.WRITE_DELETED)
SCANNING = (FdcCommand.SCAN_EQUAL, FdcCommand.SCAN_LOW, FdcCommand.SCAN_HIGH)
FROM_HOST = (*WRITING, *SCANNING, FdcCommand.FORMAT)
"""Commands whose bytes the host gives."""

BY_NAME = (*WRITING, *SCANNING, FdcCommand.READ, FdcCommand.READ_DELETED)
"""Commands that look for a sector by its name, cylinder and all."""


def length(command: bytes) -> int:
    """Return how many bytes the command has that begins so."""
    number = command[0] & COMMAND
    if number not in set(FdcCommand):
        return 1
    return _LENGTHS.get(FdcCommand(number), 9)


class SectorId(NamedTuple):
    """A sector's name, as its address mark has it."""

    cylinder: int
    head: int
    sector: int
    size: int
    """0 for 128 bytes, 1 for 256, 2 for 512, and so on."""

    def after(self, last: int, *, many: bool, step: int = 1) -> SectorId:
        """Return the name of the sector behind this one.

        ``last``: a track's last.  ``many``: the other side's track comes behind that of head 0.
        """
        if self.sector != last:
            return self._replace(sector=self.sector + step)
        head = self.head ^ 1 if many else self.head
        on = not many or not head & 1
        return SectorId(self.cylinder + on, head, 1, self.size)


def satisfies(command: FdcCommand, disk: bytes, host: bytes) -> tuple[bool, bool]:
    """Return whether a sector is what a scan looks for, and whether it is equal, byte by byte."""
    pairs = [(a, b) for a, b in zip(disk, host, strict=False) if ANY_BYTE not in (a, b)]
    equal = all(a == b for a, b in pairs)
    if command is FdcCommand.SCAN_LOW:
        return all(a <= b for a, b in pairs), equal
    if command is FdcCommand.SCAN_HIGH:
        return all(a >= b for a, b in pairs), equal
    return equal, equal
