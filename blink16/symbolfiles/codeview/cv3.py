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
from blink16.symbolfiles.codeview.cv3_types import Cv3Types
from blink16.symbolfiles.codeview.nesting import Nesting
from blink16.symbolfiles.source import MAX_SYMBOLS, SymbolFileError
from blink16.symbolfiles.toolchain import (
    VOID,
    Function,
    InRegister,
    Label,
    LocalPlace,
    Scope,
    SourceLine,
    Spans,
    Static,
    Toolchain,
    Unit,
    Variable,
    language_of,
    without_underscore,
)

MAX_MODULES = 10_000
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
    types = Cv3Types(module.types)
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

    def __init__(self, content: bytes, segment: int, types: Cv3Types) -> None:
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
