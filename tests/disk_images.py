"""Disk images as mkfs.fat and fdisk lay them out, small enough to read."""

from __future__ import annotations

from blink16.bios.geometry import BOOT_RECORD, BPB, FLOPPIES, PARTITION, SECTOR_SIZE, Geometry

ROOT_ENTRIES = 112
FAT_SECTORS = 9
ENTRIES_A_SECTOR = 16


def boot_sector(
    geometry: Geometry, *, sectors: int | None = None, hidden: int = 0, code: bytes = b""
) -> bytes:
    """Return a FAT disk's boot sector with its BPB."""
    total = geometry.total if sectors is None else sectors
    raw: bytes = BPB.build(
        {
            "jump": b"\xeb\x3c\x90",
            "oem": b"MSDOS5.0",
            "sector_size": SECTOR_SIZE,
            "cluster_sectors": 1,
            "reserved_sectors": 1,
            "fats": 2,
            "root_entries": ROOT_ENTRIES,
            "sectors16": total if total < 0x10000 else 0,
            "media": 0xF0,
            "fat_sectors": FAT_SECTORS,
            "track_sectors": geometry.sectors,
            "heads": geometry.heads,
            "hidden": hidden,
            "sectors32": total if total >= 0x10000 else 0,
        }
    )
    return (raw.ljust(0x3E, b"\0") + code).ljust(510, b"\0") + b"\x55\xaa"


def fat_floppy(files: dict[str, bytes], geometry: Geometry = FLOPPIES[6]) -> bytes:
    """Return a FAT12 floppy with files of up to one cluster, which a sector is."""
    fat = [0xFF0, 0xFFF, *[0xFFF] * len(files)]
    packed = bytearray(FAT_SECTORS * SECTOR_SIZE)
    for number, value in enumerate(fat):
        place, shift = number * 3 // 2, 4 * (number & 1)
        word = int.from_bytes(packed[place : place + 2], "little") | value << shift
        packed[place : place + 2] = word.to_bytes(2, "little")
    root, data = b"", b""
    for cluster, (name, content) in enumerate(files.items(), 2):
        stem, _, extension = name.partition(".")
        root += f"{stem:8}{extension:3}".encode("ascii") + b"\x20" + bytes(10)
        root += bytes(2) + b"\x67\x0c" + cluster.to_bytes(2, "little")
        root += len(content).to_bytes(4, "little")
        data += content.ljust(SECTOR_SIZE, b"\0")
    root = root.ljust(ROOT_ENTRIES // ENTRIES_A_SECTOR * SECTOR_SIZE, b"\0")
    image = boot_sector(geometry) + bytes(packed) * 2 + root + data
    return image.ljust(geometry.total * SECTOR_SIZE, b"\0")


def partitioned(
    shape: Geometry, *parts: tuple[int, int], code: bytes = b"", capped: bool = True
) -> bytes:
    """Return a boot record whose partitions are (first sector, sectors) on a disk of a shape."""
    entries = [
        {
            "flag": 0x80,
            "begin": _place(shape, first, capped),
            "kind": 6,
            "end": _place(shape, first + count - 1, capped),
            "first": first,
            "count": count,
        }
        for first, count in parts
    ]
    none = PARTITION.parse(bytes(PARTITION.sizeof()))
    entries += [none] * (4 - len(entries))
    record: bytes = BOOT_RECORD.build(
        {"code": code.ljust(0x1BE, b"\0"), "partitions": entries, "signature": b"\x55\xaa"}
    )
    return record


def _place(shape: Geometry, number: int, capped: bool) -> dict[str, int]:
    cylinder, rest = divmod(number, shape.heads * shape.sectors)
    head, sector = divmod(rest, shape.sectors)
    if cylinder > 1023 and capped:
        cylinder, head, sector = 1023, shape.heads - 1, shape.sectors - 1
    return {
        "head": head,
        "sector": sector + 1 | (cylinder & 0x300) >> 2,
        "cylinder": cylinder & 0xFF,
    }
