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
"""Stands for a key or a name: the mapping with all its keys in their order, or all of a record."""
DONE_OUTSIDE = "done outside"
"""Stands for a name: what is remembered is how to undo what was done outside of the state."""


class Journal:
    """The changes, in their order.  Whoever changes the state does so here."""

    def __init__(self) -> None:
        self.changes: list[tuple[Any, Any, Any]] = []
        """What was changed: a record or mapping, a name or key, and what that stood for."""
        self._others = 0

    @property
    def count(self) -> int:
        """A number that grows with each change, so that others see that there were some."""
        return self._others + len(self.changes)

    def begin(self) -> None:
        """Forget what was changed: it stays."""
        self._others += len(self.changes)
        self.changes.clear()

    def renew(self) -> None:
        """Begin with a state that may be another altogether."""
        self.begin()
        self._others += 1

    def keep(self, record: object) -> None:
        """Remember all of a record, so that many of its values can be changed without a word."""
        self.changes.append((record, _WHOLE, dict(vars(record))))

    def alter(self, record: object, **changes: Any) -> None:
        """Give a record other values by their names."""
        for name, value in changes.items():
            before = getattr(record, name)
            if before is not value:
                self.changes.append((record, name, before))
                setattr(record, name, value)

    def assign(self, record: object, name: str, value: Any) -> None:
        """Give a record one other value: what most calls do."""
        self.changes.append((record, name, getattr(record, name)))
        setattr(record, name, value)

    def put(self, mapping: dict[Key, Value], key: Key, value: Value) -> None:
        """Put something into a mapping."""
        self.changes.append((mapping, key, mapping.get(key, _ABSENT)))
        mapping[key] = value

    def remove(self, mapping: dict[Key, Value], key: Key) -> None:
        """Take something out of a mapping."""
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
        self._others += 2 * (len(self.changes) - mark)  # fewer there, and as many more
        while len(self.changes) > mark:
            target, name, old = self.changes.pop()
            if name is DONE_OUTSIDE:
                target(old)
            elif isinstance(target, dict):
                _put_back(target, name, old)
            elif name is _WHOLE:
                vars(target).update(old)
            else:
                setattr(target, name, old)


def _put_back(mapping: dict[Any, Any], key: Any, old: Any) -> None:
    if key is _WHOLE:
        mapping.clear()
        mapping.update(old)
    elif old is _ABSENT:
        del mapping[key]
    else:
        mapping[key] = old
