"""Watching a machine that another client holds, and asking to hold it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from blink16.client import replies
from blink16.client.core import CHANGES, CONTROL, WATCHING
from blink16.client.remembering import Remembering
from blink16.nurseries import open_nursery
from blink16.reports.state import StateReport


class Watching(Remembering):
    """Who holds the machine, and what changes; see `AsyncTarget`."""

    _is_told = False
    _seen: int | None = None

    @property
    def only_watches(self) -> bool:
        """Whether we may look at the machine, and not move or change it."""
        return self._only_watches

    async def wait_change(self) -> StateReport:
        """Wait until the machine, or what is known of it, changes; return its state then.

        Each change is told once, and several at a time as one: while another client runs the
        machine, some 30 times a second.  What is read next (memory, frames, the screen) is of the
        instant that the state tells, up to the next `state` or `wait_change`.
        """
        await self.wait_news()
        return await self.state()

    async def wait_news(self) -> None:
        """Wait as `wait_change` does, for who asks for the state himself, beside other reports.

        There is no more news until something was asked.
        """
        self._require(CHANGES, "telling changes")
        if not self._is_told:
            self._is_told = True
            replies.check_ok(await self._ask(b"Qblink16.changes"), "telling changes")
        await self._until(lambda: self._change != self._seen)
        self._seen = self._change

    async def changes(self) -> AsyncIterator[StateReport]:
        """Return the machine's states, one after another, as `wait_change` does."""
        while True:
            yield await self.wait_change()

    async def ask_control(self) -> StateReport:
        """Ask to hold the machine that we watch, and wait until we do.

        That is when who holds it lets it go (`yield_control`; in gdb `monitor yield`, or
        `detach`), or has gone.
        """
        self._require(CONTROL, "asking for control")
        if self._only_watches:
            replies.check_ok(await self._ask(b"Qblink16.control"), "asking for control")
            await self._until(lambda: not self._only_watches)
        return await self.state()

    async def yield_control(self) -> None:
        """Let the machine go, without our points, and watch it from now on."""
        self._require(WATCHING, "watching")
        replies.check_ok(await self._ask(b"Qblink16.watch"), "letting the machine go")
        self._only_watches = True
        self._points.clear()
        self._catches.clear()

    async def _until(self, holds: Callable[[], bool]) -> None:
        """Wait for a notification that makes something true, or raise why none will come."""
        if holds():
            return
        async with open_nursery() as nursery:
            lost: list[Exception] = []

            async def listen(wait: Callable[[], Awaitable[object]]) -> None:
                try:
                    await wait()
                except Exception as error:
                    lost.append(error)
                nursery.cancel_scope.cancel()

            async def news() -> None:
                while not holds():
                    await self._something_new.wait()

            nursery.start_soon(listen, self._link.lost)
            nursery.start_soon(listen, news)
        if lost:
            raise lost[0]
