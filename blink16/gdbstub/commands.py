"""The packets that debuggers send: one frozen dataclass a packet, and its parser beside it.

A parser gets what follows the packet's name.  Fields are checked here and nowhere else, so that
what reaches a handler is well-formed; `MalformedError` says what is not.  gdb manual, "Packets".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from blink16.debugger import Resume
from blink16.gdbstub import fields, points, processes
from blink16.gdbstub.fields import MalformedError, ThreadId
from blink16.gdbstub.processes import ProcessCommand, ThreadQuestion

MAX_ACTIONS = 64
"""Actions in one vCont, more than machines of one thread each can need."""
_NAME = re.compile(rb"[qQv](?:blink16\.[a-z]+|[A-Za-z]+)|b[cs]|.", re.DOTALL)
"""Packets of our own begin with our name, as QEMU's and the manual's example do."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A packet we don't know; the answer is empty."""


@dataclass(frozen=True, slots=True)
class QuerySupported:
    """qSupported: what the client can do."""

    features: frozenset[str]


@dataclass(frozen=True, slots=True)
class StartNoAckMode:
    """QStartNoAckMode: the connection is reliable, send no more + and -."""


@dataclass(frozen=True, slots=True)
class EnableErrorStrings:
    """QEnableErrorStrings: LLDB would like the text of errors."""


@dataclass(frozen=True, slots=True)
class ListThreads:
    """QListThreadsInStopReply: LLDB would else ask for the list of threads at each stop."""


@dataclass(frozen=True, slots=True)
class QueryHalt:
    """?: why did the machine stop?"""


@dataclass(frozen=True, slots=True)
class ReadRegisters:
    """g: all registers."""


@dataclass(frozen=True, slots=True)
class WriteRegisters:
    """G: all registers, as g shows them."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ReadRegister:
    """p: one register, by its number in target.xml."""

    number: int


@dataclass(frozen=True, slots=True)
class WriteRegister:
    """P: one register; ``data`` little-endian."""

    number: int
    data: bytes


@dataclass(frozen=True, slots=True)
class ReadMemory:
    """m, or x where the answer is to be binary."""

    address: int
    length: int
    binary: bool


@dataclass(frozen=True, slots=True)
class WriteMemory:
    """M or X: memory from a linear address on."""

    address: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Run:
    """c s C S bc bs: run on, from another address if one is given."""

    how: Resume
    address: int | None = None


@dataclass(frozen=True, slots=True)
class RunEach:
    """vCont: run on.  For each thread the leftmost action that fits counts; None fits all."""

    actions: tuple[tuple[Resume, ThreadId | None], ...]


@dataclass(frozen=True, slots=True)
class QueryActions:
    """vCont?: which actions vCont takes."""


@dataclass(frozen=True, slots=True)
class InterruptCommand:
    """vCtrlC: 03h as a packet."""


@dataclass(frozen=True, slots=True)
class ReadObject:
    """qXfer:OBJECT:read:ANNEX:OFFSET,LENGTH."""

    name: str
    annex: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class HostFile:
    """vFile:OPERATION:ARGUMENTS: read a file that lies with us."""

    operation: bytes
    arguments: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class QueryHost:
    """qHostInfo: LLDB asks what computer this is."""


@dataclass(frozen=True, slots=True)
class QueryRegion:
    """qMemoryRegionInfo: LLDB asks what lies at an address."""

    address: int


@dataclass(frozen=True, slots=True)
class SearchMemory:
    """qSearch:memory: find bytes in a stretch of memory."""

    address: int
    length: int
    pattern: bytes


@dataclass(frozen=True, slots=True)
class QueryChecksum:
    """qCRC: the checksum of a stretch of memory."""

    address: int
    length: int


@dataclass(frozen=True, slots=True)
class OfferSymbols:
    """qSymbol: the client could look up symbols for us."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """qRcmd: a command of ours that the user typed behind ``monitor``."""

    line: str


Question = (
    Unknown
    | ReadRegisters
    | WriteRegisters
    | ReadRegister
    | WriteRegister
    | ReadMemory
    | WriteMemory
    | QueryActions
    | points.InsertPoint
    | points.RemovePoint
    | ReadObject
    | HostFile
    | QueryHost
    | QueryRegion
    | SearchMemory
    | QueryChecksum
    | OfferSymbols
    | ThreadQuestion
)
"""Commands that are answered at once and leave the conversation where it is."""
Command = (
    Question
    | QuerySupported
    | StartNoAckMode
    | EnableErrorStrings
    | ListThreads
    | QueryHalt
    | Run
    | RunEach
    | InterruptCommand
    | Monitor
    | ProcessCommand
)


def parse(body: bytes) -> Command:
    """Return the command in a packet's body (unescaped); MalformedError if its fields are bad."""
    name = _NAME.match(body)
    syntax = _SYNTAX.get(name.group()) if name else None
    if name is None or syntax is None:
        return Unknown()
    return syntax.parse(body[name.end() :])


def features() -> tuple[str, ...]:
    """Return the features of qSupported that follow from the packets known here."""
    return tuple(syntax.feature for syntax in _SYNTAX.values() if syntax.feature)


# -- parsers ---------------------------------------------------------------------------------


def _alone(command: Command) -> Callable[[bytes], Command]:
    """Return the parser of a packet without fields."""

    def parse_alone(rest: bytes) -> Command:
        if rest:
            raise MalformedError("unexpected fields")
        return command

    return parse_alone


def _supported(rest: bytes) -> Command:
    names = fields.after(rest, b":").split(b";") if rest else []
    return QuerySupported(frozenset(fields.text(name, "feature") for name in names if name))


def _write_register(rest: bytes) -> Command:
    number, value = fields.split(rest, b"=", 2, "register and value")
    return WriteRegister(fields.number(number, "register"), fields.data(value, "value"))


def _write_memory(rest: bytes, *, binary: bool) -> Command:
    place, content = fields.split(rest, b":", 2, "memory and content")
    address, length = fields.place(place)
    data = content if binary else fields.data(content, "content")
    if len(data) != length:
        raise MalformedError(f"{len(data)} bytes of content, not {length}")
    return WriteMemory(address, data)


def _optional_address(rest: bytes) -> int | None:
    return fields.number(rest, "address") if rest else None


def _run(count: int | None, rest: bytes) -> Command:
    return Run(Resume(count=count), _optional_address(rest))


def _run_counted(rest: bytes) -> Command:
    """So many instructions (in hex), backward if negative; stops before if something happens."""
    count = fields.after(rest, b":")
    backward = count.startswith(b"-")
    number = fields.number(count.removeprefix(b"-"), "count")
    return Run(Resume(backward=backward, count=max(1, number)))


def _run_with_signal(count: int | None, rest: bytes) -> Command:
    """C and S: an 8086 takes no signals from a debugger, so it just runs on."""
    signal, separator, address = rest.partition(b";")
    fields.number(signal, "signal")
    if separator and not address:
        raise MalformedError("bad address")
    return Run(Resume(count=count), _optional_address(address))


def _continue_actions(rest: bytes) -> Command:
    if rest == b"?":
        return QueryActions()
    actions = fields.after(rest, b";").split(b";", MAX_ACTIONS)
    return RunEach(tuple(_thread_action(action) for action in actions))


def _thread_action(action: bytes) -> tuple[Resume, ThreadId | None]:
    what, separator, thread = action.partition(b":")
    return _action(what), fields.thread(thread) if separator else None


def _action(what: bytes) -> Resume:
    name, rest = what[:1], what[1:]
    if name in (b"C", b"S"):
        fields.number(rest, "signal")
    elif name == b"r":
        start, end = fields.split(rest, b",", 2, "range")
        bounds = fields.number(start, "start"), fields.number(end, "end")
        # an empty range still means one step
        return Resume(count=1) if bounds[0] >= bounds[1] else Resume(step_range=bounds)
    elif rest or name not in (b"c", b"s"):
        raise MalformedError("bad action")
    return Resume(count=1 if name in (b"s", b"S") else None)


def _read_object(rest: bytes) -> Command:
    name, operation, rest = fields.split(fields.after(rest, b":"), b":", 3, "transfer")
    if operation != b"read":
        return Unknown()
    annex, separator, place = rest.rpartition(b":")
    if not separator:
        raise MalformedError("bad annex")
    return ReadObject(
        fields.text(name, "object"), fields.text(annex, "annex"), *fields.place(place)
    )


def _search(rest: bytes) -> Command:
    what, where = fields.split(fields.after(rest, b":"), b":", 2, "search")
    if what != b"memory":
        return Unknown()
    address, length, pattern = fields.split(where, b";", 3, "search")
    if not pattern:
        raise MalformedError("nothing to search for")
    return SearchMemory(fields.number(address, "address"), fields.number(length, "length"), pattern)


def _host_file(rest: bytes) -> Command:
    operation, separator, arguments = fields.after(rest, b":").partition(b":")
    return HostFile(operation, tuple(arguments.split(b",")) if separator else ())


def _monitor(rest: bytes) -> Command:
    return Monitor(fields.data(fields.after(rest, b","), "command").decode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class _Syntax:
    """How a packet is parsed, and the features of qSupported that announce it."""

    parse: Callable[[bytes], Command]
    feature: str | None = None


_SYNTAX = {
    b"?": _Syntax(_alone(QueryHalt())),
    b"g": _Syntax(_alone(ReadRegisters())),
    b"G": _Syntax(lambda rest: WriteRegisters(fields.data(rest, "registers"))),
    b"p": _Syntax(lambda rest: ReadRegister(fields.number(rest, "register"))),
    b"P": _Syntax(_write_register),
    b"m": _Syntax(lambda rest: ReadMemory(*fields.place(rest), binary=False)),
    b"x": _Syntax(lambda rest: ReadMemory(*fields.place(rest), binary=True), "binary-upload+"),
    b"M": _Syntax(lambda rest: _write_memory(rest, binary=False)),
    b"X": _Syntax(lambda rest: _write_memory(rest, binary=True)),
    b"c": _Syntax(lambda rest: _run(None, rest)),
    b"s": _Syntax(lambda rest: _run(1, rest)),
    b"C": _Syntax(lambda rest: _run_with_signal(None, rest)),
    b"S": _Syntax(lambda rest: _run_with_signal(1, rest)),
    b"bc": _Syntax(_alone(Run(Resume(backward=True))), "ReverseContinue+"),
    b"bs": _Syntax(_alone(Run(Resume(backward=True, count=1))), "ReverseStep+"),
    b"vCont": _Syntax(_continue_actions, "vContSupported+"),
    b"vblink16.step": _Syntax(_run_counted, "vblink16.step+"),
    b"vCtrlC": _Syntax(_alone(InterruptCommand())),
    b"Z": _Syntax(points.insert, "ConditionalBreakpoints+;BreakpointCommands+"),
    b"z": _Syntax(points.remove),
    b"H": _Syntax(processes.select_thread),
    b"T": _Syntax(lambda rest: processes.QueryAlive(fields.thread(rest))),
    b"!": _Syntax(_alone(processes.ExtendedMode())),
    b"R": _Syntax(processes.restart),
    b"D": _Syntax(processes.detach),
    b"k": _Syntax(_alone(processes.Kill(None, answered=False))),
    b"vAttach": _Syntax(processes.attach),
    b"vRun": _Syntax(processes.launch),
    b"vFile": _Syntax(_host_file),
    b"vKill": _Syntax(processes.kill),
    b"qSupported": _Syntax(_supported),
    b"QStartNoAckMode": _Syntax(_alone(StartNoAckMode()), "QStartNoAckMode+"),
    b"QEnableErrorStrings": _Syntax(_alone(EnableErrorStrings())),
    b"QListThreadsInStopReply": _Syntax(_alone(ListThreads())),
    b"qC": _Syntax(_alone(processes.QueryCurrentThread())),
    b"qfThreadInfo": _Syntax(_alone(processes.QueryThreads(first=True))),
    b"qsThreadInfo": _Syntax(_alone(processes.QueryThreads(first=False))),
    b"qThreadExtraInfo": _Syntax(
        lambda rest: processes.QueryThreadInfo(fields.thread(fields.after(rest, b",")))
    ),
    b"qAttached": _Syntax(processes.attached),
    b"qHostInfo": _Syntax(_alone(QueryHost())),
    b"qProcessInfo": _Syntax(_alone(processes.QueryProcess())),
    b"qMemoryRegionInfo": _Syntax(
        lambda rest: QueryRegion(fields.number(fields.after(rest, b":"), "address"))
    ),
    b"qSearch": _Syntax(_search),
    b"qCRC": _Syntax(lambda rest: QueryChecksum(*fields.place(fields.after(rest, b":")))),
    b"qSymbol": _Syntax(lambda rest: OfferSymbols()),
    b"qXfer": _Syntax(_read_object),
    b"qRcmd": _Syntax(_monitor),
}
