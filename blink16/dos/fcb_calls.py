"""INT 21h's calls on files by file control blocks, as CP/M programs and DOS 1 have them.

An open FCB keeps the number of its entry in the system file table in its reserved bytes; one
that was copied or filled in by hand is opened anew by its name.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from blink16.dos import clock, handles
from blink16.dos.errors import CallFailed, Code
from blink16.dos.fcbs import (
    BLOCK_OFFSET,
    END_OF_FILE,
    LARGE_RECORD,
    OK,
    OPEN_MAGIC,
    PACKED_STAMP,
    PARTIAL,
    RANDOM_RECORD,
    RECORD_OFFSET,
    RECORD_SIZE,
    RECORDS_IN_BLOCK,
    SIZE_OFFSET,
    WRAPS,
    Fcb,
    answer,
    argument,
    locate,
    store,
)
from blink16.dos.file_calls import check_writable, make
from blink16.dos.names import dotted
from blink16.dos.system import NANOSECONDS, SEGMENT, DosDevice, DosSystem, Located, SftEntry
from blink16.dos.terminal import write_device
from blink16.dos.volume import VOLUME, device_of
from blink16.hostfs.files import FileKind
from blink16.services import DONE, Guest, Outcome

_IS_FILE, _NO_DEVICE = FileKind.FILE, DosDevice.FILE


# -- opening and closing ---------------------------------------------------------------------


def open_(dos: DosSystem, guest: Guest) -> Outcome:
    """0Fh: open the file of the FCB at DS:DX; AL is FFh if it isn't there."""
    fcb = argument(guest)
    _open(dos, guest, fcb, _entry_of(dos, fcb), fresh=True)
    return answer(guest, OK)


def _entry_of(dos: DosSystem, fcb: Fcb) -> SftEntry:
    """Return an entry of the system file table for what an FCB names."""
    device = device_of(dotted(fcb.name))
    if device is not None:
        return SftEntry(DosDevice[device], owner=dos.state.psp, by_fcb=True)
    place = locate(dos, fcb.drive, fcb.name)
    node = place.node()
    if place.files.stat(node).kind is not _IS_FILE:
        raise CallFailed(Code.FILE_NOT_FOUND)
    return _file_entry(dos, place, node)


def _file_entry(dos: DosSystem, place: Located, node: int) -> SftEntry:
    drive = place.volume.drive
    return SftEntry(_NO_DEVICE, node, drive=drive, owner=dos.state.psp, by_fcb=True)


def _open(
    dos: DosSystem, guest: Guest, fcb: Fcb, entry: SftEntry, *, fresh: bool
) -> tuple[int, SftEntry]:
    """Enter an open file into the table and the FCB."""
    index = handles.enter(dos, entry)
    if entry.device:
        fcb.size, mtime = 0, dos.nanoseconds(guest) // NANOSECONDS
    else:
        stat = dos.tree(entry).stat(entry.node)
        fcb.size, mtime = stat.size, stat.mtime
    fcb.date, fcb.time = clock.pack(mtime)
    fcb.magic, fcb.index = OPEN_MAGIC, index
    if fresh:
        fcb.block, fcb.record_size = 0, RECORD_SIZE
        fcb.drive = fcb.drive or dos.state.drive + 1
    store(guest, fcb)
    return index, entry


def _opened(dos: DosSystem, guest: Guest, fcb: Fcb) -> tuple[int, SftEntry]:
    """Return the open file that an FCB is about; opened anew if DOS doesn't know it."""
    index = fcb.index
    if fcb.magic == OPEN_MAGIC and index < len(dos.sft):
        entry = dos.sft[index]
        if entry is not None and entry.by_fcb:
            return index, entry
    return _open(dos, guest, fcb, _entry_of(dos, fcb), fresh=False)


def close(dos: DosSystem, guest: Guest) -> Outcome:
    """10h: close the FCB's file; it gets the date and time that the FCB has."""
    fcb = argument(guest)
    if fcb.place.attributes & VOLUME:
        return answer(guest, OK)  # of a label that was created
    date, time = fcb.date, fcb.time
    index, entry = _opened(dos, guest, fcb)
    if not entry.device and entry.written:
        try:
            seconds = clock.unpack(date, time)
            dos.tree(entry).utime(entry.node, seconds)
        except ValueError:
            pass  # a program has written nonsense there
    handles.leave(dos, index, entry)
    fcb.magic = 0
    store(guest, fcb)
    return answer(guest, OK)


def create(dos: DosSystem, guest: Guest) -> Outcome:
    """16h: create or empty the FCB's file, or (extended, attribute 8) set the volume's label."""
    fcb = argument(guest)
    attributes = fcb.place.attributes
    if attributes & VOLUME:
        dos.set_label(dos.volume(fcb.drive), fcb.name)
        return answer(guest, OK)
    if device_of(dotted(fcb.name)) is not None:
        entry = _entry_of(dos, fcb)
    else:
        place = locate(dos, fcb.drive, fcb.name)
        entry = _file_entry(dos, place, make(place, attributes))
    _open(dos, guest, fcb, entry, fresh=True)
    return answer(guest, OK)


# -- records ---------------------------------------------------------------------------------


def _transfer(
    dos: DosSystem, guest: Guest, fcb: Fcb, record: int, count: int, *, write: bool
) -> tuple[int, int]:
    """Move records between the file and the transfer area; return AL, and how many."""
    size = fcb.record_size or RECORD_SIZE
    entry = _opened(dos, guest, fcb)[1]
    segment, offset = dos.state.dta_segment, dos.state.dta_offset
    length = size * count
    if offset + length > SEGMENT:
        count = (SEGMENT - offset) // size
        if not count:
            return WRAPS, 0
        length = size * count
    where = guest.linear(segment, offset)
    if write:
        return _write(dos, guest, fcb, entry, record * size, where, length, size)
    data = handles.read_file(dos, entry, record * size, length)
    whole, rest = divmod(len(data), size)
    if rest:
        data = data.ljust((whole + 1) * size, b"\0")
    guest.memory.write(where, data)
    if len(data) == length and not rest:
        return OK, count
    if rest:
        return PARTIAL, whole + 1
    return END_OF_FILE, whole


def _write(
    dos: DosSystem,
    guest: Guest,
    fcb: Fcb,
    entry: SftEntry,
    position: int,
    where: int,
    length: int,
    size: int,
) -> tuple[int, int]:
    data = guest.memory.read(where, length)
    if entry.device:
        write_device(dos, guest, entry.device, data)
        return OK, length // size
    tree = dos.tree(entry)
    check_writable(tree, entry.node)
    try:
        tree.write(entry.node, position, data)
    except OSError:
        dos.tell_full(guest, entry.drive)
        return END_OF_FILE, 0
    entry.written = True
    stamp = tree.size(entry.node), *clock.pack(dos.nanoseconds(guest) // NANOSECONDS)
    guest.memory.write(fcb.place.address + SIZE_OFFSET, PACKED_STAMP.pack(*stamp))
    return OK, length // size


def sequential(dos: DosSystem, guest: Guest, *, write: bool) -> Outcome:
    """14h, 15h: read or write the current record, and move on."""
    fcb = argument(guest)
    record = fcb.current
    status, moved = _transfer(dos, guest, fcb, record, 1, write=write)
    if moved:
        _set_record(guest, fcb, record + 1)
    return answer(guest, status)


def random(dos: DosSystem, guest: Guest, *, write: bool) -> Outcome:
    """21h, 22h: read or write the random record, which becomes the current one."""
    fcb = argument(guest)
    record = _random_record(guest, fcb)
    _set_record(guest, fcb, record)
    status, _ = _transfer(dos, guest, fcb, record, 1, write=write)
    return answer(guest, status)


def random_block(dos: DosSystem, guest: Guest, *, write: bool) -> Outcome:
    """27h, 28h: read or write CX records from the random one on (28h, none: set the size)."""
    r = guest.registers
    fcb = argument(guest)
    record = _random_record(guest, fcb)
    if write and not r.cx:
        entry = _opened(dos, guest, fcb)[1]
        if not entry.device:
            size = fcb.record_size or RECORD_SIZE
            dos.tree(entry).truncate(entry.node, record * size)
            entry.written = True
        return answer(guest, OK)
    wanted = r.cx
    status, moved = _transfer(dos, guest, fcb, record, wanted, write=write)
    if status == OK and moved < wanted:
        status = WRAPS
    r.cx = moved
    _set_random(guest, fcb, record + moved)
    _set_record(guest, fcb, record + moved)
    return answer(guest, status)


def file_size(dos: DosSystem, guest: Guest) -> Outcome:
    """23h: the file's size in records, rounded up, becomes the random record."""
    fcb = argument(guest)
    place = locate(dos, fcb.drive, fcb.name)
    size = fcb.record_size or RECORD_SIZE
    _set_random(guest, fcb, -(-place.files.size(place.node()) // size))
    return answer(guest, OK)


def set_random(dos: DosSystem, guest: Guest) -> Outcome:
    """24h: the current record becomes the random one."""
    fcb = argument(guest)
    _set_random(guest, fcb, fcb.current)
    return DONE


def _record_bytes(fcb: Fcb) -> int:
    return 3 if fcb.record_size >= LARGE_RECORD else 4


def _random_record(guest: Guest, fcb: Fcb) -> int:
    raw = guest.memory.read(fcb.place.address + RANDOM_RECORD, _record_bytes(fcb))
    return int.from_bytes(raw, "little")


def _set_random(guest: Guest, fcb: Fcb, record: int) -> None:
    length = _record_bytes(fcb)
    raw = (record % (1 << 8 * length)).to_bytes(length, "little")
    guest.memory.write(fcb.place.address + RANDOM_RECORD, raw)


def _set_record(guest: Guest, fcb: Fcb, record: int) -> None:
    """Make a record the current one: nothing else in the FCB, which may have changed since."""
    block, fcb.record = divmod(record, RECORDS_IN_BLOCK)
    fcb.block = block & 0xFFFF
    memory, address = guest.memory, fcb.place.address
    memory.write_word(address + BLOCK_OFFSET, fcb.block)
    memory.write(address + RECORD_OFFSET, bytes((fcb.record,)))


CALLS: dict[int, Callable[[DosSystem, Guest], Outcome]] = {
    0x0F: open_,
    0x10: close,
    0x14: partial(sequential, write=False),
    0x15: partial(sequential, write=True),
    0x16: create,
    0x21: partial(random, write=False),
    0x22: partial(random, write=True),
    0x23: file_size,
    0x24: set_random,
    0x27: partial(random_block, write=False),
    0x28: partial(random_block, write=True),
}
