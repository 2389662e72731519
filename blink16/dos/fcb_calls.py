"""INT 21h's calls on file control blocks, as CP/M programs and DOS 1 have them: 0Fh to 28h.

An open FCB keeps the number of its entry in the system file table in its reserved bytes; one
that was copied or filled in by hand is opened anew by its name.
Source: MS-DOS Programmer's Reference; Ralf Brown's Interrupt List, tables 01345, 01352.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from construct import Bytes, Int8ul, Int16ul, Int32ul, Padding, Struct

from blink16.dos import clock, handles
from blink16.dos.directory_calls import check_deletable, label_entry, matching, move
from blink16.dos.errors import CallFailed, Code
from blink16.dos.file_calls import check_writable, make
from blink16.dos.names import CODE_PAGE, dotted, template
from blink16.dos.system import DosDevice, DosSystem, Located, SftEntry
from blink16.dos.terminal import write_device
from blink16.dos.volume import DIRECTORY, HIDDEN, SYSTEM, VOLUME, Entry, device_of
from blink16.hostfs.files import FileKind
from blink16.services import DONE, Guest, Outcome

OK, FAILED = 0x00, 0xFF
END_OF_FILE, WRAPS, PARTIAL = 1, 2, 3
"""In AL of reads and writes: nothing came or fits, the transfer area wraps, a part came."""
RECORD_SIZE = 128
RECORDS_IN_BLOCK = 128
LARGE_RECORD = 64
"""From this size on the number of a record has three bytes."""
EXTENDED = 0xFF
EXTENSION_SIZE = 7
SEARCH_MAGIC = 0x5E
OPEN_MAGIC = 0xF1

OPEN_FCB = Struct(
    "drive" / Int8ul,  # 0: the current one, 1: A
    "name" / Bytes(11),
    "block" / Int16ul,
    "record_size" / Int16ul,
    "size" / Int32ul,
    "date" / Int16ul,
    "time" / Int16ul,
    "magic" / Int8ul,  # what follows here is DOS' own
    "index" / Int16ul,  # in the system file table
    Padding(5),
    "record" / Int8ul,
)
RANDOM_RECORD = 0x21
NEW_NAME = 0x11
SEARCH_FCB = Struct(
    "drive" / Int8ul, "name" / Bytes(11), "magic" / Int8ul, "number" / Int32ul, "next" / Int32ul
)
DIRECTORY_ENTRY = Struct(
    "name" / Bytes(11),
    "attributes" / Int8ul,
    Padding(10),
    "time" / Int16ul,
    "date" / Int16ul,
    "cluster" / Int16ul,
    "size" / Int32ul,
)


class FcbCall(NamedTuple):
    """The FCB at DS:DX that a call is about."""

    address: int
    """Of the FCB proper, behind the extension."""
    attributes: int
    """Of an extended FCB; else 0."""
    extended: bool


def _argument(guest: Guest) -> FcbCall:
    r = guest.registers
    start = guest.linear(r.ds, r.dx)
    if guest.memory.read(start, 1)[0] != EXTENDED:
        return FcbCall(start, 0, False)
    return FcbCall(start + EXTENSION_SIZE, guest.memory.read(start + 6, 1)[0], True)


def _answer(guest: Guest, status: int) -> Outcome:
    guest.registers.al = status
    return DONE


def _fields(guest: Guest, call: FcbCall) -> Any:
    return OPEN_FCB.parse(guest.memory.read(call.address, OPEN_FCB.sizeof()))


def _locate(dos: DosSystem, drive: int, raw: bytes) -> Located:
    """Return what an FCB's drive and name mean: in the drive's current directory."""
    volume = dos.volume(drive)
    name = dotted(raw)
    if not name or "?" in name:
        raise CallFailed(Code.FILE_NOT_FOUND)
    return Located(volume, volume.locate(name, dos.cwd(volume)))


# -- opening and closing ---------------------------------------------------------------------


def open_(dos: DosSystem, guest: Guest) -> Outcome:
    """0Fh: open the file of the FCB at DS:DX; AL is FFh if it isn't there."""
    call = _argument(guest)
    fields = _fields(guest, call)
    _open(dos, guest, call, _entry_of(dos, fields), fresh=True)
    return _answer(guest, OK)


def _entry_of(dos: DosSystem, fields: Any) -> SftEntry:
    """Return an entry of the system file table for what an FCB names."""
    drive, raw = fields.drive, fields.name
    device = device_of(dotted(raw))
    if device is not None:
        return SftEntry(DosDevice[device], owner=dos.state.psp, by_fcb=True)
    place = _locate(dos, drive, raw)
    node = place.node()
    stat = place.files.stat(node)
    if stat.kind is not FileKind.FILE:
        raise CallFailed(Code.FILE_NOT_FOUND)
    drive = place.volume.drive
    return SftEntry(DosDevice.FILE, node, drive=drive, owner=dos.state.psp, by_fcb=True)


def _open(
    dos: DosSystem, guest: Guest, call: FcbCall, entry: SftEntry, *, fresh: bool
) -> tuple[int, SftEntry]:
    """Enter an open file into the table and the FCB."""
    index = handles.enter(dos, entry)
    fields = _fields(guest, call)
    size, mtime = 0, dos.nanoseconds(guest) // 1_000_000_000
    if entry.device == DosDevice.FILE:
        stat = dos.tree(entry).stat(entry.node)
        size, mtime = stat.size, stat.mtime
    fields.size = size
    fields.date, fields.time = clock.pack(mtime)
    fields.magic, fields.index = OPEN_MAGIC, index
    if fresh:
        fields.block, fields.record_size = 0, RECORD_SIZE
        fields.drive = fields.drive or dos.state.drive + 1
    _store(guest, call, fields)
    return index, entry


def _store(guest: Guest, call: FcbCall, fields: Any) -> None:
    guest.memory.write(call.address, OPEN_FCB.build(fields))


def _opened(dos: DosSystem, guest: Guest, call: FcbCall) -> tuple[int, SftEntry]:
    """Return the open file that an FCB is about; opened anew if DOS doesn't know it."""
    fields = _fields(guest, call)
    index = fields.index
    if fields.magic == OPEN_MAGIC and index < len(dos.sft):
        entry = dos.sft[index]
        if entry is not None and entry.by_fcb:
            return index, entry
    return _open(dos, guest, call, _entry_of(dos, fields), fresh=False)


def close(dos: DosSystem, guest: Guest) -> Outcome:
    """10h: close the FCB's file; it gets the date and time that the FCB has."""
    call = _argument(guest)
    fields = _fields(guest, call)
    index, entry = _opened(dos, guest, call)
    if entry.device == DosDevice.FILE and entry.written:
        try:
            seconds = clock.unpack(fields.date, fields.time)
            dos.tree(entry).utime(entry.node, seconds)
        except ValueError:
            pass  # a program has written nonsense there
    handles.leave(dos, index, entry)
    fields.magic = 0
    _store(guest, call, fields)
    return _answer(guest, OK)


def create(dos: DosSystem, guest: Guest) -> Outcome:
    """16h: create or empty the FCB's file, or (extended, attribute 8) set the volume's label."""
    call = _argument(guest)
    fields = _fields(guest, call)
    drive, raw = fields.drive, fields.name
    if call.attributes & VOLUME:
        dos.set_label(dos.volume(drive), raw)
        return _answer(guest, OK)
    if device_of(dotted(raw)) is not None:
        _open(dos, guest, call, _entry_of(dos, fields), fresh=True)
        return _answer(guest, OK)
    place = _locate(dos, drive, raw)
    node = make(place, call.attributes)
    entry = SftEntry(
        DosDevice.FILE, node, drive=place.volume.drive, owner=dos.state.psp, by_fcb=True
    )
    _open(dos, guest, call, entry, fresh=True)
    return _answer(guest, OK)


# -- records ---------------------------------------------------------------------------------


def _transfer(
    dos: DosSystem, guest: Guest, call: FcbCall, record: int, count: int, *, write: bool
) -> tuple[int, int]:
    """Move records between the file and the transfer area; return AL, and how many."""
    fields = _fields(guest, call)
    size = fields.record_size or RECORD_SIZE
    entry = _opened(dos, guest, call)[1]
    length = size * count
    if dos.state.dta_offset + length > 0x10000:
        count = (0x10000 - dos.state.dta_offset) // size
        if not count:
            return WRAPS, 0
        length = size * count
    where = guest.linear(dos.state.dta_segment, dos.state.dta_offset)
    if write:
        return _write(dos, guest, call, entry, record * size, where, length, size)
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
    call: FcbCall,
    entry: SftEntry,
    position: int,
    where: int,
    length: int,
    size: int,
) -> tuple[int, int]:
    data = guest.memory.read(where, length)
    if entry.device != DosDevice.FILE:
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
    fields = _fields(guest, call)
    fields.size = tree.size(entry.node)
    fields.date, fields.time = clock.pack(dos.nanoseconds(guest) // 1_000_000_000)
    _store(guest, call, fields)
    return OK, length // size


def sequential(dos: DosSystem, guest: Guest, *, write: bool) -> Outcome:
    """14h, 15h: read or write the current record, and move on."""
    call = _argument(guest)
    fields = _fields(guest, call)
    record = fields.block * RECORDS_IN_BLOCK + fields.record
    status, moved = _transfer(dos, guest, call, record, 1, write=write)
    if moved:
        _set_record(guest, call, record + 1)
    return _answer(guest, status)


def random(dos: DosSystem, guest: Guest, *, write: bool) -> Outcome:
    """21h, 22h: read or write the random record, which becomes the current one."""
    call = _argument(guest)
    record = _random_record(guest, call)
    _set_record(guest, call, record)
    status, _ = _transfer(dos, guest, call, record, 1, write=write)
    return _answer(guest, status)


def random_block(dos: DosSystem, guest: Guest, *, write: bool) -> Outcome:
    """27h, 28h: read or write CX records from the random one on (28h, none: set the size)."""
    r = guest.registers
    call = _argument(guest)
    record = _random_record(guest, call)
    if write and not r.cx:
        entry = _opened(dos, guest, call)[1]
        if entry.device == DosDevice.FILE:
            size = _fields(guest, call).record_size or RECORD_SIZE
            dos.tree(entry).truncate(entry.node, record * size)
            entry.written = True
        return _answer(guest, OK)
    wanted = r.cx
    status, moved = _transfer(dos, guest, call, record, wanted, write=write)
    if status == OK and moved < wanted:
        status = WRAPS
    r.cx = moved
    _set_random(guest, call, record + moved)
    _set_record(guest, call, record + moved)
    return _answer(guest, status)


def file_size(dos: DosSystem, guest: Guest) -> Outcome:
    """23h: the file's size in records, rounded up, becomes the random record."""
    call = _argument(guest)
    fields = _fields(guest, call)
    place = _locate(dos, fields.drive, fields.name)
    size = fields.record_size or RECORD_SIZE
    _set_random(guest, call, -(-place.files.size(place.node()) // size))
    return _answer(guest, OK)


def set_random(dos: DosSystem, guest: Guest) -> Outcome:
    """24h: the current record becomes the random one."""
    call = _argument(guest)
    fields = _fields(guest, call)
    record = fields.block * RECORDS_IN_BLOCK + fields.record
    _set_random(guest, call, record)
    return DONE


def _record_bytes(guest: Guest, call: FcbCall) -> int:
    return 3 if _fields(guest, call).record_size >= LARGE_RECORD else 4


def _random_record(guest: Guest, call: FcbCall) -> int:
    raw = guest.memory.read(call.address + RANDOM_RECORD, _record_bytes(guest, call))
    return int.from_bytes(raw, "little")


def _set_random(guest: Guest, call: FcbCall, record: int) -> None:
    length = _record_bytes(guest, call)
    raw = (record % (1 << 8 * length)).to_bytes(length, "little")
    guest.memory.write(call.address + RANDOM_RECORD, raw)


def _set_record(guest: Guest, call: FcbCall, record: int) -> None:
    fields = _fields(guest, call)
    block, fields.record = divmod(record, RECORDS_IN_BLOCK)
    fields.block = block & 0xFFFF
    _store(guest, call, fields)


# -- names -----------------------------------------------------------------------------------


def _found(dos: DosSystem, call: FcbCall, drive: int, raw: bytes) -> list[tuple[str, Entry]]:
    """Return what an FCB's pattern finds in its drive's current directory, in order."""
    volume = dos.volume(drive)
    if call.attributes == VOLUME:
        label = label_entry(dos, volume)
        return [label] if label is not None and _fits(raw, label[0]) else []
    place = Located(volume, dos.cwd(volume))
    listing = volume.entries(place.real)
    pattern = raw.upper()
    entries = []
    for name in matching(place, pattern):
        real = place.real if name in (".", "..") else listing.get(name)
        if real is None:
            continue
        try:
            entry = volume.entry(real)
        except CallFailed:
            continue
        special = entry.attributes & (HIDDEN | SYSTEM | DIRECTORY)
        if not special & ~call.attributes:
            entries.append((name, entry))
    return entries


def _fits(pattern: bytes, label: str) -> bool:
    name = label.encode(CODE_PAGE, "replace")[:11].ljust(11)
    return all(p in (ord("?"), n) for p, n in zip(pattern, name, strict=True))


def find_first(dos: DosSystem, guest: Guest) -> Outcome:
    """11h: find the first entry that the FCB's pattern fits; it comes into the transfer area."""
    return _find(dos, guest, _argument(guest), 0)


def find_next(dos: DosSystem, guest: Guest) -> Outcome:
    """12h: find the next one."""
    call = _argument(guest)
    state = SEARCH_FCB.parse(guest.memory.read(call.address, SEARCH_FCB.sizeof()))
    if state.magic != SEARCH_MAGIC:
        raise CallFailed(Code.NO_MORE_FILES)
    return _find(dos, guest, call, state.next)


def _find(dos: DosSystem, guest: Guest, call: FcbCall, at: int) -> Outcome:
    head = SEARCH_FCB.parse(guest.memory.read(call.address, SEARCH_FCB.sizeof()))
    found = _found(dos, call, head.drive, head.name)
    if at >= len(found):
        raise CallFailed(Code.NO_MORE_FILES)
    name, entry = found[at]
    head.magic, head.number, head.next = SEARCH_MAGIC, 0, at + 1
    guest.memory.write(call.address, SEARCH_FCB.build(head))
    number = head.drive or dos.state.drive + 1
    record = bytes((number,)) + directory_entry(name, entry)
    if call.extended:
        record = bytes((EXTENDED, 0, 0, 0, 0, 0, call.attributes)) + record
    guest.memory.write(guest.linear(dos.state.dta_segment, dos.state.dta_offset), record)
    return _answer(guest, OK)


def directory_entry(name: str, entry: Entry) -> bytes:
    """Return an entry as a directory on a disk has it, without a first cluster."""
    date, time = clock.pack(entry.stat.mtime)
    raw = name.encode(CODE_PAGE, "replace")[:11].ljust(11)
    built: bytes = DIRECTORY_ENTRY.build(
        {
            "name": raw if entry.attributes & VOLUME or name in (".", "..") else template(name),
            "attributes": entry.attributes,
            "time": time,
            "date": date,
            "cluster": 0,
            "size": entry.stat.size if entry.stat.kind is FileKind.FILE else 0,
        }
    )
    return built


def delete(dos: DosSystem, guest: Guest) -> Outcome:
    """13h: delete all files that the FCB's pattern fits, or the label."""
    call = _argument(guest)
    fields = _fields(guest, call)
    drive, raw = fields.drive, fields.name
    found = _found(dos, call, drive, raw)
    if not found:
        raise CallFailed(Code.FILE_NOT_FOUND)
    volume = dos.volume(drive)
    if call.attributes == VOLUME:
        dos.set_label(volume, b"")
        return _answer(guest, OK)
    for name, _ in found:
        place = Located(volume, volume.locate(name, dos.cwd(volume)))
        check_deletable(place)
        place.files.unlink(place.real)
    return _answer(guest, OK)


def rename(dos: DosSystem, guest: Guest) -> Outcome:
    """17h: rename all files that the FCB's pattern fits; ``?`` in the new name keeps what is."""
    call = _argument(guest)
    fields = _fields(guest, call)
    new = guest.memory.read(call.address + NEW_NAME, 11).upper()
    volume = dos.volume(fields.drive)
    found = _found(dos, call, fields.drive, fields.name)
    if not found:
        raise CallFailed(Code.FILE_NOT_FOUND)
    if call.attributes == VOLUME:
        dos.set_label(volume, new)
        return _answer(guest, OK)
    for name, _ in found:
        old = template(name)
        pairs = zip(new, old, strict=True)
        target = dotted(bytes(o if n == ord("?") else n for n, o in pairs))
        cwd = dos.cwd(volume)
        places = (Located(volume, volume.locate(part, cwd)) for part in (name, target))
        move(*places)
    return _answer(guest, OK)


CALLS: dict[int, Callable[[DosSystem, Guest], Outcome]] = {
    0x0F: open_,
    0x10: close,
    0x11: find_first,
    0x12: find_next,
    0x13: delete,
    0x14: partial(sequential, write=False),
    0x15: partial(sequential, write=True),
    0x16: create,
    0x17: rename,
    0x21: partial(random, write=False),
    0x22: partial(random, write=True),
    0x23: file_size,
    0x24: set_random,
    0x27: partial(random_block, write=False),
    0x28: partial(random_block, write=True),
}
