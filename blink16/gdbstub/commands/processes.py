"""The packets about processes and threads: each machine is a process, its processor the thread."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from blink16.gdbstub.commands import fields
from blink16.gdbstub.commands.fields import MalformedError, ThreadId
from blink16.gdbstub.commands.table import Packets

THREAD = 1
"""The one thread of a machine: its processor."""
MAX_ARGUMENTS = 128
"""Arguments in one vRun, the most that a DOS command tail can hold."""

PACKETS: Packets[ThreadQuestion | ProcessCommand] = Packets()


class Purpose(Enum):
    """What an H packet selects a thread for."""

    GENERAL = b"g"  # registers, memory, breakpoints, ...
    RESUME = b"c"  # c, s, bc and bs, which name no thread themselves


@dataclass(frozen=True, slots=True)
class SelectThread:
    """Hg, Hc: the thread that later packets are about."""

    purpose: Purpose
    thread: ThreadId


@PACKETS.packet(b"H")
def _select_thread(rest: bytes) -> SelectThread:
    try:
        purpose = Purpose(rest[:1])
    except ValueError:
        raise MalformedError("bad operation") from None
    return SelectThread(purpose, fields.thread(rest[1:]))


@dataclass(frozen=True, slots=True)
class QueryAlive:
    """T: is a thread alive?"""

    thread: ThreadId


@PACKETS.packet(b"T")
def _alive(rest: bytes) -> QueryAlive:
    return QueryAlive(fields.thread(rest))


@dataclass(frozen=True, slots=True)
class QueryCurrentThread:
    """qC."""


PACKETS.alone(b"qC", QueryCurrentThread())


@dataclass(frozen=True, slots=True)
class QueryThreads:
    """qfThreadInfo, and qsThreadInfo for more of them."""

    first: bool


PACKETS.alone(b"qfThreadInfo", QueryThreads(first=True))
PACKETS.alone(b"qsThreadInfo", QueryThreads(first=False))


@dataclass(frozen=True, slots=True)
class QueryThreadInfo:
    """qThreadExtraInfo: a line about a thread for the user."""

    thread: ThreadId


@PACKETS.packet(b"qThreadExtraInfo")
def _thread_info(rest: bytes) -> QueryThreadInfo:
    return QueryThreadInfo(fields.thread(fields.after(rest, b",")))


@dataclass(frozen=True, slots=True)
class QueryThreadStop:
    """qThreadStopInfo: LLDB asks why a thread has stopped, and for its name."""

    thread: ThreadId


@PACKETS.packet(b"qThreadStopInfo")
def _thread_stop(rest: bytes) -> QueryThreadStop:
    return QueryThreadStop(fields.thread(rest))


@dataclass(frozen=True, slots=True)
class QueryAttached:
    """qAttached: was the program there before the debugger?"""

    process: int | None


@PACKETS.packet(b"qAttached")
def _attached(rest: bytes) -> QueryAttached:
    return QueryAttached(fields.process(fields.after(rest, b":")) if rest else None)


@dataclass(frozen=True, slots=True)
class QueryProcess:
    """qProcessInfo: LLDB asks what program runs there."""


PACKETS.alone(b"qProcessInfo", QueryProcess())


@dataclass(frozen=True, slots=True)
class ExtendedMode:
    """!: the client stays when it has no program, and may ask for others."""


PACKETS.alone(b"!", ExtendedMode())


@dataclass(frozen=True, slots=True)
class Attach:
    """vAttach: debug one more process."""

    process: int
    called: int
    """How the client calls it from now on."""


@PACKETS.packet(b"vAttach")
def _attach(rest: bytes) -> Attach:
    called = fields.number(fields.after(rest, b";"), "process")
    return Attach(fields.process(fields.after(rest, b";")), called)


@dataclass(frozen=True, slots=True)
class Launch:
    """vRun: run a program afresh; no name means the one that ran last."""

    name: str
    arguments: tuple[str, ...]


@PACKETS.packet(b"vRun")
def _launch(rest: bytes) -> Launch:
    words = fields.after(rest, b";").split(b";", MAX_ARGUMENTS + 1)
    if len(words) > MAX_ARGUMENTS + 1:
        raise MalformedError(f"more than {MAX_ARGUMENTS} arguments")
    said = [fields.data(word, "argument") for word in words]
    try:
        name, *arguments = (word.decode("utf-8") for word in said)
    except UnicodeDecodeError:
        raise MalformedError("names and arguments of programs are UTF-8 here") from None
    if any(b"\0" in word for word in said):
        raise MalformedError("bad argument")
    return Launch(name, tuple(arguments))


@dataclass(frozen=True, slots=True)
class RestartProgram:
    """R: run the program afresh.  It has no answer."""


@PACKETS.packet(b"R")
def _restart(rest: bytes) -> RestartProgram:
    fields.number(rest, "restart")
    return RestartProgram()


@dataclass(frozen=True, slots=True)
class Detach:
    """D: leave a process alone, or all."""

    process: int | None = None


@PACKETS.packet(b"D")
def _detach(rest: bytes) -> Detach:
    return Detach(fields.process(fields.after(rest, b";")) if rest else None)


@dataclass(frozen=True, slots=True)
class Kill:
    """vKill; and k, which kills all and wants no answer."""

    process: int | None
    answered: bool


@PACKETS.packet(b"vKill")
def _kill(rest: bytes) -> Kill:
    return Kill(fields.process(fields.after(rest, b";")), answered=True)


PACKETS.alone(b"k", Kill(None, answered=False))


ThreadQuestion = (
    SelectThread
    | QueryAlive
    | QueryCurrentThread
    | QueryThreads
    | QueryThreadInfo
    | QueryThreadStop
    | QueryAttached
    | QueryProcess
)
ProcessCommand = ExtendedMode | Attach | Launch | RestartProgram | Detach | Kill
