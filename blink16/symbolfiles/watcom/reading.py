"""What records of types and symbols are made of: indexes, numbers, places."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from blink16.memory import MEMORY_SIZE
from blink16.symbolfiles.source import SymbolFileError
from blink16.symbolfiles.toolchain import InRegister, LocalPlace, Place, Static

_BYTES = ("al", "ah", "bl", "bh", "cl", "ch", "dl", "dh")
_WORDS = ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp", "cs", "ss", "ds", "es")
REGISTERS = (*_BYTES, *_WORDS)
LIST = 0x80
"""In a place's first byte: it is a list of so many bytes, itself included."""


class PlaceClass(IntEnum):
    """The high half of a place's first byte."""

    NOWHERE = 0x00
    BP_OFFSET = 0x10
    CONSTANT = 0x20
    REGISTERS = 0x30
    REGISTER = 0x40
    INDIRECT = 0x50
    OPERATOR = 0x60


ADDRESS, LONG_ADDRESS = 0, 1
"""The constants that are addresses, of 16 and of 32 bits of offset."""
_OFFSETS = {0: 1, 1: 2, 2: 4}
_CONSTANTS = {ADDRESS: 4, LONG_ADDRESS: 6, 2: 1, 3: 2, 4: 4}
EXCHANGE = 8
"""The only operator with an operand."""


class Record:
    """A record's bytes, taken from its front."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._content)

    def take(self, size: int) -> bytes:
        """Take bytes.  SymbolFileError if there are not so many."""
        found = self._content[self._at : self._at + size]
        if len(found) != size:
            raise SymbolFileError("the Watcom debugging information is damaged: a record is short")
        self._at += size
        return found

    def number(self, size: int, *, signed: bool = False) -> int:
        """Take a number of so many bytes."""
        return int.from_bytes(self.take(size), "little", signed=signed)

    def index(self) -> int:
        """Take a type's number: in one byte, or in two, the high one first with its top bit on."""
        first = self.number(1)
        return (first & 0x7F) << 8 | self.number(1) if first & 0x80 else first

    def address(self, offset_size: int) -> tuple[int, int]:
        """Take a segment, a paragraph of the image, and an offset, which stands first."""
        offset = self.number(offset_size)
        if offset > MEMORY_SIZE:
            raise SymbolFileError("its Watcom information names places outside of memory")
        return self.number(2), offset

    def name(self) -> str:
        """Take what is left: names stand at the end."""
        return self.take(len(self._content) - self._at).decode("latin-1")

    def place(self) -> Place | None:
        """Take a place, None if it is none that stays the same: what must be computed."""
        lead = self._content[self._at] if self else 0
        if lead <= LIST:
            return self._single()
        inside = Record(self.take(lead & ~LIST)[1:])
        found = inside._single() if inside else None
        return None if inside else found

    def _single(self) -> Place | None:
        lead = self.number(1)
        below = lead & 0x0F
        match lead & 0xF0:
            case PlaceClass.BP_OFFSET if below in _OFFSETS:
                return LocalPlace(self.number(_OFFSETS[below], signed=True))
            case PlaceClass.CONSTANT if below in (ADDRESS, LONG_ADDRESS):
                segment, offset = self.address(2 if below == ADDRESS else 4)
                return Static(segment * 16 + offset, segment)
            case PlaceClass.CONSTANT if below in _CONSTANTS:
                self.take(_CONSTANTS[below])
            case PlaceClass.REGISTERS:
                return _registers(self.take(below + 1))
            case PlaceClass.REGISTER:
                return InRegister(REGISTERS[below])
            case PlaceClass.INDIRECT:
                self.take(2 if below & 1 else 1)
            case PlaceClass.OPERATOR if below == EXCHANGE:
                self.take(1)
        return None


def _registers(numbers: bytes) -> Place | None:
    """Return a place in registers, the lowest of which is named first."""
    known = [REGISTERS[number] for number in numbers if number < len(REGISTERS)]
    if len(known) != len(numbers) or len(known) > 2:
        return None
    return InRegister(":".join(reversed(known)))


def records(block: bytes) -> Iterator[tuple[int, int, Record]]:
    """Yield where each record of a block is, its kind and the rest of it."""
    at = 0
    while at < len(block):
        size = block[at]
        if size < 2 or at + size > len(block):
            raise SymbolFileError("the Watcom debugging information is damaged: a record's length")
        yield at, block[at + 1], Record(block[at + 2 : at + size])
        at += size
