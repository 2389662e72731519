"""Modules of Borland's debug information: their lines, functions and variables."""

from __future__ import annotations

from collections.abc import Iterator

from construct import Container

from blink16.cpu.opcodes import BYTE_NAMES, SEGMENT_NAMES, WORD_NAMES
from blink16.symbolfiles.source import SymbolFileError
from blink16.symbolfiles.tds.records import UNDERSCORES, SymbolClass
from blink16.symbolfiles.tds.tables import TdsTables, address, code_of
from blink16.symbolfiles.tds.types import TdsTypes
from blink16.symbolfiles.toolchain import (
    Function,
    FunctionType,
    InRegister,
    Label,
    Language,
    LocalPlace,
    Scope,
    SourceLine,
    Static,
    Unit,
    Variable,
)

MAX_DEPTH = 32
"""Scopes within scopes."""
_LANGUAGES = {1: Language.C, 2: Language.PASCAL, 5: Language.C}
_REGISTERS = {
    **dict(enumerate(WORD_NAMES)),
    **dict(enumerate(BYTE_NAMES, 8)),
    **dict(enumerate(SEGMENT_NAMES, 16)),
}


class TdsModule:
    """Reads one module."""

    def __init__(self, tables: TdsTables, number: int) -> None:
        self._tables = tables
        self._number = number
        self._record = tables.modules[number - 1]
        self._types = TdsTypes(tables)
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
            tuple(sorted((code_of(s) for s in segments), key=lambda span: span.start)),
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
                    yield SourceLine(address(segment.segment, line.offset), file, line.number)

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
        start = address(segment.segment, record.offset)
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
            if symbol.flags & 7 == SymbolClass.STATIC and not self._iscode_of(symbol):
                kind = self._types.own(symbol.type)
                yield Variable(self._name(symbol), kind, _static(symbol))

    def _iscode_of(self, symbol: Container) -> bool:
        return _iscode_of(self._tables, symbol)

    def _name(self, symbol: Container) -> str:
        name = self._tables.name(symbol.name)
        return name.removeprefix("_") if self._underscores or name.startswith("_") else name


_PAIRS = {"ax": "dx:ax", "dx": "dx:ax"}


def labels(tables: TdsTables) -> Iterator[Label]:
    """Yield all names of places."""
    for symbol in tables.symbols:
        name = tables.name(symbol.name)
        if symbol.flags & 7 == SymbolClass.STATIC and name:
            yield Label(name, address(symbol.segment, symbol.offset), _iscode_of(tables, symbol))


def _iscode_of(tables: TdsTables, symbol: Container) -> bool:
    return address(symbol.segment, symbol.offset) in tables.code


def _static(symbol: Container) -> Static:
    return Static(address(symbol.segment, symbol.offset), symbol.segment)
