"""Scouts: machines made like ours, which look ahead in a search through the past.

A scout has the same points in its memory.  In a thread of its own it replays stretches that the
search has not come to, and says whether a point is hit there.  Where none is, the search need
not look; where some are, the search itself finds them, and judges them.  So what is found is what
the search finds alone.

A scout is believed after it has replayed from one checkpoint to the next, and met what is there.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from enum import Enum, auto
from itertools import pairwise
from threading import Condition, Lock, Thread
from typing import NamedTuple

from blink16.breakpoints import Point, Points
from blink16.cpu.predicates import Predicate
from blink16.history.past import History
from blink16.history.terms import Interrupted
from blink16.history.timeline import Timeline
from blink16.machine import Machine

LOG = logging.getLogger("blink16")
MAX_SCOUTS = 7
"""Each takes some mebibytes."""
PATIENCE, PATIENCE_ONCE_MADE = 0.03, 0.001
"""Seconds that a search goes alone: most are over by then.  To make a scout's machine takes some
time of everybody's; after that a scout costs next to nothing.
"""
LOOK_SECONDS = 0.02
"""So often a search that waits for a scout looks whether it is to stop."""

MakeMachine = Callable[[], Machine]
"""Makes a machine like the one whose past is searched; whatever it raises, there is none then."""


class Tract(NamedTuple):
    """A part of the past to be searched: low..high-1."""

    low: int
    high: int


class TractState(Enum):
    """What is known of a tract."""

    NOTHING_YET = auto()
    SOUGHT = auto()  # somebody is looking
    HITS = auto()


class Expanse:
    """The tracts of one search that may have hits, the newest first; for all threads."""

    def __init__(self, tracts: Sequence[Tract]) -> None:
        """Begin where nothing is known."""
        self.span = tracts[-1].low, tracts[0].high
        self._states = dict.fromkeys(tracts, TractState.NOTHING_YET)
        self._changed = Condition()
        self._closed = False

    def take(self) -> Tract | None:
        """Return the newest tract of which nothing is known, to be looked at; None at the end."""
        with self._changed:
            for tract, state in self._states.items():
                if state is TractState.NOTHING_YET and not self._closed:
                    self._states[tract] = TractState.SOUGHT
                    return tract
        return None

    def give_back(self, tract: Tract) -> None:
        """Say that nothing is known of a tract that was taken."""
        with self._changed:
            self._states[tract] = TractState.NOTHING_YET
            self._changed.notify_all()

    def tell(self, tract: Tract, hits: Sequence[Tract]) -> None:
        """Say which parts of a tract that was taken have hits, the newest first."""
        with self._changed:
            if hits:
                self._replace(tract, hits)
            else:
                del self._states[tract]
            self._changed.notify_all()

    def _replace(self, tract: Tract, hits: Sequence[Tract]) -> None:
        """Have the parts with hits stand where the tract stood."""
        before, self._states = self._states, {}
        for known, state in before.items():
            if known == tract:
                self._states.update(dict.fromkeys(hits, TractState.HITS))
            else:
                self._states[known] = state

    def first(self) -> tuple[Tract, TractState] | None:
        """Return the newest tract that may have hits, and what is known of it; None: there is none.

        If nothing is known, the caller is to search it, and then to `tell`.
        """
        with self._changed:
            for tract, state in self._states.items():
                if state is TractState.NOTHING_YET:
                    self._states[tract] = TractState.SOUGHT
                return tract, state
        return None

    def has_found(self) -> bool:
        """Whether the newest tract that may have hits has some."""
        with self._changed:
            return next(iter(self._states.values()), None) is TractState.HITS

    def wait(self, tract: Tract) -> None:
        """Wait a little for what is found in a tract."""
        with self._changed:
            if self._states.get(tract) is TractState.SOUGHT:
                self._changed.wait(LOOK_SECONDS)

    def look(
        self, tract: Tract, timeline: Timeline, is_wanted: Callable[[], bool] = lambda: True
    ) -> None:
        """Look at a tract that was taken, as long as that is wanted.

        Interrupted if a request to stop came.  Where the replay fails, the search is to see that
        when it comes there.
        """
        hits: Sequence[Tract] | None = None
        try:
            hits = _parts_with_hits(timeline, tract, is_wanted)
        except Interrupted:
            raise
        except Exception:
            hits = [tract]
            LOG.info("a replay fails on the way", exc_info=True)
        finally:
            if hits is None:
                self.give_back(tract)
            else:
                self.tell(tract, hits)

    def close(self) -> None:
        """Hand out no more."""
        with self._changed:
            self._closed = True


def _parts_with_hits(
    timeline: Timeline, tract: Tract, is_wanted: Callable[[], bool]
) -> Sequence[Tract] | None:
    """Return which parts of a tract have hits: one instant, or all of it if there are several.

    None if that was no longer wanted.
    """
    hits: list[int] = []
    timeline.begin_at(tract.low)
    while timeline.now < tract.high:
        if not is_wanted():
            return None
        for hit in timeline.hits(min(tract.high, timeline.now + timeline.stride)):
            hits.append(hit.icount)
            if len(hits) > 1:
                return [tract]
    return [Tract(icount, icount + 1) for icount in hits]


class Errand(NamedTuple):
    """What scouts are to look for."""

    expanse: Expanse
    history: History
    points: tuple[Point, ...]
    overlooked: Mapping[int, Predicate]


class Scout:
    """One machine that looks ahead.  It is made when it is first needed, in its own thread."""

    def __init__(self, make: MakeMachine) -> None:
        self._make = make
        self._timeline: Timeline | None = None
        self._points: Points | None = None
        self._lock = Lock()
        self._next: Errand | None = None
        """What to do when the thread comes back from what it does."""
        self._is_under_way = False
        self._is_believed = False
        self.is_of_use = True
        """Whether it can be sent."""

    @property
    def is_made(self) -> bool:
        """Whether it has its machine."""
        return self._points is not None

    def send(self, errand: Errand) -> None:
        """Let it look ahead, as far as it is allowed; at once, or when it is back.

        Who goes on searching does so before a scout has noticed that it was called back.
        """
        with self._lock:
            self._next = errand
            if self._is_under_way:
                return
            self._is_under_way = True
        Thread(target=self._go, name="blink16-scout", daemon=True).start()

    def recall(self) -> None:
        """Let it end soon, in its own time."""
        with self._lock:
            self._next = None
        if self._timeline is not None:
            self._timeline.interrupt()

    def _go(self) -> None:
        while (errand := self._taken()) is not None:
            try:
                self.look(errand)
            except Interrupted:
                pass
            except Exception:
                self.is_of_use = False
                LOG.info("searches go on without a scout", exc_info=True)

    def _taken(self) -> Errand | None:
        """Return what is to be done next; None: the thread ends."""
        with self._lock:
            errand, self._next = self._next, None
            self._is_under_way = errand is not None
            return errand

    def look(self, errand: Errand) -> None:
        """Look ahead in this thread; Interrupted if it was recalled meanwhile."""
        if self._timeline is None:
            machine = self._make()
            self._timeline, self._points = Timeline(machine), Points(machine.memory)
        timeline, points = self._timeline, self._points
        assert points is not None
        timeline.forget_interrupt()
        timeline.follow(errand.history)
        points.clear()
        self._is_believed = self._is_believed or timeline.agrees(*errand.expanse.span)
        if not self._is_believed:
            return
        for point in errand.points:
            points.insert(point)
        timeline.machine.engine.overlook(errand.overlooked)
        while (tract := errand.expanse.take()) is not None:
            errand.expanse.look(tract, timeline)


class Scouts:
    """The scouts of one debugger, and what it has told them."""

    def __init__(self, make: MakeMachine, points: Points, count: int | None = None) -> None:
        """Send out so many, or as many as this computer has other processors.

        ``points``: those that are searched for, as they are when a search begins.
        """
        others = min(MAX_SCOUTS, (os.cpu_count() or 1) - 1)
        self.make = make
        self._scouts = [Scout(make) for _ in range(others if count is None else count)]
        self._points = points
        self.patience = PATIENCE
        """Seconds that a search goes alone as long as no scout is made."""
        self.overlooked: Mapping[int, Predicate] = {}
        """Conditions of breakpoints that engines judge (`Engine.overlook`)."""

    def is_time(self, alone: float, ahead: float) -> bool:
        """Whether a search is to go on with scouts, which went alone for so many seconds.

        ``ahead``: for how long it would go on so, about, before it can ask again.
        """
        if any(scout.is_made for scout in self._scouts):
            return alone + ahead >= min(self.patience, PATIENCE_ONCE_MADE)
        return alone >= self.patience

    def tracts(self, timeline: Timeline, low: int, high: int) -> Generator[Tract]:
        """Yield the parts of low..high-1 that may have hits, the newest first.

        Interrupted if a request to stop came: then the machine stands where the one begins that
        would have been next.
        """
        expanse = Expanse(cut(timeline.icounts(), low, high, timeline.stride))
        errand = Errand(expanse, timeline.history(), tuple(self._points), self.overlooked)
        sent = [scout for scout in self._scouts if scout.is_of_use]
        for scout in sent:
            scout.send(errand)
        try:
            while (first := expanse.first()) is not None:
                tract, found = first
                if found is TractState.SOUGHT:
                    _look_beyond(timeline, expanse, tract)
                    continue
                yield tract
                expanse.tell(tract, ())
        finally:
            expanse.close()
            for scout in sent:
                scout.recall()


def cut(icounts: Sequence[int], low: int, high: int, stride: int) -> list[Tract]:
    """Return the tracts of low..high-1, the newest first, between checkpoints at ``icounts``.

    ``stride``: instructions that one is to have at least.
    """
    edges = [high]
    for icount in reversed(icounts):
        if low < icount <= edges[-1] - stride:
            edges.append(icount)
    edges.append(low)
    return [Tract(before, after) for after, before in pairwise(edges)]


def _look_beyond(timeline: Timeline, expanse: Expanse, first: Tract) -> None:
    """Do a scout's work while one looks at the tract that is to be searched next."""
    beyond = expanse.take()
    try:
        if beyond is not None:
            expanse.look(beyond, timeline, lambda: not expanse.has_found())
        elif timeline.thread.take_request():
            raise Interrupted
        else:
            expanse.wait(first)
    except Interrupted:
        timeline.seek(first.high)
        raise
