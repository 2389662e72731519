"""Predicates: when a breakpoint is to stop, in a form that an engine can compile.

A predicate speaks in `Value`s, as the semantics do, so that a folding context evaluates it at
once and a compiling one emits code for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from blink16.cpu.operands import Cells
from blink16.cpu.values import Value


class UntranslatableError(Exception):
    """A predicate that is too long or too involved to be compiled."""


class PredicateContext(Cells, Protocol):
    """The machine as predicates see it, at a breakpoint: nothing here changes it."""

    @property
    def memory_end(self) -> int:
        """Where memory ends, with what is behind address line 20."""
        ...

    def icount(self) -> Value:
        """Return the instructions retired, 64 bits."""
        ...

    def load(self, address: Value, width: int) -> Value:
        """Read little-endian memory, past all watches; the caller has made sure that it is there.

        ``address``: linear.  ``width``: 8 to 64 bits; the result has 64.
        """
        ...

    def require(self, condition: Value) -> None:
        """Go on only where a condition holds that isn't known; elsewhere the breakpoint stops."""
        ...

    def decide(
        self, condition: Value, then: Callable[[], None], otherwise: Callable[[], None]
    ) -> None:
        """Go one way or the other by a condition that isn't known; both come to a conclusion."""
        ...

    def conclude(self, holds: Value) -> None:
        """End a way: the breakpoint stops if this 1-bit value holds, or by an alternative."""
        ...

    def begin_alternative(self) -> None:
        """Begin with what is asked first, or where nothing before it held."""
        ...


@runtime_checkable
class Predicate(Protocol):
    """Hashable: equal predicates are compiled once."""

    def __hash__(self) -> int: ...

    def emit(self, context: PredicateContext) -> None:
        """Say, as one alternative or more, when to stop; may raise UntranslatableError."""
        ...
