"""What has changed in the kernel's state since a call began, so that it can be taken back.

The state is records and mappings that change in place, as calls come in loops.  A call that ends
the machine, or must wait where nobody can go on, must have changed nothing: then all goes back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

_ABSENT = object()
_WHOLE = "whole"
"""Stands for a key: the mapping with all its keys in their order."""
DONE_OUTSIDE = "done outside"
"""Stands for a name: what is remembered is how to undo what was done outside of the state."""


class Journal:
    """The changes, in their order.  Whoever changes the state does so here."""

    def __init__(self) -> None:
        self.changes: list[tuple[Any, Any, Any]] = []
        """What was changed: a record or mapping, a name or key, and what that stood for."""
        self.count = 0
        """Grows with each change, so that others see that there were some."""

    def begin(self) -> None:
        """Forget what was changed: it stays."""
        self.changes.clear()

    def alter(self, record: object, **changes: Any) -> None:
        """Give a record other values by their names."""
        self.count += 1
        for name, value in changes.items():
            before = getattr(record, name)
            if before is not value:
                self.changes.append((record, name, before))
                setattr(record, name, value)

    def assign(self, record: object, name: str, value: Any) -> None:
        """Give a record one other value: what most calls do."""
        self.count += 1
        self.changes.append((record, name, getattr(record, name)))
        setattr(record, name, value)

    def put(self, mapping: dict[Key, Value], key: Key, value: Value) -> None:
        """Put something into a mapping."""
        self.count += 1
        self.changes.append((mapping, key, mapping.get(key, _ABSENT)))
        mapping[key] = value

    def remove(self, mapping: dict[Key, Value], key: Key) -> None:
        """Take something out of a mapping."""
        self.count += 1
        if key == next(reversed(mapping)):  # put back, it is the last one again
            self.changes.append((mapping, key, mapping.pop(key)))
            return
        self.changes.append((mapping, _WHOLE, dict(mapping)))
        del mapping[key]

    def did(self, undo: Callable[[Value], None], what: Value) -> None:
        """Note what was done outside of the state: ``undo`` of ``what`` takes it back."""
        self.changes.append((undo, DONE_OUTSIDE, what))

    def mark(self) -> int:
        """Return how to name this moment for `take_back`."""
        return len(self.changes)

    def take_back(self, mark: int = 0) -> None:
        """Let all be as it was at a moment since `begin`."""
        self.count += 1
        while len(self.changes) > mark:
            target, name, old = self.changes.pop()
            if name is DONE_OUTSIDE:
                target(old)
            elif not isinstance(target, dict):
                setattr(target, name, old)
            elif name is _WHOLE:
                target.clear()
                target.update(old)
            elif old is _ABSENT:
                del target[name]
            else:
                target[name] = old
