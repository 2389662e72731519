"""INT 21h's calls on open files: create, open, read, write, seek, close, duplicate."""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import partial

from blink16.cpu.registers import Cell
from blink16.dos import clock, handles
from blink16.dos.console_calls import break_typed
from blink16.dos.errors import CallFailed, Code
from blink16.dos.fat import FatTree
from blink16.dos.names import CODE_PAGE, upper
from blink16.dos.system import DosDevice, DosSystem, Located, SftEntry, path_argument
from blink16.dos.terminal import CON_DEVICES, Break, read_console, write_device
from blink16.dos.volume import (
    ARCHIVE,
    DIRECTORY,
    HIDDEN,
    READ_ONLY,
    SYSTEM,
    VOLUME,
    Tree,
)
from blink16.hostfs.files import GONE, FileKind
from blink16.services import DONE, Guest, Outcome

READ, WRITE, READ_WRITE = 0, 1, 2
ACCESS_MASK = 7
NO_INHERIT = 0x80
MAX_TRIES = 1000
EMS_DEVICE = "EMMXXXX0"
"""By opening it programs find out whether there is expanded memory."""
OPENED, CREATED, REPLACED = 1, 2, 3
REPLACE = 2
_DEVICES = {"CON": DosDevice.CON, "AUX": DosDevice.AUX, "PRN": DosDevice.PRN, "NUL": DosDevice.NUL}
_DISK_FULL = (errno.ENOSPC, errno.EFBIG)
OFFSETS = 1 << 32
# Members of enums by names of our own: looking them up takes its part of a call.
_FILE, _NO_DEVICE = FileKind.FILE, DosDevice.FILE
_AX, _BX, _CX, _DX, _DS = map(int, (Cell.AX, Cell.BX, Cell.CX, Cell.DX, Cell.DS))


def _opened(
    dos: DosSystem, guest: Guest, entry: SftEntry, reserved: tuple[int, int] | None = None
) -> Outcome:
    guest.registers.cells[_AX] = handles.install(dos, guest, entry, reserved)
    return DONE


def create(dos: DosSystem, guest: Guest, *, exclusive: bool = False) -> Outcome:
    """3Ch: create or empty the file at DS:DX with attributes CX; 5Bh: create a new one."""
    cells = guest.registers.cells
    path, attributes = path_argument(guest, cells[_DS], cells[_DX]), cells[_CX]
    if attributes & VOLUME:
        return _create_label(dos, guest, path)
    device = dos.device_at(path)
    if device is not None:
        return _opened(dos, guest, SftEntry(_DEVICES[device]))
    reserved = handles.reserve(dos, guest)  # so that a full table leaves the file as it is
    place = dos.locate(path)
    node = make(place, attributes, exclusive=exclusive)
    if attributes & (HIDDEN | SYSTEM):
        dos.tell_unkept(guest, place, attributes)
    return _opened(dos, guest, SftEntry(_NO_DEVICE, node, drive=place.volume.drive), reserved)


def _create_label(dos: DosSystem, guest: Guest, path: str) -> Outcome:
    place = dos.locate(path)
    name = path.replace("/", "\\").rpartition(":")[2].rpartition("\\")[2]
    dos.set_label(place.volume, upper(name.replace(".", "", 1)).encode(CODE_PAGE, "replace")[:11])
    return _opened(dos, guest, SftEntry(DosDevice.NUL))


def make(place: Located, attributes: int, *, exclusive: bool = False) -> int:
    """Create a file, or empty the one that is there; return its node."""
    if attributes & DIRECTORY:
        raise CallFailed(Code.ACCESS_DENIED)
    existing = place.volume.find(place.real)
    if existing == GONE:
        place.volume.check_new(place.real)
        mode = 0o444 if attributes & READ_ONLY else 0o666
        node = place.files.create(place.real, mode=mode, exclusive=True)
        _attribute(place.files, node, attributes)
        return node
    if exclusive:
        raise CallFailed(Code.FILE_EXISTS)
    check_writable(place.files, existing)
    _empty(place.files, existing, attributes)
    return existing


def _empty(files: Tree, node: int, attributes: int) -> None:
    """Make a file anew where one is; what is hidden is so only for who asks for it to stay so."""
    if isinstance(files, FatTree) and files.attributes(node) & ~attributes & (HIDDEN | SYSTEM):
        raise CallFailed(Code.ACCESS_DENIED)  # as in FreeDOS
    files.truncate(node)
    _attribute(files, node, attributes)


def _attribute(files: Tree, node: int, attributes: int) -> None:
    """Give a file that is created anew its attributes; a folder has but read-only."""
    if isinstance(files, FatTree):
        files.set_attributes(node, attributes & (READ_ONLY | HIDDEN | SYSTEM) | ARCHIVE)


def check_writable(files: Tree, node: int) -> None:
    """Refuse what is no file that can be written (error 5)."""
    if not files.is_writable(node):
        raise CallFailed(Code.ACCESS_DENIED)


def open_(dos: DosSystem, guest: Guest) -> Outcome:
    """3Dh: open the file at DS:DX for the access in AL."""
    r = guest.registers
    mode = r.al
    access = mode & ACCESS_MASK
    if access > READ_WRITE:
        raise CallFailed(Code.INVALID_ACCESS_CODE)
    path = path_argument(guest, r.ds, r.dx)
    device = dos.device_at(path)
    if device is None and dos.has_ems and upper(path) == EMS_DEVICE:
        device = "NUL"
    if device is not None:
        return _opened(dos, guest, SftEntry(_DEVICES[device], access=access))
    volume, real = dos.locate(path)
    node, files = volume.node(real), volume.files
    if files.stat(node).kind is not _FILE:
        raise CallFailed(Code.ACCESS_DENIED)
    if access != READ:
        check_writable(files, node)
    private = bool(mode & NO_INHERIT)
    entry = SftEntry(_NO_DEVICE, node, access, drive=volume.drive, private=private)
    return _opened(dos, guest, entry)


def close(dos: DosSystem, guest: Guest) -> Outcome:
    """3Eh: close handle BX."""
    handles.close(dos, guest, guest.registers.cells[_BX])
    return DONE


def read(dos: DosSystem, guest: Guest) -> Outcome:
    """3Fh: read at most CX bytes from handle BX to DS:DX; how many in AX."""
    cells = guest.registers.cells
    entry = handles.lookup(dos, guest, cells[_BX])[1]
    if entry.access == WRITE:
        raise CallFailed(Code.ACCESS_DENIED)
    if entry.device:
        return _read_device(dos, guest, entry)
    try:
        files = dos.volumes[entry.drive].files
        content = files.read(entry.node, entry.position, cells[_CX])
    except OSError as error:
        if error.errno == errno.EFBIG:
            dos.tell_long(guest, entry.drive, entry.node)
        raise
    count = len(content)
    entry.position += count
    guest.memory.write(guest.linear(cells[_DS], cells[_DX]), content)
    cells[_AX] = count
    return DONE


def _read_device(dos: DosSystem, guest: Guest, entry: SftEntry) -> Outcome:
    r = guest.registers
    data: bytes | Break | Outcome = b""
    if entry.device in CON_DEVICES and r.cx:
        data = read_console(dos, guest, entry, r.cx)
    if isinstance(data, Break):
        return break_typed(dos, guest)
    if not isinstance(data, bytes):
        return data
    if data:
        guest.memory.write(guest.linear(r.ds, r.dx), data)
    r.ax = len(data)
    return DONE


def write(dos: DosSystem, guest: Guest) -> Outcome:
    """40h: write CX bytes from DS:DX to handle BX (none: cut the file off); how many in AX."""
    cells = guest.registers.cells
    length = cells[_CX]
    index, entry = handles.lookup(dos, guest, cells[_BX])
    if entry.access == READ:
        raise CallFailed(Code.ACCESS_DENIED)
    if entry.device:
        data = guest.memory.read(guest.linear(cells[_DS], cells[_DX]), length)
        write_device(dos, guest, entry.device, data, index)
        cells[_AX] = length
        return DONE
    try:
        if length:
            data = guest.memory.read(guest.linear(cells[_DS], cells[_DX]), length)
            files = dos.volumes[entry.drive].files
            count = files.write(entry.node, entry.position, data)
        else:
            dos.tree(entry).truncate(entry.node, entry.position)
            count = 0
    except OSError as error:
        if error.errno not in _DISK_FULL:
            raise
        count = 0  # DOS tells of a full disk by the count alone
    if count < length:
        dos.tell_full(guest, entry.drive)
    entry.written_to(entry.position + count)
    cells[_AX] = count
    return DONE


def seek(dos: DosSystem, guest: Guest) -> Outcome:
    """42h: move handle BX by CX:DX from the start, here or the end (AL); position in DX:AX."""
    r = guest.registers
    entry = handles.lookup(dos, guest, r.bx)[1]
    match r.al:
        case 0:
            base = 0
        case 1:
            base = entry.position
        case 2:
            base = 0 if entry.device else dos.tree(entry).size(entry.node)
        case _:
            raise CallFailed(Code.INVALID_FUNCTION)
    if entry.device:
        r.dx = r.ax = 0
        return DONE
    position = entry.position = (base + (r.cx << 16 | r.dx)) % OFFSETS
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
    entry = handles.lookup(dos, guest, r.bx)[1]
    if r.al > 1:
        raise CallFailed(Code.INVALID_FUNCTION)
    if entry.device:
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


def temporary(dos: DosSystem, guest: Guest) -> Outcome:
    """5Ah: create a file with a new name in the directory at DS:DX; the name is appended there."""
    r, memory = guest.registers, guest.memory
    folder = path_argument(guest, r.ds, r.dx)
    handles.reserve(dos, guest)
    separator = "" if folder.endswith(("\\", "/", ":")) or not folder else "\\"
    for number in range(MAX_TRIES):
        name = f"{(guest.time + number) & 0xFFFFFFFF:08X}"
        place = dos.locate(folder + separator + name)
        try:
            node = make(place, r.cx, exclusive=True)
        except CallFailed as failure:
            if failure.code is not Code.FILE_EXISTS:
                raise
            continue
        whole = (folder + separator + name).encode(CODE_PAGE, "replace") + b"\0"
        memory.write(memory.linear(r.ds, r.dx), whole)
        return _opened(dos, guest, SftEntry(DosDevice.FILE, node, drive=place.volume.drive))
    raise CallFailed(Code.ACCESS_DENIED)


def extended_open(dos: DosSystem, guest: Guest) -> Outcome:
    """6C00h: open DS:SI for BX, or create it with attributes CX, as DX allows; what in CX."""
    r = guest.registers
    if r.al:
        raise CallFailed(Code.INVALID_FUNCTION)
    access, if_there, if_not = r.bl & ACCESS_MASK, r.dl & 0x0F, r.dl >> 4
    if access > READ_WRITE or if_there > REPLACE or if_not > 1:
        raise CallFailed(Code.INVALID_ACCESS_CODE)
    path = path_argument(guest, r.ds, r.si)
    device = dos.device_at(path)
    if device is not None:
        r.cx = OPENED
        return _opened(dos, guest, SftEntry(_DEVICES[device], access=access))
    place = dos.locate(path)
    handles.reserve(dos, guest)
    try:
        node, action = place.node(), OPENED
    except CallFailed as failure:
        if failure.code is not Code.FILE_NOT_FOUND or not if_not:
            raise
        node, action = make(place, r.cx), CREATED
        dos.tell_unkept(guest, place, r.cx)
    if action == OPENED:
        if not if_there:
            raise CallFailed(Code.FILE_EXISTS)
        if place.files.stat(node).kind is not FileKind.FILE:
            raise CallFailed(Code.ACCESS_DENIED)
        if access != READ or if_there == REPLACE:
            check_writable(place.files, node)
        if if_there == REPLACE:
            _empty(place.files, node, r.cx)
            action = REPLACED
    private = bool(r.bl & NO_INHERIT)
    entry = SftEntry(DosDevice.FILE, node, access, drive=place.volume.drive, private=private)
    outcome = _opened(dos, guest, entry)
    r.cx = action
    return outcome


def lock(dos: DosSystem, guest: Guest) -> Outcome:
    """5Ch: lock a part of a file; without SHARE there is nobody to lock it from (error 1)."""
    raise CallFailed(Code.INVALID_FUNCTION)


CALLS: dict[int, Callable[[DosSystem, Guest], Outcome]] = {
    0x3C: create,
    0x3D: open_,
    0x3E: close,
    0x3F: read,
    0x40: write,
    0x42: seek,
    0x45: duplicate,
    0x46: force_duplicate,
    0x57: file_time,
    0x5B: partial(create, exclusive=True),
    0x5A: temporary,
    0x5C: lock,
    0x68: commit,
    0x6A: commit,
    0x6C: extended_open,
}
