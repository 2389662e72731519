"""INT 21h's calls on drives as disks, and INT 25h and 26h, which read and write their sectors."""

from __future__ import annotations

from collections.abc import Callable

from construct import Bytes, Int16ul, Int32ul, Struct

from blink16.cpu.registers import CF
from blink16.dos import tables
from blink16.dos.directory_calls import SECTOR_SIZE, space_of
from blink16.dos.errors import CallFailed, Code, CriticalError, CriticalKind
from blink16.dos.executable import FAR_POINTER
from blink16.dos.fat import FatTree
from blink16.dos.folder_view import SERIAL_NUMBER, view_of
from blink16.dos.layout import DOS_SEGMENT
from blink16.dos.system import DosSystem
from blink16.dos.table_layouts import NOWHERE, layouts
from blink16.dos.volume import Volume
from blink16.memory import linear
from blink16.services import CALLER_FLAGS, DONE, Guest, Outcome, caller_address

FAILED = 0xFF
MEDIA_OFFSET = 0x05F0
"""Where the media bytes lie that 1Bh and 1Ch lead to."""
LARGE_DISK = 0xFFFF
MAX_SECTORS = 0x10000 // SECTOR_SIZE
WRITE_PROTECTED, UNKNOWN_COMMAND, SECTOR_NOT_FOUND, NOT_READY = 0x0300, 0x0103, 0x0408, 0x8002
UNKNOWN_UNIT = 0x0201

MEDIA_ID = Struct(
    "level" / Int16ul, "serial" / Int32ul, "label" / Bytes(11), "file_system" / Bytes(8)
)
DISK_PACKET = Struct("sector" / Int32ul, "count" / Int16ul, "buffer" / FAR_POINTER)


# -- how large, and what ---------------------------------------------------------------------


def _fat_information(dos: DosSystem, guest: Guest, number: int) -> Outcome:
    r = guest.registers
    try:
        volume = dos.volume(number)
    except CallFailed:
        r.al = FAILED
        return DONE
    space = space_of(volume)
    where = MEDIA_OFFSET + volume.drive % 8
    guest.memory[linear(DOS_SEGMENT, where)] = space.media
    r.al, r.cx, r.dx = space.cluster_sectors, SECTOR_SIZE, space.clusters
    r.ds, r.bx = DOS_SEGMENT, where
    return DONE


def default_drive_data(dos: DosSystem, guest: Guest) -> Outcome:
    """1Bh: sectors a cluster AL, bytes CX, clusters DX of the current drive; its media at DS:BX."""
    return _fat_information(dos, guest, 0)


def drive_data(dos: DosSystem, guest: Guest) -> Outcome:
    """1Ch: the same of drive DL; AL is FFh if it isn't there."""
    return _fat_information(dos, guest, guest.registers.dl)


def _parameter_block(dos: DosSystem, guest: Guest, number: int) -> Outcome:
    r = guest.registers
    try:
        volume = dos.volume(number)
        space_of(volume)
    except (CallFailed, CriticalError):
        r.al = FAILED
        return DONE
    tables.refresh(dos, guest)
    r.al, r.ds, r.bx = 0, DOS_SEGMENT, tables.dpb_offset(dos, volume)
    return DONE


def default_parameters(dos: DosSystem, guest: Guest) -> Outcome:
    """1Fh: the current drive's parameter block at DS:BX."""
    return _parameter_block(dos, guest, 0)


def parameters(dos: DosSystem, guest: Guest) -> Outcome:
    """32h: drive DL's parameter block at DS:BX; AL is FFh if it isn't there."""
    return _parameter_block(dos, guest, guest.registers.dl)


def media_id(dos: DosSystem, guest: Guest) -> Outcome:
    """69h: get (AL 0) drive BL's serial number, label and file system to DS:DX; 1 sets nothing."""
    r = guest.registers
    if r.al > 1:
        raise CallFailed(Code.INVALID_FUNCTION)
    volume = dos.volume(r.bl)
    if r.al == 0:
        write_media_id(dos, guest, volume)
    return DONE


def write_media_id(dos: DosSystem, guest: Guest, volume: Volume) -> None:
    """Write a drive's serial number, label and file system to DS:DX."""
    serial, kind = SERIAL_NUMBER + volume.drive, b"FAT16   "
    if isinstance(volume.files, FatTree):
        boot = volume.files.disk.sector(0)
        serial = int.from_bytes(boot[0x27:0x2B], "little")
        kind = b"FAT12   " if volume.files.disk.layout().is_fat12 else kind
    label = dos.label(volume) or b"NO NAME"
    raw = MEDIA_ID.build(
        {"level": 0, "serial": serial, "label": label.ljust(11), "file_system": kind}
    )
    r = guest.registers
    guest.memory.write(guest.linear(r.ds, r.dx), raw)


def write_device_parameters(guest: Guest, volume: Volume) -> None:
    """Write what 44h/0Dh/60h tells of a drive to DS:DX."""
    view = sectors_of(volume)
    boot = view(0)
    fixed = not isinstance(volume.files, FatTree)
    bpb = boot[0x0B:0x24]
    head = bytes((0, 5 if fixed else 7)) + (1 if fixed else 0).to_bytes(2, "little")
    r = guest.registers
    guest.memory.write(guest.linear(r.ds, r.dx), head + (80).to_bytes(2, "little") + b"\0" + bpb)


def translate_bpb(dos: DosSystem, guest: Guest) -> Outcome:
    """53h: make of the BIOS parameter block at DS:SI a drive parameter block at ES:BP."""
    r, memory = guest.registers, guest.memory
    raw = memory.read(memory.linear(r.ds, r.si), 25)

    def word(at: int) -> int:
        return int.from_bytes(raw[at : at + 2], "little")

    size, cluster, reserved = word(0) or SECTOR_SIZE, raw[2] or 1, word(3)
    fats, roots, fat_sectors = raw[5], word(6), word(0x0B)
    total = word(8) or int.from_bytes(raw[0x15:0x19], "little")
    root = reserved + fats * fat_sectors
    data = root + -(-roots * 32 // size)
    layout = layouts(dos.version)
    built = layout.dpb.build(
        {
            "drive": 0,
            "unit": 0,
            "sector_size": size,
            "cluster_mask": cluster - 1,
            "cluster_shift": cluster.bit_length() - 1,
            "reserved": reserved,
            "fats": fats,
            "root_entries": roots,
            "data": data & 0xFFFF,
            "last_cluster": max(0, total - data) // cluster + 1 & 0xFFFF,
            "fat_sectors": min(fat_sectors, layout.fat_sectors_limit),
            "root": root & 0xFFFF,
            "device": {"segment": 0, "offset": 0},
            "media": raw[0x0A],
            "next": NOWHERE,
            "path": bytes(64),
            "free": 0xFFFF,
        }
    )
    memory.write(memory.linear(r.es, r.bp), built)
    return DONE


# -- sectors ---------------------------------------------------------------------------------


def sectors_of(volume: Volume) -> Callable[[int], bytes]:
    """Return what reads a volume's sectors: a disk's, or those that a folder would have."""
    if isinstance(volume.files, FatTree):
        return volume.files.disk.sector
    return view_of(volume, volume.files).sector


def absolute(dos: DosSystem, guest: Guest, *, write: bool) -> Outcome:
    """INT 25h, 26h: read or write CX sectors from DX on of drive AL (0: A) at DS:BX.

    CX FFFFh: the number, the count and the buffer stand in a packet at DS:BX.  The flags stay on
    the stack.
    """
    r = guest.registers
    drive = r.al
    error = _move(dos, guest, drive, write=write)
    if error is not None:
        r.ax = error
    _leave_flags(guest, failed=error is not None)
    return DONE


def _move(dos: DosSystem, guest: Guest, drive: int, *, write: bool) -> int | None:
    """Do it; return the error."""
    r, memory = guest.registers, guest.memory
    first, count, buffer = r.dx, r.cx, memory.linear(r.ds, r.bx)
    if count == LARGE_DISK:
        packet = DISK_PACKET.parse(memory.read(buffer, DISK_PACKET.sizeof()))
        first, count = packet.sector, packet.count
        buffer = memory.linear(packet.buffer.segment, packet.buffer.offset)
    volume = dos.volumes.get(drive)
    if volume is None:
        return UNKNOWN_UNIT
    count = min(count, MAX_SECTORS)
    try:
        if not write:
            read = sectors_of(volume)
            memory.write(buffer, b"".join(read(first + n) for n in range(count)))
            return None
        if not isinstance(volume.files, FatTree):
            return WRITE_PROTECTED
        for n in range(count):
            data = memory.read(buffer + n * SECTOR_SIZE, SECTOR_SIZE)
            volume.files.disk.put_sector(first + n, data)
    except CriticalError as failure:
        return _ERRORS.get(failure.kind, SECTOR_NOT_FOUND)
    return None


_ERRORS = {
    CriticalKind.NOT_READY: NOT_READY,
    CriticalKind.WRITE_PROTECT: WRITE_PROTECTED,
    CriticalKind.SECTOR_NOT_FOUND: SECTOR_NOT_FOUND,
}


def _leave_flags(guest: Guest, *, failed: bool) -> None:
    """Let the stub's IRET return with the caller's flags still on the stack, as these do."""
    r, memory = guest.registers, guest.memory
    segment, offset = caller_address(guest)
    flags = memory.read_word(memory.linear(r.ss, r.sp + CALLER_FLAGS))
    r.sp -= 2
    values = (offset, segment, flags | CF if failed else flags & ~CF)
    for at, value in enumerate(values):
        memory.write_word(memory.linear(r.ss, r.sp + 2 * at), value)


CALLS: dict[int, Callable[[DosSystem, Guest], Outcome]] = {
    0x1B: default_drive_data,
    0x1C: drive_data,
    0x1F: default_parameters,
    0x32: parameters,
    0x53: translate_bpb,
    0x69: media_id,
}
