"""Writes what was told of a program once more, in another toolchain's format.

No linker that writes these formats is at hand: the layouts are those of their specifications, put
together here without the readers' own declarations.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from blink16.symbolfiles.toolchain import (
    ArrayType,
    BaseEncoding,
    BaseType,
    Function,
    FunctionType,
    InRegister,
    LocalPlace,
    PointerType,
    Scope,
    Static,
    StructureType,
    Toolchain,
    TypeId,
    Unit,
    Variable,
)


def image_of(program: bytes) -> bytes:
    """Return an .EXE without what stands behind its image."""
    last, pages = struct.unpack_from("<HH", program, 2)
    return program[: pages * 512 - (512 - last if last else 0)]


def counted(name: str) -> bytes:
    """Return a name behind its length."""
    return bytes([len(name)]) + name.encode("latin-1")


def segments_of(toolchain: Toolchain) -> list[int]:
    """Return the paragraphs that things are in: the code's is the first."""
    used = {0}
    for unit in toolchain.units:
        used |= {v.place.segment for v in unit.variables if isinstance(v.place, Static)}
    return sorted(used)


def home(segments: list[int], address: int, *, code: bool) -> tuple[int, int]:
    """Return the segment's number, from 1, and the offset in it; the first has all code."""
    fit = [n for n, paragraph in enumerate(segments) if paragraph * 16 <= address]
    number = 0 if code else fit[-1]
    return number + 1, address - segments[number] * 16


# -- CodeView 4 --------------------------------------------------------------------------------

CV4_BASIC = {
    ("char", 1): 0x70,
    ("int", 2): 0x72,
    ("long", 4): 0x12,
    ("unsigned int", 2): 0x73,
    ("unsigned char", 1): 0x20,
}
CV4_REGISTERS = {"ax": 9, "si": 15, "di": 16, "dx:ax": 12 << 8 | 9}


class _Cv4Types:
    def __init__(self, unit: Unit, first: int) -> None:
        self._unit, self._numbers = unit, dict[TypeId, int]()
        self.first, self.records = first, list[bytes]()

    def number(self, type_id: TypeId) -> int:
        """Return a type's number, and write it down if it has none yet."""
        if type_id in self._numbers:
            return self._numbers[type_id]
        kind = (self._unit.types or {}).get(type_id)
        if kind is None:
            return 3  # void
        if isinstance(kind, BaseType):
            return CV4_BASIC[kind.name, kind.size]
        place = len(self.records)
        self._numbers[type_id] = self.first + place
        self.records.append(b"")
        match kind:
            case PointerType(target, far):
                body = struct.pack("<HHH", 2, int(far), self.number(target))
            case ArrayType(element, size):
                body = struct.pack("<HHHH", 3, self.number(element), 0x11, size) + b"\0"
            case FunctionType(result, far):
                body = struct.pack("<HHBBHH", 8, self.number(result), int(far), 0, 0, 0)
            case StructureType(name, size, members, union):
                fields = self._fields([(m.name, m.offset, m.type) for m in members])
                head = struct.pack("<HHHH", 6 if union else 5, len(members), fields, 0)
                rest = b"" if union else struct.pack("<HH", 0, 0)
                body = head + rest + struct.pack("<H", size) + counted(name)
            case _:
                raise AssertionError(kind)
        self.records[place] = body
        return self._numbers[type_id]

    def _fields(self, members: Iterable[tuple[str, int, TypeId]]) -> int:
        body = struct.pack("<H", 0x204)
        for name, offset, kind in members:
            body += struct.pack("<HHHH", 0x406, self.number(kind), 0, offset) + counted(name)
            body += bytes(range(0xF0 | -len(body) % 4, 0xF0, -1)) if len(body) % 4 else b""
        self.records.append(body)
        return self.first + len(self.records) - 1


def _sized(body: bytes) -> bytes:
    return struct.pack("<H", len(body)) + body


class _Cv4Form(NamedTuple):
    """How addresses and numbers stand in the records of one file."""

    segments: list[int]
    wide: bool
    """Whether records are of 32 bits."""
    packed: bool
    """Whether all units share one table of types."""

    @property
    def offset(self) -> str:
        """An offset, to struct."""
        return "I" if self.wide else "H"

    def kind(self, number: int) -> int:
        """Return a record's number in this width."""
        return number + 0x100 * self.wide

    def place(self, address: int, *, code: bool = False) -> bytes:
        number, at = home(self.segments, address, code=code)
        return struct.pack(f"<{self.offset}H", at, number)


class _Cv4Symbols:
    """The records of a unit's symbols."""

    def __init__(self, form: _Cv4Form, types: _Cv4Types) -> None:
        self._form = form
        self._types = types

    def of(self, unit: Unit) -> bytes:
        variables = b"".join(_sized(self._variable(v)) for v in unit.variables)
        return variables + b"".join(map(self._function, unit.functions))

    def _variable(self, v: Variable) -> bytes:
        form = self._form
        kind, name = struct.pack("<H", self._types.number(v.type)), counted(v.name)
        match v.place:
            case LocalPlace(bp):
                where = struct.pack("<i" if form.wide else "<h", bp)
                return struct.pack("<H", form.kind(0x100)) + where + kind + name
            case InRegister(register):
                code = struct.pack("<H", CV4_REGISTERS[register])
                return struct.pack("<H", 2) + kind + code + name
            case Static(address):
                return struct.pack("<H", form.kind(0x101)) + form.place(address) + kind + name

    def _scope(self, scope: Scope) -> bytes:
        form, found = self._form, b"".join(_sized(self._variable(v)) for v in scope.variables)
        for inner in scope.scopes:
            start = form.place(inner.span.start, code=True)
            head = struct.pack(f"<HII{form.offset}", form.kind(0x107), 0, 0, len(inner.span))
            found += _sized(head + start + b"\0") + self._scope(inner) + _sized(b"\6\0")
        return found

    def _function(self, f: Function) -> bytes:
        form, size = self._form, len(f.scope.span)
        head = struct.pack(f"<HIII3{form.offset}", form.kind(0x105), 0, 0, 0, size, 0, size)
        head += form.place(f.scope.span.start, code=True)
        head += struct.pack("<H", self._types.number(f.type)) + b"\0"
        return _sized(head + counted(f"_{f.name}")) + self._scope(f.scope) + _sized(b"\6\0")


_Part = tuple[int, int, bytes]
"""The kind of a part, its module's number, and what it holds."""


def codeview4(toolchain: Toolchain, signature: bytes, *, wide: bool = False) -> bytes:
    """Return information of NB05, NB08 or NB09; ``wide``: in records of 32 bits."""
    form = _Cv4Form(segments_of(toolchain), wide, packed=signature != b"NB05")
    parts: list[_Part] = []
    all_types: list[bytes] = []
    for number, unit in enumerate(toolchain.units, 1):
        types = _Cv4Types(unit, 0x1000 + (len(all_types) if form.packed else 0))
        parts += _cv4_unit(form, number, unit, types)
        all_types += types.records
    parts.append((0x12D, 0xFFFF, _cv4_segment_map(form, toolchain)))
    parts.append((0x12A, 0xFFFF, _cv4_publics(form, toolchain)))
    if form.packed:
        parts.append((0x12B, 0xFFFF, _cv4_all_types(all_types, signature)))
    content, entries = b"", b""
    for kind, number, part in parts:
        entries += struct.pack("<HHII", kind, number, 8 + len(content), len(part))
        content += part + bytes(-len(part) % 4)
    directory = struct.pack("<HHIII", 16, 12, len(parts), 0, 0) + entries
    whole = signature + struct.pack("<I", 8 + len(content)) + content + directory
    return whole + signature + struct.pack("<I", len(whole) + 8)


def _cv4_unit(form: _Cv4Form, number: int, unit: Unit, types: _Cv4Types) -> Iterator[_Part]:
    """Yield the parts of a unit; ``types`` gets those that it has."""
    symbols = _Cv4Symbols(form, types).of(unit)
    (code,) = unit.code
    segment, at = home(form.segments, code.start, code=True)
    head = struct.pack("<HHH2s", 0, 0, 1, b"CV")
    head += struct.pack("<HHII", segment, 0, at, len(code)) + counted(f"{number}.OBJ")
    yield 0x120, number, head
    yield 0x125 if form.packed else 0x124, number, b"\1\0\0\0" + symbols
    yield 0x127, number, _cv4_lines(unit, form.segments)
    if not form.packed:
        yield 0x121, number, b"\1\0\0\0" + b"".join(map(_sized, types.records))


def _cv4_segment_map(form: _Cv4Form, toolchain: Toolchain) -> bytes:
    count = len(form.segments)
    map_ = struct.pack("<HH", count, count)
    for n, paragraph in enumerate(form.segments):
        size = max(u.code[-1].stop for u in toolchain.units) if n == 0 else 0x1000
        map_ += struct.pack("<6HII", 0xD if n == 0 else 3, 0, 0, paragraph, 0, 0, 0, size)
    return map_


def _cv4_publics(form: _Cv4Form, toolchain: Toolchain) -> bytes:
    publics = b""
    for label in toolchain.labels:
        place = form.place(label.address, code=label.code)
        record = struct.pack("<H", form.kind(0x103)) + place + b"\0\0"
        publics += _sized(record + counted(label.name))
    return struct.pack("<HHIII", 0, 0, len(publics), 0, 0) + publics


def _cv4_all_types(records: Iterable[bytes], signature: bytes) -> bytes:
    """Return the table of all units' types; where it begins to count differs."""
    sized = [_sized(record) for record in records]
    base = 8 + 4 * len(sized) if signature == b"NB08" else 0
    starts = [base + sum(map(len, sized[:n])) for n in range(len(sized))]
    table = struct.pack(f"<II{len(starts)}I", 1 << 24, len(starts), *starts)
    return table + b"".join(sized)


def _cv4_lines(unit: Unit, segments: list[int]) -> bytes:
    files = [(name, [*lines]) for name, lines in groupby(unit.lines, key=lambda line: line.file)]
    head_size = 4 + 4 * len(files)
    blocks, starts = b"", []
    for name, lines in files:
        start = head_size + len(blocks)
        starts.append(start)
        head = struct.pack("<HHI8s", 1, 0, start + 16 + 1 + len(name), bytes(8)) + counted(name)
        places = [home(segments, line.address, code=True) for line in lines]
        block = struct.pack("<HH", places[0][0], len(lines))
        block += b"".join(struct.pack("<I", at) for _, at in places)
        block += b"".join(struct.pack("<H", line.number) for line in lines)
        blocks += head + block
    return struct.pack(f"<HH{len(starts)}I", len(files), 0, *starts) + blocks


# -- Watcom ------------------------------------------------------------------------------------

WATCOM_REGISTERS = {"ax": 8, "bx": 9, "cx": 10, "dx": 11, "si": 12, "di": 13}
WATCOM_CLASSES = {
    BaseEncoding.SIGNED: 0x00,
    BaseEncoding.SIGNED_CHARACTER: 0x00,
    BaseEncoding.UNSIGNED: 0x10,
    BaseEncoding.UNSIGNED_CHARACTER: 0x10,
}


def _record(kind: int, body: bytes) -> bytes:
    return bytes([len(body) + 2, kind]) + body


def _index(number: int) -> bytes:
    return bytes([number]) if number < 0x80 else bytes([0x80 | number >> 8, number & 0xFF])


class _WatcomTypes:
    def __init__(self, unit: Unit) -> None:
        self._unit, self._numbers = unit, dict[TypeId, int]()
        self.count, self.content = 0, b""
        self.tag = self._add(_record(0x11, b"struct"))

    def _add(self, *records: bytes) -> int:
        self.content += b"".join(records)
        self.count += 1
        return self.count

    def number(self, type_id: TypeId) -> int:
        """Return a type's number, and write it down if it has none yet."""
        if type_id in self._numbers:
            return self._numbers[type_id]
        kind = (self._unit.types or {}).get(type_id)
        match kind:
            case None:
                made = self._add(_record(0x10, b"\x30"))  # void
            case BaseType(name, size, encoding):
                scalar = bytes([WATCOM_CLASSES[encoding] | size - 1])
                made = self._add(_record(0x10, scalar + name.encode()))
            case PointerType(target, far):
                made = self._add(_record(0x40 + far, _index(self.number(target))))
            case ArrayType(element, size):
                inner = self.number(element)
                count = size // self._size(element) - 1
                made = self._add(_record(0x20, bytes([count]) + _index(inner)))
            case FunctionType(result, far):
                made = self._add(_record(0x70 + far, _index(self.number(result)) + b"\0"))
            case StructureType(name, size, members):
                kinds = [self.number(member.type) for member in members]
                head = _record(0x60, struct.pack("<HI", len(members), size))
                fields = [
                    _record(0x61, bytes([member.offset]) + _index(number) + member.name.encode())
                    for member, number in zip(members, kinds, strict=True)
                ]
                whole = self._add(head, *reversed(fields))
                made = self._add(_record(0x12, _index(self.tag) + _index(whole) + name.encode()))
            case _:
                raise AssertionError(kind)
        self._numbers[type_id] = made
        return made

    def _size(self, type_id: TypeId) -> int:
        kind = (self._unit.types or {})[type_id]
        assert isinstance(kind, BaseType)
        return kind.size


def _watcom_place(variable: Variable) -> bytes:
    match variable.place:
        case LocalPlace(bp):
            return struct.pack("<Bb", 0x10, bp)
        case InRegister(name) if ":" in name:
            high, low = name.split(":")
            return bytes([0x31, WATCOM_REGISTERS[low], WATCOM_REGISTERS[high]])
        case InRegister(name):
            return bytes([0x40 | WATCOM_REGISTERS[name]])
        case Static(address, segment):
            return struct.pack("<BBHH", 0x86, 0x20, address - segment * 16, segment)
    raise AssertionError(variable)


def _watcom_locals(unit: Unit, types: _WatcomTypes) -> bytes:
    content = struct.pack("<BBHH", 6, 0x31, 0, 0)  # a base, so that 0 is no block's place
    for variable in unit.variables:
        assert isinstance(variable.place, Static)
        where = struct.pack("<HH", variable.place.address - variable.place.segment * 16,
                            variable.place.segment)  # fmt: skip
        index = _index(types.number(variable.type))
        content += _record(0x10, where + index + f"_{variable.name}".encode())

    def locals_of(scope: Scope) -> bytes:
        return b"".join(
            _record(0x11, _watcom_place(v) + _index(types.number(v.type)) + v.name.encode())
            for v in scope.variables
        )

    for function in unit.functions:
        span = function.scope.span
        head = struct.pack("<HHHBBH", span.start, len(span), 0, 3, 2, 2)
        kind = _index(types.number(function.type)) + b"\x48\0" + function.name.encode()
        place = len(content)
        content += _record(0x21, head + kind) + locals_of(function.scope)
        for inner in function.scope.scopes:
            block = struct.pack("<HHH", inner.span.start, len(inner.span), place)
            content += _record(0x20, block) + locals_of(inner)
    return content


def watcom(toolchain: Toolchain, *, version: int = 3) -> bytes:
    """Return information of version 2 or 3, with its master header."""
    languages = b"c\0asm\0"
    blocks: list[bytes] = []
    demands: list[list[int]] = []
    records = [14 * number + 8 for number in range(len(toolchain.units))]
    for unit, record in zip(toolchain.units, records, strict=True):
        types = _WatcomTypes(unit)
        locals_ = _watcom_locals(unit, types)
        lines = struct.pack("<IH" if version == 3 else "<HH", record, len(unit.lines))
        for line in unit.lines:
            lines += struct.pack("<HI", line.number, line.address - unit.code[0].start)
        demands.append([len(blocks), len(blocks) + 1, len(blocks) + 2])
        blocks += [locals_, types.content + _record(0x14, b""), lines]
    content = b"".join(blocks)
    starts = [18 + sum(map(len, blocks[:n])) for n in range(len(blocks) + 1)]
    table = b"" if version == 2 else b"".join(struct.pack("<I", at) for at in starts)
    modules = b""
    offsets = []
    for unit, numbers in zip(toolchain.units, demands, strict=True):
        offsets.append(len(modules))
        modules += struct.pack("<H", 0 if unit.functions and "C" in unit.name[-2:] else 2)
        for number in numbers:
            where = starts[number] if version == 2 else 18 + len(content) + 4 * number
            count = len(blocks[number]) if version == 2 else 1
            modules += struct.pack("<IH", where, count)
        modules += counted(unit.name)
    references = offsets if version == 2 else range(len(offsets))
    pieces = b"".join(
        struct.pack("<IHHIH", unit.code[0].start, 0, 1, len(unit.code[0]), reference)
        for unit, reference in zip(toolchain.units, references, strict=True)
    )
    publics = b""
    for label in toolchain.labels:
        segment = 0 if label.code else segments_of(toolchain)[-1]
        publics += struct.pack("<IHH", label.address - segment * 16, segment, 0)
        publics += (bytes([4 if label.code else 2]) if version == 3 else b"") + counted(label.name)
    at = 18 + len(content) + len(table)
    ends = (at, at + len(modules), at + len(modules) + len(publics))
    whole = struct.pack("<IIIIH", *ends, ends[2] + len(pieces), 0)
    whole += content + table + modules + publics + pieces
    size = len(languages) + 2 + len(whole) + 14
    master = struct.pack("<HBBBBHHI", 0x8386, version, 0, 1, 3, len(languages), 2, size)
    return languages + b"\0\0" + whole + master
