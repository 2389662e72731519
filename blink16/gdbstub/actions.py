"""What a session asks of the server that carries its bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from blink16.debugger import Resume


class Fate(Enum):
    """What becomes of the machine when a session ends."""

    LEAVE = auto()  # it stays as it is, for the next client
    RESTART = auto()  # the client killed it: the next client gets a fresh one


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bytes to the client."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Start:
    """Call ``debugger.resume(how)`` in a worker thread, then `Session.stopped` with its event."""

    how: Resume


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Call ``debugger.interrupt()``: a resume or a work is on its way."""


@dataclass(frozen=True, slots=True)
class Work:
    """Call ``run()`` in a worker thread, then `Session.finished` with the text it returns."""

    run: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection; a machine that still runs is to be interrupted."""

    fate: Fate
    reason: str
    """A few words for a log."""


Action = Send | Start | Interrupt | Work | Close
