"""The packets about the conversation itself: what both sides can do, and ``monitor``."""

from __future__ import annotations

from dataclasses import dataclass

from blink16.gdbstub.commands import fields
from blink16.gdbstub.commands.table import Packets

PACKETS: Packets[TalkCommand | TalkQuestion] = Packets()


@dataclass(frozen=True, slots=True)
class QuerySupported:
    """qSupported: what the client can do."""

    features: frozenset[str]


@PACKETS.packet(b"qSupported")
def _supported(rest: bytes) -> QuerySupported:
    names = fields.after(rest, b":").split(b";") if rest else []
    return QuerySupported(frozenset(fields.text(name, "feature") for name in names if name))


@dataclass(frozen=True, slots=True)
class StartNoAckMode:
    """QStartNoAckMode: the connection is reliable, send no more + and -."""


PACKETS.alone(b"QStartNoAckMode", StartNoAckMode(), "QStartNoAckMode+")


@dataclass(frozen=True, slots=True)
class EnableErrorStrings:
    """QEnableErrorStrings: LLDB would like the text of errors."""


PACKETS.alone(b"QEnableErrorStrings", EnableErrorStrings())


@dataclass(frozen=True, slots=True)
class ListThreads:
    """QListThreadsInStopReply: LLDB would else ask for the list of threads at each stop."""


PACKETS.alone(b"QListThreadsInStopReply", ListThreads())


@dataclass(frozen=True, slots=True)
class Monitor:
    """qRcmd: a command of ours that the user typed behind ``monitor``."""

    line: str


@PACKETS.packet(b"qRcmd")
def _monitor(rest: bytes) -> Monitor:
    return Monitor(fields.data(fields.after(rest, b","), "command").decode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class QueryHost:
    """qHostInfo: LLDB asks what computer this is."""


PACKETS.alone(b"qHostInfo", QueryHost())


TalkCommand = QuerySupported | StartNoAckMode | EnableErrorStrings | ListThreads | Monitor
TalkQuestion = QueryHost
