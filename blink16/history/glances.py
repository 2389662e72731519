"""Looks at a machine while it runs: taken by the thread that runs it, between two slices."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

MAX_GLANCES = 16
"""Looks that may be wanted at a time; more are left out."""


class Glances:
    """Functions to call when the machine stands between two instructions, on its way."""

    def __init__(self) -> None:
        self._wanted: deque[Callable[[], None]] = deque(maxlen=MAX_GLANCES)

    def ask(self, look: Callable[[], None]) -> None:
        """Want a function called soon, in the machine's thread; from any thread.

        It is kept for the next run if none is going on.
        """
        self._wanted.append(look)

    def serve(self) -> bool:
        """Call what is wanted; whether there was anything.  In the machine's thread."""
        served = False
        while self._wanted:
            self._wanted.popleft()()
            served = True
        return served
