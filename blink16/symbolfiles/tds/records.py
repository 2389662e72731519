"""The records of Borland's debug information, as the handbook has them."""

from __future__ import annotations

from enum import IntEnum

from construct import Byte, Bytes, Int16sl, Int16ul, Int32ul, Padding, Struct

MAGIC = b"\xfb\x52"
HEADER = Struct(
    "magic" / Bytes(2),
    "version" / Int16ul,
    "names_size" / Int32ul,
    "names" / Int16ul,
    "types" / Int16ul,
    "members" / Int16ul,
    "symbols" / Int16ul,
    "globals" / Int16ul,
    "modules" / Int16ul,
    "locals" / Int16ul,
    "scopes" / Int16ul,
    "lines" / Int16ul,
    "sources" / Int16ul,
    "segments" / Int16ul,
    "correlations" / Int16ul,
    "image_size" / Int32ul,
    "hook" / Int32ul,
    "flags" / Byte,
    "string_segment" / Int16ul,
    "data_size" / Int16ul,
    Padding(1),
    "extension_size" / Int16ul,
)
SYMBOL = Struct(
    "name" / Int16ul, "type" / Int16ul, "offset" / Int16ul, "segment" / Int16ul, "flags" / Byte
)
MODULE = Struct(
    "name" / Int16ul,
    "language" / Byte,
    "flags" / Byte,
    "symbols" / Int16ul,
    "symbol_count" / Int16ul,
    "sources" / Int16ul,
    "source_count" / Int16ul,
    "correlations" / Int16ul,
    "correlation_count" / Int16ul,
)
SOURCE = Struct("name" / Int16ul, "time" / Int32ul)
SCOPE = Struct(
    "symbols" / Int16ul,
    "symbol_count" / Int16ul,
    "parent" / Int16ul,
    "function" / Int16ul,
    "offset" / Int16ul,
    "size" / Int16ul,
)
LINE = Struct("number" / Int16ul, "offset" / Int16ul)
SEGMENT = Struct(
    "module" / Int16ul,
    "segment" / Int16ul,
    "offset" / Int16ul,
    "size" / Int16ul,
    "scopes" / Int16ul,
    "scope_count" / Int16ul,
    "correlations" / Int16ul,
    "correlation_count" / Int16ul,
)
CORRELATION = Struct(
    "segment" / Int16ul, "source" / Int16ul, "lines" / Int16ul, "line_count" / Int16ul
)
TYPE = Struct("id" / Byte, "name" / Int16ul, "size" / Int16ul, "extra" / Byte, "index" / Int16ul)
"""A type, or the second half of one."""
ENUMERATION = Struct("lower" / Int16sl, "upper" / Int16sl, "members" / Int16ul, Padding(2))
MEMBER = Struct("flags" / Byte, "name" / Int16ul, "value" / Int16sl)

LAST_MEMBER, NEW_OFFSET, BIT_FIELD = 0x80, 0x40, 0x3F
UNDERSCORES = 0x08
"""In a module's flags: its compiler puts an underscore before a name."""


class SymbolClass(IntEnum):
    """The low three bits of a symbol's flags."""

    STATIC = 0
    ABSOLUTE = 1
    AUTO = 2
    PASCAL_VAR = 3
    REGISTER = 4
    CONSTANT = 5
    TYPEDEF = 6
    TAG = 7


class TypeKind(IntEnum):
    """What a type's record is about (TID_)."""

    VOID = 0x00
    PASCAL_STRING = 0x03
    SCHAR = 0x04
    SINT = 0x05
    SLONG = 0x06
    SQUAD = 0x07
    UCHAR = 0x08
    UINT = 0x09
    ULONG = 0x0A
    UQUAD = 0x0B
    PASCAL_CHAR = 0x0C
    FLOAT = 0x0D
    DOUBLE = 0x0F
    LONG_DOUBLE = 0x10
    NEAR = 0x15
    FAR = 0x16
    SEGMENT = 0x17
    ARRAY = 0x1A
    LARGE_ARRAY = 0x1B
    PASCAL_ARRAY = 0x1C
    STRUCTURE = 0x1E
    UNION = 0x1F
    ENUM = 0x22
    FUNCTION = 0x23
    LABEL = 0x24
    SET = 0x25
    BOOLEAN = 0x28
    PASCAL_ENUM = 0x29
    FUNCTION_PROTOTYPE = 0x2C
    SPECIAL_FUNCTION = 0x2D
    NEAR_REFERENCE = 0x34
    FAR_REFERENCE = 0x35
    WORD_BOOLEAN = 0x36
    LONG_BOOLEAN = 0x37
