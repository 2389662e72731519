"""The thread that moves a machine: who asks it to stop, and whose turn it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Event, Lock
from time import perf_counter, sleep
from typing import TypeVar

from blink16.history.terms import Interrupted
from blink16.turns import Turns

PIECE_SECONDS = 0.005
"""For so long, what looks at instruction after instruction has a turn at a time; and so long after
the last time, who waits for the GIL is let in."""
MOMENT_SECONDS = 0.000_001
"""Who waits for the GIL needs no more to wake; in fact it is some 60 microseconds."""
LOUD = 16
"""Of `Machine.effort`: a run of less is in native code for so long that others get the GIL."""
T = TypeVar("T")


class MovingThread:
    """Of one timeline.  Requests to stop come from any thread; the rest is for the moving one."""

    def __init__(self, rouse: Callable[[], None], calm: Callable[[], None]) -> None:
        """Nobody asks it to stop, and it takes turns with nobody.

        ``rouse`` makes a running engine return, and ``calm`` takes that back.
        """
        self.turns: Turns | None = None
        """Where this machine takes turns with others."""
        self.looks: Turns | None = None
        """Where those take turns who look at machines instruction by instruction."""
        self.is_asked = False
        """Whether it is to stop."""
        self._rouse = rouse
        self._calm = calm
        self._has_turn = False
        self._call = Event()
        self._requests = Lock()
        """Makes a request here and in the machine one."""
        self._runs_live = self._is_hastened = False
        self._let_in_at = self._effort = 0.0

    # -- requests to stop --------------------------------------------------------------------

    def ask(self) -> None:
        """Ask it to stop; from any thread."""
        with self._requests:
            self.is_asked = True
            self._rouse()
            self._call.set()

    def forget(self) -> None:
        """Drop a request to stop that nothing has reported yet."""
        with self._requests:
            self.is_asked = False
            self._calm()

    def take_request(self) -> bool:
        """Return whether it is to stop, which whoever asks so will report."""
        if self.is_asked:
            self.forget()
            return True
        return False

    # -- input -------------------------------------------------------------------------------

    def hasten(self) -> None:
        """Have the live run that is going on end soon, as there is input; from any thread."""
        with self._requests:
            if self._runs_live:
                self._is_hastened = True
                self._rouse()

    def begin_live(self) -> None:
        """Say that a run begins which input may end."""
        self._runs_live = True

    def end_live(self) -> bool:
        """Say that it has ended; whether only input can be why it was interrupted."""
        if not self._runs_live:
            return False
        with self._requests:
            self._runs_live = False
            hastened, self._is_hastened = self._is_hastened and not self.is_asked, False
            if hastened:
                self._calm()
            return hastened

    # -- turns -------------------------------------------------------------------------------

    @contextmanager
    def turn(self, turns: Turns) -> Iterator[bool]:
        """Have a turn; False if it is to stop before that comes."""
        self._has_turn = self._take(turns)
        try:
            yield self._has_turn
        finally:
            if self._has_turn:
                self._has_turn = False
                turns.give()

    @contextmanager
    def out_of_turn(self) -> Iterator[None]:
        """Let others run while this one waits for somebody outside."""
        if self.turns is None or not self._has_turn:
            yield
            return
        self._has_turn = False
        self.turns.give()
        try:
            yield
        finally:
            self._has_turn = self._take(self.turns)

    def in_turns(self, items: Iterable[T]) -> Iterator[T]:
        """Yield each of the items, and have a turn at looking for what the caller does about it.

        For what computes long in Python, a little for each item: no two threads do that at the
        same time, and together they would keep others waiting longer than one after the other.
        Interrupted if a request to stop came.
        """
        if self.looks is None:
            yield from items
            return
        items, more = iter(items), True
        while more:
            if self.take_request():
                raise Interrupted
            if not self._take(self.looks):
                continue
            try:
                more, until = False, perf_counter() + PIECE_SECONDS
                for item in items:
                    yield item
                    if perf_counter() >= until:
                        more = True
                        break
            finally:
                self.looks.give()

    def let_others_in(self, effort: int) -> None:
        """Let who waits for the GIL have it, if it has been kept since a while; between two runs.

        That native code releases it for moments, again and again, helps nobody: whoever waits
        is woken by each release, but too late, and as it is woken, it never demands the GIL.

        ``effort``: of the machine up to here.
        """
        now = perf_counter()
        if now - self._let_in_at >= PIECE_SECONDS:
            if abs(effort - self._effort) >= LOUD:
                sleep(MOMENT_SECONDS)
            self._let_in_at, self._effort = now, effort

    def _take(self, turns: Turns) -> bool:
        return turns.take(self._call, lambda: self.is_asked)
