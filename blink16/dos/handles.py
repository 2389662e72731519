"""Handles: bytes in the program's job file table that number entries of the system file table.

The job file table lies in the guest's memory, where the PSP points; programs read and write it.
"""

from __future__ import annotations

from contextlib import suppress
from struct import Struct as Packing

from blink16.dos import memory_areas
from blink16.dos.errors import CallFailed, Code
from blink16.dos.executable import CLOSED, JFT_SIZE
from blink16.dos.system import SEGMENT, DosDevice, DosSystem, SftEntry
from blink16.memory import PARAGRAPH, Memory, linear
from blink16.services import Guest

JFT_OFFSET = 0x18
JFT_SIZE_OFFSET = 0x32
JFT_POINTER_OFFSET = 0x34
_TABLE = Packing("<HHH")
"""The job file table's size, and its offset and segment, as they lie in the PSP."""
MAX_OPEN_FILES = 255
"""Entries of the system file table, numbers that a byte other than FFh can hold."""

_CLOSED = bytes((CLOSED,))


def standard_files() -> list[SftEntry]:
    """Return the open files that there are before any program."""
    return [
        SftEntry(DosDevice.CON, references=2),
        SftEntry(DosDevice.CON_ERROR),
        SftEntry(DosDevice.AUX),
        SftEntry(DosDevice.PRN),
    ]


STANDARD_JFT = (0, 0, 1, 2, 3)
"""Handles 0 to 4: standard input, output, error, auxiliary, printer."""
STDIN, STDOUT = 0, 1

# IOCTL's device information (44h/00h)
IS_DEVICE, RAW, NOT_AT_END, NOT_WRITTEN = 0x80, 0x20, 0x40, 0x40
_INFORMATION = {
    DosDevice.CON: 0x8013,  # also standard input, output, and fast output by INT 29h
    DosDevice.CON_ERROR: 0x8013,
    DosDevice.AUX: 0x8000,
    DosDevice.PRN: 0xA000,
    DosDevice.NUL: 0x8004,
}


def _slot(dos: DosSystem, memory: Memory, handle: int) -> int:
    """Return the linear address of a handle's byte; error 6 if there is no such handle."""
    size, offset, segment = _TABLE.unpack(memory.read((dos.state.psp << 4) + JFT_SIZE_OFFSET, 6))
    if handle >= size:
        raise CallFailed(Code.INVALID_HANDLE)
    return memory.linear(segment, offset + handle)


def lookup(dos: DosSystem, guest: Guest, handle: int) -> tuple[int, SftEntry]:
    """Return a handle's number in the system file table, and the entry; error 6 if closed."""
    memory, sft = guest.memory, dos.sft  # as `_slot` and `_entry` do it, which are functions more
    size, offset, segment = _TABLE.unpack(memory.read((dos.state.psp << 4) + JFT_SIZE_OFFSET, 6))
    if handle < size:
        index = memory.whole[memory.linear(segment, offset + handle)]
        entry = sft[index] if index < len(sft) else None
        if entry is not None:
            return index, entry
    raise CallFailed(Code.INVALID_HANDLE)


def _entry(dos: DosSystem, index: int) -> SftEntry:
    sft = dos.sft
    entry = sft[index] if index < len(sft) else None
    if entry is None:
        raise CallFailed(Code.INVALID_HANDLE)
    return entry


def reserve(dos: DosSystem, guest: Guest) -> tuple[int, int]:
    """Return a handle that is free, and the linear address of its byte; error 4 if none is."""
    memory = guest.memory
    size, offset, segment = _TABLE.unpack(memory.read((dos.state.psp << 4) + JFT_SIZE_OFFSET, 6))
    if size > MAX_OPEN_FILES:
        size = MAX_OPEN_FILES
    start = memory.linear(segment, offset)
    if offset + size > SEGMENT:  # it goes on at the segment's beginning
        return _reserve_around(memory, segment, offset, size)
    handle = memory.peek(start, size).find(CLOSED)
    if handle < 0:
        raise CallFailed(Code.TOO_MANY_OPEN_FILES)
    return handle, start + handle


def _reserve_around(memory: Memory, segment: int, offset: int, size: int) -> tuple[int, int]:
    for handle in range(size):
        slot = memory.linear(segment, offset + handle)
        if memory.whole[slot] == CLOSED:
            return handle, slot
    raise CallFailed(Code.TOO_MANY_OPEN_FILES)


def enter(dos: DosSystem, entry: SftEntry) -> int:
    """Enter an open file into the system file table; error 4 if that is full."""
    dos.text.forbid()
    sft = dos.sft
    index = sft.index(None) if None in sft else len(sft)
    if index >= MAX_OPEN_FILES:
        raise CallFailed(Code.TOO_MANY_OPEN_FILES)
    if not entry.device:
        dos.tree(entry).hold(entry.node)
    sft[index : index + 1] = (entry,)
    return index


def leave(dos: DosSystem, index: int, entry: SftEntry) -> None:
    """Take one reference from an open file, and close it with the last."""
    if entry.references > 1:
        entry.references -= 1
        return
    dos.text.forbid()
    dos.sft[index] = None
    if not entry.device:
        dos.tree(entry).release(entry.node)


def install(
    dos: DosSystem, guest: Guest, entry: SftEntry, reserved: tuple[int, int] | None = None
) -> int:
    """Enter an open file into both tables and return its handle; error 4 if one is full.

    ``reserved``: what `reserve` has just returned.
    """
    handle, slot = reserved or reserve(dos, guest)
    guest.memory.write(slot, bytes((enter(dos, entry),)))
    return handle


def close(dos: DosSystem, guest: Guest, handle: int) -> None:
    """Close a handle, and the file with its last handle."""
    memory = guest.memory
    slot = _slot(dos, memory, handle)
    index = memory.whole[slot]
    entry = _entry(dos, index)
    memory.write(slot, _CLOSED)
    leave(dos, index, entry)


def close_all(dos: DosSystem, guest: Guest) -> None:
    """Close all handles of the current process."""
    size = guest.memory.read_word(linear(dos.state.psp, JFT_SIZE_OFFSET))
    for handle in range(min(size, MAX_OPEN_FILES)):
        with suppress(CallFailed):
            close(dos, guest, handle)
    for index, entry in enumerate(dos.sft):
        if entry is not None and entry.by_fcb and entry.owner == dos.state.psp:
            leave(dos, index, entry)


def duplicate(dos: DosSystem, guest: Guest, handle: int, as_handle: int | None = None) -> int:
    """Let another handle mean the same open file: a free one, or ``as_handle``, closed first."""
    index, entry = lookup(dos, guest, handle)
    if as_handle == handle:
        return handle
    memory = guest.memory
    if as_handle is None:
        as_handle, slot = reserve(dos, guest)
    else:
        slot = _slot(dos, memory, as_handle)
        if memory.whole[slot] != CLOSED:
            close(dos, guest, as_handle)
            entry = _entry(dos, index)  # a program's table may have it there, too
    entry.references += 1
    memory.write(slot, bytes((index,)))
    return as_handle


def read_file(dos: DosSystem, entry: SftEntry, position: int, length: int) -> bytes:
    """Return what an open file has; devices have nothing to be read by position."""
    if entry.device != DosDevice.FILE:
        return b""
    return dos.tree(entry).read(entry.node, position, length)


def set_count(dos: DosSystem, guest: Guest, count: int) -> None:
    """Give the current process room for so many handles; error 4 if open ones don't fit."""
    memory, psp = guest.memory, dos.state.psp
    old_size = memory.read_word(linear(psp, JFT_SIZE_OFFSET))
    if count <= JFT_SIZE and old_size <= JFT_SIZE:
        return
    count = max(count, JFT_SIZE)
    table = bytes(memory[_slot(dos, memory, handle)] for handle in range(old_size))
    if table[count:].strip(bytes((CLOSED,))):
        raise CallFailed(Code.TOO_MANY_OPEN_FILES)
    where = (psp, JFT_OFFSET)
    if count > JFT_SIZE:
        paragraphs = -(-count // PARAGRAPH)
        block = memory_areas.allocate(dos, memory, paragraphs, psp)
        where = (block.data, 0)
    memory.write(linear(*where), table[:count].ljust(count, bytes((CLOSED,))))
    memory.write_word(linear(psp, JFT_SIZE_OFFSET), count)
    memory.write_word(linear(psp, JFT_POINTER_OFFSET), where[1])
    memory.write_word(linear(psp, JFT_POINTER_OFFSET + 2), where[0])


def information(entry: SftEntry) -> int:
    """Return IOCTL's word about an open file or device."""
    if entry.device == DosDevice.FILE:
        return entry.drive | (0 if entry.written else NOT_WRITTEN)
    return (
        _INFORMATION[DosDevice(entry.device)] | IS_DEVICE | NOT_AT_END | (RAW if entry.raw else 0)
    )
