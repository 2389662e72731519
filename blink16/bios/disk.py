"""Disks: INT 13h over an image, whose sectors the guest changes in an overlay only.

Source: IBM PC/XT Technical Reference, BIOS listings of diskette and fixed disk; Ralf Brown's
Interrupt List, INT 13h.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from construct import Bytes, Int8ul, Int16ul, Int32ul, Struct

from blink16.bios.data_area import DataArea
from blink16.cpu.registers import CF
from blink16.memory import linear
from blink16.services import DONE, Guest, Outcome, set_caller_flag

SECTOR_SIZE = 512
FIRST_HARD_DISK = 0x80
HARD_DISK_HEADS, HARD_DISK_SECTORS = 16, 63
MAX_CYLINDERS = 1024
"""As many as INT 13h's ten bits can count."""


class BootError(ValueError):
    """An image that can't be booted, and why, in one line."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """A disk's shape, and what INT 13h/08h calls a floppy drive for it (0: a hard disk)."""

    cylinders: int
    heads: int
    sectors: int
    drive_type: int = 0

    @property
    def total(self) -> int:
        """Sectors on the disk."""
        return self.cylinders * self.heads * self.sectors


FLOPPIES = tuple(
    Geometry(*shape)
    for shape in (
        (40, 1, 8, 1),  # 160K
        (40, 1, 9, 1),  # 180K
        (40, 2, 8, 1),  # 320K
        (40, 2, 9, 1),  # 360K
        (80, 2, 9, 3),  # 720K
        (80, 2, 15, 2),  # 1.2M
        (80, 2, 18, 4),  # 1.44M
        (80, 2, 36, 6),  # 2.88M
    )
)
BY_SIZE = {geometry.total * SECTOR_SIZE: geometry for geometry in FLOPPIES}
DEFAULT_FLOPPY = FLOPPIES[6]
"""For images shorter than any disk, like a boot sector alone; what they lack reads as zeros."""
MAX_FLOPPY_SIZE = max(BY_SIZE)
MAX_IMAGE_SIZE = MAX_CYLINDERS * HARD_DISK_HEADS * HARD_DISK_SECTORS * SECTOR_SIZE

BPB = Struct(
    "jump" / Bytes(3),
    "oem" / Bytes(8),
    "sector_size" / Int16ul,
    "cluster_sectors" / Int8ul,
    "reserved_sectors" / Int16ul,
    "fats" / Int8ul,
    "root_entries" / Int16ul,
    "sectors16" / Int16ul,
    "media" / Int8ul,
    "fat_sectors" / Int16ul,
    "track_sectors" / Int16ul,
    "heads" / Int16ul,
    "hidden" / Int32ul,
    "sectors32" / Int32ul,
)
"""DOS' BIOS parameter block, at the beginning of a FAT disk's boot sector."""


def _described(image: bytes) -> Geometry | None:
    """Return the floppy that the image's BPB describes, if it has a BPB."""
    bpb = BPB.parse(image)
    total = bpb.sectors16 or bpb.sectors32
    plausible = (
        bpb.jump[0] in (0xEB, 0xE9)
        and bpb.sector_size == SECTOR_SIZE
        and bpb.fats in (1, 2)
        and 0 < bpb.track_sectors <= 63
        and bpb.heads in (1, 2)
        and 0 < total <= MAX_FLOPPY_SIZE // SECTOR_SIZE
        and total % (bpb.track_sectors * bpb.heads) == 0
    )
    if not plausible:
        return None
    cylinders = total // (bpb.track_sectors * bpb.heads)
    return Geometry(cylinders, bpb.heads, bpb.track_sectors, DEFAULT_FLOPPY.drive_type)


def geometry_of(image: bytes, *, hard_disk: bool = False) -> Geometry:
    """Return an image's geometry by its size; BootError if no disk can be like that."""
    size = len(image)
    if not size:
        raise BootError("the disk image is empty")
    if size % SECTOR_SIZE:
        raise BootError(f"the disk image is {size} bytes long, not whole sectors of {SECTOR_SIZE}")
    if size > MAX_IMAGE_SIZE:
        raise BootError(f"the disk image is too large: {size} bytes, at most {MAX_IMAGE_SIZE}")
    if hard_disk or size > MAX_FLOPPY_SIZE:
        cylinder = HARD_DISK_HEADS * HARD_DISK_SECTORS * SECTOR_SIZE
        return Geometry(-(-size // cylinder), HARD_DISK_HEADS, HARD_DISK_SECTORS)
    described = _described(image)
    if described is not None and SECTOR_SIZE < size < described.total * SECTOR_SIZE:
        raise BootError(
            f"the disk image is truncated: {size // SECTOR_SIZE} sectors of the "
            f"{described.total} that its boot sector promises"
        )
    if size in BY_SIZE:
        return BY_SIZE[size]
    if described is not None and described.total * SECTOR_SIZE >= size:
        return described
    return next((g for g in FLOPPIES[6:] if g.total * SECTOR_SIZE >= size), DEFAULT_FLOPPY)


class Disk:
    """An image and the sectors that the guest wrote.  A component (`services.Component`)."""

    def __init__(self, drive: int, image: bytes, geometry: Geometry) -> None:
        self.drive = drive
        self.geometry = geometry
        self._image = image
        self._written: dict[int, bytes] = {}
        self._saved: tuple[tuple[int, bytes], ...] | None = ()

    def read(self, sector: int) -> bytes:
        """Return a sector by its number from 0."""
        written = self._written.get(sector)
        if written is not None:
            return written
        start = sector * SECTOR_SIZE
        return self._image[start : start + SECTOR_SIZE].ljust(SECTOR_SIZE, b"\0")

    def write(self, sector: int, data: bytes) -> None:
        """Replace a sector, in the overlay."""
        self._written[sector] = data
        self._saved = None

    def save(self) -> Any:
        """Return the overlay, whose sectors are shared, not copied."""
        if self._saved is None:
            self._saved = tuple(self._written.items())
        return self._saved

    def restore(self, state: Any) -> None:
        """Take the overlay of a `save`."""
        self._saved = state
        self._written = dict(state)


class Status(IntEnum):
    """What INT 13h has in AH."""

    OK = 0x00
    BAD_COMMAND = 0x01
    SECTOR_NOT_FOUND = 0x04
    TIME_OUT = 0x80


class DiskService:
    """INT 13h for at most one disk."""

    def __init__(self, disk: Disk | None, parameters: tuple[int, int]) -> None:
        """``parameters``: where the diskette parameter table is (segment, offset)."""
        self._disk = disk
        self._parameters = parameters

    def __call__(self, guest: Guest) -> Outcome:
        """Do the function in AH for the drive in DL."""
        r = guest.registers
        area, drive = DataArea(guest.memory), r.dl
        function = r.ah
        if function == 0x01:
            self._finish(guest, Status(_last_status(area, drive)), drive)
            return DONE
        if function == 0x15:
            self._drive_kind(guest)
            return DONE
        if self._disk is None or drive != self._disk.drive:
            # a controller without disks can be reset all the same
            status = Status.OK if function == 0 else Status.TIME_OUT
            if function in (0x02, 0x03, 0x04):
                r.al = 0
        else:
            status = self._do(guest, self._disk, function)
        self._finish(guest, status, drive)
        return DONE

    def _do(self, guest: Guest, disk: Disk, function: int) -> Status:
        match function:
            case 0x02 | 0x03 | 0x04:
                return _transfer(guest, disk, function)
            case 0x08:
                return self._get_parameters(guest, disk)
            case 0x00 | 0x0C | 0x0D | 0x10 | 0x11 | 0x14 | 0x16 | 0x17:
                return Status.OK  # reset, seek, ready?, recalibrate, diagnose, changed?
            case 0x18:
                guest.registers.es, guest.registers.di = self._parameters
                return Status.OK
            case _:
                return Status.BAD_COMMAND

    def _finish(self, guest: Guest, status: Status, drive: int) -> None:
        area = DataArea(guest.memory)
        if drive >= FIRST_HARD_DISK:
            area.disk_status = status
        else:
            area.floppy_status = status
        guest.registers.ah = status
        set_caller_flag(guest, CF, status is not Status.OK)

    def _get_parameters(self, guest: Guest, disk: Disk) -> Status:
        """08h: the last cylinder, head and sector, and how many drives there are."""
        r, g = guest.registers, disk.geometry
        last = g.cylinders - 1
        r.ax = 0
        r.ch, r.cl = last & 0xFF, g.sectors | last >> 2 & 0xC0
        r.dh, r.dl = g.heads - 1, 1
        if disk.drive < FIRST_HARD_DISK:
            r.bx = g.drive_type
            r.es, r.di = self._parameters
        return Status.OK

    def _drive_kind(self, guest: Guest) -> None:
        """15h: no drive (0), a floppy with no change line (1), a hard disk of CX:DX sectors (3)."""
        r = guest.registers
        set_caller_flag(guest, CF, False)
        if self._disk is None or r.dl != self._disk.drive:
            r.ax = 0
        elif r.dl >= FIRST_HARD_DISK:
            r.ah = 3
            total = self._disk.geometry.total
            r.cx, r.dx = total >> 16, total
        else:
            r.ah = 1


def _last_status(area: DataArea, drive: int) -> int:
    status = area.disk_status if drive >= FIRST_HARD_DISK else area.floppy_status
    return status if status in set(Status) else Status.BAD_COMMAND


def _transfer(guest: Guest, disk: Disk, function: int) -> Status:
    """02h, 03h, 04h: read, write or verify AL sectors from CH/DH/CL on, at ES:BX.

    A transfer goes on at the next head and cylinder; one that doesn't lie on the disk fails
    before it began.
    """
    r, g = guest.registers, disk.geometry
    count, r.al = r.al, 0
    cylinder, head, sector = r.ch | (r.cl & 0xC0) << 2, r.dh, r.cl & 0x3F
    first = (cylinder * g.heads + head) * g.sectors + sector - 1
    if not count:
        return Status.BAD_COMMAND
    on_disk = cylinder < g.cylinders and head < g.heads and 0 < sector <= g.sectors
    if not on_disk or first + count > g.total:
        return Status.SECTOR_NOT_FOUND
    buffer = linear(r.es, r.bx)
    if function == 0x02:
        guest.memory.write(buffer, b"".join(disk.read(first + i) for i in range(count)))
    elif function == 0x03:
        data = guest.memory.read(buffer, count * SECTOR_SIZE)
        for i in range(count):
            disk.write(first + i, data[i * SECTOR_SIZE : (i + 1) * SECTOR_SIZE])
    r.al = count
    return Status.OK
