"""From a symbol file of any known kind to symbols, the kind found by content."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path

from blink16.dos.executable import is_mz
from blink16.elks import aout
from blink16.elks.errors import ElksError
from blink16.hostfiles import read_at_most
from blink16.memory import MEMORY_SIZE, PARAGRAPH
from blink16.symbolfiles import elf, embedded, line_maps, listings, maps
from blink16.symbolfiles.source import (
    LINEAR,
    MAX_FILE_SIZE,
    MAX_SYMBOLS,
    DebugInformation,
    LoadSegments,
    SymbolFile,
    SymbolFileError,
    SymbolSource,
)
from blink16.symbols import Symbol, SymbolKind

ELKS_MAGIC = b"\x01\x03"
_SEGMENT = re.compile(r"[0-9a-fA-F]{1,4}")
_LINKER_MARKS = {"__bss_start", "_edata", "_end", "_etext", "__end", "__data_start"}
_TEXT_BYTES = bytes(range(0x20, 0x100)) + b"\t\n\r\f\x1a"


def parse_source(argument: str) -> SymbolSource:
    """Read ``FILE[,text=SEGMENT][,data=SEGMENT]``, segments in hex.  SymbolFileError if bad."""
    name, *options = argument.split(",")
    segments: dict[str, int] = {}
    for option in options:
        key, _, value = option.partition("=")
        if key not in ("text", "data") or key in segments or not _SEGMENT.fullmatch(value):
            raise SymbolFileError(f"{option!r} is not text=SEGMENT or data=SEGMENT, in hex")
        segments[key] = int(value, 16)
    if not name:
        raise SymbolFileError("there is no file name")
    return SymbolSource(Path(name), segments.get("text"), segments.get("data"))


def read(source: SymbolSource, default: LoadSegments) -> SymbolFile:
    """Read a symbol file for a program that lies at ``default``.  SymbolFileError if it's none."""
    try:
        with source.path.open("rb") as file:
            content = read_at_most(file, MAX_FILE_SIZE + 1)
    except OSError as error:
        raise SymbolFileError(f"{source.path}: can't read it: {error.strerror}") from None
    return parse_file(content, source, default)


def parse_file(content: bytes, source: SymbolSource, default: LoadSegments) -> SymbolFile:
    """Return what a file says that the user has named.  SymbolFileError, with its name."""
    try:
        return parse(content, default, source)
    except SymbolFileError as error:
        raise SymbolFileError(f"{source.path}: {error}") from None


def parse(content: bytes, default: LoadSegments, source: SymbolSource | None = None) -> SymbolFile:
    """Return what a symbol file's content says.  SymbolFileError if that is nothing."""
    if len(content) > MAX_FILE_SIZE:
        raise SymbolFileError(f"more than {MAX_FILE_SIZE} bytes are no symbol file")
    source = source or SymbolSource(Path())
    if content.startswith(elf.MAGIC):
        return _parse_elf(content, source, source.place(LINEAR))
    if is_mz(content):
        return _parse_executable(content, source, source.place(default))
    if content.startswith(ELKS_MAGIC):
        return _file(_parse_elks(content, source.place(default), executable=True))
    if not content.translate(None, _TEXT_BYTES):
        return _parse_text(content, source, default)
    return _file(_parse_elks(content, source.place(default), executable=False))


def _file(symbols: Iterable[Symbol], debug: DebugInformation | None = None) -> SymbolFile:
    """Keep what is of use: at most so many, inside memory, without labels of a function's own."""
    known = list(islice(symbols, MAX_SYMBOLS + 1))
    if len(known) > MAX_SYMBOLS:
        raise SymbolFileError(f"there are more than {MAX_SYMBOLS} symbols")
    names = {symbol.name for symbol in known}
    kept = [
        symbol
        for symbol in dict.fromkeys(known)
        if 0 <= symbol.address < MEMORY_SIZE
        and symbol.name not in _LINKER_MARKS
        and not _is_local(symbol.name, names)
    ]
    if not kept and not debug:
        raise SymbolFileError("there are no symbols in it")
    return SymbolFile(tuple(kept), debug)


def _is_local(name: str, names: set[str]) -> bool:
    """Tell whether it is nasm's ``function.label``, a place within a function."""
    function, dot, _ = name.partition(".")
    return bool(dot) and function in names


# -- formats ---------------------------------------------------------------------------------


def _parse_elf(content: bytes, source: SymbolSource, place: LoadSegments) -> SymbolFile:
    try:
        sections, symbols = elf.parse(content)
    except elf.ElfError as error:
        raise SymbolFileError(str(error)) from None
    found = (
        Symbol(symbol.name, place.address(kind, symbol.address), kind, symbol.size)
        for symbol in symbols
        if symbol.name and (kind := _elf_kind(symbol, sections)) is not None
    )
    # line numbers are about linear addresses; what is to be moved has none for us
    linked = elf.is_linked(content) and place == LINEAR
    folder = str(source.path.parent.absolute()) if source.path.name else ""
    return _file(found, _debug(sections, folder) if linked else None)


def _debug(sections: list[elf.ElfSection], folder: str) -> DebugInformation | None:
    named = {s.name: s.content for s in sections if s.name.startswith(".debug_") and s.content}
    if ".debug_info" not in named:
        return None
    code = (s for s in sections if s.flags & elf.SectionFlag.EXECINSTR)
    spans = tuple(range(s.address, min(s.address + s.size, MEMORY_SIZE)) for s in code)
    return DebugInformation(tuple(named.items()), spans, folder=folder)


def _elf_kind(symbol: elf.ElfSymbol, sections: list[elf.ElfSection]) -> SymbolKind | None:
    if symbol.type not in tuple(elf.SymbolType) or not 0 < symbol.section < len(sections):
        return None
    flags = sections[symbol.section].flags
    if not flags & elf.SectionFlag.ALLOC:
        return None
    data = symbol.type == elf.SymbolType.OBJECT or not flags & elf.SectionFlag.EXECINSTR
    return SymbolKind.DATA if data else SymbolKind.CODE


def _of_executable(content: bytes) -> tuple[aout.AoutSymbol, ...]:
    executable = aout.parse(content)
    if executable.damage:
        raise ElksError(executable.damage)
    return executable.symbols


def _parse_executable(content: bytes, source: SymbolSource, place: LoadSegments) -> SymbolFile:
    told = embedded.find(content)
    if told is None:
        raise SymbolFileError("this .EXE brings no debugging information that is known here")
    folder = source.folder
    return embedded.symbol_file(told, place.image * PARAGRAPH, folder)


def _parse_elks(content: bytes, place: LoadSegments, *, executable: bool) -> list[Symbol]:
    try:
        records = _of_executable(content) if executable else aout.parse_symbols(content)
    except ElksError as error:
        if executable:
            raise SymbolFileError(str(error)) from None
        raise SymbolFileError(
            "this is no symbol file: known are ELF, ELKS' tables, .EXE with debug information, "
            "linkers' maps, listings and the output of nm"
        ) from None
    kinds = {
        aout.Section.TEXT: SymbolKind.CODE,
        aout.Section.DATA: SymbolKind.DATA,
        aout.Section.BSS: SymbolKind.DATA,
    }
    found = ((record, kinds[record.section]) for record in records if record.section in kinds)
    return [Symbol(record.name, place.address(kind, record.value), kind) for record, kind in found]


def _parse_text(content: bytes, source: SymbolSource, default: LoadSegments) -> SymbolFile:
    lines = content.decode("latin-1").splitlines()
    if (listing := listings.parse(lines, source, default)) is not None:
        return listing
    known = maps.find_format(lines)
    if known is None:
        raise SymbolFileError(
            "this text is no symbol file: known are linkers' maps, nasm's and bcc's listings, and "
            "the output of nm"
        )
    place = source.place(LINEAR if known.linear else default)
    named = _file(maps.read_map(lines, known, place))
    told = line_maps.read(lines)
    if not told.units:
        return named
    debug = embedded.symbol_file(told, place.image * PARAGRAPH, source.folder).debug
    return replace(named, debug=debug)
