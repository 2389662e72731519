"""Types as entries, made when they are first named."""

from __future__ import annotations

from collections.abc import Mapping

from blink16.symbolfiles.dwarf.entries import DebugEntry
from blink16.symbolfiles.dwarf_names import At, Form, Tag
from blink16.symbolfiles.toolchain import (
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

LINEAR_POINTER = 4
"""Bytes of a pointer that gdb can follow."""
_ENCODINGS = {
    BaseEncoding.BOOLEAN: 0x02,
    BaseEncoding.FLOAT: 0x04,
    BaseEncoding.SIGNED: 0x05,
    BaseEncoding.SIGNED_CHARACTER: 0x06,
    BaseEncoding.UNSIGNED: 0x07,
    BaseEncoding.UNSIGNED_CHARACTER: 0x08,
}


class TypeEntries:
    """The entries of types, made when they are first named."""

    def __init__(self, types: Mapping[TypeId, DataType], root: DebugEntry) -> None:
        self._types = types
        self._root = root
        self._plain: dict[TypeId, DebugEntry] = {}
        self._pointers: dict[TypeId, DebugEntry] = {}
        self._names: dict[str, DebugEntry] = {}

    def resolved(self, number: TypeId) -> DataType | None:
        """Return a type, through typedefs."""
        for _ in range(len(self._types) + 1):
            described = self._types.get(number)
            if not isinstance(described, TypeName):
                return described
            number = described.target
        return None

    def variable(self, number: TypeId) -> DebugEntry | None:
        """Return the type of a variable: a pointer that can be followed, if it is one."""
        described = self.resolved(number)
        if isinstance(described, PointerType):
            return self._pointer(described.target)
        return self.stored(number)

    def result(self, number: TypeId) -> DebugEntry | None:
        """Return the type of what a function returns, None where gdb can't find it."""
        described = self.resolved(number)
        if self._size(number) <= 2 and not isinstance(described, StructureType):
            return self.stored(number)
        name = f"{self._name(number)} in dx:ax"
        return self._named(name, None) if described is not None else None

    def stored(self, number: TypeId) -> DebugEntry | None:
        """Return the type of something that lies in memory."""
        if number in self._plain:
            return self._plain[number]
        described = self._types.get(number)
        if described is None:
            return None
        if isinstance(described, PointerType):
            return self._named(self._name(number), 4 if described.far else 2)
        if isinstance(described, FunctionType):
            entry = DebugEntry(Tag.SUBROUTINE)
            self._keep(number, entry)
            return entry
        return self._made(number, described)

    def _keep(self, number: TypeId, entry: DebugEntry) -> None:
        self._plain[number] = entry
        self._root.children.append(entry)

    def _made(self, number: TypeId, described: DataType) -> DebugEntry:
        match described:
            case BaseType(name, size, encoding):
                entry = DebugEntry(Tag.BASE)
                self._keep(number, entry)
                _head(entry, name, size)
                entry.add(At.ENCODING, Form.DATA1, _ENCODINGS[encoding])
            case ArrayType(element, size):
                entry = DebugEntry(Tag.ARRAY)
                self._keep(number, entry)
                self._refer(entry, element)
                bound, each = DebugEntry(Tag.SUBRANGE), self._size(element)
                if each:
                    bound.add(At.UPPER_BOUND, Form.SDATA, size // each - 1)
                entry.children.append(bound)
            case StructureType(name, size, members, union):
                entry = DebugEntry(Tag.UNION if union else Tag.STRUCTURE)
                self._keep(number, entry)
                _head(entry, name, size)
                entry.children = [self._member(member) for member in members]
            case EnumerationType(name, size, values):
                entry = DebugEntry(Tag.ENUMERATION)
                self._keep(number, entry)
                _head(entry, name, size)
                entry.children = [_enumerator(*value) for value in values]
            case TypeName(name, target):
                entry = DebugEntry(Tag.TYPEDEF)
                self._keep(number, entry)
                entry.add(At.NAME, Form.STRING, name)
                self._refer(entry, target)
            case _:
                raise TypeError(described)
        return entry

    def _member(self, member: Member) -> DebugEntry:
        entry = DebugEntry(Tag.MEMBER)
        entry.add(At.NAME, Form.STRING, member.name)
        self._refer(entry, member.type)
        if member.bits:
            entry.add(At.BIT_SIZE, Form.UDATA, member.bits)
            entry.add(At.DATA_BIT_OFFSET, Form.UDATA, member.offset * 8 + member.bit_offset)
        else:
            entry.add(At.MEMBER_OFFSET, Form.UDATA, member.offset)
        return entry

    def _refer(self, entry: DebugEntry, number: TypeId) -> None:
        target = self.stored(number)
        if target is not None:
            entry.add(At.TYPE, Form.REFERENCE, target)

    def _pointer(self, target: TypeId) -> DebugEntry:
        if target not in self._pointers:
            entry = self._pointers[target] = DebugEntry(Tag.POINTER)
            self._root.children.append(entry)
            entry.add(At.SIZE, Form.DATA1, LINEAR_POINTER)
            self._refer(entry, target)
        return self._pointers[target]

    def _named(self, name: str, size: int | None) -> DebugEntry:
        """Return a number under a name that says what it means, or nothing under such a name."""
        if name not in self._names:
            entry = self._names[name] = DebugEntry(Tag.TYPEDEF)
            self._root.children.append(entry)
            entry.add(At.NAME, Form.STRING, name)
            if size is not None:
                number = DebugEntry(Tag.BASE)
                _head(number, f"{name} as a number", size)
                number.add(At.ENCODING, Form.DATA1, _ENCODINGS[BaseEncoding.UNSIGNED])
                self._root.children.append(number)
                entry.add(At.TYPE, Form.REFERENCE, number)
        return self._names[name]

    def _name(self, number: TypeId, depth: int = 0) -> str:
        described = self._types.get(number)
        if depth > 8:
            return "?"
        match described:
            case BaseType(name) | TypeName(name):
                return name
            case StructureType(name, _, _, union):
                return f"{'union' if union else 'struct'} {name}"
            case EnumerationType(name):
                return f"enum {name}"
            case PointerType(target, far):
                return f"{self._name(target, depth + 1)} {'far' if far else 'near'} *"
            case ArrayType(element):
                return f"{self._name(element, depth + 1)} []"
            case FunctionType(result):
                return f"{self._name(result, depth + 1)} ()"
        return "void"

    def _size(self, number: TypeId) -> int:
        match self.resolved(number):
            case BaseType(_, size) | EnumerationType(_, size):
                return size
            case ArrayType(_, size) | StructureType(_, size):
                return size
            case PointerType(_, far):
                return 4 if far else 2
        return 0


def _head(entry: DebugEntry, name: str, size: int) -> None:
    if name:
        entry.add(At.NAME, Form.STRING, name)
    entry.add(At.SIZE, Form.UDATA, size)


def _enumerator(name: str, value: int) -> DebugEntry:
    entry = DebugEntry(Tag.ENUMERATOR)
    entry.add(At.NAME, Form.STRING, name)
    entry.add(At.CONST_VALUE, Form.SDATA, value)
    return entry
