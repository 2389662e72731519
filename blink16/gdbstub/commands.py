"""The packets that debuggers send: one frozen dataclass a packet, and its parser beside it.

A parser gets what follows the packet's name.  Fields are checked here and nowhere else, so that
what reaches a handler is well-formed; `MalformedError` says what is not.  gdb manual, "Packets".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from blink16.breakpoints import Point, PointKind
from blink16.debugger import Resume

THREAD = 1
"""The one thread of a machine: its processor."""
MAX_ACTIONS = 64
"""Actions in one vCont, far more than a machine of one thread can need."""
_HEX = re.compile(rb"[0-9a-fA-F]{1,16}")
_HEX_BYTES = re.compile(rb"(?:[0-9a-fA-F]{2})*")
_THREAD = re.compile(rb"-1|[0-9a-fA-F]{1,16}")
_NAME = re.compile(rb"[qQv][A-Za-z]+|b[cs]|.", re.DOTALL)
ALL_THREADS = -1
ANY_THREAD = 0


class MalformedError(ValueError):
    """A packet whose fields are not what its name calls for."""


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
    """c s C S vCont bc bs: run on, from another address if one is given."""

    how: Resume
    address: int | None = None


@dataclass(frozen=True, slots=True)
class QueryActions:
    """vCont?: which actions vCont takes."""


@dataclass(frozen=True, slots=True)
class InterruptCommand:
    """vCtrlC: 03h as a packet."""


@dataclass(frozen=True, slots=True)
class InsertPoint:
    """Z0 to Z4."""

    point: Point


@dataclass(frozen=True, slots=True)
class RemovePoint:
    """z0 to z4."""

    point: Point


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
class SelectThread:
    """Hg, Hc: the thread that later packets are about; -1 all, 0 any."""

    thread: int


@dataclass(frozen=True, slots=True)
class QueryAlive:
    """T: is a thread alive?"""

    thread: int


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

    thread: int


@dataclass(frozen=True, slots=True)
class QueryAttached:
    """qAttached: was the program there before the debugger?"""


@dataclass(frozen=True, slots=True)
class OfferSymbols:
    """qSymbol: the client could look up symbols for us."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """qRcmd: a command of ours that the user typed behind ``monitor``."""

    line: str


@dataclass(frozen=True, slots=True)
class Detach:
    """D: leave the machine alone."""


@dataclass(frozen=True, slots=True)
class Kill:
    """k, and vKill, which wants an answer."""

    answered: bool


Question = (
    Unknown
    | ReadRegisters
    | WriteRegisters
    | ReadRegister
    | WriteRegister
    | ReadMemory
    | WriteMemory
    | QueryActions
    | InsertPoint
    | RemovePoint
    | ReadObject
    | HostFile
    | SelectThread
    | QueryAlive
    | QueryCurrentThread
    | QueryThreads
    | QueryThreadInfo
    | QueryAttached
    | OfferSymbols
)
"""Commands that are answered at once and leave the conversation where it is."""
Command = (
    Question
    | QuerySupported
    | StartNoAckMode
    | QueryHalt
    | Run
    | InterruptCommand
    | Monitor
    | Detach
    | Kill
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


# -- fields ----------------------------------------------------------------------------------


def _number(field: bytes, what: str) -> int:
    if not _HEX.fullmatch(field):
        raise MalformedError(f"bad {what}")
    return int(field, 16)


def _bytes(field: bytes, what: str) -> bytes:
    if not _HEX_BYTES.fullmatch(field):
        raise MalformedError(f"bad {what}")
    return bytes.fromhex(field.decode("ascii"))


def _text(field: bytes, what: str) -> str:
    try:
        return field.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedError(f"bad {what}") from None


def _thread(field: bytes) -> int:
    if not _THREAD.fullmatch(field):
        raise MalformedError("bad thread")
    return int(field, 16)


def _split(field: bytes, separator: bytes, count: int, what: str) -> list[bytes]:
    parts = field.split(separator, count - 1)
    if len(parts) != count:
        raise MalformedError(f"bad {what}")
    return parts


def _place(field: bytes) -> tuple[int, int]:
    """Read ``ADDRESS,LENGTH``."""
    address, length = _split(field, b",", 2, "address and length")
    return _number(address, "address"), _number(length, "length")


def _after(field: bytes, separator: bytes) -> bytes:
    if not field.startswith(separator):
        raise MalformedError(f"expected {separator.decode('ascii')!r}")
    return field[len(separator) :]


# -- parsers ---------------------------------------------------------------------------------


def _alone(command: Command) -> Callable[[bytes], Command]:
    """Return the parser of a packet without fields."""

    def parse_alone(rest: bytes) -> Command:
        if rest:
            raise MalformedError("unexpected fields")
        return command

    return parse_alone


def _supported(rest: bytes) -> Command:
    names = _after(rest, b":").split(b";") if rest else []
    return QuerySupported(frozenset(_text(name, "feature") for name in names if name))


def _write_register(rest: bytes) -> Command:
    number, value = _split(rest, b"=", 2, "register and value")
    return WriteRegister(_number(number, "register"), _bytes(value, "value"))


def _write_memory(rest: bytes, *, binary: bool) -> Command:
    place, content = _split(rest, b":", 2, "memory and content")
    address, length = _place(place)
    data = content if binary else _bytes(content, "content")
    if len(data) != length:
        raise MalformedError(f"{len(data)} bytes of content, not {length}")
    return WriteMemory(address, data)


def _optional_address(rest: bytes) -> int | None:
    return _number(rest, "address") if rest else None


def _run(count: int | None, rest: bytes) -> Command:
    return Run(Resume(count=count), _optional_address(rest))


def _run_with_signal(count: int | None, rest: bytes) -> Command:
    """C and S: an 8086 takes no signals from a debugger, so it just runs on."""
    signal, separator, address = rest.partition(b";")
    _number(signal, "signal")
    if separator and not address:
        raise MalformedError("bad address")
    return Run(Resume(count=count), _optional_address(address))


def _continue_actions(rest: bytes) -> Command:
    if rest == b"?":
        return QueryActions()
    actions = _after(rest, b";").split(b";", MAX_ACTIONS)
    chosen: Resume | None = None
    for action in actions:
        what, separator, thread = action.partition(b":")
        how = _action(what)
        concerned = not separator or _thread(thread) in (THREAD, ALL_THREADS, ANY_THREAD)
        if concerned and chosen is None:  # the leftmost action that fits a thread counts
            chosen = how
    if chosen is None:
        raise MalformedError("no action for the thread")
    return Run(chosen)


def _action(what: bytes) -> Resume:
    name, rest = what[:1], what[1:]
    if name in (b"C", b"S"):
        _number(rest, "signal")
    elif name == b"r":
        start, end = _split(rest, b",", 2, "range")
        bounds = _number(start, "start"), _number(end, "end")
        # an empty range still means one step
        return Resume(count=1) if bounds[0] >= bounds[1] else Resume(step_range=bounds)
    elif rest or name not in (b"c", b"s"):
        raise MalformedError("bad action")
    return Resume(count=1 if name in (b"s", b"S") else None)


def _point(rest: bytes) -> Point:
    digit, place = _split(rest, b",", 2, "point")
    number = _number(digit, "kind of point")
    if number not in _POINT_KINDS:
        raise MalformedError("unknown kind of point")
    address, length = _place(place)
    kind = PointKind(number)
    # a breakpoint's length is that of the instruction gdb would write; it says nothing here
    return Point(kind, address, length) if kind in _WATCHPOINTS else Point(kind, address)


_POINT_KINDS = {kind.value for kind in PointKind}
_WATCHPOINTS = {PointKind.WRITE, PointKind.READ, PointKind.ACCESS}


def _read_object(rest: bytes) -> Command:
    name, operation, fields = _split(_after(rest, b":"), b":", 3, "transfer")
    if operation != b"read":
        return Unknown()
    annex, separator, place = fields.rpartition(b":")
    if not separator:
        raise MalformedError("bad annex")
    return ReadObject(_text(name, "object"), _text(annex, "annex"), *_place(place))


def _host_file(rest: bytes) -> Command:
    operation, separator, arguments = _after(rest, b":").partition(b":")
    return HostFile(operation, tuple(arguments.split(b",")) if separator else ())


def _select_thread(rest: bytes) -> Command:
    if rest[:1] not in (b"g", b"c"):
        raise MalformedError("bad operation")
    return SelectThread(_thread(rest[1:]))


def _attached(rest: bytes) -> Command:
    if rest:
        _number(_after(rest, b":"), "process")
    return QueryAttached()


def _monitor(rest: bytes) -> Command:
    return Monitor(_bytes(_after(rest, b","), "command").decode("utf-8", "replace"))


def _detach(rest: bytes) -> Command:
    if rest:
        _number(_after(rest, b";"), "process")
    return Detach()


def _kill(rest: bytes) -> Command:
    """VKill names a process; there is but one, and gdb makes its number up."""
    _number(_after(rest, b";"), "process")
    return Kill(answered=True)


@dataclass(frozen=True, slots=True)
class _Syntax:
    """How a packet is parsed, and the feature of qSupported that announces it."""

    parse: Callable[[bytes], Command]
    feature: str | None = None


_SYNTAX = {
    b"?": _Syntax(_alone(QueryHalt())),
    b"g": _Syntax(_alone(ReadRegisters())),
    b"G": _Syntax(lambda rest: WriteRegisters(_bytes(rest, "registers"))),
    b"p": _Syntax(lambda rest: ReadRegister(_number(rest, "register"))),
    b"P": _Syntax(_write_register),
    b"m": _Syntax(lambda rest: ReadMemory(*_place(rest), binary=False)),
    b"x": _Syntax(lambda rest: ReadMemory(*_place(rest), binary=True), "binary-upload+"),
    b"M": _Syntax(lambda rest: _write_memory(rest, binary=False)),
    b"X": _Syntax(lambda rest: _write_memory(rest, binary=True)),
    b"c": _Syntax(lambda rest: _run(None, rest)),
    b"s": _Syntax(lambda rest: _run(1, rest)),
    b"C": _Syntax(lambda rest: _run_with_signal(None, rest)),
    b"S": _Syntax(lambda rest: _run_with_signal(1, rest)),
    b"bc": _Syntax(_alone(Run(Resume(backward=True))), "ReverseContinue+"),
    b"bs": _Syntax(_alone(Run(Resume(backward=True, count=1))), "ReverseStep+"),
    b"vCont": _Syntax(_continue_actions, "vContSupported+"),
    b"vCtrlC": _Syntax(_alone(InterruptCommand())),
    b"Z": _Syntax(lambda rest: InsertPoint(_point(rest))),
    b"z": _Syntax(lambda rest: RemovePoint(_point(rest))),
    b"H": _Syntax(_select_thread),
    b"T": _Syntax(lambda rest: QueryAlive(_thread(rest))),
    b"D": _Syntax(_detach),
    b"k": _Syntax(_alone(Kill(answered=False))),
    b"vFile": _Syntax(_host_file),
    b"vKill": _Syntax(_kill),
    b"qSupported": _Syntax(_supported),
    b"QStartNoAckMode": _Syntax(_alone(StartNoAckMode()), "QStartNoAckMode+"),
    b"qC": _Syntax(_alone(QueryCurrentThread())),
    b"qfThreadInfo": _Syntax(_alone(QueryThreads(first=True))),
    b"qsThreadInfo": _Syntax(_alone(QueryThreads(first=False))),
    b"qThreadExtraInfo": _Syntax(lambda rest: QueryThreadInfo(_thread(_after(rest, b",")))),
    b"qAttached": _Syntax(_attached),
    b"qSymbol": _Syntax(lambda rest: OfferSymbols()),
    b"qXfer": _Syntax(_read_object),
    b"qRcmd": _Syntax(_monitor),
}
