"""Files that give names to addresses: ELF, linkers' maps, ELKS' tables, the output of nm."""

from blink16.symbolfiles.reading import parse, parse_source, read
from blink16.symbolfiles.source import (
    MAX_FILE_SIZE,
    MAX_SYMBOLS,
    DebugSection,
    Place,
    SymbolFile,
    SymbolFileError,
)

__all__ = [
    "MAX_FILE_SIZE",
    "MAX_SYMBOLS",
    "DebugSection",
    "Place",
    "SymbolFile",
    "SymbolFileError",
    "parse",
    "parse_source",
    "read",
]
