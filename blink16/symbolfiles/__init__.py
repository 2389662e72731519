"""Files that give names to addresses: ELF, linkers' maps, ELKS' tables, the output of nm."""

from blink16.symbolfiles.embedded import find as find_embedded
from blink16.symbolfiles.embedded import symbol_file
from blink16.symbolfiles.reading import SymbolSource, parse, parse_file, parse_source, read
from blink16.symbolfiles.source import (
    MAX_FILE_SIZE,
    MAX_SYMBOLS,
    DebugInformation,
    LoadSegments,
    SymbolFile,
    SymbolFileError,
)

__all__ = [
    "MAX_FILE_SIZE",
    "MAX_SYMBOLS",
    "DebugInformation",
    "LoadSegments",
    "SymbolFile",
    "SymbolFileError",
    "SymbolSource",
    "find_embedded",
    "parse",
    "parse_file",
    "parse_source",
    "read",
    "symbol_file",
]
