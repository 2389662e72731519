"""Disks: images and their geometry, whose sectors the guest changes in an overlay only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from construct import Bytes, Int8ul, Int16ul, Int32ul, Struct

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

    def __init__(
        self, drive: int, image: bytes, geometry: Geometry, *, read_only: bool = False
    ) -> None:
        self.drive = drive
        self.geometry = geometry
        self.read_only = read_only
        self.image = image
        """What the disk held at the start."""
        self._written: dict[int, bytes] = {}
        self._saved: tuple[tuple[int, bytes], ...] | None = ()

    @property
    def is_floppy(self) -> bool:
        """Whether it is in a floppy drive."""
        return self.drive < FIRST_HARD_DISK

    @property
    def total(self) -> int:
        """Sectors that there are: a hard disk's last cylinder need not be whole."""
        return self.geometry.total if self.is_floppy else len(self.image) // SECTOR_SIZE

    def read(self, sector: int) -> bytes:
        """Return a sector by its number from 0."""
        written = self._written.get(sector)
        if written is not None:
            return written
        start = sector * SECTOR_SIZE
        return self.image[start : start + SECTOR_SIZE].ljust(SECTOR_SIZE, b"\0")

    def write(self, sector: int, data: bytes) -> None:
        """Replace a sector, in the overlay."""
        self._written[sector] = data
        self._saved = None

    def written(self) -> Iterator[tuple[int, bytes]]:
        """Return the sectors that the guest wrote, by number."""
        yield from sorted(self._written.items())

    def save(self) -> Any:
        """Return the overlay, whose sectors are shared, not copied."""
        if self._saved is None:
            self._saved = tuple(self._written.items())
        return self._saved

    def restore(self, state: Any) -> None:
        """Take the overlay of a `save`."""
        self._saved = state
        self._written = dict(state)


def disk_of(drive: int, image: bytes, *, read_only: bool = False) -> Disk:
    """Return the disk in a drive; BootError if it can't be one.

    ``drive``: 00h and 01h for floppies, from 80h for hard disks.  An image that is too large for
    any floppy becomes drive 80h instead of 00h.
    """
    geometry = geometry_of(image, hard_disk=drive >= FIRST_HARD_DISK)
    if not geometry.drive_type and drive == 0:
        drive = FIRST_HARD_DISK
    if not geometry.drive_type and drive < FIRST_HARD_DISK:
        raise BootError(
            f"the disk image is too large for a floppy drive: {len(image)} bytes, "
            f"at most {MAX_FLOPPY_SIZE}"
        )
    return Disk(drive, image, geometry, read_only=read_only)
