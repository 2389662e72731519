"""What addresses are called: by the program's file, and by those that the guest has loaded."""

from __future__ import annotations

from collections.abc import Iterator

from blink16.debugger.programs import Programs
from blink16.machine import Machine
from blink16.symbolfiles import DebugInformation
from blink16.symbols import Symbol, SymbolTable
from blink16.words.texts import counted


class NamesKnown:
    """The symbols and the debugging information that are known now."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._programs = Programs(machine)
        self.symbols = SymbolTable()
        """Whoever loads the program sets this."""
        self._loaded: frozenset[Symbol] = frozenset()
        """Those of the symbols that belong to programs loaded since the first."""
        self.debug: tuple[DebugInformation, ...] = ()
        """Debugging information that came at run time, with symbols."""
        self.program_debug: tuple[DebugInformation, ...] = ()
        """That of the program the machine was loaded with; whoever loads it sets this."""

    def meet(self) -> Iterator[str]:
        """Add the names of programs that the guest has loaded meanwhile; yield what to say."""
        for found in self._programs.found():
            before = set(self.symbols)
            added = [symbol for symbol in found.file.symbols if symbol not in before]
            self.symbols = SymbolTable([*before, *added])
            if found.file.debug is not None and found.file.debug not in self.debug:
                self.debug = (*self.debug, found.file.debug)
            if added:
                name = found.program.name
                symbols = counted(len(added), "symbol")
                yield f"{name} was loaded: {symbols} added from {found.source}"

    def learn(self) -> bool:
        """Take the names of the programs that the process table knows; whether they are others."""
        table = self._machine.process_table
        if table is None:
            return False
        loaded = frozenset(symbol for names in table.symbols() for symbol in names)
        if loaded == self._loaded:
            return False
        others = [symbol for symbol in self.symbols if symbol not in self._loaded]
        self._loaded = loaded
        self.symbols = SymbolTable([*others, *loaded])
        return True
