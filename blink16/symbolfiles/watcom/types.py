"""Types of a module.  Their numbers count the records; those of members and values don't count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import IntEnum

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
    TypeName,
)
from blink16.symbolfiles.watcom.reading import Record, records

MAX_TYPES = 0x8000
MAX_DEPTH = 32
"""Types within types, for their sizes."""
MAX_SIZE = 1 << 20
"""Bytes of an array: the memory has no more."""


class TypeRecord(IntEnum):
    """The kinds of records."""

    SCALAR = 0x10
    SCOPE = 0x11
    NAME = 0x12
    CUE_TABLE = 0x13
    EOF = 0x14
    BYTE_ARRAY = 0x20
    WORD_ARRAY = 0x21
    LONG_ARRAY = 0x22
    TYPE_ARRAY = 0x23
    BYTE_RANGE = 0x30
    WORD_RANGE = 0x31
    LONG_RANGE = 0x32
    ENUMERATION = 0x50
    BYTE_VALUE = 0x51
    WORD_VALUE = 0x52
    LONG_VALUE = 0x53
    QUAD_VALUE = 0x54
    STRUCTURE = 0x60
    BYTE_FIELD = 0x61
    WORD_FIELD = 0x62
    LONG_FIELD = 0x63
    BYTE_BITS = 0x64
    WORD_BITS = 0x65
    LONG_BITS = 0x66
    NEAR_FUNCTION = 0x70
    FAR_FUNCTION = 0x71
    NEAR_FUNCTION_386 = 0x72
    FAR_FUNCTION_386 = 0x73


LAST_FIELD = 0x6F
POINTERS = range(0x40, 0x4A)
FAR_POINTERS = (0x41, 0x42, 0x44, 0x45, 0x47, 0x49)
_SIZES = {0: 1, 1: 2, 2: 4, 3: 8}
"""Bytes of a bound, an offset or a value, by the low half of a kind from its first on."""
_ENCODINGS = {0: BaseEncoding.SIGNED, 1: BaseEncoding.UNSIGNED, 2: BaseEncoding.FLOAT}
_CHARACTERS = {
    BaseEncoding.SIGNED: BaseEncoding.SIGNED_CHARACTER,
    BaseEncoding.UNSIGNED: BaseEncoding.UNSIGNED_CHARACTER,
}
_NAMES = {
    (0, 1): "signed char",
    (0, 2): "int",
    (0, 4): "long",
    (1, 1): "unsigned char",
    (1, 2): "unsigned int",
    (1, 4): "unsigned long",
    (2, 4): "float",
    (2, 8): "double",
    (2, 10): "long double",
}


class WatcomTypes:
    """The types of a module, from its blocks; a structure's tag stands for what it names."""

    def __init__(self, blocks: Sequence[bytes]) -> None:
        self.table: dict[TypeId, DataType] = {}
        self.cues = b""
        """The table of cues behind the types, if there is one."""
        self._scopes: dict[TypeId, str] = {}
        self._tags: dict[TypeId, tuple[TypeId, TypeId, str]] = {}
        """By the number of a tag's name: its scope, what it names, and itself."""
        self._members: dict[TypeId, list[Member]] = {}
        self._values: dict[TypeId, list[tuple[str, int]]] = {}
        self._sizes: dict[TypeId, int] = {}
        self._count = 0
        content = b"".join(blocks)
        for _, kind, record in records(content):
            if kind == TypeRecord.EOF:
                break
            if kind == TypeRecord.CUE_TABLE:
                self.cues = content[record.number(4) :]
            else:
                self._take(kind, record)
        self._finish()

    def own(self, number: int) -> TypeId:
        """Return a type by its number; VOID if it's none."""
        return number if number in self.table else VOID

    def _take(self, kind: int, record: Record) -> None:
        if TypeRecord.BYTE_VALUE <= kind <= TypeRecord.QUAD_VALUE:
            value = record.number(_SIZES[kind - TypeRecord.BYTE_VALUE], signed=True)
            self._values.setdefault(self._count, []).append((record.name(), value))
        elif TypeRecord.STRUCTURE < kind <= LAST_FIELD:
            self._field(kind, record)
        else:
            self._count += 1
            if self._count > MAX_TYPES:
                raise SymbolFileError(f"there are more than {MAX_TYPES} types")
            if (made := self._made(kind, record)) is not None:
                self.table[self._count] = made

    def _made(self, kind: int, record: Record) -> DataType | None:
        match kind:
            case TypeRecord.SCALAR:
                return _scalar(record.number(1), record.name())
            case TypeRecord.SCOPE:
                self._scopes[self._count] = record.name()
            case TypeRecord.NAME:
                scope, target = record.index(), record.index()
                if not scope:
                    return TypeName(record.name(), target)
                self._tags[self._count] = scope, target, record.name()
            case TypeRecord.BYTE_ARRAY | TypeRecord.WORD_ARRAY | TypeRecord.LONG_ARRAY:
                count = record.number(_SIZES[kind - TypeRecord.BYTE_ARRAY]) + 1
                return ArrayType(record.index(), count)  # its size is known at the end
            case TypeRecord.TYPE_ARRAY:
                record.index()
                return ArrayType(record.index(), 0)
            case TypeRecord.BYTE_RANGE | TypeRecord.WORD_RANGE | TypeRecord.LONG_RANGE:
                record.take(2 * _SIZES[kind - TypeRecord.BYTE_RANGE])
                return TypeName("", record.index())
            case TypeRecord.ENUMERATION:
                record.take(2)
                return EnumerationType("", (record.number(1) & 0x0F) + 1, ())
            case TypeRecord.STRUCTURE:
                record.take(2)
                return StructureType("", record.number(4) if record else 0, ())
            case TypeRecord.NEAR_FUNCTION | TypeRecord.NEAR_FUNCTION_386:
                return FunctionType(record.index())
            case TypeRecord.FAR_FUNCTION | TypeRecord.FAR_FUNCTION_386:
                return FunctionType(record.index(), far=True)
            case _ if kind in POINTERS:
                return PointerType(record.index(), far=kind in FAR_POINTERS)
        return None

    def _field(self, kind: int, record: Record) -> None:
        if kind > TypeRecord.LONG_BITS:
            return  # of a C++ class, at a place that is computed
        first = TypeRecord.BYTE_BITS if kind >= TypeRecord.BYTE_BITS else TypeRecord.BYTE_FIELD
        offset = record.number(_SIZES[kind - first])
        bit, bits = (
            (record.number(1), record.number(1)) if first == TypeRecord.BYTE_BITS else (0, 0)
        )
        type_id = record.index()
        member = Member(record.name(), type_id, offset, bits, bit)
        self._members.setdefault(self._count, []).append(member)

    def _finish(self) -> None:
        """Put together what several records say: members, values, tags, and then sizes."""
        for number, made in self.table.items():
            if isinstance(made, StructureType):
                found = self._members.get(number, ())
                members = sorted(found, key=lambda m: (m.offset, m.bit_offset))
                self.table[number] = replace(made, members=tuple(members))
            elif isinstance(made, EnumerationType):
                self.table[number] = replace(made, values=tuple(self._values.get(number, ())))
        for number in [n for n, made in self.table.items() if isinstance(made, StructureType)]:
            self._give(number, self._size(number))
        sizes = {n: self._size(n) for n, made in self.table.items() if isinstance(made, ArrayType)}
        for number, size in sizes.items():
            self._give(number, size)
        for number, (scope, target, name) in self._tags.items():
            made = self.table.get(target, TypeName(name, target))
            if isinstance(made, StructureType):
                union = self._scopes.get(scope) == "union"
                made = self.table[target] = replace(made, name=name, union=union)
            elif isinstance(made, EnumerationType):
                made = self.table[target] = replace(made, name=name)
            self.table[number] = made

    def _give(self, number: TypeId, size: int) -> None:
        made = self.table[number]
        if isinstance(made, StructureType | ArrayType):
            self.table[number] = replace(made, size=size)

    def _size(self, number: TypeId, depth: int = 0) -> int:
        """Return a type's size in bytes, 0 if that can't be known; arrays have their count yet."""
        if number in self._sizes or depth > MAX_DEPTH:
            return self._sizes.get(number, 0)
        self._sizes[number] = 0  # should it be a part of itself
        size = 0
        match self.table.get(number):
            case BaseType(_, size) | EnumerationType(_, size):
                pass
            case StructureType(_, size, members):
                if not size:
                    ends = (m.offset + self._size(m.type, depth + 1) for m in members)
                    size = max(ends, default=0)
            case PointerType(_, far):
                size = 4 if far else 2
            case ArrayType(element, count):
                size = min(count * self._size(element, depth + 1), MAX_SIZE)
            case None:
                target = self._tags[number][1] if number in self._tags else VOID
                size = self._size(target, depth + 1)
            case TypeName(_, target):
                size = self._size(target, depth + 1)
        self._sizes[number] = size
        return size


def _scalar(kind: int, name: str) -> DataType | None:
    """Return a base type: bits 6-4 its class, 3-0 its size less one; None for void."""
    size, group = (kind & 0x0F) + 1, kind >> 4 & 7
    if group not in _ENCODINGS:
        return None
    encoding = _ENCODINGS[group]
    name = name or _NAMES.get((group, size), f"scalar{size * 8}")
    if size == 1 and name.endswith("char"):
        encoding = _CHARACTERS.get(encoding, encoding)
    return BaseType(name, size, encoding)
