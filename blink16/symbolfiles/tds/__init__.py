"""Borland's debug information: Turbo C, Turbo Pascal, TASM /zi, TLINK /v.

It stands behind the image of an .EXE: a header that says how many records each of the tables has
that follow.  Records name each other, and names, by numbers from 1 on; 0 is none.

Source: Borland, "Open Architecture Handbook", the symbol table of Turbo Debugger; captured:
TCOUNT.EXE and TTWICE.EXE of TASM 3.0, Turbo C++ 1.0 and TLINK 4.0.
"""

from __future__ import annotations

from construct import ConstructError

from blink16.dos.executable import MZ_HEADER, PAGE
from blink16.symbolfiles.source import SymbolFileError
from blink16.symbolfiles.tds.modules import TdsModule, labels
from blink16.symbolfiles.tds.records import MAGIC
from blink16.symbolfiles.tds.tables import TdsTables
from blink16.symbolfiles.toolchain import Toolchain

__all__ = ["MAGIC", "find", "parse"]


def find(content: bytes) -> bytes | None:
    """Return the information behind an .EXE's image, None if there is none."""
    try:
        header = MZ_HEADER.parse(content)
    except ConstructError:
        return None
    end = header.pages * PAGE - (PAGE - header.last_page_bytes if header.last_page_bytes else 0)
    found = content[end:]
    return found if found.startswith(MAGIC) else None


def parse(information: bytes) -> Toolchain:
    """Read what `find` returns.  SymbolFileError if it lies."""
    try:
        tables = TdsTables.read(information)
        modules = range(1, len(tables.modules) + 1)
        units = tuple(TdsModule(tables, number).unit() for number in modules)
    except ConstructError:
        raise SymbolFileError("Borland's debug information is cut off") from None
    return Toolchain(units, tuple(labels(tables)))
