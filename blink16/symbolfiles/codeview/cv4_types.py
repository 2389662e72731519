"""The types of CodeView 4, whose numbers have 16 bits: numbers below 1000h are the language's own.

Sources: as cv4.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum

from construct import Byte, Container, GreedyBytes, Int16ul, PascalString, Struct

from blink16.symbolfiles.source import SymbolFileError
from blink16.symbolfiles.toolchain import (
    VOID,
    ArrayType,
    BaseEncoding,
    BaseType,
    DataType,
    EnumerationType,
    FunctionType,
    Member,
    PointerType,
    StructureType,
    TypeId,
)

FIRST_TYPE = 0x1000
MAX_TYPES = 0xF000
INTRODUCES = 4
"""The property of a method that brings a new entry of the table of virtual ones."""
MAX_CONTINUED = 1000
"""Lists of members that go on in another list."""
SIGNATURE = b"\x01\x00\x00\x00"
"""What a module's types begin with."""
PADDING = 0xF0
"""From here on a byte says how many bytes are to be passed over, itself included."""


class TypeLeaf(IntEnum):
    """What a type's record begins with."""

    MODIFIER = 0x001
    POINTER = 0x002
    ARRAY = 0x003
    CLASS = 0x004
    STRUCTURE = 0x005
    UNION = 0x006
    ENUMERATION = 0x007
    PROCEDURE = 0x008
    METHOD_TYPE = 0x009
    FIELDS = 0x204
    BIT_FIELD = 0x206


class MemberLeaf(IntEnum):
    """What a member in a list of fields begins with."""

    BASE = 0x400
    VIRTUAL_BASE = 0x401
    INDIRECT_BASE = 0x402
    VALUE = 0x403
    FRIEND_FUNCTION = 0x404
    GOES_ON = 0x405
    MEMBER = 0x406
    STATIC_MEMBER = 0x407
    METHODS = 0x408
    NESTED = 0x409
    VIRTUAL_TABLE = 0x40A
    FRIEND = 0x40B
    METHOD = 0x40C


NUMBERS = {
    0x8000: (1, True),
    0x8001: (2, True),
    0x8002: (2, False),
    0x8003: (4, True),
    0x8004: (4, False),
}
"""The leaves of numbers from 8000h on, their sizes, and whether they are signed."""
NEAR = 0
"""The kind of a pointer that has no segment; 3 and more are based on something."""
FIRST_BASED, FLAT = 3, 10

_NAME = PascalString(Byte, "latin-1")
_POINTER = Struct("attributes" / Int16ul, "target" / Int16ul)
_ARRAY = Struct("element" / Int16ul, "index" / Int16ul, "rest" / GreedyBytes)
_CLASS = Struct(
    "count" / Int16ul,
    "fields" / Int16ul,
    "property" / Int16ul,
    "derived" / Int16ul,
    "shape" / Int16ul,
    "rest" / GreedyBytes,
)
_UNION = Struct("count" / Int16ul, "fields" / Int16ul, "property" / Int16ul, "rest" / GreedyBytes)
_ENUMERATION = Struct(
    "count" / Int16ul, "type" / Int16ul, "fields" / Int16ul, "property" / Int16ul, "name" / _NAME
)
_PROCEDURE = Struct("result" / Int16ul, "call" / Byte)
_METHOD_TYPE = Struct("result" / Int16ul, "class" / Int16ul, "this" / Int16ul, "call" / Byte)
_BIT_FIELD = Struct("bits" / Byte, "first" / Byte, "type" / Int16ul)

_BASIC = {
    0x10: ("char", 1, BaseEncoding.SIGNED_CHARACTER),
    0x11: ("int", 2, BaseEncoding.SIGNED),
    0x12: ("long", 4, BaseEncoding.SIGNED),
    0x20: ("unsigned char", 1, BaseEncoding.UNSIGNED_CHARACTER),
    0x21: ("unsigned int", 2, BaseEncoding.UNSIGNED),
    0x22: ("unsigned long", 4, BaseEncoding.UNSIGNED),
    0x30: ("boolean", 1, BaseEncoding.BOOLEAN),
    0x31: ("boolean", 2, BaseEncoding.BOOLEAN),
    0x32: ("boolean", 4, BaseEncoding.BOOLEAN),
    0x40: ("float", 4, BaseEncoding.FLOAT),
    0x41: ("double", 8, BaseEncoding.FLOAT),
    0x42: ("long double", 10, BaseEncoding.FLOAT),
    0x68: ("char", 1, BaseEncoding.SIGNED),
    0x69: ("unsigned char", 1, BaseEncoding.UNSIGNED),
    0x70: ("char", 1, BaseEncoding.SIGNED_CHARACTER),
    0x71: ("wchar_t", 2, BaseEncoding.UNSIGNED),
    0x72: ("int", 2, BaseEncoding.SIGNED),
    0x73: ("unsigned int", 2, BaseEncoding.UNSIGNED),
    0x74: ("long", 4, BaseEncoding.SIGNED),
    0x75: ("unsigned long", 4, BaseEncoding.UNSIGNED),
}
_FAR_POINTERS = (2, 3)
"""Modes of the language's own pointers: far and huge; 1 is near."""


class CodeViewTypes:
    """The types of a module or of a whole program."""

    def __init__(self, records: Sequence[bytes]) -> None:
        if len(records) > MAX_TYPES:
            raise SymbolFileError(f"there are more than {MAX_TYPES} types")
        self.table: dict[TypeId, DataType] = {}
        self._records = records
        for number in range(len(records)):
            if (made := self._made(records[number])) is not None:
                self.table[FIRST_TYPE + number] = made

    @classmethod
    def packed(cls, part: bytes) -> CodeViewTypes:
        """Read the table for all modules.

        Its offsets count from behind themselves in NB09, from the table's beginning before.
        """
        count = int.from_bytes(part[4:8], "little")
        behind = 8 + count * 4
        if behind > len(part):
            raise SymbolFileError("the CodeView information is damaged: its table of types")
        starts = [int.from_bytes(part[at : at + 4], "little") for at in range(8, behind, 4)]
        base = behind if starts and starts[0] < behind else 0
        return cls([_record(part, base + start) for start in starts])

    @classmethod
    def of_module(cls, parts: Sequence[bytes]) -> CodeViewTypes:
        """Read a module's own, one behind the other."""
        records = []
        for part in parts:
            at = 4 if part.startswith(SIGNATURE) else 0
            while at + 4 <= len(part):
                records.append(_record(part, at))
                at += 2 + len(records[-1])
        return cls(records)

    def own(self, number: int) -> TypeId:
        """Return a type by its number, and see that it is in the table; VOID if it's none."""
        if number < FIRST_TYPE and number not in self.table:
            made = _basic(number)
            if made is None:
                return VOID
            self.table[number] = made
            if isinstance(made, PointerType):
                self.own(made.target)
        return number if number in self.table else VOID

    def is_far(self, number: TypeId) -> bool:
        """Whether it is a function's that returns with RETF."""
        made = self.table.get(number)
        return isinstance(made, FunctionType) and made.far

    def _refer(self, number: int) -> TypeId:
        """Return the type of a number; it may come later."""
        if number < FIRST_TYPE:
            return self.own(number)
        return self._through(number) if number - FIRST_TYPE < len(self._records) else VOID

    def _through(self, number: int, depth: int = 8) -> TypeId:
        """Return what a type with const or volatile is without."""
        record = self._records[number - FIRST_TYPE]
        if _leaf(record) != TypeLeaf.MODIFIER or not depth:
            return number
        target = int.from_bytes(record[4:6], "little")
        if target < FIRST_TYPE or target - FIRST_TYPE >= len(self._records):
            return self.own(target)
        return self._through(target, depth - 1)

    def _made(self, record: bytes) -> DataType | None:
        body = record[2:]
        match _leaf(record):
            case TypeLeaf.POINTER:
                one = _POINTER.parse(body)
                kind = one.attributes & 0x1F
                if kind >= FIRST_BASED and kind not in (FLAT, FLAT + 1):
                    kind = NEAR
                return PointerType(self._refer(one.target), far=kind not in (NEAR, FLAT))
            case TypeLeaf.ARRAY:
                one = _ARRAY.parse(body)
                return ArrayType(self._refer(one.element), _number(one.rest, 0)[0])
            case TypeLeaf.CLASS | TypeLeaf.STRUCTURE:
                return self._structure(_CLASS.parse(body), union=False)
            case TypeLeaf.UNION:
                return self._structure(_UNION.parse(body), union=True)
            case TypeLeaf.ENUMERATION:
                one = _ENUMERATION.parse(body)
                return self._enumeration(one)
            case TypeLeaf.PROCEDURE:
                one = _PROCEDURE.parse(body)
                return FunctionType(self._refer(one.result), far=bool(one.call & 1))
            case TypeLeaf.METHOD_TYPE:
                one = _METHOD_TYPE.parse(body)
                return FunctionType(self._refer(one.result), far=bool(one.call & 1))
        return None

    def _structure(self, one: Container, *, union: bool) -> StructureType:
        size, at = _number(one.rest, 0)
        name = _NAME.parse(one.rest[at:])
        members = [self._member(*one) for one in self._fields(one.fields) if one[2]]
        return StructureType(name, size, tuple(members), union)

    def _enumeration(self, one: Container) -> EnumerationType:
        base = _basic(one.type)
        size = base.size if isinstance(base, BaseType) else 2
        values = tuple((name, value) for name, value, kind in self._fields(one.fields) if not kind)
        return EnumerationType(one.name, size, values)

    def _member(self, name: str, offset: int, number: int) -> Member:
        index = number - FIRST_TYPE
        if 0 <= index < len(self._records):
            record = self._records[index]
            if _leaf(record) == TypeLeaf.BIT_FIELD:
                part = _BIT_FIELD.parse(record[2:])
                return Member(name, self._refer(part.type), offset, part.bits, part.first)
        return Member(name, self._refer(number), offset)

    def _fields(self, number: int, depth: int = 0) -> Iterator[tuple[str, int, int]]:
        """Yield names, offsets or values, and types of a list's members; a value's type is 0."""
        index = number - FIRST_TYPE
        if not 0 <= index < len(self._records) or depth > MAX_CONTINUED:
            return
        record = self._records[index]
        if _leaf(record) != TypeLeaf.FIELDS:
            return
        at = 2
        while at + 2 <= len(record):
            if record[at] >= PADDING:
                at += max(record[at] - PADDING, 1)
                continue
            leaf = _leaf(record[at:])
            if leaf == MemberLeaf.GOES_ON:
                yield from self._fields(_word(record, at + 2), depth + 1)
                at += 4
                continue
            known = _field(record, at, leaf)
            if known is None:
                return
            found, at = known
            if found is not None:
                yield found


def _field(record: bytes, at: int, leaf: int) -> tuple[tuple[str, int, int] | None, int] | None:
    """Return a member that is data or a value, if it is one, and where the next begins.

    None if its kind is unknown: what follows can't be found then.
    """
    match leaf:
        case MemberLeaf.MEMBER:
            offset, behind = _number(record, at + 6)
            name, behind = _name(record, behind)
            return (name, offset, _word(record, at + 2)), behind
        case MemberLeaf.VALUE:
            value, behind = _number(record, at + 4)
            name, behind = _name(record, behind)
            return (name, value, 0), behind
        case MemberLeaf.BASE:
            offset, behind = _number(record, at + 6)
            return ("", offset, _word(record, at + 2)), behind
        case MemberLeaf.VIRTUAL_BASE | MemberLeaf.INDIRECT_BASE:
            return None, _number(record, _number(record, at + 8)[1])[1]
        case MemberLeaf.STATIC_MEMBER | MemberLeaf.METHODS:
            return None, _name(record, at + 6)[1]
        case MemberLeaf.NESTED | MemberLeaf.FRIEND_FUNCTION:
            return None, _name(record, at + 4)[1]
        case MemberLeaf.VIRTUAL_TABLE | MemberLeaf.FRIEND:
            return None, at + 4
        case MemberLeaf.METHOD:
            introduces = _word(record, at + 2) >> 2 & 7 == INTRODUCES
            return None, _name(record, at + (10 if introduces else 6))[1]
    return None


def _record(content: bytes, at: int) -> bytes:
    """Return the record at an offset, from its leaf on."""
    size = _word(content, at)
    if size < 2 or at + 2 + size > len(content):
        raise SymbolFileError("the CodeView information is damaged: a type without an end")
    return content[at + 2 : at + 2 + size]


def _word(content: bytes, at: int) -> int:
    if not 0 <= at <= len(content) - 2:
        raise SymbolFileError("the CodeView information is damaged: a type is cut off")
    return int.from_bytes(content[at : at + 2], "little")


def _leaf(record: bytes) -> int:
    return int.from_bytes(record[:2], "little")


def _name(content: bytes, at: int) -> tuple[str, int]:
    """Return a name behind its length, and what is behind it."""
    size = content[at]
    return content[at + 1 : at + 1 + size].decode("latin-1"), at + 1 + size


def _number(content: bytes, at: int) -> tuple[int, int]:
    """Return a number, which below 8000h stands for itself, and what is behind it."""
    lead = _word(content, at)
    if lead < min(NUMBERS):
        return lead, at + 2
    if lead not in NUMBERS:
        raise SymbolFileError(f"the CodeView information has a number of kind {lead:04X}h")
    size, signed = NUMBERS[lead]
    return int.from_bytes(content[at + 2 : at + 2 + size], "little", signed=signed), at + 2 + size


def _basic(number: int) -> DataType | None:
    """Return one of the language's own types.

    Bits: 10-8 direct, near, far or huge pointer; 7-4 the kind; 2-0 the size.
    """
    mode, kind = number >> 8 & 7, number & 0xFF
    if mode:
        return PointerType(kind, far=mode in _FAR_POINTERS) if number < FIRST_TYPE else None
    if kind in _BASIC:
        return BaseType(*_BASIC[kind])
    return None
