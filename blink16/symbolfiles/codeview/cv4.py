"""CodeView 4, NB05 to NB09: Microsoft C 7, Visual C++ 1.x, MASM 6, LINK 5.x, CVPACK or not.

A directory of subsections, some of modules, some of the program.  Addresses are an offset in a
logical segment, which the map of segments puts into the image.  NB05 has each module's own types;
packed, a table of types serves all modules.

Sources: TIS, "Microsoft Symbol and Type Information" (Formats Specification for Windows 1.0);
Microsoft's published cvinfo.h and cvexefmt.h, their records with 16-bit types (``_16t``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from construct import (
    Array,
    Byte,
    Bytes,
    Construct,
    Container,
    GreedyBytes,
    GreedyRange,
    Int16sl,
    Int16ul,
    Int32sl,
    Int32ul,
    PascalString,
    PrefixedArray,
    Struct,
    this,
)

from blink16.cpu.opcodes import BYTE_NAMES, SEGMENT_NAMES, WORD_NAMES
from blink16.memory import MEMORY_SIZE
from blink16.symbolfiles.codeview.cv4_types import CodeViewTypes
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
MAX_SEGMENTS = 10_000
FAR_RETURN = 4
"""In a procedure's flags: it returns with RETF."""
EXECUTABLE = 4
"""In a segment's flags."""
EARLIEST, PROGRAM = 1, 0xFFFF
"""The signature that symbols and types of C 7 begin with; the module number of what is no one's."""

# subsections
MODULE, TYPES, PUBLIC, PUBLIC_SYMBOLS, SYMBOLS, ALIGNED_SYMBOLS = range(0x120, 0x126)
SOURCE_LINES, SOURCE_MODULE, LIBRARIES, GLOBAL_SYMBOLS, GLOBAL_PUBLICS = range(0x126, 0x12B)
GLOBAL_TYPES, _MPC, SEGMENT_MAP = range(0x12B, 0x12E)
STATIC_SYMBOLS = 0x134

_NAME = PascalString(Byte, "latin-1")
HEAD = Struct("signature" / Bytes(4), "directory" / Int32ul)
DIRECTORY = Struct(
    "header_size" / Int16ul, "entry_size" / Int16ul, "count" / Int32ul, "next" / Int32ul
)
ENTRY = Struct("kind" / Int16ul, "module" / Int16ul, "offset" / Int32ul, "size" / Int32ul)
PIECE = Struct("segment" / Int16ul, "pad" / Int16ul, "offset" / Int32ul, "size" / Int32ul)
MODULE_HEAD = Struct(
    "overlay" / Int16ul,
    "library" / Int16ul,
    "count" / Int16ul,
    "style" / Bytes(2),
    "pieces" / Array(this.count, PIECE),
    "name" / _NAME,
)
SEGMENT = Struct(
    "flags" / Int16ul,
    "overlay" / Int16ul,
    "group" / Int16ul,
    "frame" / Int16ul,
    "name" / Int16ul,
    "class" / Int16ul,
    "offset" / Int32ul,
    "size" / Int32ul,
)
"""``frame`` is a paragraph of the image, ``offset`` counts from there."""
SEGMENTS = Struct("count" / Int16ul, "logical" / Int16ul, "segments" / GreedyRange(SEGMENT))
HASHED = Struct(
    "hashes" / Bytes(4), "size" / Int32ul, "tables" / Bytes(8), "symbols" / Bytes(this.size)
)
SOURCE_HEAD = Struct("files" / Int16ul, "segments" / Int16ul, "starts" / Array(this.files, Int32ul))
FILE_HEAD = Struct(
    "count" / Int16ul,
    "pad" / Int16ul,
    "starts" / Array(this.count, Int32ul),
    "ends" / Array(this.count, Bytes(8)),
    "name" / _NAME,
)
FILE_LINES = Struct(
    "segment" / Int16ul,
    "count" / Int16ul,
    "offsets" / Array(this.count, Int32ul),
    "numbers" / Array(this.count, Int16ul),
)
LINES_IN_SEGMENT = Struct(
    "file" / _NAME,
    "segment" / Int16ul,
    "lines" / PrefixedArray(Int16ul, Struct("number" / Int16ul, "offset" / Int16ul)),
)

RECORD = Struct("size" / Int16ul, "kind" / Int16ul, "body" / Bytes(this.size - 2))
_REGISTER = Struct("type" / Int16ul, "register" / Int16ul, "name" / _NAME)


def _data(offset: Construct) -> Construct:
    return Struct("offset" / offset, "segment" / Int16ul, "type" / Int16ul, "name" / _NAME)


def _local(offset: Construct) -> Construct:
    return Struct("offset" / offset, "type" / Int16ul, "name" / _NAME)


def _procedure(offset: Construct) -> Construct:
    return Struct(
        "parent_end_next" / Array(3, Int32ul),
        "size" / offset,
        "debug" / Array(2, offset),
        "offset" / offset,
        "segment" / Int16ul,
        "type" / Int16ul,
        "flags" / Byte,
        "name" / _NAME,
    )


def _block(offset: Construct) -> Construct:
    return Struct(
        "parent_end" / Array(2, Int32ul),
        "size" / offset,
        "offset" / offset,
        "segment" / Int16ul,
        "rest" / GreedyBytes,
    )


def _label(offset: Construct) -> Construct:
    return Struct("offset" / offset, "segment" / Int16ul, "flags" / Byte, "name" / _NAME)


# symbols; those of the second row have 32-bit offsets
REGISTER, END, WITH_END = 0x002, 0x006, 0x00D
LOCALS = {0x100: _local(Int16sl), 0x200: _local(Int32sl)}
DATA = {
    **dict.fromkeys((0x101, 0x102), _data(Int16ul)),
    **dict.fromkeys((0x201, 0x202), _data(Int32ul)),
}
PUBLICS = {0x103: _data(Int16ul), 0x203: _data(Int32ul)}
PROCEDURES = {
    **dict.fromkeys((0x104, 0x105), _procedure(Int16ul)),
    **dict.fromkeys((0x204, 0x205), _procedure(Int32ul)),
}
THUNKS = (0x106, 0x206)
BLOCKS = {
    **dict.fromkeys((0x107, 0x108), _block(Int16ul)),
    **dict.fromkeys((0x207, 0x208), _block(Int32ul)),
}
LABELS = {0x109: _label(Int16ul), 0x209: _label(Int32ul)}

_REGISTERS = {
    **dict(enumerate(BYTE_NAMES, 1)),
    **dict(enumerate(WORD_NAMES, 9)),
    **dict(enumerate(SEGMENT_NAMES, 25)),
}
_PAIRS = {("dx", "ax"): "dx:ax", ("es", "bx"): "es:bx"}


def read(information: bytes) -> Toolchain:
    """Return what the information of a program says, from its signature on."""
    return _Reader(information).read()


@dataclass
class _Parts:
    """The subsections of a module, or of the program, by their kinds."""

    kinds: dict[int, list[bytes]] = field(default_factory=lambda: defaultdict(list))

    def of(self, *kinds: int) -> Iterator[bytes]:
        """Yield those of some kinds."""
        for kind in kinds:
            yield from self.kinds.get(kind, ())


class _Reader:
    """Reads one program's information."""

    def __init__(self, information: bytes) -> None:
        self._content = information
        self._parts: dict[int, _Parts] = defaultdict(_Parts)
        for entry in self._entries():
            number = 0 if entry.module == PROGRAM else entry.module
            self._parts[number].kinds[entry.kind].append(self._part(entry))
        if len(self._parts) > MAX_MODULES:
            raise SymbolFileError(f"there are more than {MAX_MODULES} modules")
        self._program = self._parts.pop(0, _Parts())
        self._places = _Places([*self._program.of(SEGMENT_MAP)])

    def _entries(self) -> Iterator[Container]:
        at, seen = HEAD.parse(self._content).directory, set()
        while at and at not in seen:
            seen.add(at)
            head = DIRECTORY.parse(self._content[at : at + DIRECTORY.sizeof()])
            at += head.header_size
            if head.entry_size < ENTRY.sizeof() or head.count * head.entry_size > len(
                self._content
            ):
                raise SymbolFileError("the CodeView information is damaged: its directory")
            for _ in range(head.count):
                yield ENTRY.parse(self._content[at : at + ENTRY.sizeof()])
                at += head.entry_size
            at = head.next

    def _part(self, entry: Container) -> bytes:
        part = self._content[entry.offset : entry.offset + entry.size]
        if len(part) != entry.size:
            raise SymbolFileError("the CodeView information is cut off")
        return part

    def read(self) -> Toolchain:
        """Read all modules; the program's own symbols and names are in the first."""
        shared = next((CodeViewTypes.packed(part) for part in self._program.of(GLOBAL_TYPES)), None)
        modules = [
            _Module(self._parts[number], self._places, shared) for number in sorted(self._parts)
        ]
        heads = [module for module in modules if module.known]
        globals_ = [HASHED.parse(part).symbols for part in self._program.of(*_GLOBALS)]
        if globals_ and heads:
            heads[0].take(globals_)
        statics = self._program.of(SYMBOLS, ALIGNED_SYMBOLS, PUBLIC_SYMBOLS)
        if heads:
            heads[0].take([*statics])
        code = Spans([*self._places.code, *(span for one in heads for span in one.code)])
        labels = [label for module in heads for label in module.labels(code)]
        if len(labels) > MAX_SYMBOLS:
            raise SymbolFileError(f"there are more than {MAX_SYMBOLS} symbols")
        return Toolchain(tuple(module.unit() for module in heads), tuple(dict.fromkeys(labels)))


_GLOBALS = (GLOBAL_SYMBOLS, GLOBAL_PUBLICS, STATIC_SYMBOLS)


class _Places:
    """Where logical segments lie in the image."""

    def __init__(self, maps: Sequence[bytes]) -> None:
        self._segments = [one for part in maps for one in SEGMENTS.parse(part).segments]
        if len(self._segments) > MAX_SEGMENTS:
            raise SymbolFileError(f"there are more than {MAX_SEGMENTS} segments")
        self.code = [
            self.span(number, 0, segment.size)
            for number, segment in enumerate(self._segments, 1)
            if segment.flags & EXECUTABLE
        ]

    def static(self, segment: int, offset: int) -> Static:
        """Return where an offset in a logical segment is; without a map it's a paragraph."""
        frame = segment
        if self._segments:
            if not 0 < segment <= len(self._segments):
                raise SymbolFileError(f"its CodeView information has no segment {segment}")
            known = self._segments[segment - 1]
            frame, offset = known.frame, known.offset + offset
        if offset > MEMORY_SIZE:
            raise SymbolFileError("its CodeView information names places outside of memory")
        return Static(frame * 16 + offset, frame)

    def span(self, segment: int, offset: int, size: int) -> range:
        """Return the addresses of a piece of a logical segment."""
        start = min(self.static(segment, offset).address, MEMORY_SIZE)
        return range(start, min(start + size, MEMORY_SIZE))


class _Module:
    """One module."""

    def __init__(self, parts: _Parts, places: _Places, shared: CodeViewTypes | None) -> None:
        self._parts, self._places = parts, places
        self._types = shared if shared is not None else CodeViewTypes.of_module([*parts.of(TYPES)])
        head = next((MODULE_HEAD.parse(part) for part in parts.of(MODULE)), None)
        self.known = head is not None
        """Whether there is a module of this number at all."""
        self.name = head.name if head is not None else ""
        pieces = head.pieces if head is not None else ()
        spans = (places.span(one.segment, one.offset, one.size) for one in pieces if one.segment)
        self.code = sorted(filter(None, spans), key=lambda span: span.start)
        self._nesting = Nesting()
        self._labels: list[tuple[str, Static]] = []
        self._names: list[tuple[str, Static, int]] = []
        """Public names, and their types."""
        self.take([*parts.of(SYMBOLS, ALIGNED_SYMBOLS, PUBLIC_SYMBOLS)])
        for part in parts.of(PUBLIC):
            for one in GreedyRange(_data(Int16ul)).parse(part):
                self._names.append((one.name, self._static(one), one.type))

    def take(self, parts: Sequence[bytes]) -> None:
        """Read symbols that belong here."""
        for part in parts:
            for record in _records(part):
                self._take(record.kind, record.body)

    def _take(self, kind: int, body: bytes) -> None:
        nesting, types = self._nesting, self._types
        if kind in PROCEDURES:
            head = PROCEDURES[kind].parse(body)
            span, type_id = self._span(head), types.own(head.type)
            far = bool(head.flags & FAR_RETURN) or types.is_far(type_id)
            nesting.begin(span, Function(without_underscore(head.name), type_id, Scope(span), far))
        elif kind in BLOCKS:
            nesting.begin(self._span(BLOCKS[kind].parse(body)))
        elif kind in THUNKS:
            nesting.begin(range(0))
        elif kind == END:
            nesting.end()
        elif kind in LOCALS:
            one = LOCALS[kind].parse(body)
            place = LocalPlace(one.offset)
            nesting.add(Variable(one.name, types.own(one.type), place, parameter=one.offset > 0))
        elif kind == REGISTER:
            one = _REGISTER.parse(body)
            if (name := _register(one.register)) is not None:
                nesting.add(Variable(one.name, types.own(one.type), InRegister(name)))
        elif kind in DATA:
            one = DATA[kind].parse(body)
            if one.name and one.segment:
                name = without_underscore(one.name)
                nesting.add(Variable(name, types.own(one.type), self._static(one)))
        elif kind in PUBLICS:
            one = PUBLICS[kind].parse(body)
            if one.segment:  # 0 is a number without a place
                self._names.append((one.name, self._static(one), one.type))
        elif kind in LABELS:
            one = LABELS[kind].parse(body)
            self._labels.append((one.name, self._static(one)))

    def _static(self, record: Container) -> Static:
        return self._places.static(record.segment, record.offset)

    def _span(self, record: Container) -> range:
        return self._places.span(record.segment, record.offset, record.size)

    def labels(self, code: Spans) -> Iterator[Label]:
        """Yield its names; ``code``: of all modules."""
        for name, place, _ in self._names:
            yield Label(name, place.address, place.address in code)
        for name, place in self._labels:
            yield Label(name, place.address, code=True)

    def unit(self) -> Unit:
        """Return what is known of it."""
        lines = tuple(sorted(self._lines(), key=lambda line: line.address))
        name = lines[0].file if lines else self.name or "?"
        language = language_of(name)
        known = {variable.name for variable in self._nesting.variables}
        known |= {function.name for function in self._nesting.functions}
        typed = (
            Variable(without_underscore(public), self._types.own(type_id), place)
            for public, place, type_id in self._names
            if type_id and without_underscore(public) not in known
        )
        variables = tuple(one for one in typed if one.type != VOID)
        return Unit(
            name,
            language,
            tuple(self.code),
            lines,
            tuple(self._nesting.functions),
            (*self._nesting.variables, *variables),
            self._types.table,
        )

    def _lines(self) -> Iterator[SourceLine]:
        for part in self._parts.of(SOURCE_MODULE):
            for start in SOURCE_HEAD.parse(part).starts:
                file = FILE_HEAD.parse(part[start:])
                for at in file.starts:
                    block = FILE_LINES.parse(part[at:])
                    for offset, number in zip(block.offsets, block.numbers, strict=True):
                        yield self._line(block.segment, offset, file.name, number)
        for part in self._parts.of(SOURCE_LINES):
            for block in GreedyRange(LINES_IN_SEGMENT).parse(part):
                for line in block.lines:
                    yield self._line(block.segment, line.offset, block.file, line.number)

    def _line(self, segment: int, offset: int, file: str, number: int) -> SourceLine:
        return SourceLine(self._places.static(segment, offset).address, file, number)


def _register(number: int) -> str | None:
    """Return a register's name; two of them have one in each byte, the higher half first."""
    low, high = _REGISTERS.get(number & 0xFF), _REGISTERS.get(number >> 8)
    if number >> 8 == 0:
        return low
    return _PAIRS.get((high or "", low or ""))


def _records(content: bytes) -> Iterator[Container]:
    """Yield a subsection's records, behind the signature that it may begin with."""
    at = 4 if content[:4] == EARLIEST.to_bytes(4, "little") else 0
    while at + 4 <= len(content):
        size = int.from_bytes(content[at : at + 2], "little")
        if size < 2 or at + 2 + size > len(content):
            raise SymbolFileError("the CodeView information is damaged: a record without an end")
        yield RECORD.parse(content[at : at + 2 + size])
        at += 2 + size
