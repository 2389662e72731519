"""Watcom's own debugging information: wcc -hw, wlink ``debug watcom all``.

The end of an .EXE has the master header; before it lie sections, the first of the program itself.
A section knows its modules, whose symbols, types and lines are blocks that a table of links names,
public names, and which piece of which segment is whose.  Records begin with their length.

Source: WATCOM, "WATCOM Debugging Information Format", version 4.0 (in Open Watcom's sources).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise

from construct import (
    Array,
    Byte,
    ConstructError,
    Container,
    Int16ul,
    Int32ul,
    PascalString,
    Struct,
    this,
)

from blink16.memory import MEMORY_SIZE
from blink16.symbolfiles.source import MAX_SYMBOLS, SymbolFileError
from blink16.symbolfiles.toolchain import (
    Label,
    Language,
    SourceLine,
    Toolchain,
    Unit,
)
from blink16.symbolfiles.watcom.cues import Cues
from blink16.symbolfiles.watcom.locals import read_locals
from blink16.symbolfiles.watcom.types import WatcomTypes

SIGNATURE = 0x8386
OTHERS = (0x8300, 0x8301, 0x8302)
"""Signatures of what may stand behind it, with a header of the same shape."""
VERSIONS = (2, 3)
OBJECT_VERSION = 1
MAX_MODULES = 10_000
MAX_LINES = 500_000
NONSECT = 0x8000
"""In the number of pieces of a segment: it belongs to no overlay."""
CODE = 4
"""In a public name's kind."""

MASTER = Struct(
    "signature" / Int16ul,
    "version" / Byte,
    "minor" / Byte,
    "object_version" / Byte,
    "object_minor" / Byte,
    "languages_size" / Int16ul,
    "segments_size" / Int16ul,
    "size" / Int32ul,
)
SECTION = Struct(
    "modules" / Int32ul,
    "publics" / Int32ul,
    "pieces" / Int32ul,
    "size" / Int32ul,
    "number" / Int16ul,
)
_NAME = PascalString(Byte, "latin-1")
_LINK = Struct("offset" / Int32ul, "count" / Int16ul)
MODULE = Struct(
    "language" / Int16ul, "locals" / _LINK, "types" / _LINK, "lines" / _LINK, "name" / _NAME
)
"""``count``: entries of the table of links; in version 2, bytes of the only block."""
PUBLIC = Struct(
    "offset" / Int32ul, "segment" / Int16ul, "module" / Int16ul, "kind" / Byte, "name" / _NAME
)
PUBLIC_2 = Struct("offset" / Int32ul, "segment" / Int16ul, "module" / Int16ul, "name" / _NAME)
PIECE = Struct("size" / Int32ul, "module" / Int16ul)
PIECES = Struct(
    "offset" / Int32ul,
    "segment" / Int16ul,
    "count" / Int16ul,
    "pieces" / Array(this.count & ~NONSECT, PIECE),
)
PIECES_HEAD = 8
"""Bytes before a segment's pieces."""
LINE = Struct("number" / Int16ul, "offset" / Int32ul)
LINES = Struct("piece" / Int32ul, "count" / Int16ul, "lines" / Array(this.count, LINE))
LINES_2 = Struct("piece" / Int16ul, "count" / Int16ul, "lines" / Array(this.count, LINE))


def find(content: bytes) -> bytes | None:
    """Return the information at the end of a file, None if there is none."""
    end = len(content)
    while end >= MASTER.sizeof():
        head = MASTER.parse(content[end - MASTER.sizeof() : end])
        if head.signature not in (SIGNATURE, *OTHERS) or not MASTER.sizeof() <= head.size <= end:
            return None
        if head.signature == SIGNATURE:
            return content[end - head.size : end]
        end -= head.size
    return None


def parse(information: bytes) -> Toolchain:
    """Read what `find` returns.  SymbolFileError if it lies."""
    try:
        return _Section(information).read()
    except (ConstructError, IndexError):
        raise SymbolFileError("the Watcom debugging information is damaged") from None


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of a segment; ``offset``: where its record is."""

    offset: int
    segment: int
    span: range
    module: int


class _Section:
    """Reads the section of the program itself."""

    def __init__(self, information: bytes) -> None:
        self._master = MASTER.parse(information[-MASTER.sizeof() :])
        version = self._master.version
        if version not in VERSIONS or self._master.object_version != OBJECT_VERSION:
            known = f"version {version}.{self._master.minor}"
            raise SymbolFileError(f"{known} of Watcom's debugging information is unknown")
        start = self._master.languages_size + self._master.segments_size
        self._languages = information[: self._master.languages_size]
        head = SECTION.parse(information[start:])
        self._content = information[start : start + head.size]
        if not SECTION.sizeof() <= head.modules <= head.publics <= head.pieces <= head.size:
            raise SymbolFileError("the Watcom debugging information is damaged: its section")
        if len(self._content) != head.size:
            raise SymbolFileError("the Watcom debugging information is cut off")
        self._head = head
        self._modules = dict(_parsed(MODULE, self._content[head.modules : head.publics]))
        """Modules by where their record is."""
        if len(self._modules) > MAX_MODULES:
            raise SymbolFileError(f"there are more than {MAX_MODULES} modules")
        self._pieces = list(self._all_pieces())
        self._publics = self._all_publics()
        self._taken = 0

    def _number(self, reference: int) -> int:
        """Return a module's number; version 2 names it by where its record is."""
        if self._master.version == VERSIONS[0]:
            return list(self._modules).index(reference) if reference in self._modules else -1
        return reference

    def _all_pieces(self) -> Iterator[_Piece]:
        part = self._content[self._head.pieces :]
        for at, segment in _parsed(PIECES, part):
            address = min(segment.segment * 16 + segment.offset, MEMORY_SIZE)
            record = at + PIECES_HEAD
            for piece in segment.pieces:
                span = range(address, min(address + piece.size, MEMORY_SIZE))
                yield _Piece(record, segment.segment, span, self._number(piece.module))
                address += piece.size
                record += PIECE.sizeof()

    def _all_publics(self) -> list[Container]:
        record = PUBLIC_2 if self._master.version == VERSIONS[0] else PUBLIC
        part = self._content[self._head.publics : self._head.pieces]
        found = [one for _, one in _parsed(record, part)]
        if len(found) > MAX_SYMBOLS:
            raise SymbolFileError(f"there are more than {MAX_SYMBOLS} symbols")
        return found

    def read(self) -> Toolchain:
        """Read all modules."""
        modules = enumerate(self._modules.values())
        units = tuple(self._unit(number, module) for number, module in modules)
        code = {function.scope.span.start for unit in units for function in unit.functions}
        return Toolchain(units, tuple(self._labels(code)))

    def _labels(self, functions: set[int]) -> Iterator[Label]:
        """Yield the public names; a register's call puts an underscore behind, others before."""
        for public in self._publics:
            address = min(public.segment * 16 + public.offset, MEMORY_SIZE)
            known = public.get("kind", 0)
            code = bool(known & CODE) or address in functions
            yield Label(public.name.removesuffix("_") if code else public.name, address, code)

    def _blocks(self, link: Container) -> list[bytes]:
        """Return the blocks of a link, one behind the other."""
        if self._master.version == VERSIONS[0]:
            return [self._part(link.offset, link.offset + link.count)] if link.count else []
        size = Int32ul.sizeof()
        table = (
            self._part(link.offset, link.offset + size * (link.count + 1)) if link.count else b""
        )
        ends = [
            int.from_bytes(table[at : at + size], "little") for at in range(0, len(table), size)
        ]
        return [self._part(start, end) for start, end in pairwise(ends)]

    def _part(self, start: int, end: int) -> bytes:
        if not start <= end <= len(self._content):
            raise SymbolFileError("the Watcom debugging information is cut off")
        self._taken += end - start
        if self._taken > 8 * len(self._content):
            raise SymbolFileError("the Watcom debugging information is damaged: it repeats itself")
        return self._content[start:end]

    def _unit(self, number: int, module: Container) -> Unit:
        pieces = [piece for piece in self._pieces if piece.module == number]
        types = WatcomTypes(self._blocks(module.types))
        base = pieces[0].segment if pieces else 0
        start = (base, pieces[0].span.start - base * 16) if pieces else (0, 0)
        functions, variables = read_locals(self._blocks(module.locals), start, types)
        lines = sorted(self._lines(module, types), key=lambda line: line.address)
        with_code = {line.address for line in lines} | {f.scope.span.start for f in functions}
        code = [piece.span for piece in pieces if any(one in piece.span for one in with_code)]
        return Unit(
            lines[0].file if lines else module.name,
            self._language(module.language),
            tuple(sorted(code, key=lambda span: span.start)),
            tuple(lines),
            functions,
            variables,
            types.table,
        )

    def _language(self, offset: int) -> Language:
        name = self._languages[offset:].partition(b"\0")[0].decode("latin-1").lower()
        if name.startswith(("c", "cpp")):
            return Language.C
        return Language.PASCAL if name.startswith("pascal") else Language.ASSEMBLER

    def _lines(self, module: Container, types: WatcomTypes) -> Iterator[SourceLine]:
        record = LINES_2 if self._master.version == VERSIONS[0] else LINES
        places = {piece.offset: piece.span.start for piece in self._pieces}
        cues = Cues(types.cues, module.name)
        count = 0
        for block in self._blocks(module.lines):
            for _, lines in _parsed(record, block):
                count += len(lines.lines)
                if count > MAX_LINES:
                    raise SymbolFileError(f"there are more than {MAX_LINES} line numbers")
                if lines.piece not in places:
                    continue
                for line in lines.lines:
                    file, number = cues.line(line.number)
                    address = min(places[lines.piece] + line.offset, MEMORY_SIZE)
                    yield SourceLine(address, file, number)


def _parsed(record: Struct, part: bytes) -> Iterator[tuple[int, Container]]:
    """Yield where records are that stand one behind the other, and what they say."""
    stream = BytesIO(part)
    while (at := stream.tell()) < len(part):
        yield at, record.parse_stream(stream)
