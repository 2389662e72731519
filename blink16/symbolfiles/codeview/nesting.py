"""Functions, blocks and variables as their records stand: each begins something or ends it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from blink16.symbolfiles.source import SymbolFileError
from blink16.symbolfiles.toolchain import Function, Scope, Variable

MAX_DEPTH = 32
"""Blocks within blocks of a function."""


@dataclass
class _Open:
    """A block that has begun; ``function`` has no variables yet, and is None for others."""

    span: range
    function: Function | None
    variables: list[Variable]
    scopes: list[Scope]


class Nesting:
    """What a module's records put together: functions with their scopes, and statics."""

    def __init__(self) -> None:
        self.functions: list[Function] = []
        self.variables: list[Variable] = []
        """Those outside of functions."""
        self._open: list[_Open] = []

    def begin(self, span: range, function: Function | None = None) -> None:
        """Begin a function or a block.  SymbolFileError if there are too many in each other."""
        if len(self._open) >= MAX_DEPTH:
            raise SymbolFileError("the CodeView information is damaged: blocks without an end")
        self._open.append(_Open(span, function, [], []))

    def end(self) -> None:
        """End what began last, if anything did."""
        if not self._open:
            return
        block = self._open.pop()
        scope = Scope(block.span, tuple(block.variables), tuple(block.scopes))
        if block.function is not None:
            self.functions.append(replace(block.function, scope=scope))
        elif self._open and scope.span:
            self._open[-1].scopes.append(scope)
        elif self._open:
            self._open[-1].variables += scope.variables

    def add(self, variable: Variable) -> None:
        """Add a variable to what is open, or to the module's own."""
        (self._open[-1].variables if self._open else self.variables).append(variable)
