"""Catches: stops where a program calls its system, before the call is served.

A catch is a breakpoint at the entry of an interrupt's handler, with a condition on the registers,
so it holds in both directions of time.  It owns its entry in the ledger, and goes with the client.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blink16.breakpoints import Point, PointError, PointKind
from blink16.debugger.ledger import Ledger, LedgerEntry
from blink16.elks.abi import Call
from blink16.machine import Machine
from blink16.services import caller_address
from blink16.symbols import SymbolTable

ELKS_VECTOR = 0x80
MAX_CATCHES = 64
INT_OPCODE = 0xCD
EXEC = "exec"
NO_VECTOR = -1
"""Of a catch that is at no interrupt's handler."""


@dataclass(frozen=True, slots=True)
class RegisterTest:
    """A register and the values of which it must have one."""

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
    tests: tuple[RegisterTest, ...]

    def holds(self, machine: Machine) -> bool:
        """Tell whether the call that the machine is about to serve is meant."""
        return all(test.holds(machine) for test in self.tests)


class Catches:
    """The catches of one debugger, by number."""

    def __init__(self, machine: Machine, ledger: Ledger) -> None:
        self._machine = machine
        self._ledger = ledger

    def all(self) -> list[Catch]:
        """Return them in order."""
        return sorted(self._entries(), key=lambda catch: catch.number)

    def add(
        self,
        title: str,
        vector: int,
        tests: Sequence[RegisterTest] = (),
        number: int | None = None,
    ) -> tuple[Catch, int]:
        """Catch an interrupt at its handler of now; return that, and the handler's address.

        ``number``: by default the next.
        PointError if there are too many, or if there is no handler.
        """
        offset, segment = (self._machine.memory.read_word(vector * 4 + at) for at in (0, 2))
        if not (segment or offset):
            raise PointError(f"nobody serves INT {vector:02X}h yet: its vector is 0000:0000")
        return self._insert(title, vector, tests, self._machine.linear(segment, offset), number)

    def take(self, catch: Catch) -> None:
        """Catch what another machine's debugger did.  PointError as by `add`."""
        if catch.vector == NO_VECTOR:
            self.add_exec(catch.number)
        else:
            self.add(catch.title, catch.vector, catch.tests, catch.number)

    def _insert(
        self,
        title: str,
        vector: int,
        tests: Sequence[RegisterTest],
        address: int,
        number: int | None,
    ) -> tuple[Catch, int]:
        taken = [catch.number for catch in self._entries()]
        if len(taken) >= MAX_CATCHES:
            raise PointError(f"there are {MAX_CATCHES} catches already")
        made = Catch(number or max(taken, default=0) + 1, title, vector, tuple(tests))
        point = Point(PointKind.EXECUTE, address)
        self._ledger.insert(LedgerEntry(point, made, made.holds))
        return made, point.address

    def add_exec(self, number: int | None = None) -> tuple[Catch, int]:
        """Catch programs that were just loaded, before they start; return that, and where.

        PointError if there are too many, or if the machine's system has no processes.
        """
        table = self._machine.process_table
        if table is None or table.exec_address is None:
            raise PointError("the machine has no system that tells what it loads")
        return self._insert(EXEC, NO_VECTOR, (), table.exec_address, number)

    def delete(self, number: int | None = None) -> None:
        """Catch that no more, or (None) nothing any more."""
        for catch, entry in self._entries().items():
            if number in (None, catch.number):
                self._ledger.remove(entry.point, catch)

    def told(self, symbols: SymbolTable) -> str:
        """Return the lines about what is caught where the machine stands; empty if nothing is."""
        return "\n".join(
            f"catch {entry.owner.number}: {_told(self._machine, entry.owner, symbols)}"
            for entry in self._ledger.at(self._machine.pc)
            if isinstance(entry.owner, Catch) and entry.holds(self._machine)
        )

    def _entries(self) -> dict[Catch, LedgerEntry]:
        return {entry.owner: entry for entry in self._ledger if isinstance(entry.owner, Catch)}


def _told(machine: Machine, catch: Catch, symbols: SymbolTable) -> str:
    if catch.vector != NO_VECTOR:
        return f"{_call(machine, catch)}, {_caller(machine, symbols)}"
    table = machine.process_table
    programs = table.programs() if table is not None else ()
    segment, offset = caller_address(machine)
    name, process = (programs[-1].name, programs[-1].process) if programs else ("?", "?")
    return f"{name} is loaded as {process}, it starts at {segment:04X}:{offset:04X}"


def _call(machine: Machine, catch: Catch) -> str:
    r = machine.registers
    if catch.title.startswith("elks"):
        name = Call(r.ax).name.lower() if r.ax in _CALLS else f"system call {r.ax}"
        return f"ELKS {name}, BX={r.bx:04X} CX={r.cx:04X} DX={r.dx:04X}"
    values = f"AX={r.ax:04X} BX={r.bx:04X} CX={r.cx:04X} DX={r.dx:04X} DS={r.ds:04X} ES={r.es:04X}"
    return f"INT {catch.vector:02X}h, {values}"


_CALLS = frozenset(Call)


def _caller(machine: Machine, symbols: SymbolTable) -> str:
    """Say who has called: the INT, or where its handler is to return to."""
    segment, offset = caller_address(machine)
    at = (offset - 2) & 0xFFFF
    called = machine.memory.whole[machine.linear(segment, at)] == INT_OPCODE
    offset, verb = (at, "called at") if called else (offset, "returns to")
    found = symbols.find(machine.linear(segment, offset))
    label = f" <{found[0].name}+{found[1]}>" if found else ""
    return f"{verb} {segment:04X}:{offset:04X}{label}"
