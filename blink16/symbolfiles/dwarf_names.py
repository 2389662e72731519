"""DWARF's numbers by the names of its specification without prefixes, and who we say we are."""

from __future__ import annotations

from enum import IntEnum

from construct import Byte, GreedyRange, NullTerminated, Struct, VarInt

PRODUCER = "GNU blink16 5.0"
"""gdb reads "GNU", a language, and the version of a GCC that tells all locations."""
DW_LANG_MIPS_ASSEMBLER = 0x8001
"""What GNU as says too, of any processor."""


class Tag(IntEnum):
    """DW_TAG_."""

    ARRAY = 0x01
    ENUMERATION = 0x04
    PARAMETER = 0x05
    BLOCK = 0x0B
    MEMBER = 0x0D
    POINTER = 0x0F
    UNIT = 0x11
    STRUCTURE = 0x13
    SUBROUTINE = 0x15
    TYPEDEF = 0x16
    UNION = 0x17
    SUBRANGE = 0x21
    BASE = 0x24
    ENUMERATOR = 0x28
    FUNCTION = 0x2E
    VARIABLE = 0x34


class At(IntEnum):
    """DW_AT_."""

    LOCATION = 0x02
    NAME = 0x03
    SIZE = 0x0B
    STATEMENTS = 0x10
    LOW_PC = 0x11
    HIGH_PC = 0x12
    LANGUAGE = 0x13
    FOLDER = 0x1B
    CONST_VALUE = 0x1C
    PRODUCER = 0x25
    UPPER_BOUND = 0x2F
    FILE = 0x3A
    LINE = 0x3B
    ENCODING = 0x3E
    EXTERNAL = 0x3F
    MEMBER_OFFSET = 0x38
    TYPE = 0x49
    RANGES = 0x55
    BIT_SIZE = 0x0D
    MAIN_SUBPROGRAM = 0x6A
    DATA_BIT_OFFSET = 0x6B


class Form(IntEnum):
    """DW_FORM_."""

    ADDRESS = 0x01
    DATA2 = 0x05
    DATA4 = 0x06
    STRING = 0x08
    DATA1 = 0x0B
    FLAG = 0x0C
    SDATA = 0x0D
    UDATA = 0x0F
    REFERENCE = 0x13
    SECTION_OFFSET = 0x17
    EXPRESSION = 0x18
    PRESENT = 0x19


class Op(IntEnum):
    """DW_OP_; the registers of what counts from them are added."""

    ADDRESS = 0x03
    DEREF = 0x06
    CONST1U = 0x08
    CONST2U = 0x0A
    CONST2S = 0x0B
    CONST4U = 0x0C
    DUP = 0x12
    SWAP = 0x16
    AND = 0x1A
    PLUS = 0x22
    PLUS_UCONST = 0x23
    SHL = 0x24
    SHR = 0x25
    SKIP = 0x2F
    BRANCH = 0x28
    LIT0 = 0x30
    REG0 = 0x50
    BREG0 = 0x70
    BREGX = 0x92
    PIECE = 0x93
    DEREF_SIZE = 0x94
    STACK_VALUE = 0x9F


ABBREVIATION = Struct(
    "code" / VarInt,
    "tag" / VarInt,
    "children" / Byte,
    "attributes"
    / NullTerminated(GreedyRange(Struct("name" / VarInt, "form" / VarInt)), term=bytes(2)),
)
"""A kind of entries: its code, its `Tag`, whether there are children, and each `At` and `Form`."""
