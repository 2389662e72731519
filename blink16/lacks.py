"""What a machine lacks and its guest really uses: told once, never in silence.

Somebody who boots what was written for a later processor or for a card that isn't in the slot
looks at a blank screen otherwise.  What has been told is part of the machine's state, as plain
values: after going back in time it is told to be new again, and a strict machine stops there.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

MAX_TOLD = 1000
"""So much is told of one machine; a guest that runs wild finds more."""
MANY_POLLS = 10_000
"""Reads of a port that nobody owns, at one place, which look like a loop that never ends."""


class Kind(StrEnum):
    """What there isn't."""

    INSTRUCTION = "instruction"  # of a later processor
    PORT = "port"  # that no device owns, at its first use
    POLLED_PORT = "polled port"  # the same, in a loop that waits for it
    DEVICE_FUNCTION = "device function"  # of a chip that is there
    ROM_WRITE = "write to ROM"  # or to addresses where there is no memory at all
    VIDEO_MODE = "video mode"
    BIOS_FUNCTION = "BIOS function"
    SYSTEM_FUNCTION = "system function"  # of DOS or ELKS
    INTERRUPT = "interrupt"  # that nobody handles
    VECTOR_TABLE = "vector table"  # is executed
    EMPTY_MEMORY = "empty memory"  # is executed


class Lack(NamedTuple):
    """One thing that the machine hasn't got, and where the guest used it first."""

    kind: str
    """A `Kind`."""
    place: int
    """What it is told once for: a linear address, a port, a function's number."""
    icount: int
    """Instructions retired before that one."""
    segment: int
    offset: int
    instruction: str
    """The text of the instruction at segment:offset."""
    what: str
    """What isn't there, as a clause without a full stop."""
    remedy: str = ""
    """What would help, if anything does."""

    def __str__(self) -> str:
        """Return one line for the user."""
        remedy = f"; {self.remedy}" if self.remedy else ""
        where = f"{self.segment:04X}:{self.offset:04X}"
        return f"{where} {self.instruction}: {self.what}{remedy} (instruction {self.icount})"


class LacksState(NamedTuple):
    """What has been told, oldest first, and the port that is being polled."""

    told: tuple[Lack, ...] = ()
    polled: tuple[int, int] = (0, 0)
    """A port, and the linear address of the instruction that reads it."""
    polls: int = 0


class Lacks:
    """What a machine has told (`services.Component`)."""

    COMPONENT = "lacks"

    def __init__(self) -> None:
        self._told: tuple[Lack, ...] = ()
        self._polled, self._polls = (0, 0), 0
        self._known: set[tuple[str, int]] = set()

    @property
    def state(self) -> LacksState:
        """The state; what counts polls is kept apart, since they are many."""
        return LacksState(self._told, self._polled, self._polls)

    def save(self) -> LacksState:
        """Return the state."""
        return self.state

    def restore(self, state: LacksState) -> None:
        """Take the state of a `save`."""
        told = tuple(Lack(*lack) for lack in state.told)  # recordings know plain tuples
        port, address = state.polled
        self._told, self._polled, self._polls = told, (port, address), state.polls
        self._known = {(lack.kind, lack.place) for lack in told}

    def is_told(self, kind: Kind, place: int) -> bool:
        """Whether there is nothing new to tell of this."""
        return (kind, place) in self._known or len(self._told) >= MAX_TOLD

    def tell(self, lack: Lack) -> None:
        """Remember that this is told."""
        self._known.add((lack.kind, lack.place))
        self._told = (*self._told, lack)

    def poll(self, port: int, address: int) -> bool:
        """Count a read of a port that nobody owns; whether it is now one of very many."""
        here = port, address
        self._polls = self._polls + 1 if self._polled == here else 1
        self._polled = here
        return self._polls == MANY_POLLS
