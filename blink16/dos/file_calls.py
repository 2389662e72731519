"""INT 21h's calls on open files: create, open, read, write, seek, close, duplicate, IOCTL."""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import partial

from blink16.dos import clock, handles
from blink16.dos.console_calls import break_typed
from blink16.dos.errors import CallFailed, Code
from blink16.dos.system import DosDevice, DosSystem, Located, SftEntry, path_argument
from blink16.dos.terminal import CON_DEVICES, Break, console_ready, read_console, write_device
from blink16.dos.volume import OWNER_WRITE, READ_ONLY, device_of
from blink16.files import FileKind, FileTree
from blink16.memory import linear
from blink16.services import DONE, Guest, Outcome

READ, WRITE, READ_WRITE = 0, 1, 2
ACCESS_MASK = 7
NO_INHERIT = 0x80
_DEVICES = {"CON": DosDevice.CON, "AUX": DosDevice.AUX, "PRN": DosDevice.PRN, "NUL": DosDevice.NUL}
_DISK_FULL = (errno.ENOSPC, errno.EFBIG)
OFFSETS = 1 << 32

# IOCTL's device information (44h/00h)
IS_DEVICE, RAW, NOT_AT_END, NOT_WRITTEN = 0x80, 0x20, 0x40, 0x40
_INFORMATION = {
    DosDevice.CON: 0x8013,  # also standard input, output, and fast output by INT 29h
    DosDevice.CON_ERROR: 0x8013,
    DosDevice.AUX: 0x8000,
    DosDevice.PRN: 0xA000,
    DosDevice.NUL: 0x8004,
}
READY, NOT_READY = 0xFF, 0


def _opened(dos: DosSystem, guest: Guest, entry: SftEntry) -> Outcome:
    guest.registers.ax = handles.install(dos, guest, entry)
    return DONE


def create(dos: DosSystem, guest: Guest, *, exclusive: bool = False) -> Outcome:
    """3Ch: create or empty the file at DS:DX with attributes CX; 5Bh: create a new one."""
    r = guest.registers
    path = path_argument(guest, r.ds, r.dx)
    device = device_of(path)
    if device is not None:
        return _opened(dos, guest, SftEntry(_DEVICES[device]))
    handles.reserve(dos, guest)  # so that a full table leaves the file as it is
    place = dos.locate(path)
    node = make(place, r.cx, exclusive=exclusive)
    return _opened(dos, guest, SftEntry(DosDevice.FILE, node, drive=place.volume.drive))


def make(place: Located, attributes: int, *, exclusive: bool = False) -> int:
    """Create a file, or empty the one that is there; return its node."""
    try:
        existing = place.node()
    except CallFailed:
        place.volume.check_new(place.real)
        mode = 0o444 if attributes & READ_ONLY else 0o666
        return place.files.create(place.real, mode=mode, exclusive=True)
    if exclusive:
        raise CallFailed(Code.FILE_EXISTS)
    check_writable(place.files, existing)
    place.files.truncate(existing)
    return existing


def check_writable(files: FileTree, node: int) -> None:
    """Refuse what is no file that can be written (error 5)."""
    stat = files.stat(node)
    if stat.kind is not FileKind.FILE or not stat.mode & OWNER_WRITE:
        raise CallFailed(Code.ACCESS_DENIED)


def open_(dos: DosSystem, guest: Guest) -> Outcome:
    """3Dh: open the file at DS:DX for the access in AL."""
    r = guest.registers
    access = r.al & ACCESS_MASK
    if access > READ_WRITE:
        raise CallFailed(Code.INVALID_ACCESS_CODE)
    path = path_argument(guest, r.ds, r.dx)
    device = device_of(path)
    if device is not None:
        return _opened(dos, guest, SftEntry(_DEVICES[device], access=access))
    place = dos.locate(path)
    node = place.node()
    if place.files.stat(node).kind is not FileKind.FILE:
        raise CallFailed(Code.ACCESS_DENIED)
    if access != READ:
        check_writable(place.files, node)
    private = bool(r.al & NO_INHERIT)
    entry = SftEntry(DosDevice.FILE, node, access, drive=place.volume.drive, private=private)
    return _opened(dos, guest, entry)


def close(dos: DosSystem, guest: Guest) -> Outcome:
    """3Eh: close handle BX."""
    handles.close(dos, guest, guest.registers.bx)
    return DONE


def read(dos: DosSystem, guest: Guest) -> Outcome:
    """3Fh: read at most CX bytes from handle BX to DS:DX; how many in AX."""
    r = guest.registers
    index, entry = handles.lookup(dos, guest, r.bx)
    if entry.access == WRITE:
        raise CallFailed(Code.ACCESS_DENIED)
    data: bytes | Break | Outcome = b""
    if entry.device == DosDevice.FILE:
        data = dos.tree(entry).read(entry.node, entry.position, r.cx)
        handles.update(dos, index, entry._replace(position=entry.position + len(data)))
    elif entry.device in CON_DEVICES and r.cx:
        data = read_console(dos, guest, entry, r.cx)
    if isinstance(data, Break):
        return break_typed(dos, guest)
    if not isinstance(data, bytes):
        return data
    if data:
        guest.memory.write(linear(r.ds, r.dx), data)
    r.ax = len(data)
    return DONE


def write(dos: DosSystem, guest: Guest) -> Outcome:
    """40h: write CX bytes from DS:DX to handle BX (none: cut the file off); how many in AX."""
    r = guest.registers
    index, entry = handles.lookup(dos, guest, r.bx)
    if entry.access == READ:
        raise CallFailed(Code.ACCESS_DENIED)
    if entry.device != DosDevice.FILE:
        write_device(dos, guest, entry.device, guest.memory.read(linear(r.ds, r.dx), r.cx))
        r.ax = r.cx
        return DONE
    try:
        if r.cx:
            data = guest.memory.read(linear(r.ds, r.dx), r.cx)
            count = dos.tree(entry).write(entry.node, entry.position, data)
        else:
            dos.tree(entry).truncate(entry.node, entry.position)
            count = 0
    except OSError as error:
        if error.errno not in _DISK_FULL:
            raise
        count = 0  # DOS tells of a full disk by the count alone
    position = entry.position + count
    handles.update(dos, index, entry._replace(position=position, written=True))
    r.ax = count
    return DONE


def seek(dos: DosSystem, guest: Guest) -> Outcome:
    """42h: move handle BX by CX:DX from the start, here or the end (AL); position in DX:AX."""
    r = guest.registers
    index, entry = handles.lookup(dos, guest, r.bx)
    match r.al:
        case 0:
            base = 0
        case 1:
            base = entry.position
        case 2:
            base = dos.tree(entry).size(entry.node) if entry.device == DosDevice.FILE else 0
        case _:
            raise CallFailed(Code.INVALID_FUNCTION)
    if entry.device != DosDevice.FILE:
        r.dx = r.ax = 0
        return DONE
    position = (base + (r.cx << 16 | r.dx)) % OFFSETS
    handles.update(dos, index, entry._replace(position=position))
    r.dx, r.ax = position >> 16, position
    return DONE


def duplicate(dos: DosSystem, guest: Guest) -> Outcome:
    """45h: a second handle for BX's open file, in AX."""
    guest.registers.ax = handles.duplicate(dos, guest, guest.registers.bx)
    return DONE


def force_duplicate(dos: DosSystem, guest: Guest) -> Outcome:
    """46h: let handle CX mean BX's open file."""
    handles.duplicate(dos, guest, guest.registers.bx, guest.registers.cx)
    return DONE


def file_time(dos: DosSystem, guest: Guest) -> Outcome:
    """57h: get (AL 0) or set (1) the time CX and date DX of handle BX's file."""
    r = guest.registers
    _, entry = handles.lookup(dos, guest, r.bx)
    if r.al > 1:
        raise CallFailed(Code.INVALID_FUNCTION)
    if entry.device != DosDevice.FILE:
        if r.al == 0:
            r.dx, r.cx = clock.pack(dos.nanoseconds(guest) // 1_000_000_000)
        return DONE
    if r.al == 0:
        r.dx, r.cx = clock.pack(dos.tree(entry).stat(entry.node).mtime)
        return DONE
    try:
        seconds = clock.unpack(r.dx, r.cx)
    except ValueError:
        raise CallFailed(Code.INVALID_DATA) from None
    dos.tree(entry).utime(entry.node, seconds)
    return DONE


def commit(dos: DosSystem, guest: Guest) -> Outcome:
    """68h: nothing is held back, so there is nothing to commit."""
    handles.lookup(dos, guest, guest.registers.bx)
    return DONE


# -- IOCTL -----------------------------------------------------------------------------------


def ioctl(dos: DosSystem, guest: Guest) -> Outcome:
    """44h: what handle BX or drive BL is, and whether it's ready."""
    r = guest.registers
    match r.al:
        case 0x00:
            r.dx = r.ax = _information(dos, handles.lookup(dos, guest, r.bx)[1])
        case 0x01:
            _set_information(dos, guest)
        case 0x06:
            r.al = _input_status(dos, guest, handles.lookup(dos, guest, r.bx)[1])
        case 0x07:
            handles.lookup(dos, guest, r.bx)
            r.al = READY
        case 0x08:
            dos.volume(r.bl)
            r.ax = 1  # not removable
        case 0x09:
            dos.volume(r.bl)
            r.dx = 0  # local
        case 0x0A:
            r.dx = _information(dos, handles.lookup(dos, guest, r.bx)[1])
        case 0x0B:
            pass  # how often to retry when a file is shared
        case 0x0E | 0x0F:
            dos.volume(r.bl)
            r.al = 0  # one letter for the drive
        case _:
            raise CallFailed(Code.INVALID_FUNCTION)
    return DONE


def _information(dos: DosSystem, entry: SftEntry) -> int:
    if entry.device == DosDevice.FILE:
        return entry.drive | (0 if entry.written else NOT_WRITTEN)
    return (
        _INFORMATION[DosDevice(entry.device)] | IS_DEVICE | NOT_AT_END | (RAW if entry.raw else 0)
    )


def _set_information(dos: DosSystem, guest: Guest) -> None:
    r = guest.registers
    index, entry = handles.lookup(dos, guest, r.bx)
    if entry.device == DosDevice.FILE or r.dh:
        raise CallFailed(Code.INVALID_FUNCTION)
    handles.update(dos, index, entry._replace(raw=bool(r.dl & RAW)))


def _input_status(dos: DosSystem, guest: Guest, entry: SftEntry) -> int:
    if entry.device == DosDevice.FILE:
        at_end = entry.position >= dos.tree(entry).size(entry.node)
        return NOT_READY if at_end else READY
    if entry.device in CON_DEVICES:
        return READY if console_ready(dos, guest) else NOT_READY
    return READY


CALLS: dict[int, Callable[[DosSystem, Guest], Outcome]] = {
    0x3C: create,
    0x3D: open_,
    0x3E: close,
    0x3F: read,
    0x40: write,
    0x42: seek,
    0x44: ioctl,
    0x45: duplicate,
    0x46: force_duplicate,
    0x57: file_time,
    0x5B: partial(create, exclusive=True),
    0x68: commit,
}
