"""The files about one machine that a client may read, and which of them it knows of."""

from __future__ import annotations

from dataclasses import replace

from blink16.board import libraries
from blink16.board.file import build, entry_code, program_file
from blink16.board.libraries import SYMBOLS, BoardLibrary, Titles
from blink16.board.survey import ProgramFacts, Survey, first_function, survey
from blink16.debugger import Debugger
from blink16.memory import linear
from blink16.symbols import SymbolTable


class Shelf:
    """The files about a machine, with the names and lines that are known now."""

    def __init__(self, debugger: Debugger, program: ProgramFacts, titles: Titles) -> None:
        """Begin with what was known when the program was loaded.  ``titles``: the client's."""
        self._titles = titles
        self._debugger = debugger
        self._loaded = self._known = program
        """What was known when the program was loaded, and last."""
        self._added: tuple[object, object] = (None, None)
        """The debugger's own, when that was."""
        self._found: tuple[ProgramFacts, Survey] | None = None
        self._ends: tuple[range, ...] = ()
        self._uncalled: tuple[range, ...] = ()
        self._made: tuple[Survey, tuple[bool, bool], tuple[BoardLibrary, ...]] | None = None
        self._told: tuple[BoardLibrary, ...] | None = None
        self.begin = program.begin
        """The linear address at which the machine stood when it was loaded."""
        self._entry = linear(*first_function(debugger.machine, program))
        self._entry_code = entry_code(debugger.machine, self._entry)

    @property
    def program_file(self) -> bytes:
        """The ELF that gdb takes for the program's file.

        At the function at its entry gdb ends backtraces, so that lies behind the first jumps.
        """
        return program_file(self._entry, self._entry_code)

    @property
    def whole(self) -> bytes:
        """The ELF for those who ask for one file only."""
        return build(self._debugger.machine, self._now()).content

    @property
    def ends(self) -> tuple[range, ...]:
        """The functions at which gdb ends its backtraces."""
        self._survey()
        return self._ends

    @property
    def uncalled(self) -> tuple[range, ...]:
        """The functions of these that nobody can have called."""
        self._survey()
        return self._uncalled

    def find(self, name: str) -> bytes | None:
        """Return the content of a library that was told of, or of the file with its symbols."""
        for one in self._told or ():
            if one.name == name:
                return one.content
            if one.symbols and one.name + SYMBOLS == name:
                return one.symbols
        return None

    def libraries(self) -> tuple[BoardLibrary, ...]:
        """Return what a client needs beside the program's file."""
        found, titles = self._survey(), self._titles
        client = titles.reads_x86_64, titles.has_own_file
        if self._made is None or self._made[0] is not found or self._made[1] != client:
            self._made = found, client, libraries.make(found, self._known, titles)
        return self._made[2]

    def tell(self) -> tuple[BoardLibrary, ...]:
        """Return the libraries; the client knows of them now."""
        self._told = self.libraries()
        return self._told

    def succeed(self, old: Shelf) -> None:
        """Take note that the client knows what it was told of another machine in our place."""
        self._told = old._told

    def untell(self) -> None:
        """Take note that the client has dropped what it was told: a program was executed."""
        if self._told is not None:
            self._told = ()

    @property
    def is_told(self) -> bool:
        """Whether the client has asked for the libraries."""
        return self._told is not None

    @property
    def has_news(self) -> bool:
        """Whether the client has asked for the libraries, and there are others now."""
        return self._told is not None and self._told != self.libraries()

    def _survey(self) -> Survey:
        known = self._now()
        if self._found is None or self._found[0] is not known:
            found = survey(self._debugger.machine, known)
            self._ends, self._uncalled = found.ends, found.uncalled
            self._found = known, found
        return self._found[1]

    def _now(self) -> ProgramFacts:
        symbols, debug = added = self._debugger.names.symbols, self._debugger.names.debug
        if self._added[0] is not symbols or self._added[1] is not debug:
            self._added = added
            names = {*self._loaded.symbols, *symbols}
            lines = tuple(dict.fromkeys((*self._loaded.debug, *debug)))
            if names != {*self._known.symbols} or lines != self._known.debug:
                self._known = replace(self._loaded, symbols=SymbolTable(names), debug=lines)
        return self._known
