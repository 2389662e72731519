"""Files that give names to addresses: ELF, linkers' maps, ELKS' tables, the output of nm."""

from blink16.symbolfiles.reading import Source, parse, parse_source, read
from blink16.symbolfiles.source import (
    MAX_FILE_SIZE,
    MAX_SYMBOLS,
    DebugInformation,
    Place,
    SymbolFile,
    SymbolFileError,
)

__all__ = [
    "MAX_FILE_SIZE",
    "MAX_SYMBOLS",
    "DebugInformation",
    "Place",
    "Source",
    "SymbolFile",
    "SymbolFileError",
    "parse",
    "parse_source",
    "read",
]
