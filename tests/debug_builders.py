"""Writes what was told of a program once more, in another toolchain's format.

No linker that writes these formats is at hand: the layouts are those of their specifications, put
together here without the readers' own declarations.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from itertools import groupby

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


def codeview4(toolchain: Toolchain, signature: bytes, *, wide: bool = False) -> bytes:
    """Return information of NB05, NB08 or NB09; ``wide``: in records of 32 bits."""
    segments = segments_of(toolchain)
    packed = signature != b"NB05"
    offset = "I" if wide else "H"
    second = 0x100 if wide else 0

    def place(address: int, *, code: bool = False) -> bytes:
        number, at = home(segments, address, code=code)
        return struct.pack(f"<{offset}H", at, number)

    parts: list[tuple[int, int, bytes]] = []
    all_types: list[bytes] = []
    for number, unit in enumerate(toolchain.units, 1):
        types = _Cv4Types(unit, 0x1000 + (len(all_types) if packed else 0))

        def variable(v: Variable, types: _Cv4Types = types) -> bytes:
            kind, name = struct.pack("<H", types.number(v.type)), counted(v.name)
            match v.place:
                case LocalPlace(bp):
                    where = struct.pack("<i" if wide else "<h", bp)
                    return struct.pack("<H", 0x100 + second) + where + kind + name
                case InRegister(register):
                    code = struct.pack("<H", CV4_REGISTERS[register])
                    return struct.pack("<H", 2) + kind + code + name
                case Static(address):
                    return struct.pack("<H", 0x101 + second) + place(address) + kind + name

        def scope(one: Scope, variable: Callable[[Variable], bytes] = variable) -> bytes:
            found = b"".join(_sized(variable(v)) for v in one.variables)
            for inner in one.scopes:
                start = place(inner.span.start, code=True)
                head = struct.pack(f"<HII{offset}", 0x107 + second, 0, 0, len(inner.span))
                found += _sized(head + start + b"\0") + scope(inner) + _sized(b"\6\0")
            return found

        def function(
            f: Function,
            types: _Cv4Types = types,
            scope: Callable[[Scope], bytes] = scope,
        ) -> bytes:
            size = len(f.scope.span)
            head = struct.pack(f"<HIII3{offset}", 0x105 + second, 0, 0, 0, size, 0, size)
            head += (
                place(f.scope.span.start, code=True)
                + struct.pack("<H", types.number(f.type))
                + b"\0"
            )
            return _sized(head + counted(f"_{f.name}")) + scope(f.scope) + _sized(b"\6\0")

        symbols = b"".join(_sized(variable(v)) for v in unit.variables)
        symbols += b"".join(map(function, unit.functions))
        (code,) = unit.code
        segment, at = home(segments, code.start, code=True)
        head = struct.pack("<HHH2s", 0, 0, 1, b"CV")
        head += struct.pack("<HHII", segment, 0, at, len(code)) + counted(f"{number}.OBJ")
        parts.append((0x120, number, head))
        parts.append((0x125 if packed else 0x124, number, b"\1\0\0\0" + symbols))
        parts.append((0x127, number, _cv4_lines(unit, segments)))
        all_types += types.records
        if not packed:
            parts.append((0x121, number, b"\1\0\0\0" + b"".join(map(_sized, types.records))))
    map_ = struct.pack("<HH", len(segments), len(segments))
    for n, paragraph in enumerate(segments):
        size = max(u.code[-1].stop for u in toolchain.units) if n == 0 else 0x1000
        map_ += struct.pack("<6HII", 0xD if n == 0 else 3, 0, 0, paragraph, 0, 0, 0, size)
    parts.append((0x12D, 0xFFFF, map_))
    publics = b""
    for label in toolchain.labels:
        record = struct.pack("<H", 0x103 + second) + place(label.address, code=label.code) + b"\0\0"
        publics += _sized(record + counted(label.name))
    parts.append((0x12A, 0xFFFF, struct.pack("<HHIII", 0, 0, len(publics), 0, 0) + publics))
    if packed:
        sized = [_sized(record) for record in all_types]
        base = 8 + 4 * len(sized) if signature == b"NB08" else 0
        starts = [base + sum(map(len, sized[:n])) for n in range(len(sized))]
        table = struct.pack(f"<II{len(starts)}I", 1 << 24, len(starts), *starts)
        parts.append((0x12B, 0xFFFF, table + b"".join(sized)))
    content, entries = b"", b""
    for kind, number, part in parts:
        entries += struct.pack("<HHII", kind, number, 8 + len(content), len(part))
        content += part + bytes(-len(part) % 4)
    directory = struct.pack("<HHIII", 16, 12, len(parts), 0, 0) + entries
    whole = signature + struct.pack("<I", 8 + len(content)) + content + directory
    return whole + signature + struct.pack("<I", len(whole) + 8)


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

WATCOM_SCALARS = {
    BaseEncoding.SIGNED: 0x00,
    BaseEncoding.UNSIGNED: 0x10,
    BaseEncoding.SIGNED_CHARACTER: 0x00,
    BaseEncoding.UNSIGNED_CHARACTER: 0x10,
    BaseEncoding.FLOAT: 0x20,
}
