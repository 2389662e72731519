"""Types of Borland's debug information."""

from __future__ import annotations

from collections.abc import Iterator

from blink16.symbolfiles.tds.records import (
    BIT_FIELD,
    ENUMERATION,
    LAST_MEMBER,
    NEW_OFFSET,
    TYPE,
    TypeKind,
)
from blink16.symbolfiles.tds.tables import TdsTables
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

_RANGES = {
    TypeKind.SCHAR: ("char", BaseEncoding.SIGNED_CHARACTER),
    TypeKind.SINT: ("int", BaseEncoding.SIGNED),
    TypeKind.SLONG: ("long", BaseEncoding.SIGNED),
    TypeKind.UCHAR: ("unsigned char", BaseEncoding.UNSIGNED_CHARACTER),
    TypeKind.UINT: ("unsigned int", BaseEncoding.UNSIGNED),
    TypeKind.ULONG: ("unsigned long", BaseEncoding.UNSIGNED),
    TypeKind.PASCAL_CHAR: ("char", BaseEncoding.UNSIGNED_CHARACTER),
}
"""Those with bounds, which stand in a second record."""
_SIMPLE = {
    TypeKind.SQUAD: ("long long", BaseEncoding.SIGNED),
    TypeKind.UQUAD: ("unsigned long long", BaseEncoding.UNSIGNED),
    TypeKind.FLOAT: ("float", BaseEncoding.FLOAT),
    TypeKind.DOUBLE: ("double", BaseEncoding.FLOAT),
    TypeKind.LONG_DOUBLE: ("long double", BaseEncoding.FLOAT),
    TypeKind.BOOLEAN: ("boolean", BaseEncoding.BOOLEAN),
    TypeKind.WORD_BOOLEAN: ("wordbool", BaseEncoding.BOOLEAN),
    TypeKind.LONG_BOOLEAN: ("longbool", BaseEncoding.BOOLEAN),
    TypeKind.SEGMENT: ("segment", BaseEncoding.UNSIGNED),
}
_POINTERS = {
    TypeKind.NEAR: False,
    TypeKind.NEAR_REFERENCE: False,
    TypeKind.FAR: True,
    TypeKind.FAR_REFERENCE: True,
}
_FUNCTIONS = (TypeKind.FUNCTION, TypeKind.FUNCTION_PROTOTYPE, TypeKind.SPECIAL_FUNCTION)
_FAR_FUNCTION = 4


class TdsTypes:
    """The types that a module uses, made when they are asked for."""

    def __init__(self, tables: TdsTables) -> None:
        self.table: dict[TypeId, DataType] = {}
        self._tables = tables

    def own(self, number: int) -> TypeId:
        """Return a type by its number, and see that it is in the table; VOID if it's none."""
        wanted, seen = [number], set()
        while wanted:
            one = wanted.pop()
            if one in self.table or one in seen or not 0 < one <= len(self._tables.types):
                continue
            seen.add(one)
            if (made := self._made(one)) is not None:
                self.table[one] = made
                wanted += _parts(made)
        return number if number in self.table else VOID

    def size(self, number: TypeId) -> int:
        """Return a type's size in bytes."""
        valid = 0 < number <= len(self._tables.types)
        return int(TYPE.parse(self._tables.types[number - 1]).size) if valid else 0

    def _made(self, number: int) -> DataType | None:
        record = TYPE.parse(self._tables.types[number - 1])
        kind, name = record.id, self._tables.name(record.name)
        if kind in _RANGES:
            usual, encoding = _RANGES[kind]
            return BaseType(usual, record.size, encoding)
        if kind in _SIMPLE:
            usual, encoding = _SIMPLE[kind]
            return BaseType(usual, record.size, encoding)
        if kind in _POINTERS:
            return PointerType(record.index or VOID, far=_POINTERS[kind])
        if kind in _FUNCTIONS:
            return FunctionType(record.index or VOID, far=bool(record.extra & _FAR_FUNCTION))
        match kind:
            case TypeKind.ARRAY | TypeKind.PASCAL_ARRAY:
                return ArrayType(record.index or VOID, record.size)
            case TypeKind.STRUCTURE | TypeKind.UNION:
                union = kind == TypeKind.UNION
                members = tuple(self._members(record.index, union=union))
                return StructureType(name or self._tag(number), record.size, members, union)
            case TypeKind.ENUM | TypeKind.PASCAL_ENUM if number < len(self._tables.types):
                second = ENUMERATION.parse(self._tables.types[number])
                values = tuple(self._values(second.members))
                return EnumerationType(name or self._tag(number), record.size, values)
            case TypeKind.PASCAL_STRING:
                return TypeName(f"string[{record.extra}]", VOID)
        return None

    def _tag(self, number: int) -> str:
        """Return the name that a symbol gives to a type."""
        return self._tables.tags.get(number, "")

    def _members(self, first: int, *, union: bool) -> Iterator[Member]:
        offset = bit = 0
        for record in self._tables.members[first - 1 :] if first else ():
            bits = record.flags & BIT_FIELD
            kind = record.value & 0xFFFF
            if record.flags & NEW_OFFSET:
                offset, bit = record.name, 0
            elif bits:
                if record.name:
                    yield Member(self._tables.name(record.name), kind, offset, bits, bit)
                bit += 0 if union else bits
                offset, bit = offset + bit // 8, bit % 8
            else:
                offset, bit = offset + (bit + 7) // 8, 0
                yield Member(self._tables.name(record.name), kind, offset)
                offset += 0 if union else self.size(kind)
            if record.flags & LAST_MEMBER:
                return

    def _values(self, first: int) -> Iterator[tuple[str, int]]:
        for record in self._tables.members[first - 1 :] if first else ():
            yield self._tables.name(record.name), record.value
            if record.flags & LAST_MEMBER:
                return


def _parts(made: DataType) -> list[TypeId]:
    """Return the types that a type names."""
    match made:
        case PointerType(target) | TypeName(_, target):
            return [target]
        case ArrayType(element):
            return [element]
        case FunctionType(result):
            return [result]
        case StructureType():
            return [member.type for member in made.members]
    return []
