"""The packets about processes and threads: each machine is a process, its processor the thread.

One frozen dataclass a packet, and its parser beside it, as in `commands`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from blink16.gdbstub import fields
from blink16.gdbstub.fields import MalformedError, ThreadId

THREAD = 1
"""The one thread of a machine: its processor."""
MAX_ARGUMENTS = 128
"""Arguments in one vRun, the most that a DOS command tail can hold."""


class Purpose(Enum):
    """What an H packet selects a thread for."""

    GENERAL = b"g"  # registers, memory, breakpoints, ...
    RESUME = b"c"  # c, s, bc and bs, which name no thread themselves


@dataclass(frozen=True, slots=True)
class SelectThread:
    """Hg, Hc: the thread that later packets are about."""

    purpose: Purpose
    thread: ThreadId


@dataclass(frozen=True, slots=True)
class QueryAlive:
    """T: is a thread alive?"""

    thread: ThreadId


@dataclass(frozen=True, slots=True)
class QueryCurrentThread:
    """qC."""


@dataclass(frozen=True, slots=True)
class QueryThreads:
    """qfThreadInfo, and qsThreadInfo for more of them."""

    first: bool


@dataclass(frozen=True, slots=True)
class QueryThreadInfo:
    """qThreadExtraInfo: a line about a thread for the user."""

    thread: ThreadId


@dataclass(frozen=True, slots=True)
class QueryAttached:
    """qAttached: was the program there before the debugger?"""

    process: int | None


@dataclass(frozen=True, slots=True)
class QueryProcess:
    """qProcessInfo: LLDB asks what program runs there."""


@dataclass(frozen=True, slots=True)
class ExtendedMode:
    """!: the client stays when it has no program, and may ask for others."""


@dataclass(frozen=True, slots=True)
class Attach:
    """vAttach: debug one more process."""

    process: int


@dataclass(frozen=True, slots=True)
class Launch:
    """vRun: run a program afresh; no name means the one that ran last."""

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RestartProgram:
    """R: run the program afresh.  It has no answer."""


@dataclass(frozen=True, slots=True)
class Detach:
    """D: leave a process alone, or all."""

    process: int | None = None


@dataclass(frozen=True, slots=True)
class Kill:
    """vKill; and k, which kills all and wants no answer."""

    process: int | None
    answered: bool


ThreadQuestion = (
    SelectThread
    | QueryAlive
    | QueryCurrentThread
    | QueryThreads
    | QueryThreadInfo
    | QueryAttached
    | QueryProcess
)
ProcessCommand = ExtendedMode | Attach | Launch | RestartProgram | Detach | Kill


def select_thread(rest: bytes) -> SelectThread:
    """Parse H."""
    try:
        purpose = Purpose(rest[:1])
    except ValueError:
        raise MalformedError("bad operation") from None
    return SelectThread(purpose, fields.thread(rest[1:]))


def attached(rest: bytes) -> QueryAttached:
    """Parse qAttached."""
    return QueryAttached(fields.number(fields.after(rest, b":"), "process") if rest else None)


def attach(rest: bytes) -> Attach:
    """Parse vAttach."""
    return Attach(fields.number(fields.after(rest, b";"), "process"))


def launch(rest: bytes) -> Launch:
    """Parse vRun."""
    words = fields.after(rest, b";").split(b";", MAX_ARGUMENTS + 1)
    if len(words) > MAX_ARGUMENTS + 1:
        raise MalformedError(f"more than {MAX_ARGUMENTS} arguments")
    name, *arguments = (fields.text(fields.data(word, "argument"), "argument") for word in words)
    if any("\0" in word for word in (name, *arguments)):
        raise MalformedError("bad argument")
    return Launch(name, tuple(arguments))


def restart(rest: bytes) -> RestartProgram:
    """Parse R, whose number says nothing."""
    fields.number(rest, "restart")
    return RestartProgram()


def detach(rest: bytes) -> Detach:
    """Parse D."""
    return Detach(fields.number(fields.after(rest, b";"), "process") if rest else None)


def kill(rest: bytes) -> Kill:
    """Parse vKill."""
    return Kill(fields.number(fields.after(rest, b";"), "process"), answered=True)
