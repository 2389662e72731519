"""Samples of machines that run: what goes wrong in one costs nobody his run."""

from __future__ import annotations

import logging
from typing import cast

import pytest

from blink16.server import lookout
from blink16.server.hosted import HostedMachine
from blink16.server.lookout import Lookout


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
