"""``monitor catch``: stop where a program calls its system, before the call is served.

A catch is a breakpoint of ours at the entry of an interrupt's handler, with a condition on the
registers, so it holds in both directions of time and costs the client nothing.  The debugger
keeps them among its points, one `Catches` an address: they go when the client goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from blink16 import numerals
from blink16.breakpoints import Point, PointKind
from blink16.debugger import Debugger
from blink16.elks.abi import Call
from blink16.machine import Machine
from blink16.memory import linear
from blink16.monitor.registry import MonitorError, command, no_arguments
from blink16.numerals import NumeralError
from blink16.services import caller_address

ELKS_VECTOR = 0x80
MAX_CATCHES = 64
INT_OPCODE = 0xCD
_WORDS = frozenset(("ax", "bx", "cx", "dx", "si", "di", "bp", "ds", "es"))
_BYTES = frozenset(("ah", "al", "bh", "bl", "ch", "cl", "dh", "dl"))
_HEX = re.compile(r"(?:0[xX])?([0-9a-fA-F]+)[hH]?")
_USAGE = "usage: monitor catch int N [REGISTER=VALUE...] | elks [CALL...] | delete N|all"


@dataclass(frozen=True, slots=True)
class Test:
    """A register and the values of which it must have one."""

    __test__ = False
    register: str
    values: frozenset[int]

    def holds(self, machine: Machine) -> bool:
        """Tell whether it has."""
        return getattr(machine.registers, self.register) in self.values


@dataclass(frozen=True, slots=True)
class Catch:
    """What is to be caught: an interrupt, as far as all tests hold."""

    number: int
    title: str
    """As the user typed it."""
    vector: int
    tests: tuple[Test, ...]

    def holds(self, machine: Machine) -> bool:
        """Tell whether the call that the machine is about to serve is meant."""
        return all(test.holds(machine) for test in self.tests)


@dataclass(frozen=True, slots=True)
class Catches:
    """The catches at one address: the condition of its point."""

    catches: tuple[Catch, ...]

    def __call__(self, machine: Machine) -> bool:
        """Tell whether to stop."""
        return any(catch.holds(machine) for catch in self.catches)


def caught(debugger: Debugger) -> str:
    """Return the lines about what is caught where the machine stands; empty if nothing is."""
    machine = debugger.machine
    here = debugger.condition(Point(PointKind.CATCH, machine.pc))
    if not isinstance(here, Catches):
        return ""
    return "\n".join(
        f"catch {catch.number}: {_call(machine, catch)}, {_caller(debugger)}"
        for catch in here.catches
        if catch.holds(machine)
    )


@command("catch [int N [REGISTER=VALUE...]|elks [CALL...]|delete N|all]")
def catch(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Stop, forward and backward, where the program calls BIOS, DOS or ELKS; or list the catches.

    `catch int 21 ah=3d,3e` stops at the entry of INT 21h's handler if AH is 3Dh or 3Eh: before
    the service is done, with the caller's registers.  All numbers are hexadecimal.
    `catch elks open read` stops at these system calls of ELKS, `catch elks` at all.  The handler
    is the one that the interrupt's vector points at now: catch again if it is moved.
    """
    if not arguments:
        return _list(debugger)
    what, *rest = arguments
    match what:
        case "int":
            vector, tests = _interrupt(rest)
        case "elks":
            vector, tests = ELKS_VECTOR, _elks_calls(rest)
        case "delete":
            return _delete(debugger, rest)
        case _:
            raise MonitorError(_USAGE)
    return _add(debugger, " ".join(arguments), vector, tests)


# -- the catches of a debugger ---------------------------------------------------------------


def _all(debugger: Debugger) -> Iterator[tuple[Point, Catches]]:
    for point in list(debugger.points):
        condition = debugger.condition(point)
        if isinstance(condition, Catches):
            yield point, condition


def _numbered(debugger: Debugger) -> dict[int, Catch]:
    found = (catch for _, here in _all(debugger) for catch in here.catches)
    return {catch.number: catch for catch in found}


def _list(debugger: Debugger) -> str:
    lines = (f"{number:>4}  {catch.title}" for number, catch in sorted(_numbered(debugger).items()))
    return "\n".join(lines) or "no catches"


def _add(debugger: Debugger, title: str, vector: int, tests: tuple[Test, ...]) -> str:
    numbers = _numbered(debugger)
    if len(numbers) >= MAX_CATCHES:
        raise MonitorError(f"there are {MAX_CATCHES} catches already")
    number = max(numbers, default=0) + 1
    address = _entry(debugger.machine, vector)
    point = Point(PointKind.CATCH, address)
    before = debugger.condition(point)
    others = before.catches if isinstance(before, Catches) else ()
    debugger.insert(point, Catches((*others, Catch(number, title, vector, tests))))
    return f"catch {number}: {title}, at {address:#07x}"


def _delete(debugger: Debugger, arguments: Sequence[str]) -> str:
    which = arguments[0] if arguments else ""
    no_arguments(arguments[1:])
    number = None if which == "all" else _known(debugger, which)
    for point, here in _all(debugger):
        kept = tuple(c for c in here.catches if number is not None and c.number != number)
        if kept:
            debugger.insert(point, Catches(kept))
        else:
            debugger.remove(point)
    return ""


def _known(debugger: Debugger, which: str) -> int:
    """Return the number of a catch; MonitorError if there is none."""
    try:
        return numerals.digits(which, 10, max(_numbered(debugger), default=0), least=1)
    except NumeralError:
        raise MonitorError(f"no catch {which[:40]!r}: monitor catch lists them") from None


def _entry(machine: Machine, vector: int) -> int:
    """Return the linear address of an interrupt's handler."""
    offset, segment = (machine.memory.read_word(vector * 4 + at) for at in (0, 2))
    if not (segment or offset):
        raise MonitorError(f"nobody serves INT {vector:02X}h yet: its vector is 0000:0000")
    return linear(segment, offset)


# -- what the user types ---------------------------------------------------------------------


def _interrupt(words: Sequence[str]) -> tuple[int, tuple[Test, ...]]:
    if not words:
        raise MonitorError(_USAGE)
    return _number(words[0], 0xFF), tuple(map(_test, words[1:]))


def _test(word: str) -> Test:
    name, separator, values = word.lower().partition("=")
    if name not in _WORDS | _BYTES or not separator:
        raise MonitorError(f"{word[:40]!r} is not REGISTER=VALUE, like ah=3d")
    most = 0xFF if name in _BYTES else 0xFFFF
    return Test(name, frozenset(_number(value, most) for value in values.split(",")))


def _number(text: str, most: int) -> int:
    found = _HEX.fullmatch(text)
    return numerals.digits(found[1] if found else text, 16, most)


def _elks_calls(words: Sequence[str]) -> tuple[Test, ...]:
    return (Test("ax", frozenset(map(_elks_call, words))),) if words else ()


def _elks_call(word: str) -> int:
    try:
        return Call[word.upper()]
    except KeyError:
        raise MonitorError(f"ELKS has no system call {word[:40]!r}") from None


# -- what the user reads ---------------------------------------------------------------------


def _call(machine: Machine, catch: Catch) -> str:
    r = machine.registers
    if catch.title.startswith("elks"):
        name = Call(r.ax).name.lower() if r.ax in _CALLS else f"system call {r.ax}"
        return f"ELKS {name}, BX={r.bx:04X} CX={r.cx:04X} DX={r.dx:04X}"
    values = f"AX={r.ax:04X} BX={r.bx:04X} CX={r.cx:04X} DX={r.dx:04X} DS={r.ds:04X} ES={r.es:04X}"
    return f"INT {catch.vector:02X}h, {values}"


_CALLS = frozenset(Call)


def _caller(debugger: Debugger) -> str:
    """Say who has called: the INT, or where its handler is to return to."""
    machine = debugger.machine
    segment, offset = caller_address(machine)
    at = (offset - 2) & 0xFFFF
    called = machine.memory.ram[linear(segment, at)] == INT_OPCODE
    offset, verb = (at, "called at") if called else (offset, "returns to")
    found = debugger.symbols.find(linear(segment, offset))
    label = f" <{found[0].name}+{found[1]}>" if found else ""
    return f"{verb} {segment:04X}:{offset:04X}{label}"
