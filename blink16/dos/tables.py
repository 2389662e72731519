"""The tables behind INT 21h/52h that tools read: drives (DPB, CDS), open files (SFT), devices.

They lie in DOS' memory and say what is so when 52h, 1Fh or 32h asks; DOS itself never reads them.
Source: Ralf Brown's Interrupt List, tables 01627 (list of lists), 01395 (DPB), 01643 (CDS),
01640 (SFT), 01646 (device header), for DOS 4 to 6.
"""

from __future__ import annotations

from typing import Any

from construct import Bytes, Const, Default, Int8ul, Int16ul, Int32ul, Padding, Struct

from blink16.dos import clock, layout
from blink16.dos.directory_calls import SECTOR_SIZE, space_of
from blink16.dos.errors import CriticalError
from blink16.dos.executable import FAR_POINTER
from blink16.dos.fat import FatTree
from blink16.dos.handles import information
from blink16.dos.names import CODE_PAGE, template
from blink16.dos.system import DosDevice, DosSystem, SftEntry
from blink16.dos.volume import DRIVE_LETTERS, Volume
from blink16.memory import linear
from blink16.services import Guest

SEGMENT = layout.DOS_SEGMENT
DEVICES_OFFSET = 0x0600
DPB_OFFSET = 0x0700
CDS_OFFSET = 0x0B00
SFT_OFFSET = 0x1400
SFT_ENTRIES = 40
RETF_OFFSET = 0x05FF
END = {"segment": 0xFFFF, "offset": 0xFFFF}
ROOT_ENTRIES = 512
PHYSICAL = 0x4000

DEVICE_HEADER = Struct(
    "next" / FAR_POINTER,
    "attributes" / Int16ul,
    "strategy" / Int16ul,
    "interrupt" / Int16ul,
    "name" / Bytes(8),
)
DEVICES = (
    (b"CON     ", 0x8013),
    (b"AUX     ", 0x8000),
    (b"PRN     ", 0xA040),
    (b"CLOCK$  ", 0x8008),
    (b"\x1a       ", 0x0842),  # the block device of all drives
)
DPB = Struct(
    "drive" / Int8ul,
    "unit" / Int8ul,
    "sector_size" / Int16ul,
    "cluster_mask" / Int8ul,
    "cluster_shift" / Int8ul,
    "reserved" / Int16ul,
    "fats" / Int8ul,
    "root_entries" / Int16ul,
    "data" / Int16ul,
    "last_cluster" / Int16ul,
    "fat_sectors" / Int16ul,
    "root" / Int16ul,
    "device" / FAR_POINTER,
    "media" / Int8ul,
    "access" / Const(0, Int8ul),
    "next" / FAR_POINTER,
    "next_free" / Const(2, Int16ul),
    "free" / Int16ul,
)
CDS = Struct(
    "path" / Bytes(67),
    "attributes" / Int16ul,
    "dpb" / FAR_POINTER,
    "cluster" / Default(Int16ul, 0xFFFF),
    Padding(4),
    "root_length" / Const(2, Int16ul),
    Padding(7),
)
SFT_HEADER = Struct("next" / FAR_POINTER, "count" / Int16ul)
SFT = Struct(
    "references" / Int16ul,
    "mode" / Int16ul,
    "attributes" / Int8ul,
    "information" / Int16ul,
    "device" / FAR_POINTER,
    "cluster" / Const(0, Int16ul),
    "time" / Int16ul,
    "date" / Int16ul,
    "size" / Int32ul,
    "position" / Int32ul,
    Padding(7),
    "name" / Bytes(11),
    Padding(6),
    "owner" / Int16ul,
    Padding(8),
)


def _near(offset: int) -> dict[str, int]:
    return {"segment": SEGMENT, "offset": offset}


def device_offset(number: int) -> int:
    """Return where a device's header lies in DOS' segment."""
    size: int = DEVICE_HEADER.sizeof()
    return DEVICES_OFFSET + number * size


def refresh(dos: DosSystem, guest: Guest) -> None:
    """Write the tables as things are now, and lead the list of lists to them."""
    memory = guest.memory
    memory[linear(SEGMENT, RETF_OFFSET)] = 0xCB
    for number, (name, attributes) in enumerate(DEVICES):
        last = number == len(DEVICES) - 1
        header = {
            "next": END if last else _near(device_offset(number + 1)),
            "attributes": attributes,
            "strategy": RETF_OFFSET,
            "interrupt": RETF_OFFSET,
            "name": name,
        }
        memory.write(linear(SEGMENT, device_offset(number)), DEVICE_HEADER.build(header))
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
    }
    segment, offset = layout.SYSVARS
    memory.write(linear(segment, offset - 2), layout.list_of_lists(fields))


# -- drives ----------------------------------------------------------------------------------


def _write_drives(dos: DosSystem, guest: Guest) -> None:
    memory, places = guest.memory, {}
    drives = sorted(dos.volumes)
    for number, drive in enumerate(drives):
        places[drive] = DPB_OFFSET + number * DPB.sizeof()
    for number, drive in enumerate(drives):
        following = drives[number + 1 : number + 2]
        after = _near(places[following[0]]) if following else END
        raw = DPB.build(_dpb(dos.volumes[drive], after))
        memory.write(linear(SEGMENT, places[drive]), raw)
    for drive in range(min(dos.last_drive, DRIVE_LETTERS)):
        volume = dos.volumes.get(drive)
        path = volume.full_path(dos.cwd(volume)) if volume else f"{chr(65 + drive)}:\\"
        fields = {
            "path": path.encode(CODE_PAGE, "replace")[:66].ljust(67, b"\0"),
            "attributes": PHYSICAL if volume else 0,
            "dpb": _near(places[drive]) if volume else {"segment": 0, "offset": 0},
        }
        memory.write(linear(SEGMENT, CDS_OFFSET + drive * CDS.sizeof()), CDS.build(fields))


def dpb_offset(dos: DosSystem, volume: Volume) -> int:
    """Return where a drive's parameter block lies in DOS' segment."""
    size: int = DPB.sizeof()
    return DPB_OFFSET + sorted(dos.volumes).index(volume.drive) * size


def _dpb(volume: Volume, after: dict[str, int]) -> dict[str, Any]:
    fields = {
        "drive": volume.drive,
        "unit": volume.drive,
        "sector_size": SECTOR_SIZE,
        "device": _near(device_offset(4)),
        "next": after,
    }
    try:
        return fields | _geometry(volume)
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
        found = volume.files.layout()
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
    memory = guest.memory
    head = SFT_HEADER.build({"next": END, "count": SFT_ENTRIES})
    entries = [*dos.state.sft, *[None] * SFT_ENTRIES][:SFT_ENTRIES]
    raw = b"".join(
        bytes(SFT.sizeof()) if entry is None else SFT.build(_file(dos, entry)) for entry in entries
    )
    memory.write(linear(SEGMENT, SFT_OFFSET), head + raw)


def _file(dos: DosSystem, entry: SftEntry) -> dict[str, Any]:
    size = mtime = 0
    name, device = template(DosDevice(entry.device).name[:8]), 0
    if entry.device == DosDevice.FILE:
        tree = dos.tree(entry)
        device = 4
        try:
            stat = tree.stat(entry.node)
            size, mtime = stat.size, stat.mtime
            name = template(_file_name(tree, entry.node))
        except (OSError, CriticalError):
            pass  # unlinked, or on a disk that was taken out
    date, time = clock.pack(mtime)
    return {
        "references": entry.references,
        "mode": entry.access,
        "attributes": 0,
        "information": information(entry) & 0xFFFF,
        "device": _near(device_offset(device)),
        "time": time,
        "date": date,
        "size": size & 0xFFFFFFFF,
        "position": entry.position,
        "name": name,
        "owner": entry.owner or dos.state.psp,
    }


def _file_name(tree: Any, node: int) -> str:
    return str(tree.path(node)).rpartition("/")[2]
