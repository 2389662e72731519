"""The one ledger of breakpoints and watchpoints: whose each is, and what it is to do."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from blink16.breakpoints import Point, PointKind, Points
from blink16.cpu.engine import Engine
from blink16.cpu.predicates import Predicate
from blink16.debugger.events import PointAction, PointCondition
from blink16.machine import Machine
from blink16.memory import Memory


@dataclass(frozen=True, slots=True, eq=False)
class LedgerEntry:
    """A point as one owner has set it."""

    point: Point
    owner: Hashable
    condition: PointCondition | None = None
    action: PointAction | None = None

    def holds(self, machine: Machine) -> bool:
        """Tell whether it is met by a machine that stands there."""
        return self.condition is None or self.condition(machine)


class Ledger:
    """Who has set which points.  Several owners may set the same, each with its own condition.

    An owner is any value: gdb's number for a kind, a catch.
    """

    def __init__(self, memory: Memory) -> None:
        self.points = Points(memory)
        self._entries: dict[Point, dict[Hashable, LedgerEntry]] = {}
        self._at: dict[int, dict[Hashable, LedgerEntry]] = {}
        """The same of breakpoints, by address: they are asked for after each step."""
        self._acting: set[tuple[Point, Hashable]] = set()
        self._conditional: dict[tuple[Point, Hashable], LedgerEntry] = {}

    def __iter__(self) -> Iterator[LedgerEntry]:
        for here in list(self._entries.values()):
            yield from list(here.values())

    @property
    def is_empty(self) -> bool:
        """Whether nobody has set any."""
        return not self._entries

    @property
    def acts(self) -> bool:
        """Whether there is an action."""
        return bool(self._acting)

    @property
    def conditions(self) -> int:
        """How many points have a condition."""
        return len(self._conditional)

    def insert(self, entry: LedgerEntry) -> None:
        """Set a point, in place of the same owner's own there.  PointError if it can't be set."""
        self.points.insert(entry.point)
        key = entry.point, entry.owner
        self._strike(key)
        here = self._entries.setdefault(entry.point, {})
        here[entry.owner] = entry
        if entry.point.kind is PointKind.EXECUTE:
            self._at[entry.point.address] = here
        if entry.condition is not None:
            self._conditional[key] = entry
        if entry.action is not None:
            self._acting.add(key)

    def remove(self, point: Point, owner: Hashable) -> None:
        """Take an owner's point away; one that isn't there is no error, as gdb may ask twice."""
        self._strike((point, owner))
        here = self._entries.get(point, {})
        here.pop(owner, None)
        if not here:
            self._entries.pop(point, None)
            self.points.remove(point)
            if point.kind is PointKind.EXECUTE:
                self._at.pop(point.address, None)

    @contextmanager
    def lending(self, entry: LedgerEntry, engine: Engine) -> Iterator[None]:
        """Have one more point for a while, which ``engine`` does not overlook; or PointError."""
        self.insert(entry)
        try:
            engine.overlook(self.predicates())
            yield
        finally:
            self.remove(entry.point, entry.owner)
            engine.overlook(self.predicates())

    def clear(self) -> None:
        """Take all away."""
        self.points.clear()
        self._entries.clear()
        self._at.clear()
        self._acting.clear()
        self._conditional.clear()

    def at(self, address: int) -> Sequence[LedgerEntry]:
        """Return the breakpoints at an address, in the order in which they were set."""
        here = self._at.get(address)
        return tuple(here.values()) if here else ()

    def predicates(self) -> dict[int, Predicate]:
        """Return by address what an engine may judge: a condition alone at its address."""
        found = {}
        for (point, _), entry in self._conditional.items():
            predicate = _predicate(entry.condition)
            if predicate is not None and len(self._entries[point]) == 1:
                found[point.address] = predicate
        return found

    def _strike(self, key: tuple[Point, Hashable]) -> None:
        self._conditional.pop(key, None)
        self._acting.discard(key)


def _predicate(condition: object) -> Predicate | None:
    return condition if isinstance(condition, Predicate) else None
