"""Who may run: so many at a time, in the order in which they ask.

Two hundred machines that run at once on two processors would be in each other's way, and most of
all in the way of whoever only wants a quick answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Event, Lock


class Turns:
    """Turns that threads take and give back."""

    def __init__(self, count: int) -> None:
        """Let ``count`` have one at a time."""
        self._free = count
        self._lock = Lock()
        self._waiting: deque[Event] = deque()

    def take(self, call: Event, is_called: Callable[[], bool]) -> bool:
        """Wait for a turn; False if the thread is called away before it comes.

        Who calls it away lets ``is_called`` be true, and then sets ``call``.
        """
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            call.clear()
            if is_called():
                return False
            self._waiting.append(call)
        call.wait()
        with self._lock:
            if call in self._waiting:
                self._waiting.remove(call)
                return False
        return True

    def give(self) -> None:
        """Give a turn back, to who has waited longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1
