"""Which shape a disk has: by its size, by its BIOS parameter block, by its partition table.

Sources: Microsoft, FAT specification (BPB); IBM DOS 3.3 Technical Reference (partition table);
IBM PC/XT Technical Reference, fixed disk BIOS (306 and 615 cylinders of 4 heads).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from construct import Array, Bytes, Const, Int8ul, Int16ul, Int32ul, Struct

from blink16.words.texts import counted

SECTOR_SIZE = 512
FIRST_HARD_DISK = 0x80
BOOT_SIGNATURE = b"\x55\xaa"
"""How a sector ends that may be booted."""
HARD_DISK_HEADS, HARD_DISK_SECTORS = 16, 63
MAX_CYLINDERS, MAX_HEADS, MAX_SECTORS = 1024, 255, 63
"""As many as INT 13h's bits can count; DOS can't bear 256 heads."""


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

    def number(self, cylinder: int, head: int, sector: int) -> int:
        """Return a sector's number from 0."""
        return (cylinder * self.heads + head) * self.sectors + sector - 1

    def __str__(self) -> str:
        return f"{self.cylinders}/{self.heads}/{self.sectors}"


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
DENSER_FLOPPIES = tuple(
    Geometry(*shape)
    for shape in (
        (80, 2, 10, 3),  # 800K
        (80, 2, 20, 4),  # 1.6M
        (80, 2, 21, 4),  # 1.68M, as programs were sold
        (82, 2, 21, 4),  # 1.72M
    )
)
"""What drives can do beyond IBM's formats."""
BY_SIZE = {geometry.total * SECTOR_SIZE: geometry for geometry in FLOPPIES + DENSER_FLOPPIES}
DEFAULT_FLOPPY = FLOPPIES[6]
"""For images shorter than any disk, like a boot sector alone; what they lack reads as zeros."""
MIN_FLOPPY_SIZE = FLOPPIES[0].total * SECTOR_SIZE
MAX_FLOPPY_SIZE = FLOPPIES[-1].total * SECTOR_SIZE
MAX_IMAGE_SIZE = MAX_CYLINDERS * HARD_DISK_HEADS * HARD_DISK_SECTORS * SECTOR_SIZE
XT_HARD_DISKS = tuple(Geometry(*shape) for shape in ((306, 4, 17), (612, 4, 17), (615, 4, 17)))
PARTITIONED_SHAPES = ((255, 63), (16, 63), (128, 63), (64, 63), (32, 63), (64, 32), (4, 17))
"""Heads and sectors that tools count in, whose partitions need not end with a cylinder."""


@dataclass(frozen=True, slots=True)
class Bpb:
    """What a boot sector says of its disk."""

    total: int
    heads: int
    sectors: int
    hidden: int
    """Where on the disk it says it is itself."""


@dataclass(frozen=True, slots=True)
class SectorAddress:
    """A sector as partition tables name it."""

    cylinder: int
    head: int
    sector: int

    def is_at(self, number: int, heads: int, sectors: int) -> bool:
        """Return whether it is the sector of that number on disks of such a shape."""
        if number >= MAX_CYLINDERS * heads * sectors:  # then all that it can say is "at the end"
            return self.cylinder == MAX_CYLINDERS - 1
        there = Geometry(MAX_CYLINDERS, heads, sectors)
        in_shape = self.head < heads and 0 < self.sector <= sectors
        return in_shape and there.number(self.cylinder, self.head, self.sector) == number


@dataclass(frozen=True, slots=True)
class Partition:
    """An entry of a partition table: its ends in two ways."""

    begin: SectorAddress
    end: SectorAddress
    first: int
    count: int

    def fits(self, heads: int, sectors: int) -> bool:
        """Return whether both ways mean the same sectors on disks of such a shape."""
        if not 0 < heads <= MAX_HEADS or not sectors:
            return False
        last = self.first + self.count - 1
        return self.begin.is_at(self.first, heads, sectors) and self.end.is_at(last, heads, sectors)


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

PLACE = Struct("head" / Int8ul, "sector" / Int8ul, "cylinder" / Int8ul)
"""A sector by cylinder, head and sector; two bits of the cylinder are the sector's highest."""
PARTITION = Struct(
    "flag" / Int8ul,
    "begin" / PLACE,
    "kind" / Int8ul,  # 0: there is none
    "end" / PLACE,
    "first" / Int32ul,
    "count" / Int32ul,
)
BOOT_RECORD = Struct(
    "code" / Bytes(0x1BE), "partitions" / Array(4, PARTITION), "signature" / Const(b"\x55\xaa")
)
"""A hard disk's first sector."""


def geometry_of(image: bytes, *, hard_disk: bool = False) -> Geometry:
    """Return an image's geometry; BootError if no disk can be like that.

    What is shorter than any floppy is a boot sector with or without code behind it, as people
    assemble it, and need not be whole sectors; what is larger must be.
    """
    size = len(image)
    if not size:
        raise BootError("the disk image is empty")
    if size % SECTOR_SIZE and (hard_disk or size > MIN_FLOPPY_SIZE):
        raise BootError(f"the disk image is {size} bytes long, not whole sectors of {SECTOR_SIZE}")
    if size > MAX_IMAGE_SIZE:
        raise BootError(f"the disk image is too large: {size} bytes, at most {MAX_IMAGE_SIZE}")
    if hard_disk or size > MAX_FLOPPY_SIZE:
        return _hard_disk(image)
    return _floppy(image)


# -- floppies --------------------------------------------------------------------------------


def _floppy(image: bytes) -> Geometry:
    size = len(image)
    described = _described(image)
    if described is not None and SECTOR_SIZE < size < described.total * SECTOR_SIZE:
        raise BootError(
            f"the disk image is truncated: {counted(size // SECTOR_SIZE, 'sector')} of the "
            f"{described.total} that its boot sector promises"
        )
    if size in BY_SIZE:
        return BY_SIZE[size]
    if described is not None and described.total * SECTOR_SIZE >= size:
        return described
    return next((g for g in FLOPPIES[6:] if g.total * SECTOR_SIZE >= size), DEFAULT_FLOPPY)


def _described(image: bytes) -> Geometry | None:
    """Return the floppy that the image's BPB describes, if it has a BPB."""
    bpb = _bpb(image, 0)
    if bpb is None or bpb.heads > 2:
        return None
    track = bpb.heads * bpb.sectors
    if bpb.total % track or not 0 < bpb.total <= MAX_FLOPPY_SIZE // SECTOR_SIZE:
        return None
    return Geometry(bpb.total // track, bpb.heads, bpb.sectors, DEFAULT_FLOPPY.drive_type)


def _bpb(image: bytes, sector: int) -> Bpb | None:
    """Return what the boot sector with that number says of the disk, if it is believable."""
    start = sector * SECTOR_SIZE
    data = image[start : start + BPB.sizeof()]
    if len(data) < BPB.sizeof():
        return None
    raw = BPB.parse(data)
    plausible = (
        raw.jump[0] in (0xEB, 0xE9)
        and raw.sector_size == SECTOR_SIZE
        and raw.fats in (1, 2)
        and 0 < raw.track_sectors <= MAX_SECTORS
        and 0 < raw.heads <= MAX_HEADS
    )
    total = raw.sectors16 or raw.sectors32
    return Bpb(total, raw.heads, raw.track_sectors, raw.hidden) if plausible else None


# -- hard disks ------------------------------------------------------------------------------


def _hard_disk(image: bytes) -> Geometry:
    """Return what the partition table or a BPB counts in, else what the size suggests."""
    total = -(-len(image) // SECTOR_SIZE)
    for heads, sectors in _claimed_shapes(image):
        cylinders = -(-total // (heads * sectors))
        if cylinders <= MAX_CYLINDERS:
            return Geometry(cylinders, heads, sectors)
    known = next((geometry for geometry in XT_HARD_DISKS if geometry.total == total), None)
    cylinders = -(-total // (HARD_DISK_HEADS * HARD_DISK_SECTORS))
    return known or Geometry(cylinders, HARD_DISK_HEADS, HARD_DISK_SECTORS)


def _claimed_shapes(image: bytes) -> Iterator[tuple[int, int]]:
    """Return heads and sectors that the disk's content says it has, the most credible first."""
    partitions = _partitions(image)
    # DOS lets partitions end with a cylinder
    ends = [(partition.end.head + 1, partition.end.sector) for partition in partitions]
    for heads, sectors in [*ends, *PARTITIONED_SHAPES]:
        if partitions and all(partition.fits(heads, sectors) for partition in partitions):
            yield heads, sectors
    for first in [*(partition.first for partition in partitions), 0]:
        bpb = _bpb(image, first)
        if bpb is not None and bpb.hidden == first:
            yield bpb.heads, bpb.sectors


def _partitions(image: bytes) -> list[Partition]:
    if image[SECTOR_SIZE - 2 : SECTOR_SIZE] != b"\x55\xaa":
        return []
    return [
        Partition(_place(raw.begin), _place(raw.end), raw.first, raw.count)
        for raw in BOOT_RECORD.parse(image[:SECTOR_SIZE]).partitions
        if raw.kind and raw.count
    ]


def _place(raw: Any) -> SectorAddress:
    return SectorAddress(raw.cylinder | (raw.sector & 0xC0) << 2, raw.head, raw.sector & 0x3F)
