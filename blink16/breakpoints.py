"""Breakpoints and watchpoints as debuggers know them, and the attributes they set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto

from blink16.memory import RAM_SIZE, Access, Attribute, Memory


class PointKind(Enum):
    """What a point minds."""

    EXECUTE = auto()
    WRITE = auto()
    READ = auto()
    ACCESS = auto()


_ATTRIBUTES = {
    PointKind.EXECUTE: (Attribute.BREAKPOINT,),
    PointKind.WRITE: (Attribute.WATCH_WRITE,),
    PointKind.READ: (Attribute.WATCH_READ,),
    PointKind.ACCESS: (Attribute.WATCH_WRITE, Attribute.WATCH_READ),
}
MAX_POINTS = 4096
MAX_WATCH_LENGTH = 65536
MAX_WATCHED = RAM_SIZE
"""Bytes of all watchpoints together: each seek takes them all away and puts them back."""


@dataclass(frozen=True, slots=True)
class Point:
    """A breakpoint (one address) or a watchpoint (``length`` bytes), by linear address."""

    kind: PointKind
    address: int
    length: int = 1

    def addresses(self) -> range:
        """The linear addresses it marks, cut off at the end of memory."""
        length = 1 if self.kind is PointKind.EXECUTE else self.length
        return range(self.address, min(self.address + length, RAM_SIZE))

    def minds(self, attribute: Attribute) -> bool:
        """Whether it is kept by this attribute."""
        return attribute in _ATTRIBUTES[self.kind]


class PointError(ValueError):
    """A point that can't be set, and why."""


class Points:
    """The set of points in a machine, mirrored in its memory's attributes."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._points: dict[Point, None] = {}

    def __len__(self) -> int:
        return len(self._points)

    def __iter__(self) -> Iterator[Point]:
        return iter(self._points)

    def __contains__(self, point: Point) -> bool:
        return point in self._points

    def insert(self, point: Point) -> None:
        """Set a point; setting it twice is one.  PointError past the limits."""
        if not 0 <= point.address < self._memory.end:
            raise PointError(f"address {point.address:#x} is outside of memory")
        if not 1 <= point.length <= MAX_WATCH_LENGTH:
            raise PointError(f"can't watch {point.length} bytes; at most {MAX_WATCH_LENGTH}")
        if point in self._points:
            return
        if len(self._points) >= MAX_POINTS:
            raise PointError(f"there are {MAX_POINTS} breakpoints and watchpoints already")
        if point.kind is not PointKind.EXECUTE and self._watched() + point.length > MAX_WATCHED:
            raise PointError(f"more than {MAX_WATCHED} bytes can't be watched")
        self._points[point] = None
        self._mark(point)

    def remove(self, point: Point) -> None:
        """Take a point away; one that isn't there is no error, as gdb may ask twice."""
        if point not in self._points:
            return
        del self._points[point]
        self._unmark(point)
        mine = point.addresses()
        for other in self._points:
            theirs = other.addresses()
            if theirs.start < mine.stop and mine.start < theirs.stop:
                self._mark(other)

    def clear(self) -> None:
        """Take all points away."""
        points, self._points = self._points, {}
        for point in points:
            self._unmark(point)

    def watch_at(self, address: int, access: Access) -> Point | None:
        """Return a watchpoint that covers an address and minds this access."""
        attribute = Attribute.WATCH_WRITE if access is Access.WRITE else Attribute.WATCH_READ
        for point in self._points:
            if point.minds(attribute) and address in point.addresses():
                return point
        return None

    @contextmanager
    def replaced(self, points: Iterable[Point] = ()) -> Iterator[None]:
        """Set other points (or none) for a while instead of these."""
        before, self._points = self._points, {}
        for point in before:
            self._unmark(point)
        try:
            for point in points:
                self.insert(point)
            yield
        finally:
            self.clear()
            self._points = before
            for point in before:
                self._mark(point)

    def _watched(self) -> int:
        return sum(point.length for point in self._points if point.kind is not PointKind.EXECUTE)

    def _mark(self, point: Point) -> None:
        mine = point.addresses()
        for attribute in _ATTRIBUTES[point.kind]:
            self._memory.mark(mine.start, attribute, len(mine))

    def _unmark(self, point: Point) -> None:
        mine = point.addresses()
        for attribute in _ATTRIBUTES[point.kind]:
            self._memory.unmark(mine.start, attribute, len(mine))
