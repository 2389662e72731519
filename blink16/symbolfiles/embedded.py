"""The debugging information that linkers for DOS put into their .EXE files."""

from __future__ import annotations

from collections.abc import Iterator

from blink16.symbolfiles import codeview, dwarf, tds
from blink16.symbolfiles.source import SymbolFile, SymbolFileError
from blink16.symbolfiles.toolchain import Language, Static, Toolchain
from blink16.symbols import Symbol, SymbolKind

_FORMATS = ((codeview.find, codeview.parse), (tds.find, tds.parse))


def find(content: bytes) -> Toolchain | None:
    """Return what an .EXE tells of itself, None if nothing.  SymbolFileError if it lies."""
    for search, parse in _FORMATS:
        if (found := search(content)) is not None:
            try:
                return parse(found)
            except RecursionError:
                raise SymbolFileError("its debugging information refers to itself") from None
    return None


def symbol_file(told: Toolchain, image: int, folder: str = "") -> SymbolFile:
    """Return what a toolchain told about a program whose image lies at a linear address.

    ``folder``: where its source files are.
    """
    symbols = tuple(dict.fromkeys(_symbols(told, image)))
    has_lines = any(unit.lines for unit in told.units)
    return SymbolFile(symbols, dwarf.convert(told, image, folder) if has_lines else None)


def _symbols(told: Toolchain, image: int) -> Iterator[Symbol]:
    """Yield the names that its programmer wrote; compilers for C put an underscore before them."""
    plain: set[tuple[str, int]] = set()
    for unit in told.units:
        for function in unit.functions:
            span = function.scope.span
            plain.add((function.name, span.start))
            yield Symbol(function.name, image + span.start, SymbolKind.CODE, len(span))
        for variable in unit.variables:
            if isinstance(variable.place, Static):
                plain.add((variable.name, variable.place.address))
                yield Symbol(variable.name, image + variable.place.address, SymbolKind.DATA)
    in_c = [span for unit in told.units if unit.language is Language.C for span in unit.code]
    for label in told.labels:
        name = label.name
        if any(label.address in span for span in in_c):
            name = name.removeprefix("_")
        known = {(name, label.address), (name.removeprefix("_"), label.address)}
        if not known & plain:
            kind = SymbolKind.CODE if label.code else SymbolKind.DATA
            yield Symbol(name, image + label.address, kind)
