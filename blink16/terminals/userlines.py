"""Lines for the user of a program that serves others: standard error, in a thread of its own.

Whoever has started us may never read standard error.  A full pipe, or a terminal that was stopped
with Ctrl-S, then makes the thread wait, and nobody who has something to say.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Thread

from blink16.terminals import terminal

MAX_WAITING = 1000
"""So many lines wait to be read; further ones are counted, and lost."""
LAST_WORDS_SECONDS = 1.0
"""How long we wait, at the end, for somebody to read what is left."""


class UserLines:
    """Says lines in the order in which they came, and waits for nobody."""

    def __init__(self, write: Callable[[str], None] = terminal.say) -> None:
        """``write``: writes a line, and may take as long as it likes."""
        self._write = write
        self._waiting: deque[str] = deque()
        self._lost = 0
        self._is_writing = False
        self._changed = Condition()
        self._thread: Thread | None = None

    def say(self, text: str) -> None:
        """Take a line, in any thread."""
        with self._changed:
            if len(self._waiting) >= MAX_WAITING:
                self._lost += 1
                return
            self._waiting.append(text)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = Thread(target=self._work, name="user lines", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Wait until all was said, if somebody reads it at all."""
        with self._changed:
            self._changed.wait_for(self._is_idle, LAST_WORDS_SECONDS)

    def _is_idle(self) -> bool:
        return not self._waiting and not self._is_writing

    def _work(self) -> None:
        while True:
            self._write(self._next())

    def _next(self) -> str:
        with self._changed:
            self._is_writing = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting)
            self._is_writing = True
            text = self._waiting.popleft()
            if self._lost and not self._waiting:
                self._waiting.append(f"{self._lost} further lines were lost: nobody read them")
                self._lost = 0
            return text


@contextmanager
def logged(say: Callable[[str], None]) -> Iterator[None]:
    """Have our modules' warnings said, instead of written by the thread that they come from."""
    handler, logger = _Sayer(say), logging.getLogger("blink16")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Sayer(logging.Handler):
    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(self.format(record))
