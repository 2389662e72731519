"""The tables behind INT 21h/52h that tools read: drives (DPB, CDS), open files (SFT), devices.

They lie in DOS' memory and say what is so when 52h, 1Fh or 32h asks; DOS itself never reads them.
Their layouts are those of the version that DOS tells (`table_layouts`).
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, NamedTuple

from blink16.dos import clock, layout
from blink16.dos.directory_calls import SECTOR_SIZE, space_of
from blink16.dos.errors import CriticalError
from blink16.dos.fat import FatTree
from blink16.dos.handles import information
from blink16.dos.names import CODE_PAGE, template
from blink16.dos.system import DosDevice, DosSystem, SftEntry
from blink16.dos.table_layouts import DEVICE_HEADER, NOWHERE, SFT_HEADER, layouts
from blink16.dos.volume import ARCHIVE, DRIVE_C, DRIVE_LETTERS, MAX_KNOWN, Tree, Volume
from blink16.memory import linear
from blink16.services import Guest

SEGMENT = layout.DOS_SEGMENT
DEVICES_OFFSET = 0x0600
DPB_OFFSET = 0x0700
CDS_OFFSET = 0x0B00
SFT_OFFSET = 0x1400
SFT_ENTRIES = 40
RETF_OFFSET = 0x05FF
ROOT_ENTRIES = 512
NO_UPPER_MEMORY = 0xFFFF
PHYSICAL = 0x4000
"""Of a current directory: its drive is there."""
BY_FCB = 0x8000
"""Of an open file's mode."""

DEVICES = (
    (b"CON     ", 0x8013),
    (b"AUX     ", 0x8000),
    (b"PRN     ", 0xA040),
    (b"CLOCK$  ", 0x8008),
    (b"\x1a       ", 0x0842),  # the block device of all drives
)


class _Far(NamedTuple):
    """A pointer in a table."""

    segment: int
    offset: int


_NULL, _NO_NEXT = _Far(0, 0), _Far(**NOWHERE)


def _near(offset: int) -> _Far:
    return _Far(SEGMENT, offset)


def _built(table: Any, fields: dict[str, Any]) -> bytes:
    """Return a table's bytes; to pack it takes long, and most often it has been done before."""
    return _packed(table, tuple(fields.items()))


@lru_cache(maxsize=MAX_KNOWN)
def _packed(table: Any, fields: tuple[tuple[str, Any], ...]) -> bytes:
    raw: bytes = table.build(_plain(fields))
    return raw


def _plain(fields: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    return {name: value._asdict() if isinstance(value, _Far) else value for name, value in fields}


@cache
def _size(table: Any) -> int:
    """Return how long a table is; to add that up takes long, too."""
    size: int = table.sizeof()
    return size


@lru_cache(maxsize=MAX_KNOWN)
def _list_of_lists(version: tuple[int, int], fields: tuple[tuple[str, Any], ...]) -> bytes:
    return layout.list_of_lists(version, _plain(fields))


def device_offset(number: int) -> int:
    """Return where a device's header lies in DOS' segment."""
    return DEVICES_OFFSET + number * _size(DEVICE_HEADER)


def refresh(dos: DosSystem, guest: Guest) -> None:
    """Write the tables as things are now, and lead the list of lists to them."""
    memory = guest.memory
    memory[linear(SEGMENT, RETF_OFFSET)] = 0xCB
    for number, (name, attributes) in enumerate(DEVICES):
        last = number == len(DEVICES) - 1
        header = {
            "next": _NO_NEXT if last else _near(device_offset(number + 1)),
            "attributes": attributes,
            "strategy": RETF_OFFSET,
            "interrupt": RETF_OFFSET,
            "name": name,
        }
        memory.write(linear(SEGMENT, device_offset(number)), _built(DEVICE_HEADER, header))
    _write_drives(dos, guest)
    _write_files(dos, guest)
    fields = {
        "first_mcb": dos.state.first_mcb,
        "first_dpb": _near(DPB_OFFSET),
        "sft": _near(SFT_OFFSET),
        "clock": _near(device_offset(3)),
        "con": _near(device_offset(0)),
        "cds": _near(CDS_OFFSET),
        "block_devices": len(dos.volumes),
        "last_drive": dos.last_drive,
        "nul_next": _near(device_offset(0)),
        "nul_strategy": RETF_OFFSET,
        "nul_interrupt": RETF_OFFSET,
        "boot_drive": DRIVE_C + 1,
        "upper_linked": dos.state.upper_linked,
        "upper_mcb": dos.state.upper_mcb or NO_UPPER_MEMORY,
    }
    segment, offset = layout.SYSVARS
    memory.write(
        memory.linear(segment, offset - 2), _list_of_lists(dos.version, tuple(fields.items()))
    )


# -- drives ----------------------------------------------------------------------------------


def _write_drives(dos: DosSystem, guest: Guest) -> None:
    memory, tables = guest.memory, layouts(dos.version)
    drives = sorted(dos.volumes)
    places = {drive: dpb_offset(dos, dos.volumes[drive]) for drive in drives}
    for number, drive in enumerate(drives):
        following = drives[number + 1 : number + 2]
        after = _near(places[following[0]]) if following else _NO_NEXT
        raw = _built(tables.dpb, _dpb(dos, dos.volumes[drive], after))
        memory.write(linear(SEGMENT, places[drive]), raw)
    if tables.cds is None:
        return
    for drive in range(min(dos.last_drive, DRIVE_LETTERS)):
        volume = dos.volumes.get(drive)
        path = volume.full_path(dos.cwd(volume)) if volume else f"{chr(65 + drive)}:\\"
        fields = {
            "path": path.encode(CODE_PAGE, "replace")[:66].ljust(67, b"\0"),
            "attributes": PHYSICAL if volume else 0,
            "dpb": _near(places[drive]) if volume else _NULL,
        }
        place = CDS_OFFSET + drive * _size(tables.cds)
        memory.write(linear(SEGMENT, place), _built(tables.cds, fields))


def dpb_offset(dos: DosSystem, volume: Volume) -> int:
    """Return where a drive's parameter block lies in DOS' segment."""
    size = _size(layouts(dos.version).dpb)
    return DPB_OFFSET + sorted(dos.volumes).index(volume.drive) * size


def _dpb(dos: DosSystem, volume: Volume, after: _Far) -> dict[str, Any]:
    fields = {
        "drive": volume.drive,
        "unit": volume.drive,
        "sector_size": SECTOR_SIZE,
        "device": _near(device_offset(4)),
        "next": after,
        "path": volume.dos_path(dos.cwd(volume)).encode(CODE_PAGE, "replace")[:63].ljust(64, b"\0"),
    }
    try:
        geometry = _geometry(volume)
        most = layouts(dos.version).fat_sectors_limit
        return fields | geometry | {"fat_sectors": min(geometry["fat_sectors"], most)}
    except CriticalError:  # nothing in the drive
        nothing = dict.fromkeys(_GEOMETRY, 0)
        return fields | nothing


_GEOMETRY = (
    "cluster_mask",
    "cluster_shift",
    "reserved",
    "fats",
    "root_entries",
    "data",
    "last_cluster",
    "fat_sectors",
    "root",
    "media",
    "free",
)


def _geometry(volume: Volume) -> dict[str, int]:
    space = space_of(volume)
    if isinstance(volume.files, FatTree):
        found = volume.files.disk.layout()
        reserved, fats, fat_sectors = found.reserved, found.fats, found.fat_sectors
        root, data = found.root, found.data
    else:
        reserved, fats = 1, 2
        fat_sectors = -(-(space.clusters + 2) * 2 // SECTOR_SIZE)
        root = reserved + fats * fat_sectors
        data = root + ROOT_ENTRIES * 32 // SECTOR_SIZE
    values = (
        space.cluster_sectors - 1,
        space.cluster_sectors.bit_length() - 1,
        reserved,
        fats,
        (data - root) * SECTOR_SIZE // 32,
        data,
        space.clusters + 1,
        fat_sectors,
        root,
        space.media,
        space.free,
    )
    return dict(zip(_GEOMETRY, values, strict=True))


# -- open files ------------------------------------------------------------------------------


def _write_files(dos: DosSystem, guest: Guest) -> None:
    memory, sft = guest.memory, layouts(dos.version).sft
    head = _built(SFT_HEADER, {"next": _NO_NEXT, "count": SFT_ENTRIES})
    size = _size(sft)
    raw = b"".join(
        bytes(size) if entry is None else _built(sft, _file(dos, entry))
        for entry in dos.sft[:SFT_ENTRIES]
    )
    memory.write(linear(SEGMENT, SFT_OFFSET), head + raw.ljust(SFT_ENTRIES * size, b"\0"))


def _file(dos: DosSystem, entry: SftEntry) -> dict[str, Any]:
    size = mtime = 0
    name, device = template(DosDevice(entry.device).name[:8]), device_offset(0)
    drive = attributes = 0
    if entry.device == DosDevice.FILE:
        tree = dos.tree(entry)
        drive, attributes = entry.drive + 1, ARCHIVE
        # DOS 2 has the file's first and last cluster there, and a folder has none
        device = dpb_offset(dos, dos.volumes[entry.drive]) if dos.version >= (3, 0) else 0
        try:
            stat = tree.stat(entry.node)
            size, mtime = stat.size, stat.mtime
            name = template(_file_name(tree, entry.node))
        except (OSError, CriticalError):
            pass  # unlinked, or on a disk that was taken out
    date, time = clock.pack(mtime)
    return {
        "references": min(entry.references, 0xFF),
        "mode": entry.access | (BY_FCB if entry.by_fcb and dos.version >= (3, 0) else 0),
        "attributes": attributes,
        "drive": drive,
        "information": information(entry) & (0xFFFF if dos.version >= (3, 0) else 0xFF),
        "device": _near(device) if device else _NULL,
        "time": time,
        "date": date,
        "size": size & 0xFFFFFFFF,
        "position": entry.position,
        "name": name,
        "owner": entry.owner or dos.state.psp,
    }


def _file_name(tree: Tree, node: int) -> str:
    return tree.name(node) if isinstance(tree, FatTree) else tree.path(node).rpartition("/")[2]
