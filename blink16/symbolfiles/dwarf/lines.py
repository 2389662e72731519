"""The line table of a unit: .debug_line."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from construct import Byte, CString, GreedyBytes, Int8sl, Int16ul, Int32ul, Prefixed, Struct, VarInt

from blink16.memory import MEMORY_SIZE
from blink16.symbolfiles.dwarf.entries import signed
from blink16.symbolfiles.toolchain import SourceLine

LINES_VERSION = 2
LINES = Prefixed(
    Int32ul,
    Struct(
        "version" / Int16ul,
        "header"
        / Prefixed(
            Int32ul,
            Struct(
                "minimum_length" / Byte,
                "is_statement" / Byte,
                "line_base" / Int8sl,
                "line_range" / Byte,
                "opcode_base" / Byte,
                "lengths" / Byte[9],
                "folders" / Byte,
                "files" / GreedyBytes,
            ),
        ),
        "program" / GreedyBytes,
    ),
)
FILE = Struct("name" / CString("utf-8"), "folder" / VarInt, "time" / VarInt, "size" / VarInt)
_OPCODE_LENGTHS = (0, 1, 1, 1, 1, 0, 0, 0, 1)
_COPY, _ADVANCE_PC, _ADVANCE_LINE, _SET_FILE = 1, 2, 3, 4
_SET_ADDRESS = b"\x00\x05\x02"
_END_OF_SEQUENCE = b"\x00\x01\x01"


def line_table(
    files: Sequence[str], lines: Sequence[SourceLine], code: Iterable[range], image: int
) -> bytes:
    """Return a unit's part of .debug_line: a sequence for each stretch of its code."""
    program, numbers = bytearray(), {file: number for number, file in enumerate(files, 1)}
    starts = [line.address for line in lines]
    for span in code:
        inside = lines[bisect_left(starts, span.start) : bisect_left(starts, span.stop)]
        if inside:
            program += _sequence(numbers, inside, min(span.stop, MEMORY_SIZE - image), image)
    names = b"".join(FILE.build({"name": f, "folder": 0, "time": 0, "size": 0}) for f in files)
    header = {
        "minimum_length": 1,
        "is_statement": 1,
        "line_base": -1,
        "line_range": 1,
        "opcode_base": len(_OPCODE_LENGTHS) + 1,
        "lengths": list(_OPCODE_LENGTHS),
        "folders": 0,
        "files": names + b"\0",
    }
    return bytes(
        LINES.build({"version": LINES_VERSION, "header": header, "program": bytes(program)})
    )


def _sequence(files: Mapping[str, int], lines: Iterable[SourceLine], end: int, image: int) -> bytes:
    program = bytearray()
    address, number, file = None, 1, 1
    for line in lines:
        if address is None:
            program += _SET_ADDRESS + Int32ul.build(image + line.address)
        else:
            program += bytes([_ADVANCE_PC]) + VarInt.build(line.address - address)
        address = line.address
        if (index := files[line.file]) != file:
            program += bytes([_SET_FILE]) + VarInt.build(index)
            file = index
        program += bytes([_ADVANCE_LINE]) + signed(line.number - number) + bytes([_COPY])
        number = line.number
    if address is not None:
        program += bytes([_ADVANCE_PC]) + VarInt.build(max(end - address, 0))
    return bytes(program + _END_OF_SEQUENCE)
