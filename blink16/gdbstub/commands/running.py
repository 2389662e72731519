"""The packets that let machines run and stop: c s C S bc bs, vCont, vCtrlC, ?."""

from __future__ import annotations

from dataclasses import dataclass

from blink16.debugger import Resume
from blink16.gdbstub.commands import fields
from blink16.gdbstub.commands.fields import MalformedError, ThreadId
from blink16.gdbstub.commands.table import Packets

MAX_ACTIONS = 64
"""Actions in one vCont, more than machines of one thread each can need."""

PACKETS: Packets[RunningCommand | QueryActions] = Packets()


@dataclass(frozen=True, slots=True)
class QueryHalt:
    """?: why did the machine stop?"""


PACKETS.alone(b"?", QueryHalt())


@dataclass(frozen=True, slots=True)
class Run:
    """c s C S bc bs: run on, from another address if one is given."""

    how: Resume
    address: int | None = None


PACKETS.alone(b"bc", Run(Resume(backward=True)), "ReverseContinue+")
PACKETS.alone(b"bs", Run(Resume(backward=True, count=1)), "ReverseStep+")


@PACKETS.packet(b"c")
def _continue(rest: bytes) -> Run:
    return Run(Resume(), _optional_address(rest))


@PACKETS.packet(b"s")
def _step(rest: bytes) -> Run:
    return Run(Resume(count=1), _optional_address(rest))


@PACKETS.packet(b"C")
def _continue_with_signal(rest: bytes) -> Run:
    return Run(Resume(), _behind_signal(rest))


@PACKETS.packet(b"S")
def _step_with_signal(rest: bytes) -> Run:
    return Run(Resume(count=1), _behind_signal(rest))


@PACKETS.packet(b"vblink16.step", "vblink16.step+")
def _run_counted(rest: bytes) -> Run:
    """So many instructions (in hex), backward if negative; stops before if something happens."""
    count = fields.after(rest, b":")
    backward = count.startswith(b"-")
    number = fields.number(count.removeprefix(b"-"), "count")
    return Run(Resume(backward=backward, count=max(1, number)))


@PACKETS.packet(b"vblink16.range", "vblink16.range+")
def _run_range(rest: bytes) -> Run:
    """START,END: steps until pc is outside of these linear addresses; backward behind a -."""
    what = fields.after(rest, b":")
    backward = what.startswith(b"-")
    start, end = fields.split(what.removeprefix(b"-"), b",", 2, "range")
    bounds = fields.number(start, "start"), fields.number(end, "end")
    if bounds[0] >= bounds[1]:
        return Run(Resume(backward=backward, count=1))
    return Run(Resume(backward=backward, step_range=bounds))


def _behind_signal(rest: bytes) -> int | None:
    """Read the address: an 8086 takes no signals from a debugger, so it just runs on."""
    signal, separator, address = rest.partition(b";")
    fields.number(signal, "signal")
    if separator and not address:
        raise MalformedError("bad address")
    return _optional_address(address)


def _optional_address(rest: bytes) -> int | None:
    return fields.number(rest, "address") if rest else None


@dataclass(frozen=True, slots=True)
class RunEach:
    """vCont: run on.  For each thread the leftmost action that fits counts; None fits all."""

    actions: tuple[tuple[Resume, ThreadId | None], ...]


@dataclass(frozen=True, slots=True)
class QueryActions:
    """vCont?: which actions vCont takes."""


@PACKETS.packet(b"vCont", "vContSupported+")
def _run_each(rest: bytes) -> RunEach | QueryActions:
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


@dataclass(frozen=True, slots=True)
class InterruptCommand:
    """vCtrlC: 03h as a packet."""


PACKETS.alone(b"vCtrlC", InterruptCommand())

RunningCommand = QueryHalt | Run | RunEach | InterruptCommand
