"""Worker threads, by what they do: nobody's wait for a thread is another's run.

trio's own limiter has forty threads for everything, so that forty running machines would keep
every other client waiting.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import TypeVar

import trio

from blink16.turns import Turns

T = TypeVar("T")
COMPUTING = 2
"""So many threads at a time do nothing but compute in Python, where only one can at a time."""
LOADING = 4
"""So many read and write files."""

TURNS = Turns(max(2, os.cpu_count() or 1))
"""So many machines run at a time; the others wait for their turn."""
LOOKS = Turns(1)
"""One thread at a time looks at a machine instruction by instruction."""
_machines = trio.CapacityLimiter(math.inf)
"""One thread a machine, which lets others go on while native code runs."""
_computing = trio.CapacityLimiter(COMPUTING)
_loading = trio.CapacityLimiter(LOADING)


async def run_machine(run: Callable[[], T]) -> T:
    """Move a machine; there is one such thread a machine at most.

    Abandoned only when the whole server ends, which waits for no guest.
    """
    return await trio.to_thread.run_sync(run, abandon_on_cancel=True, limiter=_machines)


async def compute(run: Callable[[], T]) -> T:
    """Compute what has a bound of its own, in its turn."""
    return await trio.to_thread.run_sync(run, limiter=_computing)


async def load(run: Callable[[], T]) -> T:
    """Read or write files, to the end."""
    return await trio.to_thread.run_sync(run, limiter=_loading)
