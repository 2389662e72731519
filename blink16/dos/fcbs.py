"""File control blocks, as CP/M programs and DOS 1 have them: what lies in them, and where.

Source: MS-DOS Programmer's Reference; Ralf Brown's Interrupt List, tables 01345, 01352.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from construct import Bytes, Int8ul, Int16ul, Int32ul, Padding, Struct

from blink16.dos.errors import CallFailed, Code
from blink16.dos.fat import DIRENT
from blink16.dos.names import BASE_LENGTH, dotted
from blink16.dos.system import DosSystem, Located
from blink16.packing import packing
from blink16.services import DONE, Guest, Outcome

OK = 0x00
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
PACKED_FCB, PACKED_SEARCH, PACKED_ENTRY = map(packing, (OPEN_FCB, SEARCH_FCB, DIRENT))
"""The same, for calls that come by the thousand: construct takes twenty times as long."""
BLOCK_OFFSET, SIZE_OFFSET, RECORD_OFFSET = 0x0C, 0x10, 0x20
PACKED_STAMP = packing(Struct(*OPEN_FCB.subcons[4:7]))
"""Size, date and time, which change with each write."""


class FcbPlace(NamedTuple):
    """Where the FCB at DS:DX lies that a call is about."""

    address: int
    """Of the FCB proper, behind the extension."""
    attributes: int
    """Of an extended FCB; else 0."""
    extended: bool


@dataclass(slots=True, eq=False)
class Fcb:
    """The FCB at DS:DX that a call is about: where it lies, and `OPEN_FCB`'s fields."""

    place: FcbPlace
    drive: int
    name: bytes
    block: int
    record_size: int
    size: int
    date: int
    time: int
    magic: int
    index: int
    record: int

    @property
    def current(self) -> int:
        """The current record, which sequential calls move."""
        return self.block * RECORDS_IN_BLOCK + self.record


_fields = attrgetter(*(part.name for part in OPEN_FCB.subcons if part.name))


def place_of(guest: Guest) -> FcbPlace:
    """Return where the FCB at DS:DX lies, and what stands before it."""
    r, memory = guest.registers, guest.memory
    start = memory.linear(r.ds, r.dx)
    if memory.read(start, 1)[0] != EXTENDED:
        return FcbPlace(start, 0, False)
    return FcbPlace(start + EXTENSION_SIZE, memory.read(start + 6, 1)[0], True)


def argument(guest: Guest) -> Fcb:
    """Return the FCB at DS:DX."""
    place = place_of(guest)
    return Fcb(place, *PACKED_FCB.unpack(guest.memory.read(place.address, PACKED_FCB.size)))


def store(guest: Guest, fcb: Fcb) -> None:
    """Write an FCB's fields back."""
    guest.memory.write(fcb.place.address, PACKED_FCB.pack(*_fields(fcb)))


def answer(guest: Guest, status: int) -> Outcome:
    """End a call with AL."""
    guest.registers.al = status
    return DONE


def pattern(raw: bytes) -> bytes:
    """Return an FCB's name as a pattern: a ``*`` fits the rest of its field."""
    return b"".join(_starred(part) for part in (raw[:BASE_LENGTH], raw[BASE_LENGTH:]))


def _starred(part: bytes) -> bytes:
    before, star, _ = part.partition(b"*")
    return before.ljust(len(part), b"?") if star else part


def locate(dos: DosSystem, drive: int, raw: bytes) -> Located:
    """Return what an FCB's drive and name mean: in the drive's current directory."""
    volume = dos.volume(drive)
    name = dotted(raw)
    if not name or "?" in name:
        raise CallFailed(Code.FILE_NOT_FOUND)
    return Located(volume, volume.locate(name, dos.cwd(volume)))
