"""Samples of a machine that runs, for all who watch it: none costs it more than one look does."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial

import trio

from blink16.reports.sample import Sample
from blink16.server.hosted import HostedMachine

LOG = logging.getLogger("blink16")
SAMPLE_INTERVAL = 1 / 30
"""Seconds between two samples, however many watch and ask."""
SAMPLE_PATIENCE = 0.1
"""Seconds for which a sample is waited for; a machine that travels through its past gives none."""


class Lookout:
    """Where a slot's machine is watched from while another client runs it."""

    def __init__(self) -> None:
        self.watchers = 0
        """Clients that watch."""
        self._hosted: HostedMachine | None = None
        self._sample: Sample | None = None
        self._taken_at = self._asked_at = 0.0
        self._coming: trio.Event | None = None
        self._has_failed = False

    def begin(self, hosted: HostedMachine) -> None:
        """Take a sample of a machine that is about to run, or to travel, if anybody watches."""
        if self.watchers:
            self._hosted, self._coming = hosted, None
            self._sample, self._taken_at = self._looked(hosted), trio.current_time()

    def sample(self, hosted: HostedMachine) -> Sample | None:
        """Return the latest sample of a machine; None if there is none of this run."""
        return self._sample if hosted.runs and hosted is self._hosted else None

    async def refresh(self, hosted: HostedMachine) -> None:
        """Have a sample of a machine that runs, no older than the interval, if it can be.

        It is for who is about to look: nothing is taken of a machine that nobody looks at.
        """
        if not hosted.runs:
            self._sample = None
            return
        if self.sample(hosted) and trio.current_time() - self._taken_at < SAMPLE_INTERVAL * 0.9:
            return
        if self._coming is None or hosted is not self._hosted:
            self._ask(hosted)
        assert self._coming is not None
        with trio.move_on_at(self._asked_at + SAMPLE_PATIENCE):
            await self._coming.wait()

    def _looked(self, hosted: HostedMachine) -> Sample | None:
        """Return a sample; a mistake of ours in it must not end the run of the holder."""
        try:
            hosted.debugger.calls_seen.live.mind()
            return Sample(hosted.debugger)
        except Exception:
            if not self._has_failed:
                LOG.exception("a machine that runs can't be looked at; please report this")
            self._has_failed = True
            return None

    def _ask(self, hosted: HostedMachine) -> None:
        if hosted is not self._hosted:
            self._hosted, self._sample = hosted, None
        self._coming, self._asked_at = trio.Event(), trio.current_time()
        token, coming = trio.lowlevel.current_trio_token(), self._coming

        def look() -> None:
            sample = self._looked(hosted)
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(partial(self._take, hosted, sample, coming))

        hosted.debugger.timeline.glance(look)

    def _take(self, hosted: HostedMachine, sample: Sample | None, coming: trio.Event) -> None:
        if self._coming is coming:
            self._sample, self._taken_at, self._coming = sample, trio.current_time(), None
        coming.set()
