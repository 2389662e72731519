"""What symbol files hold, and where they belong."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from blink16.memory import ADDRESS_MASK
from blink16.symbolfiles.toolchain import Toolchain
from blink16.symbols import Symbol, SymbolKind

MAX_FILE_SIZE = 16 << 20
"""Bytes of a symbol file; the debugging information of a DOS-sized kernel is below one MiB."""
MAX_SYMBOLS = 50_000
"""Symbols from one file."""


class SymbolFileError(ValueError):
    """A symbol file that can't be used, and why, in one line."""


@dataclass(frozen=True, slots=True)
class LoadSegments:
    """Where a program lies in memory, by segments."""

    text: int
    data: int
    image: int
    """The segment that a linker for DOS counts its segments from."""
    names: tuple[Symbol, ...] = field(default=(), compare=False)
    """What is known already, for files that know no address of theirs."""
    entry: int | None = field(default=None, compare=False)
    """The segment of the program's first instruction, where that may be another than ``text``."""
    end: int | None = field(default=None, compare=False)
    """The linear address behind what was loaded of the program's file, if that is known."""

    def address(self, kind: SymbolKind, offset: int) -> int:
        """Return the linear address of an offset in the text or the data segment."""
        segment = self.text if kind is SymbolKind.CODE else self.data
        return (segment * 16 + offset) & ADDRESS_MASK


@dataclass(frozen=True, slots=True)
class SymbolSource:
    """A symbol file as the user names it, and the segments that he gives it."""

    path: Path
    text: int | None = None
    data: int | None = None

    def place(self, default: LoadSegments) -> LoadSegments:
        """Return where its program lies, if by default it lies there."""
        text = default.text if self.text is None else self.text
        data = default.data if self.data is None else self.data
        image = default.image if self.text is None else self.text
        if self.data is None and self.text is not None and default.text == default.data:
            data = text
        entry = default.entry if self.text is None else self.text
        end = default.end if self.text is None and self.data is None else None
        return LoadSegments(text, data, image, default.names, entry, end)

    @property
    def folder(self) -> Path | None:
        """Where the file lies, and so may the sources that it names; None if nobody knows."""
        return self.path.parent.absolute() if self.path.name else None


LINEAR = LoadSegments(0, 0, 0)
"""Addresses in the file are linear ones."""


@dataclass(frozen=True, slots=True)
class DebugInformation:
    """Debugging information in DWARF."""

    sections: tuple[tuple[str, bytes], ...]
    """Names, like ``.debug_line``, and contents."""
    code: tuple[range, ...]
    """The linear addresses that it is about."""
    bodies: tuple[tuple[int, int], ...] = ()
    """The linear addresses of functions that begin with a prologue, and of what is behind it."""
    told: Toolchain | None = field(default=None, compare=False)
    """The same as facts, where it was not DWARF at first; addresses count from ``image``."""
    image: int = field(default=0, compare=False)
    """The linear address of the program's image."""
    folder: str = field(default="", compare=False)
    """The folder of the host in which source files are looked for; empty if nobody knows."""


@dataclass(frozen=True, slots=True)
class SymbolFile:
    """What a file says about a program; addresses are linear."""

    symbols: tuple[Symbol, ...]
    debug: DebugInformation | None = None
    told: Toolchain | None = None
    """What the debugging information says, where it was not in DWARF; addresses as there."""
