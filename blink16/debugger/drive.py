"""Running on through pauses, in which a guest has nothing to do until its user acts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from blink16.debugger.events import Pause

T = TypeVar("T")


def drive(turn: Callable[[], T | Pause], wait: Callable[[float | None], object]) -> T:
    """Take turns until one has an end, with a wait at each pause between.  Blocks.

    ``turn``: lets a machine run for a while, or until something happens.
    ``wait``: gets the seconds of a pause, as `Inbox.wait` does.
    """
    while True:
        outcome = turn()
        if not isinstance(outcome, Pause):
            return outcome
        if outcome.seconds != 0:
            wait(outcome.seconds)
