"""A hard disk behind an AT's disk ports: where its registers point, and what it says of itself.

Source: ANSI X3.221, AT Attachment, 7.2 (addresses) and 9.9 (IDENTIFY DRIVE).
"""

from __future__ import annotations

from typing import NamedTuple

SECTOR_SIZE = 512
COUNT, SECTOR, CYLINDER_LOW, CYLINDER_HIGH, DRIVE = 2, 3, 4, 5, 6
HEAD, BY_NUMBER = 0x0F, 0x40
"""The drive register: the head, and whether the sector is named by its number (LBA)."""
MAX_CYLINDERS = 65_535
BUFFER_SECTORS, MULTIPLE_SECTORS = 16, 16

Shape = tuple[int, int, int]
"""Cylinders, heads, and sectors of a track."""


class DriveSettings(NamedTuple):
    """What a host has told a drive; 0 where it has not."""

    heads: int = 0
    sectors: int = 0
    """INITIALIZE DRIVE PARAMETERS: the heads and sectors of a track that the host reckons with."""
    multiple: int = 0
    """SET MULTIPLE MODE: the sectors of a block."""

    def shape(self, real: Shape) -> Shape:
        """Return the shape that the host reckons with."""
        if not self.heads or not self.sectors:
            return real
        total = real[0] * real[1] * real[2]
        cylinders = total // (self.heads * self.sectors)
        return min(cylinders, MAX_CYLINDERS), self.heads, self.sectors


class Place:
    """What the registers name."""

    def __init__(self, registers: bytes, real: Shape, total: int, settings: DriveSettings) -> None:
        """``total``: sectors that there are, which the real shape's last cylinder may lack."""
        self._registers = registers
        self._total = total
        self._shape = settings.shape(real)
        self.cylinder = registers[CYLINDER_LOW] | registers[CYLINDER_HIGH] << 8
        self._head, self._sector = registers[DRIVE] & HEAD, registers[SECTOR]
        self._by_number = bool(registers[DRIVE] & BY_NUMBER)

    @property
    def number(self) -> int | None:
        """The number of the sector from 0; None: there is none."""
        if self._by_number:
            number = self._head << 24 | self.cylinder << 8 | self._sector
            return number if number < self._total else None
        track = self.track
        if track is None or not 0 < self._sector <= len(track):
            return None
        return track[self._sector - 1]

    @property
    def track(self) -> range | None:
        """The numbers of the track's sectors that there are; None: there is no such track."""
        cylinders, heads, sectors = self._shape
        if self.cylinder >= cylinders or self._head >= heads:
            return None
        first = (self.cylinder * heads + self._head) * sectors
        return range(first, min(first + sectors, self._total)) if first < self._total else None

    def next(self) -> bytes:
        """Return the registers as they name the sector behind."""
        number = self.number
        if number is None:
            return self._registers
        number += 1
        if self._by_number:
            head, cylinder, sector = number >> 24, number >> 8 & 0xFFFF, number & 0xFF
        else:
            _, heads, sectors = self._shape
            track, sector = number // sectors, number % sectors + 1
            cylinder, head = divmod(track, heads)
        r = bytearray(self._registers)
        r[SECTOR] = sector
        r[CYLINDER_LOW], r[CYLINDER_HIGH] = cylinder & 0xFF, cylinder >> 8 & 0xFF
        r[DRIVE] = r[DRIVE] & ~HEAD | head & HEAD
        return bytes(r)


def identity(real: Shape, total: int, settings: DriveSettings) -> bytes:
    """Return what IDENTIFY DRIVE tells; ``total``: see `Place`."""
    cylinders, heads, sectors = real
    words = [0] * 256
    words[0], words[1], words[3], words[6] = 0x0040, cylinders, heads, sectors
    words[4], words[5] = sectors * SECTOR_SIZE, SECTOR_SIZE
    words[20], words[21], words[22] = 3, BUFFER_SECTORS, 4
    words[47] = MULTIPLE_SECTORS
    words[49], words[51], words[53] = 0x0200, 0x0200, 1  # sectors by number; slow PIO
    now = settings.shape(real)
    words[54], words[55], words[56] = now
    reached = now[0] * now[1] * now[2]
    words[57], words[58] = reached & 0xFFFF, reached >> 16
    words[59] = 0x0100 | settings.multiple if settings.multiple else 0
    words[60], words[61] = total & 0xFFFF, total >> 16
    for at, text in ((10, "1".rjust(20)), (23, "1.0".ljust(8)), (27, "blink16 disk".ljust(40))):
        for number in range(len(text) // 2):
            words[at + number] = ord(text[2 * number]) << 8 | ord(text[2 * number + 1])
    return b"".join(word.to_bytes(2, "little") for word in words)
