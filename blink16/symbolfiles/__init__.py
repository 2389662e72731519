"""Files that give names to addresses: ELF, linkers' maps, ELKS' tables, the output of nm."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from blink16.symbolfiles.source import (
    MAX_FILE_SIZE,
    MAX_SYMBOLS,
    DebugInformation,
    LoadSegments,
    SymbolFile,
    SymbolFileError,
    SymbolSource,
)

if TYPE_CHECKING:
    from blink16.symbolfiles.embedded import find as find_embedded
    from blink16.symbolfiles.embedded import symbol_file
    from blink16.symbolfiles.reading import parse, parse_file, parse_source, read

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
_HOMES = {
    "find_embedded": ("embedded", "find"),
    "symbol_file": ("embedded", "symbol_file"),
    **{name: ("reading", name) for name in ("parse", "parse_file", "parse_source", "read")},
}


def __getattr__(name: str) -> Any:
    """Import what reads files when it is asked for: front ends read none, but know the words."""
    if name in _HOMES:
        module, there = _HOMES[name]
        return getattr(import_module(f"{__name__}.{module}"), there)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
