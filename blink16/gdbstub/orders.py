"""What a session asks of the server that carries its bytes, and what it gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from blink16.board import ProgramFacts
from blink16.debugger import Debugger, Resume
from blink16.gdbstub.replies import OK, RefusedError
from blink16.monitor.folder import NO_FOLDER, Folder
from blink16.reports import Circumstances
from blink16.reports.sample import Sample

FIRST = 1
"""The number of the process that stands for a server's first machine."""


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
    """Call ``debugger.drive(how)`` in a worker thread, then `Session.stopped` with its event."""

    how: Resume
    process: int = FIRST


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Call ``debugger.interrupt()`` of each machine that a `Start` or `Work` keeps busy."""


@dataclass(frozen=True, slots=True)
class WorkDone:
    """What a `Work` has come to: words for the user, and the reply or why there is none."""

    said: bytes = b""
    """The words, as packets: a long text is made into them where the work was done."""
    reply: bytes | RefusedError = OK


@dataclass(frozen=True, slots=True)
class Work:
    """Call ``run()`` in a worker thread, then `Session.finished` with what it returns."""

    run: Callable[[], WorkDone]
    process: int = FIRST
    computes: bool = False
    """Whether it does nothing but compute, so that few at a time are best."""
    patiently: bool = False
    """Whether the client listens for words meanwhile, and is to hear now and then that it is still
    done: `Session.still_working`.  gdb says "Ignoring packet error" after two silent seconds."""


@dataclass(frozen=True, slots=True)
class Take:
    """Get the client one more machine: then `Session.took`, or `Session.refused` with a reason."""

    process: int


@dataclass(frozen=True, slots=True)
class TakeNew:
    """Get the client a machine that runs a program afresh: then as after `Take`."""

    name: str
    """A program of the server; empty: that of the process `like`."""
    arguments: tuple[str, ...]
    """Empty: those that the server gives the program."""
    like: int


@dataclass(frozen=True, slots=True)
class Renew:
    """Put a fresh machine, of the files as they are now, in the place of this one, which stands:
    then as after `Take`.
    """

    process: int


@dataclass(frozen=True, slots=True)
class Release:
    """The client holds this machine no more; it stands, without breakpoints of the client's."""

    process: int
    fate: Fate


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection and release all machines; one that runs is to be interrupted."""

    fate: Fate
    reason: str
    """A few words for a log."""


@dataclass(frozen=True, slots=True)
class LetGo:
    """The client holds this machine no more, and goes on watching it: `Session.watch`."""

    process: int


@dataclass(frozen=True, slots=True)
class WantControl:
    """The client, which watches, is to hold the machine once it is free: `Session.hold`."""


Talking = Send | LetGo | WantControl | Close
Moving = Start | Interrupt | Work
Order = Talking | Moving | Take | TakeNew | Renew | Release


@dataclass(frozen=True, slots=True)
class Taken:
    """A machine that the client now holds."""

    process: int
    debugger: Debugger
    program: ProgramFacts
    launched: bool = False
    """Whether it was made for a client that asked for it, and ends with it."""
    circumstances: Callable[[], Circumstances] = Circumstances
    """Returns what the server knows about it beside the machine itself."""
    folder: Folder = NO_FOLDER
    """The server's files that monitor commands may reach."""
    sample: Callable[[], Sample | None] | None = None
    """For who only watches: see `sight.Sight`."""
    first_words: tuple[str, ...] = ()
    """Lines for the user that were said when it was made, before any client came."""


@dataclass(frozen=True, slots=True)
class ListedProcess:
    """One of the server's machines, as ``info os processes`` shows it."""

    number: int
    command: str
    state: str
