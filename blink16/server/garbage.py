"""Python's garbage collector, so that it keeps nobody waiting.

A full collection looks at every object that there is, and frees what is gone, while no other
thread runs: with two hundred machines that took 60 to 200 ms, every other second.  So what was
there before the first machine is put where it never looks, and it looks at the rest rarely.

A machine that is gone is a circle of objects, with all its history.  It is taken apart in a thread
of its own, which needs no collector, as soon as nobody knows it any more.  What is left of some is
collected among what is new since the last time; what was old by then waits until there is much.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import trio

from blink16.server import threads

INTERVAL = 1.0
"""Seconds after which it is asked whether a machine that is gone is forgotten, and between that."""
QUESTIONS = 10
"""So often; then what knows it may be a circle itself, and it stays whole until a collection."""
WHOLE = 50
"""How much a machine that stays whole counts; what is left of one taken apart, some KiB, is 1."""
FEW_REMAINS = 250
"""After so many a collection frees those of machines that were made since the last one."""
MOST_REMAINS = 5000
"""After so many it frees all."""
RARELY = 10_000
"""Collections of young objects for one of all: about an hour under load."""


class Machine(Protocol):
    """What is known of a machine here."""

    def is_forgotten(self) -> bool:
        """Whether nobody knows it but itself."""

    def take_apart(self) -> None:
        """Free all that it consists of."""


_remains: trio.lowlevel.RunVar[int] = trio.lowlevel.RunVar("remains", default=0)


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


def machine_gone(machine: Machine) -> None:
    """Have the memory of a machine that is gone freed, soon; in the event loop."""
    if gc.get_freeze_count():
        trio.lowlevel.spawn_system_task(_free, machine)


async def _free(machine: Machine) -> None:
    weight = WHOLE
    for _ in range(QUESTIONS):
        await trio.sleep(INTERVAL)
        if machine.is_forgotten():
            await threads.load(machine.take_apart)
            weight = 1
            break
    del machine
    before = _remains.get()
    remains = before + weight
    _remains.set(remains % MOST_REMAINS)
    if remains >= MOST_REMAINS:
        gc.unfreeze()
    if remains // FEW_REMAINS > before // FEW_REMAINS:
        gc.collect()
        gc.freeze()
