"""The debugging information that linkers for DOS put into their .EXE files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path, PureWindowsPath

from blink16.symbolfiles import codeview, dwarf, tds, watcom
from blink16.symbolfiles.source import SymbolFile, SymbolFileError
from blink16.symbolfiles.toolchain import Language, Spans, Static, Toolchain
from blink16.symbols import Symbol, SymbolKind

MAX_ENTRIES = 10_000
"""Files of a folder that are looked at."""
_FORMATS = (
    (codeview.find, codeview.parse),
    (tds.find, tds.parse),
    (watcom.find, watcom.parse),
)


TIS = b"TIS\0"
"""What begins the trailer of DWARF in an ELF file, 16 bytes before the end of an .EXE."""


def find(content: bytes) -> Toolchain | None:
    """Return what an .EXE tells of itself, None if nothing.

    SymbolFileError if it lies, or is of a format that is known by name only.
    """
    for search, parse in _FORMATS:
        if (found := search(content)) is not None:
            return parse(found)
    if content[-16:].startswith(TIS):
        raise SymbolFileError(
            "its debugging information is DWARF as Watcom's linker appends it, which is not read: "
            "compile with -hw or -hc, and link with `debug watcom all` or `debug codeview`"
        )
    return None


def symbol_file(told: Toolchain, image: int, folder: Path | None = None) -> SymbolFile:
    """Return what a toolchain told about a program whose image lies at a linear address.

    ``folder``: where its source files are, under whatever case DOS gave their names.
    """
    symbols = tuple(dict.fromkeys(_symbols(told, image)))
    if not any(unit.lines for unit in told.units):
        return SymbolFile(symbols)
    if folder is not None:
        told = _with_files_of(told, folder)
    try:
        debug = dwarf.convert(told, image, str(folder or ""))
    except RecursionError:
        raise SymbolFileError("its types are too deep") from None
    debug = replace(debug, told=told, image=image, folder=str(folder or ""))
    return SymbolFile(symbols, debug, told)


def _with_files_of(told: Toolchain, folder: Path) -> Toolchain:
    """Return it with source files called as they are called in a folder, where they are there."""
    try:
        entries = {path.name.lower(): path.name for path in islice(folder.iterdir(), MAX_ENTRIES)}
    except OSError:
        return told

    def there(name: str) -> str:
        return entries.get(PureWindowsPath(name).name.lower(), name)

    units = (
        replace(
            unit,
            name=there(unit.name),
            lines=tuple(replace(line, file=there(line.file)) for line in unit.lines),
        )
        for unit in told.units
    )
    return replace(told, units=tuple(units))


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
    in_c = Spans(span for unit in told.units if unit.language is Language.C for span in unit.code)
    for label in told.labels:
        name = label.name
        if label.address in in_c:
            name = name.removeprefix("_")
        known = {(name, label.address), (name.removeprefix("_"), label.address)}
        if not known & plain:
            kind = SymbolKind.CODE if label.code else SymbolKind.DATA
            yield Symbol(name, image + label.address, kind)
