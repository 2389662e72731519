"""The packets about memory: m x M X, qSearch, qCRC, qMemoryRegionInfo."""

from __future__ import annotations

from dataclasses import dataclass

from blink16.gdbstub.commands import fields
from blink16.gdbstub.commands.fields import MalformedError
from blink16.gdbstub.commands.table import Packets
from blink16.gdbstub.commands.unknown import Unknown

PACKETS: Packets[MemoryQuestion | Unknown] = Packets()


@dataclass(frozen=True, slots=True)
class ReadMemory:
    """m, or x where the answer is to be binary."""

    address: int
    length: int
    binary: bool


@PACKETS.packet(b"m")
def _read_hex(rest: bytes) -> ReadMemory:
    return ReadMemory(*fields.place(rest), binary=False)


@PACKETS.packet(b"x", "binary-upload+")
def _read_binary(rest: bytes) -> ReadMemory:
    return ReadMemory(*fields.place(rest), binary=True)


@dataclass(frozen=True, slots=True)
class WriteMemory:
    """M or X: memory from a linear address on."""

    address: int
    data: bytes


@PACKETS.packet(b"M")
def _write_hex(rest: bytes) -> WriteMemory:
    return _write(rest, binary=False)


@PACKETS.packet(b"X")
def _write_binary(rest: bytes) -> WriteMemory:
    return _write(rest, binary=True)


def _write(rest: bytes, *, binary: bool) -> WriteMemory:
    place, content = fields.split(rest, b":", 2, "memory and content")
    address, length = fields.place(place)
    data = content if binary else fields.data(content, "content")
    if len(data) != length:
        raise MalformedError(f"{len(data)} bytes of content, not {length}")
    return WriteMemory(address, data)


@dataclass(frozen=True, slots=True)
class SearchMemory:
    """qSearch:memory: find bytes in a stretch of memory."""

    address: int
    length: int
    pattern: bytes


@PACKETS.packet(b"qSearch")
def _search(rest: bytes) -> SearchMemory | Unknown:
    what, where = fields.split(fields.after(rest, b":"), b":", 2, "search")
    if what != b"memory":
        return Unknown()
    address, length, pattern = fields.split(where, b";", 3, "search")
    if not pattern:
        raise MalformedError("nothing to search for")
    return SearchMemory(fields.number(address, "address"), fields.number(length, "length"), pattern)


@dataclass(frozen=True, slots=True)
class QueryChecksum:
    """qCRC: the checksum of a stretch of memory."""

    address: int
    length: int


@PACKETS.packet(b"qCRC")
def _checksum(rest: bytes) -> QueryChecksum:
    return QueryChecksum(*fields.place(fields.after(rest, b":")))


@dataclass(frozen=True, slots=True)
class QueryRegion:
    """qMemoryRegionInfo: LLDB asks what lies at an address."""

    address: int


@PACKETS.packet(b"qMemoryRegionInfo")
def _region(rest: bytes) -> QueryRegion:
    return QueryRegion(fields.number(fields.after(rest, b":"), "address"))


MemoryQuestion = ReadMemory | WriteMemory | SearchMemory | QueryChecksum | QueryRegion
