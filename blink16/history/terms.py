"""The words in which a timeline is asked and answers."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Protocol

from construct import ConstructError

from blink16.assembly import Snapshot
from blink16.cpu.engine import Stop
from blink16.history.inputs import Input

STUMBLES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    ConstructError,
    struct.error,
)
"""What a machine raises that was made from values which make no sense."""


class TimelineError(ValueError):
    """An instant that can't be reached or a limit that can't be set, and why."""


class Interrupted(Exception):  # noqa: N818 - no error: the user asked for it
    """A request to stop ended a seek or search.  The machine stands at a whole instant."""


class ReplayError(RuntimeError):
    """A replay went another way than what it repeats: the machine isn't deterministic."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A point was hit in the past, seen from where one comes when going backward."""

    icount: int
    """The instant before the instruction at the breakpoint, or before the one that touched."""
    stop: Stop
    """BREAKPOINT or WATCHPOINT."""


@dataclass(frozen=True, slots=True)
class HistorySize:
    """What the history holds and takes."""

    start: int
    end: int
    checkpoints: int
    used: int
    """Bytes, about."""
    limit: int
    """Bytes."""
    state: int = 0
    """Bytes that the machine's newest state takes beside them, where that is much."""


@dataclass(frozen=True, slots=True)
class KeptState:
    """A checkpoint from outside (`Timeline.adopt`)."""

    icount: int
    snapshot: Snapshot
    inputs: int
    """How many inputs it has seen."""
    base: int
    """The instruction count of an earlier one, from whose RAM `pages` differ."""
    pages: dict[int, bytes]


class Observer(Protocol):
    """Somebody who writes the history down."""

    def happened(self, entry: Input) -> None:
        """Take note of an input, at the end of the history."""

    def dropped(self, icount: int, inputs: int) -> None:
        """Take note that the history now ends here, with so many inputs."""

    def kept(self, icount: int, inputs: int, snapshot: Snapshot) -> None:
        """Take note of a checkpoint at the end of the history, where the machine stands."""

    def reached(self, icount: int) -> None:
        """Take note of the end of a run."""
