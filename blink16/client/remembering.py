"""Time: seek, bookmarks, and questions about the past that leave the machine where it is."""

from __future__ import annotations

import re
from dataclasses import replace

import trio

from blink16.client.errors import DeniedError, ProtocolError
from blink16.client.looking import Where
from blink16.client.moving import Moving
from blink16.reports.activity import ActivityQuery, ActivityReport
from blink16.reports.history import HistoryReport
from blink16.reports.past import (
    Executed,
    HitsQuery,
    HitsReport,
    TouchQuery,
    TouchReport,
    TraceQuery,
    TraceReport,
)
from blink16.reports.profile import ProfileQuery, ProfileReport
from blink16.reports.state import PointRole, StateReport

MAX_INSTANT = 1 << 62
NOT_READY = 0.5
"""Seconds until it is worth to ask again for what the server can't count yet."""
MAX_TRIES = 240
_BOOKMARK = re.compile(r"bookmark (\S+) at instruction [0-9]+")


class Remembering(Moving):
    """The past; see `AsyncTarget`."""

    async def seek(self, instant: int | str) -> StateReport:
        """Go to an instant: an instruction count, ``start``, ``end``, or a bookmark's name.

        DeniedError outside of the recorded past.
        """
        await self.monitor(f"seek {instant}")
        return await self.state()

    async def history(self) -> HistoryReport:
        """Return how far the past reaches, what it costs, and the bookmarks in it."""
        return await self.report(HistoryReport)

    async def bookmark(self, name: str | None = None) -> str:
        """Give this instant a name, to `seek` it by; without one it is called b1, b2…"""
        text = await self.monitor(f"bookmark {name}" if name else "bookmark")
        match = _BOOKMARK.match(text)
        if match is None:
            raise ProtocolError(f"the server's answer to bookmark is {text[:40]!r}")
        return match[1]

    async def bookmarks(self) -> dict[str, int]:
        """Return the bookmarks: instruction counts by name, oldest first."""
        return {mark.name: mark.icount for mark in (await self.history()).bookmarks}

    async def last_write(self, where: Where, length: int = 1) -> TouchReport:
        """Return who wrote to memory last before now; ``.icount`` is None if nobody did."""
        return await self._touch(PointRole.WRITE, where, length)

    async def last_read(self, where: Where, length: int = 1) -> TouchReport:
        """Return who read memory last before now.  Fetching an instruction is no read."""
        return await self._touch(PointRole.READ, where, length)

    async def last_exec(self, where: Where) -> TouchReport:
        """Return when the instruction at an address was executed last before now."""
        return await self._touch(PointRole.EXECUTE, where, 1)

    async def _touch(self, role: PointRole, where: Where, length: int) -> TouchReport:
        query = TouchQuery(role, await self.address_of(where), length)
        return await self.report(TouchReport, query)

    async def hits(self, where: Where, which: int = 1) -> HitsReport:
        """Return how often the instruction at an address was executed before now.

        ``which``: the time whose instant is ``.chosen``: from 1 on, or from -1 back.
        """
        return await self.report(HitsReport, HitsQuery(await self.address_of(where), which))

    async def trace(self, most: int = 20) -> tuple[Executed, ...]:
        """Return the last instructions before now, and the registers that each changed."""
        return (await self.report(TraceReport, TraceQuery(most))).entries

    async def profile(self, instructions: int = 1_000_000, most: int = 50) -> ProfileReport:
        """Return where the last so many instructions were executed, by symbol."""
        return await self.report(ProfileReport, ProfileQuery(instructions, most))

    async def activity(
        self,
        where: Where,
        role: PointRole = PointRole.EXECUTE,
        length: int = 1,
        *,
        span: range | None = None,
        buckets: int = 200,
    ) -> ActivityReport:
        """Return how often a function was called, or memory was written or read, over time.

        ``span``: the instants, else all of the past; they are divided into ``buckets``.  The
        server counts piece by piece and can do other things between; the answer is whole.
        DeniedError if it can't be counted.  `ActivityReport` says what its parts mean.
        """
        low, high = (0, MAX_INSTANT) if span is None else (span.start, span.stop)
        address = await self.address_of(where)
        query = ActivityQuery(role, address, length, low, high, buckets)
        whole = await self.report(ActivityReport, query)
        tries = 0
        while (done := len(whole.counts)) < whole.buckets:
            query = replace(query, low=whole.low, high=whole.high, first=done)
            part = await self.report(ActivityReport, query)
            if part.counts:
                counts = whole.counts + part.counts
                whole = replace(whole, edges=whole.edges + part.edges[1:], counts=counts)
                continue
            tries += 1
            if tries == MAX_TRIES:
                raise DeniedError("the server does not get ready to count")
            await trio.sleep(NOT_READY)
        return whole
