"""Programs that the guest's system has loaded while it ran, and their names from files beside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from blink16 import symbolfiles
from blink16.machine import Machine
from blink16.process_table import LoadedProgram
from blink16.symbolfiles import LoadSegments, SymbolFile, SymbolFileError

SUFFIXES = ("elf", "", "map", "sym", "dbg", "lst")
"""Of files beside a program that may have its names; the empty one is the program itself."""


@dataclass(frozen=True, slots=True)
class Found:
    """The names of a program, and where they come from."""

    program: LoadedProgram
    source: str
    file: SymbolFile


class Programs:
    """Which programs a debugger knows of."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._last = self._loaded()
        """What was seen last: it is looked at after each step, and rarely another."""
        self._known = set(self._last)

    def _loaded(self) -> tuple[LoadedProgram, ...]:
        table = self._machine.process_table
        return () if table is None else table.programs()

    def found(self) -> list[Found]:
        """Return the names of programs that were not there before, as far as there are any."""
        loaded = self._loaded()
        if loaded is self._last:
            return []
        self._last = loaded
        new = [program for program in loaded if program not in self._known]
        self._known.update(new)
        return [found for program in new if (found := self._names(program)) is not None]

    def _names(self, program: LoadedProgram) -> Found | None:
        table = self._machine.process_table
        assert table is not None
        place = LoadSegments(program.text, program.data, program.image)
        for suffix in SUFFIXES:
            content = table.beside(program, suffix)
            if content is None:
                continue
            try:
                file = symbolfiles.parse(content, place, _on_host(program, suffix))
            except SymbolFileError:
                continue
            if file.symbols:
                return Found(program, _source(program, suffix), file)
        return None


def _on_host(program: LoadedProgram, suffix: str) -> symbolfiles.SymbolSource:
    """Return how the file is called where sources lie: in the folder that the guest sees."""
    name = _source(program, suffix)
    return symbolfiles.SymbolSource(Path(name.lower() if name.isupper() else name))


def _source(program: LoadedProgram, suffix: str) -> str:
    name = PurePosixPath(program.name.replace("\\", "/"))
    return name.with_suffix(f".{suffix.upper()}").name if suffix else name.name
