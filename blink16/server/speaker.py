"""What machines say, on its way to the client that holds them."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

import trio

from blink16.gdbstub.orders import Order
from blink16.gdbstub.session import Session

SPEAK_INTERVAL = 0.02
"""Seconds between two tellings of what a running program prints: gdb takes some milliseconds for
each packet, however little is in it."""
MAX_UNSAID = 1 << 16
"""Bytes of a program's output that may wait for the client; then the program waits."""


class Speaker:
    """Hears the machines of one client (`slots.Hearer`); one task has their words said."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._unsaid = _Unsaid()
        self._has_words = False
        """Whether the session may have something to say that it was not asked for."""
        self._words = trio.Event()
        self._token = trio.lowlevel.current_trio_token()

    def note(self, text: str) -> None:
        """Take a line for the user."""
        self._session.note(text)
        self._wake()

    def put_out(self, data: bytes) -> None:
        """Take output, once there is room for it."""
        if self._unsaid.wait_for_room(len(data)):
            self._session.output(data)
            self._wake()

    async def run(self, have_it_said: Callable[[], Awaitable[object]]) -> None:
        """Have said what comes, at once, but no more than so often."""
        while True:
            await self._words.wait()
            self._words = trio.Event()
            await have_it_said()
            await trio.sleep(SPEAK_INTERVAL)

    def orders(self) -> list[Order]:
        """Have said now what has come, if this is a moment when the client listens."""
        if not self._has_words:
            return []
        self._has_words = False  # before the session looks: what comes now is seen, or wakes us
        return self._session.speak()

    def said(self) -> None:
        """All that has come was said."""
        self._unsaid.said()

    def end(self) -> None:
        """Nothing more will be said: nobody is to wait for that."""
        self._unsaid.end()

    def _wake(self) -> None:
        self._has_words = True
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._stir, idempotent=True)

    def _stir(self) -> None:
        self._words.set()


class _Unsaid:
    """How much of the program's output waits to be said; makes the program wait if too much."""

    def __init__(self) -> None:
        self._size = 0
        self._over = False
        self._changed = threading.Condition()

    def wait_for_room(self, size: int) -> bool:
        """Wait until more output may come; False if there is nobody to tell any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._size < MAX_UNSAID)
            self._size += size
            return not self._over

    def said(self) -> None:
        """All output that has come was said."""
        if not self._size:  # what comes now is said next time
            return
        with self._changed:
            self._size = 0
            self._changed.notify_all()

    def end(self) -> None:
        """Nothing more will be said."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
