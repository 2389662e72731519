"""What a recording is made of, and its file format.

A file is a header and batches.  A batch is the compressed plain data of a tuple of records with
its length and checksum; it is written as a whole, so a file that ends early, as when the server
was killed, holds all but the last one.  A record is a tuple: its kind and its fields.
"""

from __future__ import annotations

import zlib
from enum import IntEnum

from construct import Const, Int16ul, Int32ul, Struct

from blink16.history.inputs import Input, MemoryWritten, Received, RegisterWritten
from blink16.recording import plain
from blink16.setup.loader import RECORDING_MAGIC

VERSION = 8
"""Recordings before 3 tell time in instructions; since then it is clock cycles.  Before 4 the
timer acted at each change of its output.  Before 5 there was a mebibyte of RAM.  Before 6 a PC
began at its boot sector, and not at the jump to it.  Before 7 more of the BIOS was no code.
Before 8 a repeated string instruction cost the mean of even and odd addresses, and less of an AT
was an AT's."""
MAX_BATCH = 64 << 20
"""Bytes of plain data in a batch; nothing longer is written or read."""

HEADER = Struct("magic" / Const(RECORDING_MAGIC), "version" / Int16ul, "reserved" / Int16ul)
BATCH = Struct("length" / Int32ul, "checksum" / Int32ul)
"""In front of the compressed data: how long that is, and its CRC-32."""


class RecordingError(Exception):
    """A recording that can't be written or read, and why, in one line."""


class RecordKind(IntEnum):
    """The first field of a record, and what follows."""

    LAUNCH = 1  # see `launching`
    START = 2  # registers, components, RAM: the state where the history begins
    RECEIVED = 3  # icount, channel, data
    MEMORY = 4  # icount, linear address, data
    REGISTER = 5  # icount, name, value
    CUT = 6  # icount, inputs kept: the future from here on was dropped
    HOST = 7  # question, path, answer of the host's file system
    CHECKPOINT = 8  # icount, inputs seen, base, registers, components, pages
    REACHED = 9  # icount
    CONTENT = 10  # the next piece of a file of the launch
    BOOKMARKS = 11  # all of them: icount, name


Record = tuple[object, ...]


def input_record(entry: Input) -> Record:
    """Return an input as a record."""
    match entry:
        case Received(icount, channel, data):
            return RecordKind.RECEIVED, icount, channel, data
        case MemoryWritten(icount, address, data):
            return RecordKind.MEMORY, icount, address, data
        case RegisterWritten(icount, name, value):
            return RecordKind.REGISTER, icount, name, value


def build_batch(records: list[Record]) -> bytes:
    """Return a batch as it stands in the file; PlainError if it can't be written."""
    content = plain.build(tuple(records))
    if len(content) > MAX_BATCH:
        raise plain.PlainError(f"{len(content)} bytes at once are too many")
    data = zlib.compress(content, 1)
    front: bytes = BATCH.build({"length": len(data), "checksum": zlib.crc32(data)})
    return front + data


def parse_batch(front: bytes, data: bytes) -> tuple[object, ...]:
    """Return the records of a batch; RecordingError if it is damaged."""
    if zlib.crc32(data) != BATCH.parse(front).checksum:
        raise RecordingError("a checksum is wrong")
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(data, MAX_BATCH)
    except zlib.error:
        raise RecordingError("it can't be decompressed") from None
    if unpacker.unconsumed_tail:
        raise RecordingError(f"a batch is longer than {MAX_BATCH >> 20} MiB")
    try:
        records = plain.parse(content)
    except plain.PlainError as error:
        raise RecordingError(str(error)) from None
    if not isinstance(records, tuple):
        raise RecordingError("a batch is no tuple")
    return records
