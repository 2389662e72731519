"""CodeView's first formats, NB00 to NB04: Microsoft C 5 and MASM 5, LINK /CO.

The information begins with a signature, and where the directory of subsections lies.  Each module
has five of them: what it is, its public names, its types, its symbols, its lines.  Segments are
paragraphs of the image.

Sources: the 16-bit record layouts as Microsoft published them with LINK 3.6x ("CodeView symbolic
debugging information"); captured: COUNT.EXE and TWICE.EXE of MASM 5.10 and Microsoft C 5.1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from construct import (
    Byte,
    Bytes,
    Container,
    GreedyRange,
    Int16sl,
    Int16ul,
    Int32ul,
    PascalString,
    PrefixedArray,
    Struct,
)

from blink16.cpu.opcodes import BYTE_NAMES, SEGMENT_NAMES, WORD_NAMES
from blink16.memory import MEMORY_SIZE
from blink16.symbolfiles.codeview.nesting import Nesting
from blink16.symbolfiles.source import MAX_SYMBOLS, SymbolFileError
from blink16.symbolfiles.toolchain import (
    VOID,
    ArrayType,
    BaseEncoding,
    BaseType,
    DataType,
    Function,
    FunctionType,
    InRegister,
    Label,
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
    language_of,
    without_underscore,
)

MAX_MODULES = 10_000
FIRST_TYPE = 512
"""Types below are the language's own."""
ABSOLUTE = 1
"""The type of a public number that is no address."""
FAR = 4
"""In a procedure's record: it returns with RETF."""

HEAD = Struct("signature" / Bytes(4), "directory" / Int32ul)
"""Where the information begins; offsets count from there."""
_NAME = PascalString(Byte, "latin-1")
ENTRY = Struct("kind" / Int16ul, "module" / Int16ul, "offset" / Int32ul, "size" / Int16ul)
MODULE = Struct(
    "segment" / Int16ul,
    "offset" / Int16ul,
    "size" / Int16ul,
    "overlay" / Int16ul,
    "library" / Int16ul,
    "segment_count" / Byte,
    "reserved" / Byte,
    "name" / _NAME,
    "more" / GreedyRange(Struct("segment" / Int16ul, "offset" / Int16ul, "size" / Int16ul)),
)
"""``segment_count`` counts the first segment too; the others stand behind the name."""
PUBLIC = Struct("offset" / Int16ul, "segment" / Int16ul, "type" / Int16ul, "name" / _NAME)
LINE = Struct("number" / Int16ul, "offset" / Int16ul)
LINES = Struct("file" / _NAME, "lines" / PrefixedArray(Int16ul, LINE))
LINES_IN_SEGMENT = Struct(
    "file" / _NAME, "segment" / Int16ul, "lines" / PrefixedArray(Int16ul, LINE)
)

BLOCK = Struct("offset" / Int16ul, "size" / Int16ul)
PROCEDURE = Struct(
    "offset" / Int16ul,
    "type" / Int16ul,
    "size" / Int16ul,
    "debug_start" / Int16ul,
    "debug_end" / Int16ul,
    "reserved" / Int16ul,
    "distance" / Byte,
    "name" / _NAME,
)
FRAME_DATA = Struct("offset" / Int16sl, "type" / Int16ul, "name" / _NAME)
STATIC_DATA = Struct("offset" / Int16ul, "segment" / Int16ul, "type" / Int16ul, "name" / _NAME)
LABEL = Struct("offset" / Int16ul, "distance" / Byte, "name" / _NAME)
REGISTER = Struct("type" / Int16ul, "register" / Byte, "name" / _NAME)
SEGMENT = Struct("segment" / Int16ul, "reserved" / Int16ul)


class Subsection(IntEnum):
    """The kinds of subsections."""

    MODULES = 0x101
    PUBLICS = 0x102
    TYPES = 0x103
    SYMBOLS = 0x104
    SOURCE_LINES = 0x105
    LINES_IN_SEGMENT = 0x109


class SymbolRecord(IntEnum):
    """The kinds of symbols; bit 7 says that offsets have 32 bits."""

    BLOCK = 0x00
    PROCEDURE = 0x01
    END = 0x02
    FRAME_DATA = 0x04
    STATIC_DATA = 0x05
    LABEL = 0x0B
    WITH = 0x0C
    REGISTER = 0x0D
    SEGMENT = 0x11


class Leaf(IntEnum):
    """What the parts of a type's description begin with."""

    BIT_FIELD = 0x5C
    NEW_NAME = 0x5D
    HUGE = 0x5E
    FAR = 0x73
    NEAR = 0x74
    PROCEDURE = 0x75
    ARRAY = 0x78
    STRUCTURE = 0x79
    POINTER = 0x7A
    LIST = 0x7F
    NIL = 0x80
    NAME = 0x82
    INDEX = 0x83
    UINT16 = 0x85
    UINT32 = 0x86
    INT8 = 0x88
    INT16 = 0x89
    INT32 = 0x8A


_NUMBERS = {
    Leaf.UINT16: (2, False),
    Leaf.UINT32: (4, False),
    Leaf.INT8: (1, True),
    Leaf.INT16: (2, True),
    Leaf.INT32: (4, True),
}
_REGISTERS = {
    **dict(enumerate(BYTE_NAMES)),
    **dict(enumerate(WORD_NAMES, 8)),
    **dict(enumerate(SEGMENT_NAMES, 24)),
    32: "dx:ax",
    33: "es:bx",
}


def read(information: bytes) -> Toolchain:
    """Return what the information of a program says, from its signature on."""
    return _Reader(information).read()


@dataclass
class _Module:
    """A module's subsections."""

    head: Container
    publics: bytes = b""
    types: bytes = b""
    symbols: bytes = b""
    lines: tuple[bytes, ...] = ()
    lines_in_segments: tuple[bytes, ...] = ()


class _Reader:
    """Reads one program's information."""

    def __init__(self, information: bytes) -> None:
        self._content = information

    def read(self) -> Toolchain:
        """Read all modules."""
        modules = self._modules()
        code = Spans(span for module in modules for span in _code(module.head))
        units, labels = [], []
        for module in modules:
            unit, names = _unit(module, code)
            units.append(unit)
            labels += names
        if len(labels) > MAX_SYMBOLS:
            raise SymbolFileError(f"there are more than {MAX_SYMBOLS} symbols")
        return Toolchain(tuple(units), tuple(labels))

    def _modules(self) -> list[_Module]:
        start = HEAD.parse(self._content).directory
        directory = PrefixedArray(Int16ul, ENTRY).parse(self._content[start:])
        parts: dict[int, dict[int, list[bytes]]] = defaultdict(lambda: defaultdict(list))
        for entry in directory:
            parts[entry.module][entry.kind].append(self._part(entry))
        if len(parts) > MAX_MODULES:
            raise SymbolFileError(f"there are more than {MAX_MODULES} modules")
        return [_module(parts[number]) for number in sorted(parts) if number]

    def _part(self, entry: Container) -> bytes:
        part = self._content[entry.offset : entry.offset + entry.size]
        if len(part) != entry.size:
            raise SymbolFileError("the CodeView information is cut off")
        return part


def _module(parts: Mapping[int, list[bytes]]) -> _Module:
    if Subsection.MODULES not in parts:
        raise SymbolFileError("the CodeView information is damaged: a module has no name")
    return _Module(
        MODULE.parse(parts[Subsection.MODULES][0]),
        b"".join(parts.get(Subsection.PUBLICS, ())),
        b"".join(parts.get(Subsection.TYPES, ())),
        b"".join(parts.get(Subsection.SYMBOLS, ())),
        tuple(parts.get(Subsection.SOURCE_LINES, ())),
        tuple(parts.get(Subsection.LINES_IN_SEGMENT, ())),
    )


def _code(head: Container) -> list[range]:
    """Return where a module has code, ascending."""
    parts = (head, *head.more[: max(head.segment_count - 1, 0)])
    starts = ((_address(part.segment, part.offset), part.size) for part in parts)
    spans = (range(start, min(start + size, MEMORY_SIZE)) for start, size in starts)
    return sorted(filter(None, spans), key=lambda span: span.start)


def _unit(module: _Module, all_code: Spans) -> tuple[Unit, list[Label]]:
    """Return a module's unit, and its labels; ``all_code``: of all modules."""
    head, code = module.head, _code(module.head)
    lines = sorted(_lines(module), key=lambda line: line.address)
    name = lines[0].file if lines else str(head.name)
    types = _Types(module.types)
    symbols = _Symbols(module.symbols, head.segment, types)
    functions, statics = symbols.nesting.functions, symbols.nesting.variables
    publics = [
        (Static(_address(p.segment, p.offset), p.segment), types.own(p.type), p.name)
        for p in GreedyRange(PUBLIC).parse(module.publics)
        if p.type != ABSOLUTE
    ]
    in_code = {place.address for place, _, _ in publics if place.address in all_code}
    known = {variable.name for variable in statics}
    variables = [
        Variable(without_underscore(name), type_id, place)
        for place, type_id, name in publics
        if place.address not in in_code
        and type_id != VOID
        and without_underscore(name) not in known
    ]
    labels = [Label(n, p.address, p.address in in_code) for p, _, n in publics if n]
    taken = {(label.name, label.address) for label in labels}
    labels += [label for label in symbols.labels if (label.name, label.address) not in taken]
    unit = Unit(
        name,
        language_of(name),
        tuple(code),
        tuple(lines),
        tuple(functions),
        (*statics, *variables),
        types.table,
    )
    return unit, labels


def _lines(module: _Module) -> Iterator[SourceLine]:
    for content in module.lines:
        for block in GreedyRange(LINES).parse(content):
            for line in block.lines:
                yield SourceLine(
                    _address(module.head.segment, line.offset), block.file, line.number
                )
    for content in module.lines_in_segments:
        for block in GreedyRange(LINES_IN_SEGMENT).parse(content):
            for line in block.lines:
                yield SourceLine(_address(block.segment, line.offset), block.file, line.number)


def _address(segment: int, offset: int) -> int:
    return segment * 16 + offset


# -- symbols ---------------------------------------------------------------------------------


class _Symbols:
    """The functions, variables and labels of a module."""

    def __init__(self, content: bytes, segment: int, types: _Types) -> None:
        self.nesting = Nesting()
        self.labels: list[Label] = []
        self._segment = segment
        self._types = types
        for kind, body in _records(content):
            self._take(kind, body)

    def _take(self, kind: int, body: bytes) -> None:
        match kind:
            case SymbolRecord.BLOCK:
                block = BLOCK.parse(body)
                self.nesting.begin(self._span(block))
            case SymbolRecord.PROCEDURE:
                head = PROCEDURE.parse(body)
                span, far = self._span(head), head.distance == FAR
                name, type_id = without_underscore(head.name), self._types.own(head.type)
                self.nesting.begin(span, Function(name, type_id, Scope(span), far))
            case SymbolRecord.WITH:
                self.nesting.begin(range(0))
            case SymbolRecord.END:
                self.nesting.end()
            case SymbolRecord.FRAME_DATA:
                data = FRAME_DATA.parse(body)
                place = LocalPlace(data.offset)
                type_id = self._types.own(data.type)
                self.nesting.add(Variable(data.name, type_id, place, parameter=data.offset > 0))
            case SymbolRecord.STATIC_DATA:
                data = STATIC_DATA.parse(body)
                where = Static(_address(data.segment, data.offset), data.segment)
                if data.name:
                    self.nesting.add(Variable(data.name, self._types.own(data.type), where))
            case SymbolRecord.REGISTER:
                data = REGISTER.parse(body)
                if data.register in _REGISTERS:
                    register = InRegister(_REGISTERS[data.register])
                    self.nesting.add(Variable(data.name, self._types.own(data.type), register))
            case SymbolRecord.LABEL:
                label = LABEL.parse(body)
                address = _address(self._segment, label.offset)
                self.labels.append(Label(label.name, address, code=True))
            case SymbolRecord.SEGMENT:
                self._segment = SEGMENT.parse(body).segment
            case _:  # what others have is passed over: each record says how long it is
                pass

    def _span(self, record: Container) -> range:
        start = _address(self._segment, record.offset)
        return range(start, start + record.size)


def _records(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the kinds and contents of records that begin with their length."""
    at = 0
    while at < len(content):
        size = content[at]
        if size == 0 or at + 1 + size > len(content):
            raise SymbolFileError("the CodeView information is damaged: a record without an end")
        yield content[at + 1], content[at + 2 : at + 1 + size]
        at += 1 + size


# -- types -----------------------------------------------------------------------------------


class _Types:
    """The types of a module, from their descriptions."""

    def __init__(self, content: bytes) -> None:
        self.table: dict[TypeId, DataType] = {}
        self._leaves = [_leaves(description) for description in _descriptions(content)]
        for number in range(len(self._leaves)):
            if (made := self._made(number)) is not None:
                self.table[FIRST_TYPE + number] = made

    def own(self, number: int) -> TypeId:
        """Return a type by its number, and see that it is in the table; VOID if it's none."""
        if number < FIRST_TYPE and (basic := _basic(number)) is not None:
            if number not in self.table:
                self.table[number] = basic
                if isinstance(basic, PointerType):
                    self.own(basic.target)
            return number
        return number if number in self.table else VOID

    def _refer(self, leaf: object) -> TypeId:
        """Return the type that an index names; those of the module may come later."""
        if not isinstance(leaf, _Index):
            return VOID
        if leaf.number < FIRST_TYPE:
            return self.own(leaf.number)
        return leaf.number if leaf.number - FIRST_TYPE < len(self._leaves) else VOID

    def _made(self, number: int) -> DataType | None:
        match self._leaves[number]:
            case [Leaf.ARRAY, int(bits), element, *_]:
                return ArrayType(self._refer(element), bits // 8)
            case [Leaf.POINTER, Leaf.NEAR | Leaf.FAR | Leaf.HUGE as model, target, *_]:
                return PointerType(self._refer(target), far=model is not Leaf.NEAR)
            case [Leaf.STRUCTURE, int(bits), int(), kinds, names, *rest]:
                name = rest[0] if rest and isinstance(rest[0], str) else ""
                return StructureType(name, bits // 8, self._members(kinds, names))
            case [Leaf.PROCEDURE, _, result, *_]:
                return FunctionType(self._refer(result))
            case [Leaf.NEW_NAME, target, str(name), *_]:
                return TypeName(name, self._refer(target))
        return None

    def _members(self, kinds: object, names: object) -> tuple[Member, ...]:
        types = [leaf for leaf in self._list(kinds) if isinstance(leaf, _Index)]
        texts = self._list(names)
        pairs = zip(texts[::2], texts[1::2], strict=False)
        return tuple(
            self._member(name, offset, kind)
            for (name, offset), kind in zip(pairs, types, strict=False)
            if isinstance(name, str) and isinstance(offset, int)
        )

    def _member(self, name: str, offset: int, kind: _Index) -> Member:
        index = kind.number - FIRST_TYPE
        if 0 <= index < len(self._leaves):
            match self._leaves[index]:
                case [Leaf.BIT_FIELD, int(bits), base, int(first), *_]:
                    return Member(name, self._refer(base), offset, bits, first)
        return Member(name, self._refer(kind), offset)

    def _list(self, leaf: object) -> list[object]:
        if isinstance(leaf, _Index) and 0 <= leaf.number - FIRST_TYPE < len(self._leaves):
            match self._leaves[leaf.number - FIRST_TYPE]:
                case [Leaf.LIST, *items]:
                    return items
        return []


@dataclass(frozen=True, slots=True)
class _Index:
    """A type, by its number."""

    number: int


def _descriptions(content: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(content):
        size = Int16ul.parse(content[at + 1 : at + 3])
        if at + 3 + size > len(content):
            raise SymbolFileError("the CodeView information is damaged: a type without an end")
        yield content[at + 3 : at + 3 + size]
        at += 3 + size


def _leaves(description: bytes) -> list[object]:
    """Return the parts of a type's description: leaves, numbers, names and indexes."""
    parts: list[object] = []
    at = 0
    while at < len(description):
        code = description[at]
        at += 1
        if code in _NUMBERS:
            size, signed = _NUMBERS[Leaf(code)]
            parts.append(int.from_bytes(description[at : at + size], "little", signed=signed))
            at += size
        elif code == Leaf.INDEX:
            parts.append(_Index(int.from_bytes(description[at : at + 2], "little")))
            at += 2
        elif code == Leaf.NAME:
            size = description[at]
            parts.append(description[at + 1 : at + 1 + size].decode("latin-1"))
            at += 1 + size
        elif _is_leaf(code, parts):
            parts.append(Leaf(code))
        else:
            parts.append(code)  # a number below 80h is written as it is
    return parts


def _is_leaf(code: int, parts: list[object]) -> bool:
    """Tell a leaf from a small number, which stand for each other: by where it stands."""
    if code == Leaf.NIL or not parts:
        return code in tuple(Leaf)
    return parts == [Leaf.POINTER] and code in (Leaf.NEAR, Leaf.FAR, Leaf.HUGE)


_INTEGERS = {0: "char", 1: "int", 2: "long"}
_UNSIGNED = {0: "unsigned char", 1: "unsigned int", 2: "unsigned long"}
_FLOATS = {0: ("float", 4), 1: ("double", 8), 2: ("long double", 10)}


def _basic(number: int) -> DataType | None:
    """Return one of the language's own types.

    Bits: 7 set; 6-5 direct, near, far or huge pointer; 4-2 signed, unsigned, real, complex,
    boolean, character; 1-0 the size.
    """
    if not number & 0x80 or number > 0xFF:
        return None
    mode, kind, size = number >> 5 & 3, number >> 2 & 7, number & 3
    if mode:
        return PointerType(number & ~0x60, far=mode > 1)
    match kind:
        case 0 if size in _INTEGERS:
            encoding = BaseEncoding.SIGNED_CHARACTER if size == 0 else BaseEncoding.SIGNED
            return BaseType(_INTEGERS[size], 1 << size, encoding)
        case 1 if size in _UNSIGNED:
            encoding = BaseEncoding.UNSIGNED_CHARACTER if size == 0 else BaseEncoding.UNSIGNED
            return BaseType(_UNSIGNED[size], 1 << size, encoding)
        case 2 if size in _FLOATS:
            name, length = _FLOATS[size]
            return BaseType(name, length, BaseEncoding.FLOAT)
        case 4:
            return BaseType("boolean", 1 << size, BaseEncoding.BOOLEAN)
        case 5:
            return BaseType("char", 1, BaseEncoding.SIGNED_CHARACTER)
    return None
