"""Samples of machines that run: what goes wrong in one costs nobody his run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import cast

import pytest
import trio
import trio.testing

from blink16.server import lookout
from blink16.server.hosted import HostedMachine
from blink16.server.lookout import SAMPLE_INTERVAL, SAMPLE_PATIENCE, Lookout


class Unseen:
    """A machine at which nobody can look."""

    runs = True
    debugger = None


async def test_a_sample_that_fails_is_none_and_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Prevents a mistake in what watchers are shown from ending the holder's conversation."""

    def fail(debugger: object) -> None:
        raise AttributeError("no such thing")

    monkeypatch.setattr(lookout, "Sample", fail)
    watched, hosted = Lookout(), cast(HostedMachine, Unseen())
    watched.watchers = 1
    with caplog.at_level(logging.ERROR, "blink16"):
        watched.begin(hosted)
        watched.begin(hosted)
    assert watched.sample(hosted) is None
    assert [record.getMessage() for record in caplog.records] == [
        "a machine that runs can't be looked at; please report this"
    ]


class Seen:
    """A machine that runs, and gives a look when it is asked; or, deaf, none."""

    runs = True

    def __init__(self, *, deaf: bool = False) -> None:
        self.debugger = self.timeline = self
        self.calls_seen = self.live = self
        self.looks = 0
        self._deaf = deaf

    def mind(self) -> None:
        """Have nothing followed."""

    def glance(self, look: Callable[[], None]) -> None:
        """Have it looked at."""
        self.looks += 1
        if not self._deaf:
            look()


async def test_who_looks_seldom_sees_the_machine_of_now(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    """Prevents a sample from long ago, and a machine that is looked at though nobody asks."""
    monkeypatch.setattr(lookout, "Sample", lambda debugger: debugger.looks)
    watched, seen = Lookout(), Seen()
    hosted = cast(HostedMachine, seen)
    for wanted in (1, 2):
        await watched.refresh(hosted)
        assert cast(object, watched.sample(hosted)) == wanted
        await watched.refresh(hosted)  # at once: for another who watches
        assert seen.looks == wanted
        await trio.sleep(100 * SAMPLE_INTERVAL)
        assert seen.looks == wanted


async def test_a_machine_that_gives_no_look_is_waited_for_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Prevents each packet of who watches a long search from waiting anew."""
    watched, seen = Lookout(), Seen(deaf=True)
    began = trio.current_time()
    for _ in range(5):
        await watched.refresh(cast(HostedMachine, seen))
    assert seen.looks == 1
    assert trio.current_time() - began == pytest.approx(SAMPLE_PATIENCE)
