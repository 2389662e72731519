"""The ring of checkpoints: bounded by memory, and thinned rather than dropped.

A checkpoint can be made anywhere, also between two others, and any but the first can be taken
out.  When the ring is full, those go first whose absence costs least: the gap that is left,
measured by how far it is from where the user is and from the newest instant.  So the ring is
dense there and thins out with distance, and the whole run stays reachable from its first
instruction.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from typing import Any

from blink16.assembly import Snapshot
from blink16.history.pages import Image

MIN_LIMIT = 16 << 20
"""Bytes; a checkpoint in which all pages are new takes one and a half million."""
DEFAULT_LIMIT = 256 << 20
ROOM = 8
"""When the ring is full, one part in so many is freed."""
CHECKPOINT_SIZE = 500
"""Bytes of a checkpoint's own objects, about."""


@dataclass(slots=True, eq=False)
class Checkpoint:
    """A machine's whole state at an instruction count."""

    icount: int
    snapshot: Snapshot
    fed: int
    """How many entries of the input log this state has seen."""
    image: Image
    """The RAM."""
    effort: int
    """`Machine.effort` up to here, about."""
    size: int = 0
    """Bytes that it takes beside its predecessor."""

    def share(self, other: Checkpoint) -> None:
        """Consist of another's objects wherever they are equal."""
        self.image = self.image.sharing(other.image)
        self.snapshot = self.snapshot.sharing(other.snapshot)


class Ring:
    """The checkpoints of one timeline, ordered by icount."""

    def __init__(self, first: Checkpoint, limit: int = DEFAULT_LIMIT) -> None:
        self.limit = limit
        self.size = 0
        """Bytes in use, about."""
        self._icounts = [first.icount]
        self._checkpoints = [first]
        self._measure(0)

    def __len__(self) -> int:
        return len(self._checkpoints)

    @property
    def first(self) -> Checkpoint:
        """The oldest checkpoint."""
        return self._checkpoints[0]

    @property
    def newest(self) -> int:
        """Where the last checkpoint lies."""
        return self._icounts[-1]

    def copy(self) -> Ring:
        """Return a ring of the same checkpoints, for who only reads them."""
        other = Ring.__new__(Ring)
        other.limit, other.size = self.limit, self.size
        other._icounts, other._checkpoints = list(self._icounts), list(self._checkpoints)
        return other

    def between(self, low: int, high: int) -> list[Checkpoint]:
        """Return the checkpoints in low..high, ascending."""
        return self._checkpoints[
            bisect_left(self._icounts, low) : bisect_right(self._icounts, high)
        ]

    def icounts(self) -> list[int]:
        """Return the instruction counts of all checkpoints, ascending."""
        return list(self._icounts)

    def at_or_before(self, icount: int) -> Checkpoint:
        """Return the nearest checkpoint not after ``icount``; the first if there is none."""
        return self._checkpoints[max(0, bisect_right(self._icounts, icount) - 1)]

    def next_after(self, icount: int) -> Checkpoint | None:
        """Return the nearest checkpoint after ``icount``."""
        place = bisect_right(self._icounts, icount)
        return self._checkpoints[place] if place < len(self._checkpoints) else None

    def at(self, icount: int) -> Checkpoint | None:
        """Return the checkpoint at exactly ``icount``."""
        nearest = self.at_or_before(icount)
        return nearest if nearest.icount == icount else None

    def first_that_saw(self, inputs: int) -> Checkpoint | None:
        """Return the oldest checkpoint that has seen so many inputs, if there is one."""
        place = bisect_left(self._checkpoints, inputs, key=lambda c: c.fed)
        return self._checkpoints[place] if place < len(self._checkpoints) else None

    # -- adding ------------------------------------------------------------------------------

    def add(self, new: Checkpoint, base: Checkpoint | None = None) -> None:
        """Add a checkpoint; there is none at its icount yet.

        ``base``: one with which it shares already what is equal.
        """
        place = bisect_right(self._icounts, new.icount)
        for neighbour in self._checkpoints[place - 1 : place + 1]:
            if neighbour is not base:
                new.share(neighbour)
        self._icounts.insert(place, new.icount)
        self._checkpoints.insert(place, new)
        self._measure(place)
        self._measure(place + 1)

    def _measure(self, place: int, predecessor: int | None = None) -> None:
        """Measure a checkpoint anew: its predecessor is new."""
        if place >= len(self._checkpoints):
            return
        checkpoint = self._checkpoints[place]
        before = place - 1 if predecessor is None else predecessor
        known = self._checkpoints[before] if place else None
        self.size -= checkpoint.size
        checkpoint.size = (
            CHECKPOINT_SIZE
            + footprint(checkpoint.snapshot, known.snapshot if known else None)
            + checkpoint.image.footprint(known.image if known else None)
        )
        self.size += checkpoint.size

    def floor(self) -> int:
        """Return the bytes that the newest state takes by itself, which no thinning frees."""
        return footprint(self._checkpoints[-1].snapshot)

    # -- taking out --------------------------------------------------------------------------

    def truncate(self, icount: int) -> None:
        """Remove all checkpoints after ``icount``."""
        while self._icounts[-1] > icount:
            self._icounts.pop()
            self.size -= self._checkpoints.pop().size

    def forget_before(self, icount: int) -> None:
        """Let the history begin at the checkpoint at ``icount``."""
        place = bisect_left(self._icounts, icount)
        self.size -= sum(c.size for c in self._checkpoints[:place])
        del self._icounts[:place], self._checkpoints[:place]
        self._measure(0)

    def thin(self, focuses: tuple[int, ...], needed: Sequence[Checkpoint], extra: int = 0) -> None:
        """Take out checkpoints until there is room again, those that matter least first.

        ``focuses``: instruction counts around which to stay dense.  ``needed``: not to be
        taken out.  ``extra``: bytes in use elsewhere that count against the limit as well.
        """
        goal = self.limit - self.limit // ROOM - extra
        while self.size > goal and len(self) > 2:
            before = len(self)
            self._thin_once(focuses, needed, goal)
            if len(self) == before:
                return

    def _thin_once(self, focuses: tuple[int, ...], needed: Sequence[Checkpoint], goal: int) -> None:
        """Take out the least important checkpoints, but no two neighbours."""
        counts = self._icounts
        worth = sorted(
            ((counts[i + 1] - counts[i - 1]) / (1 + min(abs(counts[i] - f) for f in focuses)), i)
            for i in range(1, len(counts) - 1)
            if self._checkpoints[i] not in needed
        )
        gone: set[int] = set()
        for _, place in worth:
            if self.size <= goal:
                break
            if place - 1 not in gone and place + 1 not in gone:
                self.size -= self._checkpoints[place].size
                self._measure(place + 1, predecessor=place - 1)
                gone.add(place)
        self._icounts = [c for i, c in enumerate(counts) if i not in gone]
        self._checkpoints = [c for i, c in enumerate(self._checkpoints) if i not in gone]


def footprint(state: Any, known: Any = None) -> int:
    """Return the bytes that an immutable state takes beside a ``known`` one it shares with."""
    if state is known or state is None or isinstance(state, bool):
        return 0
    if isinstance(state, tuple):
        return sys.getsizeof(state) + _footprint_of_items(state, known)
    if isinstance(state, Mapping):
        others = known if isinstance(known, Mapping) else {}
        items = sum(footprint(value, others.get(key)) for key, value in state.items())
        return sys.getsizeof(state) + items
    if not is_dataclass(state):
        return sys.getsizeof(state)
    names = state.__dataclass_fields__  # much quicker than `fields`
    return CHECKPOINT_SIZE // 8 + sum(
        [footprint(getattr(state, name), getattr(known, name, None)) for name in names]
    )


def _footprint_of_items(state: tuple[Any, ...], known: Any) -> int:
    others = known if isinstance(known, tuple) else ()
    shared = {id(item) for item in others}
    partners = [*others, *[None] * (len(state) - len(others))]
    return sum(
        footprint(item, partner)
        for item, partner in zip(state, partners, strict=False)
        if id(item) not in shared
    )
