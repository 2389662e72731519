"""Python's garbage collector, so that it keeps nobody waiting.

A full collection looks at every object that there is, and frees what is gone, while no other
thread runs: with two hundred machines that took 60 to 200 ms, every other second.  So what was
there before the first machine is put where it never looks, and it looks at the rest rarely.

A machine that is gone is a circle of objects, with all its history.  It is taken apart in a thread
of its own, which needs no collector, as soon as nobody knows it any more.  What is left of a few is
collected among what is new since the last time, which takes two or three milliseconds; what was old
by then waits until there is much.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol

import trio

from blink16.server import threads

LOG = logging.getLogger("blink16")
INTERVAL = 1.0
"""Seconds after which it is asked whether a machine that is gone is forgotten, and between that."""
QUESTIONS = 10
"""So often; then what knows it may be a circle itself, and it stays whole until a collection."""
WHOLE = 200
"""How much a machine that stays whole counts; what is left of one taken apart, some KiB, is 1."""
FEW_REMAINS = 25
"""After so many a collection frees those of machines that were made since the last one."""
MOST_REMAINS = 20_000
"""After so many of older ones it frees all."""
RARELY = 10_000
"""Collections of young objects for one of all: about an hour under load."""


class Machine(Protocol):
    """What is known of a machine here."""

    made_at: float
    """When it was made, in seconds of `time.monotonic`."""

    def is_forgotten(self) -> bool:
        """Whether nobody knows it but itself."""

    def take_apart(self) -> None:
        """Free all that it consists of."""


@dataclass(slots=True)
class _Remains:
    """What waits for a collection."""

    since: float = field(default_factory=monotonic)
    """When was the last one, after which all was put where none looks."""
    new: int = 0
    old: int = 0


_remains: _Remains | None = None
"""None where collections are not ours.  Of the process, as the collector is."""


@contextmanager
def collected_rarely() -> Iterator[None]:
    """Let all that there is now count as staying, and look at all others rarely."""
    global _remains
    before = gc.get_threshold()
    gc.set_threshold(*before[:2], RARELY)
    gc.collect()
    gc.freeze()
    _remains = _Remains()
    try:
        yield
    finally:
        _remains = None
        gc.set_threshold(*before)
        gc.unfreeze()


def machine_gone(machine: Machine) -> None:
    """Have the memory of a machine that is gone freed, soon; in the event loop."""
    if _remains is not None:  # `gc.get_freeze_count` counts them all, which takes 20 ms
        trio.lowlevel.spawn_system_task(_free, machine)


async def _is_taken_apart(machine: Machine) -> bool:
    """Take a machine apart; a mistake of ours in that must not end the server."""
    try:
        await threads.load(machine.take_apart)
    except Exception:
        LOG.exception("a machine that is gone can't be freed; please report this")
        return False
    return True


async def _free(machine: Machine) -> None:
    global _remains
    weight, made_at = WHOLE, machine.made_at
    for _ in range(QUESTIONS):
        await trio.sleep(INTERVAL)
        if machine.is_forgotten():
            weight = 1 if await _is_taken_apart(machine) else WHOLE
            break
    del machine
    remains = _remains
    if remains is None:
        return
    if made_at < remains.since:
        remains.old += weight
    else:
        remains.new += weight
    if remains.old >= MOST_REMAINS:
        gc.unfreeze()
    elif remains.new < FEW_REMAINS:
        return
    gc.collect()
    gc.freeze()
    _remains = _Remains(old=remains.old % MOST_REMAINS)
