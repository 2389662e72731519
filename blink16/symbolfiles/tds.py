"""Borland's debug information: Turbo C, Turbo Pascal, TASM /zi, TLINK /v.

It stands behind the image of an .EXE: a header that says how many records each of the tables has
that follow.  Records name each other, and names, by numbers from 1 on; 0 is none.

Source: Borland, "Open Architecture Handbook", the symbol table of Turbo Debugger; captured:
TCOUNT.EXE and TTWICE.EXE of TASM 3.0, Turbo C++ 1.0 and TLINK 4.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from construct import (
    Byte,
    Bytes,
    Construct,
    ConstructError,
    Container,
    Int16sl,
    Int16ul,
    Int32sl,
    Int32ul,
    Padding,
    Struct,
)

from blink16.cpu.opcodes import BYTE_NAMES, SEGMENT_NAMES, WORD_NAMES
from blink16.dos.executable import MZ_HEADER, PAGE
from blink16.memory import MEMORY_SIZE
from blink16.symbolfiles.source import SymbolFileError
from blink16.symbolfiles.toolchain import (
    VOID,
    ArrayType,
    BaseEncoding,
    BaseType,
    DataType,
    EnumerationType,
    Function,
    FunctionType,
    InRegister,
    Label,
    Language,
    LocalPlace,
    Member,
    PointerType,
    Scope,
    SourceLine,
    Spans,
    Static,
    StructureType,
    Toolchain,
    TypeId,
    TypeName,
    Unit,
    Variable,
)

MAGIC = b"\xfb\x52"
VERSIONS = range(0x0200, 0x0500)
"""2.0x of Turbo C 2 up to 4.xx of Borland C++ 4, whose tables for 16 bits are the same."""
MAX_NAMES = 0x10000
MAX_TAKEN = 2_000_000
"""Records that may be named, those that several name counted each time; tables have 65,535."""
MAX_DEPTH = 32
"""Scopes within scopes."""
UNIT_SCOPE = 0xFFFE
"""From here on the function of a scope says that it belongs to a unit of Pascal's."""
EXTENSION_WITH_NAMES = 0x1C
"""Bytes of an extended header from which on it says where the names begin."""

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
RANGE = Struct("lower" / Int32sl, "upper" / Int32sl)
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
_TWO_RECORDS = {
    *_RANGES,
    TypeKind.PASCAL_ARRAY,
    TypeKind.ENUM,
    TypeKind.PASCAL_ENUM,
    TypeKind.FUNCTION_PROTOTYPE,
    TypeKind.SPECIAL_FUNCTION,
    TypeKind.NEAR_REFERENCE,
    TypeKind.FAR_REFERENCE,
}
_FAR_FUNCTION = 4
_LANGUAGES = {1: Language.C, 2: Language.PASCAL, 5: Language.C}
_REGISTERS = {
    **dict(enumerate(WORD_NAMES)),
    **dict(enumerate(BYTE_NAMES, 8)),
    **dict(enumerate(SEGMENT_NAMES, 16)),
}


def find(content: bytes) -> bytes | None:
    """Return the information behind an .EXE's image, None if there is none."""
    try:
        header = MZ_HEADER.parse(content)
    except ConstructError:
        return None
    end = header.pages * PAGE - (PAGE - header.last_page_bytes if header.last_page_bytes else 0)
    found = content[end:]
    return found if found.startswith(MAGIC) else None


def parse(information: bytes) -> Toolchain:
    """Read what `find` returns.  SymbolFileError if it lies."""
    try:
        tables = _Tables.read(information)
        modules = range(1, len(tables.modules) + 1)
        units = tuple(_Module(tables, number).unit() for number in modules)
    except ConstructError:
        raise SymbolFileError("Borland's debug information is cut off") from None
    return Toolchain(units, tuple(_labels(tables)))


@dataclass
class _Tables:
    """The tables, each record at its number less 1."""

    symbols: Sequence[Container]
    global_count: int
    modules: Sequence[Container]
    sources: Sequence[Container]
    scopes: Sequence[Container]
    lines: Sequence[Container]
    segments: Sequence[Container]
    correlations: Sequence[Container]
    types: Sequence[bytes]
    members: Sequence[Container]
    names: Sequence[str]
    taken: int = 0
    """Records that were taken from them."""

    @classmethod
    def read(cls, content: bytes) -> _Tables:
        """Cut the tables out, which lie one behind the other."""
        header = HEADER.parse(content)
        if header.version not in VERSIONS:
            version = f"{header.version >> 8}.{header.version & 0xFF:02x}"
            raise SymbolFileError(f"version {version} of Borland's debug information is unknown")
        at = HEADER.sizeof() + header.extension_size

        def table(record: Construct, count: int) -> Sequence[Container]:
            nonlocal at
            size = record.sizeof() * count
            rows, at = content[at : at + size], at + size
            return list(record[count].parse(rows))

        symbols = table(SYMBOL, header.symbols)
        modules = table(MODULE, header.modules)
        sources = table(SOURCE, header.sources)
        lines, scopes = _lines_and_scopes(content, at, header)
        at += SCOPE.sizeof() * header.scopes + LINE.sizeof() * header.lines
        segments = table(SEGMENT, header.segments)
        correlations = table(CORRELATION, header.correlations)
        types = [bytes(one) for one in table(Bytes(TYPE.sizeof()), header.types)]
        members = table(MEMBER, header.members)
        pool = content[len(content) - header.names_size :] if header.names_size else b""
        if header.names_size > len(content) - at or header.names > MAX_NAMES:
            raise SymbolFileError("Borland's debug information is cut off")
        names = [name.decode("latin-1") for name in pool.split(b"\0")[: header.names]]
        return cls(
            symbols, header.globals, modules, sources, scopes, lines, segments, correlations,
            types, members, names,
        )  # fmt: skip

    def __post_init__(self) -> None:
        self.code = Spans(map(_code, self.segments))
        self.segments_of: dict[int, list[Container]] = {}
        for segment in self.segments:
            self.segments_of.setdefault(segment.module, []).append(segment)
        self.statics = {
            _address(symbol.segment, symbol.offset): symbol
            for symbol in reversed(self.symbols)
            if symbol.flags & 7 == SymbolClass.STATIC
        }
        self.tags = {
            symbol.offset: self.name(symbol.name)
            for symbol in reversed(self.symbols)
            if symbol.flags & 7 == SymbolClass.TAG
        }

    def part(self, table: Sequence[Container], first: int, count: int) -> Sequence[Container]:
        """Return records from a number on, as many as there are."""
        found = table[first - 1 : first - 1 + count] if first else ()
        self.taken += len(found)
        if self.taken > MAX_TAKEN:
            raise SymbolFileError("Borland's debug information is damaged: it repeats itself")
        return found

    def name(self, number: int) -> str:
        """Return a name; "" if there is none."""
        return self.names[number - 1] if 0 < number <= len(self.names) else ""


def _lines_and_scopes(
    content: bytes, at: int, header: Container
) -> tuple[Sequence[Container], Sequence[Container]]:
    """Return the tables of lines and of scopes.

    The handbook has the scopes first, TLINK 4.0 writes the lines first (captured): scopes name
    their symbols and what they lie in, by which they are told.
    """
    first = _records(SCOPE, content, at, header.scopes)
    behind = at + SCOPE.sizeof() * header.scopes
    if header.scopes and all(_is_scope(scope, header) for scope in first):
        return _records(LINE, content, behind, header.lines), first
    lines = _records(LINE, content, at, header.lines)
    return lines, _records(SCOPE, content, at + LINE.sizeof() * header.lines, header.scopes)


def _is_scope(scope: Container, header: Container) -> bool:
    behind = header.symbols + 1
    symbols_fit = scope.symbols + scope.symbol_count <= behind or scope.symbols == 0
    return bool(
        symbols_fit
        and scope.parent <= header.scopes
        and (scope.function <= header.symbols or scope.function >= UNIT_SCOPE)
        and scope.size > 0
    )


def _records(record: Construct, content: bytes, at: int, count: int) -> Sequence[Container]:
    return list(record[count].parse(content[at : at + record.sizeof() * count]))


class _Module:
    """Reads one module."""

    def __init__(self, tables: _Tables, number: int) -> None:
        self._tables = tables
        self._number = number
        self._record = tables.modules[number - 1]
        self._types = _Types(tables)
        self.language = _LANGUAGES.get(self._record.language & 7, Language.ASSEMBLER)
        self._underscores = bool(self._record.flags & UNDERSCORES)

    def unit(self) -> Unit:
        """Return what is known of it."""
        tables, record = self._tables, self._record
        segments = tables.segments_of.get(self._number, [])
        lines = sorted(self._lines(), key=lambda line: line.address)
        sources = tables.part(tables.sources, record.sources, record.source_count)
        name = tables.name(sources[0].name) if sources else tables.name(record.name)
        functions = tuple(f for segment in segments for f in self._functions(segment))
        return Unit(
            name or "?",
            self.language,
            tuple(sorted((_code(s) for s in segments), key=lambda span: span.start)),
            tuple(lines),
            functions,
            tuple(self._statics()),
            self._types.table,
        )

    def _lines(self) -> Iterator[SourceLine]:
        tables, record = self._tables, self._record
        for one in tables.part(tables.correlations, record.correlations, record.correlation_count):
            if 0 < one.segment <= len(tables.segments) and 0 < one.source <= len(tables.sources):
                segment = tables.segments[one.segment - 1]
                file = tables.name(tables.sources[one.source - 1].name)
                for line in tables.part(tables.lines, one.lines, one.line_count):
                    yield SourceLine(_address(segment.segment, line.offset), file, line.number)

    def _functions(self, segment: Container) -> Iterator[Function]:
        scopes = self._tables.part(self._tables.scopes, segment.scopes, segment.scope_count)
        inner: dict[int, list[int]] = {}
        for number, scope in enumerate(scopes, segment.scopes):
            inner.setdefault(scope.parent, []).append(number)

        def whole(number: int, outside: tuple[Variable, ...] = (), depth: int = 0) -> Scope:
            if depth > MAX_DEPTH:
                raise SymbolFileError("Borland's debug information is damaged: scopes in a circle")
            span, variables = self._scope(scopes[number - segment.scopes], segment)
            new = tuple(v for v in variables if v not in outside)  # parameters stand in both
            known = (*outside, *new)
            below = (whole(child, known, depth + 1) for child in inner.get(number, ()))
            return Scope(span, new, tuple(below))

        for number in inner.get(0, ()):
            scope = whole(number)
            symbol = self._tables.statics.get(scope.span.start)
            if symbol is not None and self._is_function(symbol):
                kind = self._types.own(symbol.type)
                described = self._types.table.get(kind)
                far = isinstance(described, FunctionType) and described.far
                yield Function(self._name(symbol), kind, scope, far)

    def _is_function(self, symbol: Container) -> bool:
        described = self._types.table.get(self._types.own(symbol.type))
        return isinstance(described, FunctionType)

    def _scope(self, record: Container, segment: Container) -> tuple[range, tuple[Variable, ...]]:
        """Return the code of a scope and its variables, parameters in the order of C."""
        start = _address(segment.segment, record.offset)
        symbols = self._tables.part(self._tables.symbols, record.symbols, record.symbol_count)
        found = [v for symbol in symbols if (v := self._local(symbol)) is not None]
        found.sort(
            key=lambda v: v.place.offset if isinstance(v.place, LocalPlace) and v.parameter else 0
        )
        return range(start, start + record.size), tuple(found)

    def _local(self, symbol: Container) -> Variable | None:
        kind, name = self._types.own(symbol.type), self._tables.name(symbol.name)
        match symbol.flags & 7:
            case SymbolClass.AUTO:
                offset = symbol.offset - (symbol.offset >> 15 << 16)
                return Variable(name, kind, LocalPlace(offset), parameter=offset > 0)
            case SymbolClass.REGISTER if symbol.offset in _REGISTERS:
                register = _REGISTERS[symbol.offset]
                if self._types.size(kind) == 4 and register in _PAIRS:
                    register = _PAIRS[register]
                return Variable(name, kind, InRegister(register))
            case SymbolClass.STATIC:
                return Variable(name, kind, _static(symbol))
        return None

    def _statics(self) -> Iterator[Variable]:
        """Yield the module's variables; the global ones, which have none, are the first's."""
        record, tables = self._record, self._tables
        symbols = list(tables.part(tables.symbols, record.symbols, record.symbol_count))
        if self._number == 1:
            symbols += tables.symbols[: tables.global_count]
        for symbol in symbols:
            if symbol.flags & 7 == SymbolClass.STATIC and not self._is_code(symbol):
                kind = self._types.own(symbol.type)
                yield Variable(self._name(symbol), kind, _static(symbol))

    def _is_code(self, symbol: Container) -> bool:
        return _is_code(self._tables, symbol)

    def _name(self, symbol: Container) -> str:
        name = self._tables.name(symbol.name)
        return name.removeprefix("_") if self._underscores or name.startswith("_") else name


_PAIRS = {"ax": "dx:ax", "dx": "dx:ax"}


def _labels(tables: _Tables) -> Iterator[Label]:
    for symbol in tables.symbols:
        name = tables.name(symbol.name)
        if symbol.flags & 7 == SymbolClass.STATIC and name:
            yield Label(name, _address(symbol.segment, symbol.offset), _is_code(tables, symbol))


def _is_code(tables: _Tables, symbol: Container) -> bool:
    return _address(symbol.segment, symbol.offset) in tables.code


def _code(segment: Container) -> range:
    start = _address(segment.segment, segment.offset)
    return range(start, min(start + segment.size, MEMORY_SIZE))


def _static(symbol: Container) -> Static:
    return Static(_address(symbol.segment, symbol.offset), symbol.segment)


def _address(segment: int, offset: int) -> int:
    return int(segment * 16 + offset)


# -- types -----------------------------------------------------------------------------------


class _Types:
    """The types that a module uses, made when they are asked for."""

    def __init__(self, tables: _Tables) -> None:
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
