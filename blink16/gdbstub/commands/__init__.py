"""The packets that debuggers send: one frozen dataclass a packet, and its parser beside it.

A module holds each theme; its table says which packets it knows (`table`).  The unions at the end
say who answers what, so that a type checker sees whether everything is answered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, get_args

from blink16.gdbstub.commands import (
    memory,
    objects,
    points,
    processes,
    registers,
    running,
    talk,
    watching,
)
from blink16.gdbstub.commands.memory import (
    MemoryQuestion,
    QueryChecksum,
    QueryRegion,
    ReadMemory,
    SearchMemory,
    WriteMemory,
)
from blink16.gdbstub.commands.objects import HostFile, ObjectQuestion, OfferSymbols, ReadObject
from blink16.gdbstub.commands.points import PointQuestion
from blink16.gdbstub.commands.processes import ProcessCommand, ThreadQuestion
from blink16.gdbstub.commands.registers import (
    DescribeRegister,
    ReadRegister,
    ReadRegisters,
    RegisterQuestion,
    WriteRegister,
    WriteRegisters,
)
from blink16.gdbstub.commands.running import (
    InterruptCommand,
    QueryActions,
    QueryHalt,
    Run,
    RunEach,
    RunningCommand,
)
from blink16.gdbstub.commands.table import PacketSyntax
from blink16.gdbstub.commands.talk import (
    EnableErrorStrings,
    ListThreads,
    Monitor,
    QueryHost,
    QuerySupported,
    StartNoAckMode,
    TalkCommand,
    TalkQuestion,
)
from blink16.gdbstub.commands.unknown import Unknown
from blink16.gdbstub.commands.watching import AskControl, TellChanges, Watch, WatchCommand

if TYPE_CHECKING:
    from typing_extensions import TypeIs

MachineQuestion = RegisterQuestion | MemoryQuestion | PointQuestion | TalkQuestion | QueryActions
"""Questions about one machine: `answers` answers."""
ProcessQuestion = ThreadQuestion | ObjectQuestion | Unknown
"""Questions about machines as processes: `inferiors` answers."""
Question = MachineQuestion | ProcessQuestion
"""Commands that are answered at once and leave the conversation where it is."""
SessionCommand = TalkCommand | RunningCommand | ProcessCommand | WatchCommand
"""Commands that change the conversation: `session` obeys."""
Command = Question | SessionCommand

_MACHINE_QUESTIONS = frozenset(get_args(MachineQuestion))
_QUESTIONS = frozenset(get_args(Question))


def is_question(command: Command) -> TypeIs[Question]:
    """Whether a command is one of those."""
    return type(command) in _QUESTIONS


def is_machine_question(question: Question) -> TypeIs[MachineQuestion]:
    """Whether a question is one of those."""
    return type(question) in _MACHINE_QUESTIONS


_NAME = re.compile(rb"qRegisterInfo|[qQv](?:blink16\.[a-z]+|[A-Za-z]+)|b[cs]|.", re.DOTALL)
"""Packets of our own begin with our name, as QEMU's and the manual's example do.  Behind
qRegisterInfo a number in hex follows at once.
"""
_SYNTAX: Mapping[bytes, PacketSyntax[Command]] = {
    **running.PACKETS.all,
    **registers.PACKETS.all,
    **memory.PACKETS.all,
    **points.PACKETS.all,
    **processes.PACKETS.all,
    **objects.PACKETS.all,
    **talk.PACKETS.all,
    **watching.PACKETS.all,
}


def parse(body: bytes) -> Command:
    """Return the command in a packet's body (unescaped); MalformedError if its fields are bad."""
    name = _NAME.match(body)
    syntax = _SYNTAX.get(name.group()) if name else None
    if name is None or syntax is None:
        return Unknown()
    return syntax.parse(body[name.end() :])


def packets() -> Mapping[str, PacketSyntax[Command]]:
    """Return all packets that are known, by their names."""
    return {name.decode(): syntax for name, syntax in _SYNTAX.items()}


def features() -> tuple[str, ...]:
    """Return the features of qSupported that follow from the packets known here."""
    return tuple(syntax.feature for syntax in _SYNTAX.values() if syntax.feature)


__all__ = [
    "AskControl",
    "Command",
    "DescribeRegister",
    "EnableErrorStrings",
    "HostFile",
    "InterruptCommand",
    "ListThreads",
    "MachineQuestion",
    "Monitor",
    "OfferSymbols",
    "ProcessQuestion",
    "QueryActions",
    "QueryChecksum",
    "QueryHalt",
    "QueryHost",
    "QueryRegion",
    "QuerySupported",
    "Question",
    "ReadMemory",
    "ReadObject",
    "ReadRegister",
    "ReadRegisters",
    "Run",
    "RunEach",
    "SearchMemory",
    "SessionCommand",
    "StartNoAckMode",
    "TellChanges",
    "Unknown",
    "Watch",
    "WriteMemory",
    "WriteRegister",
    "WriteRegisters",
    "features",
    "is_machine_question",
    "is_question",
    "parse",
]
