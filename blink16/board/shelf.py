"""The files about one machine that a client may read, and which of them it has seen."""

from __future__ import annotations

from dataclasses import replace

from blink16.board import libraries
from blink16.board.file import Board, ProgramFacts, build, survey
from blink16.board.libraries import Library
from blink16.debugger import Debugger
from blink16.symbols import SymbolTable


class Shelf:
    """The board and the libraries of a machine, with the names and lines that are known now."""

    def __init__(
        self, debugger: Debugger, program: ProgramFacts, read: ProgramFacts | None = None
    ) -> None:
        """Begin.  ``read``: what the client knows from before a restart, if it held the machine.

        gdb keeps a board that it has read, also from one connection to the next; so one that
        has read none here is taken to have what is on it now.  It is better that names are
        missing than there twice: gdb 18 dies of breakpoints at such.
        """
        self._debugger = debugger
        self._loaded = self._known = program
        """What was known when the program was loaded, and last."""
        self._added: tuple[object, object] = (None, None)
        """The debugger's own, when that was."""
        self._board: tuple[ProgramFacts, Board] | None = None
        self._libraries: tuple[ProgramFacts, ProgramFacts, tuple[Library, ...]] | None = None
        self._told: tuple[Library, ...] | None = None
        self.read = read or self._now()
        """What was known when the client read the board."""

    @property
    def board(self) -> Board:
        """The ELF that gdb takes for the program's file."""
        known = self._now()
        if self._board is None or self._board[0] is not known:
            self._board = known, build(self._debugger.machine, known)
        return self._board[1]

    def open_board(self) -> bytes:
        """Return the board's content; from now on the client knows what is on it."""
        content = self.board.content
        self.read = self._known
        return content

    def find(self, name: str) -> bytes | None:
        """Return the content of a library."""
        return next((one.content for one in self.libraries() if one.name == name), None)

    def libraries(self) -> tuple[Library, ...]:
        """Return what a client needs beside the board that it has read."""
        known = self._now()
        made = self._libraries
        if made is None or made[0] is not known or made[1] is not self.read:
            made = self._libraries = known, self.read, self._make(known)
        return made[2]

    def tell(self) -> tuple[Library, ...]:
        """Return the libraries; the client knows of them now."""
        self._told = self.libraries()
        return self._told

    @property
    def is_told(self) -> bool:
        """Whether the client has asked for the libraries."""
        return self._told is not None

    @property
    def has_news(self) -> bool:
        """Whether the client has asked for the libraries, and there are others now."""
        return self._told is not None and self._told != self.libraries()

    def _now(self) -> ProgramFacts:
        symbols, debug = added = self._debugger.symbols, self._debugger.debug
        if self._added[0] is not symbols or self._added[1] is not debug:
            self._added = added
            names = {*self._loaded.symbols, *symbols}
            lines = tuple(dict.fromkeys((*self._loaded.debug, *debug)))
            if names != {*self._known.symbols} or lines != self._known.debug:
                self._known = replace(self._loaded, symbols=SymbolTable(names), debug=lines)
        return self._known

    def _make(self, known: ProgramFacts) -> tuple[Library, ...]:
        read = self.read
        added = {symbol.name for symbol in {*known.symbols}.difference(read.symbols)}
        apart = [debug for debug in read.debug[1:] if debug.code]
        if not added and not apart:
            return ()
        found = survey(self._debugger.machine, known)
        made = [libraries.lines(found, debug) for debug in apart]
        if added:
            made.append(libraries.names(found, added, read.debug))
        return tuple(made)
