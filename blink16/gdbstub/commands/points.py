"""The packets about breakpoints and watchpoints: Z and z, with what gdb hangs on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from blink16.breakpoints import Point, PointKind
from blink16.gdbstub.commands import fields
from blink16.gdbstub.commands.fields import MalformedError
from blink16.gdbstub.commands.table import Packets

MAX_EXPRESSIONS = 64
"""Conditions, or commands, of one breakpoint; gdb sends one for each of the user's breakpoints at
an address."""
MAX_LENGTH = 4096
"""Bytes of one expression."""
PACKETS: Packets[PointQuestion] = Packets()
_EXPRESSION = re.compile(rb"X([0-9a-fA-F]{1,4}),")


class GdbKind(IntEnum):
    """The kinds of points, by the numbers in Z and z; each has points of its own."""

    SOFTWARE = 0
    HARDWARE = 1
    WRITE = 2
    READ = 3
    ACCESS = 4

    def point(self, address: int, length: int) -> Point:
        """Return the debugger's point for one of this kind."""
        if self in (GdbKind.SOFTWARE, GdbKind.HARDWARE):
            # its length is that of the instruction gdb would write; it says nothing here
            return Point(PointKind.EXECUTE, address)
        return Point(PointKind[self.name], address, length)


@dataclass(frozen=True, slots=True)
class InsertPoint:
    """Z0 to Z4, with agent expressions."""

    kind: GdbKind
    point: Point
    conditions: tuple[bytes, ...] = ()
    """One of them must hold, if there are any."""
    commands: tuple[bytes, ...] = ()
    """What to do there instead of stopping, if there are any."""


@PACKETS.packet(b"Z", "ConditionalBreakpoints+;BreakpointCommands+")
def _insert(rest: bytes) -> InsertPoint:
    place, *options = rest.split(b";", MAX_EXPRESSIONS + 1)
    conditions: list[bytes] = []
    commands: list[bytes] = []
    for option in options:
        if option.startswith(b"cmds:"):
            commands += _expressions(_behind_persist(option))
        else:
            conditions += _expressions(option)
    if max(len(options), len(conditions), len(commands)) > MAX_EXPRESSIONS:
        raise MalformedError("too many expressions")
    return InsertPoint(*_point(place), tuple(conditions), tuple(commands))


@dataclass(frozen=True, slots=True)
class RemovePoint:
    """z0 to z4."""

    kind: GdbKind
    point: Point


@PACKETS.packet(b"z")
def _remove(rest: bytes) -> RemovePoint:
    return RemovePoint(*_point(rest))


def _behind_persist(option: bytes) -> bytes:
    """Skip whether the commands shall work on without gdb (``set disconnected-dprintf``).

    They don't: without a client a machine stands still, and there is nobody to print to.
    """
    persist, expressions = fields.split(fields.after(option, b"cmds:"), b",", 2, "commands")
    fields.number(persist, "persistence")
    return expressions


def _expressions(option: bytes) -> Iterator[bytes]:
    """Read expressions that follow one another with nothing between, as gdb sends them."""
    at = 0
    while at < len(option) or at == 0:
        found = _EXPRESSION.match(option, at)
        length = fields.number(found[1], "length of an expression") if found else 0
        if found is None or length > MAX_LENGTH:
            raise MalformedError("bad length of an expression")
        at = found.end() + 2 * length
        if at > len(option):
            raise MalformedError("an expression of another length")
        yield fields.data(option[found.end() : at], "expression")


def _point(rest: bytes) -> tuple[GdbKind, Point]:
    digit, place = fields.split(rest, b",", 2, "point")
    number = fields.number(digit, "kind of point")
    if number not in _KINDS:
        raise MalformedError("unknown kind of point")
    kind = GdbKind(number)
    return kind, kind.point(*fields.place(place))


_KINDS = frozenset(GdbKind)
PointQuestion = InsertPoint | RemovePoint
