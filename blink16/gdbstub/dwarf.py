"""The debugging information of the board: one compilation unit that is nearly all of memory.

gdb 13 takes a RET for a sign that it may unwind the frame by its own 32-bit rules, in spite of
call frame information, unless the code comes from a compiler that it trusts: GCC 4.5 or later
(i386-tdep.c, i386_stack_frame_destroyed_p; dwarf2/read.c, set_epilogue_unwind_valid).  So
this unit has nothing in it but a producer of that form.  It leaves out the first byte of each
function: `info functions` lists, and `call` refuses, what no debugging information covers; and
what the user has debugging information of his own for.

Source: DWARF Debugging Information Format, version 4, sections 2.17.3, 3.1.1 and 7.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from construct import Byte, Const, CString, Int16ul, Int32ul, Prefixed, Struct, VarInt

from blink16.memory import MEMORY_SIZE

PRODUCER = "GNU blink16 5.0"
"""gdb reads "GNU", a language, and GCC's version."""
UNIT_NAME = "blink16"
DW_TAG_COMPILE_UNIT = 0x11
DW_CHILDREN_NO = 0
DW_AT_NAME, DW_AT_LOW_PC, DW_AT_LANGUAGE = 0x03, 0x11, 0x13
DW_AT_PRODUCER, DW_AT_RANGES = 0x25, 0x55
DW_FORM_ADDR, DW_FORM_DATA2, DW_FORM_STRING, DW_FORM_SEC_OFFSET = 0x01, 0x05, 0x08, 0x17
DW_LANG_MIPS_ASSEMBLER = 0x8001
"""What GNU as says too, of any processor."""

_ATTRIBUTES = (
    (DW_AT_PRODUCER, DW_FORM_STRING),
    (DW_AT_NAME, DW_FORM_STRING),
    (DW_AT_LANGUAGE, DW_FORM_DATA2),
    (DW_AT_LOW_PC, DW_FORM_ADDR),
    (DW_AT_RANGES, DW_FORM_SEC_OFFSET),
)
ABBREVIATION = Struct(
    "code" / Const(1, VarInt),
    "tag" / VarInt,
    "children" / Byte,
    "attributes" / Struct("name" / VarInt, "form" / VarInt)[len(_ATTRIBUTES)],
    "end_of_attributes" / Const(bytes(2)),
    "end" / Const(bytes(1)),
)
UNIT = Prefixed(
    Int32ul,
    Struct(
        "version" / Const(4, Int16ul),
        "abbreviations" / Int32ul,
        "address_size" / Const(4, Byte),
        "code" / Const(1, VarInt),
        "producer" / CString("ascii"),
        "name" / CString("ascii"),
        "language" / Int16ul,
        "low_pc" / Int32ul,
        "ranges" / Int32ul,
    ),
)
RANGE = Struct("begin" / Int32ul, "end" / Int32ul)
END_OF_RANGES = bytes(RANGE.sizeof())


_DISTRUSTED = re.compile(rb"(?:NASM |GNU AS |YASM |yasm )[\x20-\x7e]*(?=\0)")
_TRUSTED = b"GNU x 5."


def trusted(content: bytes) -> bytes:
    """Return debugging information in which assemblers go under a name that gdb 13 trusts.

    The length stays the same, so no offset changes.
    """
    return _DISTRUSTED.sub(lambda found: _TRUSTED.ljust(len(found[0]), b"0"), content)


def debug_abbrev() -> bytes:
    """Return the section .debug_abbrev."""
    attributes = [{"name": name, "form": form} for name, form in _ATTRIBUTES]
    fields = {"tag": DW_TAG_COMPILE_UNIT, "children": DW_CHILDREN_NO, "attributes": attributes}
    return bytes(ABBREVIATION.build(fields))


def debug_info(abbreviations: int, ranges: int) -> bytes:
    """Return the section .debug_info.

    ``abbreviations``, ``ranges``: where ours begin in .debug_abbrev and .debug_ranges.
    """
    return bytes(
        UNIT.build(
            {
                "abbreviations": abbreviations,
                "ranges": ranges,
                "producer": PRODUCER,
                "name": UNIT_NAME,
                "language": DW_LANG_MIPS_ASSEMBLER,
                "low_pc": 0,
            }
        )
    )


def debug_ranges(holes: Iterable[range]) -> bytes:
    """Return the section .debug_ranges: memory but for these linear addresses."""
    content, begin = bytearray(), 0
    for hole in sorted((*holes, range(MEMORY_SIZE, MEMORY_SIZE)), key=lambda hole: hole.start):
        if begin < hole.start:
            content += RANGE.build({"begin": begin, "end": hole.start})
        begin = max(begin, hole.stop)
    return bytes(content) + END_OF_RANGES
