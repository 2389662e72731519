"""Python's garbage collector, so that it keeps nobody waiting.

A full collection looks at every object that there is, while no other thread runs: with two
hundred machines that took 60 to 200 ms, every other second.  What it looks for are circles of
objects that are gone; all others, and most of all the histories of machines, go without it.  So
what was there before the first machine is put where it never looks, and it looks at the rest when
a machine is gone, and else rarely.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import trio

SWEEP_INTERVAL = 10.0
"""Seconds between two collections that look at everything."""
RARELY = 10_000
"""Collections of young objects for one of all: about an hour under load."""

_is_due: trio.lowlevel.RunVar[bool] = trio.lowlevel.RunVar("garbage", default=False)


@contextmanager
def collected_rarely() -> Iterator[None]:
    """Let all that there is now count as staying, and look at all others rarely."""
    before = gc.get_threshold()
    gc.set_threshold(*before[:2], RARELY)
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def machine_gone() -> None:
    """Have the memory of a machine that is gone collected, soon; in the event loop."""
    if gc.get_freeze_count() and not _is_due.get():
        _is_due.set(True)
        trio.lowlevel.spawn_system_task(_sweep)


async def _sweep() -> None:
    await trio.sleep(SWEEP_INTERVAL)
    _is_due.set(False)
    gc.collect()
