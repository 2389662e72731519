"""What an assistant works on: machines, each with a name that stays, its points and its notes."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from blink16 import client
from blink16.client import AsyncTarget, ClientError, SetPoint, StopEvent, Target
from blink16.client.link import DEFAULT_TIMEOUT
from blink16.client.program import (
    ExpressionError,
    FrameView,
    Place,
    ProgramMap,
    Scene,
    read_program,
)
from blink16.client.program.writing import write_place
from blink16.reports.frames import FrameLine
from blink16.reports.state import RegisterValues
from blink16.words import numerals

T = TypeVar("T")
MAX_MACHINES = 8
MAX_LINE = 999_999
MAX_SECONDS = 120.0
"""Seconds that one call may let a machine run."""
MAX_NOTES = 500


class DeskError(Exception):
    """What an assistant can't have, and why: one sentence."""


FAILURES = (DeskError, ClientError, ExpressionError, ValueError, OSError)


@dataclass
class DeskMachine:
    """A machine, and what was done with it here."""

    name: str
    title: str
    target: Target
    program: ProgramMap
    symbols: int = 0
    """How many are known: lines are read anew when there are more."""
    points: dict[str, SetPoint] = field(default_factory=dict)
    last_point: int = 0
    """The number in the name of the point that was set last."""
    notes: dict[int, str] = field(default_factory=dict)
    """What the assistant has written at linear addresses."""
    last: StopEvent | None = None

    def within(self, act: Callable[[AsyncTarget], Awaitable[T]]) -> T:
        """Do something with the machine's `AsyncTarget`."""
        return self.target.within(act)

    def learn(self) -> None:
        """Read names and lines if more have become known."""
        total = len(self.target.read_symbols())
        if total != self.symbols:
            self.symbols = total
            self.program, _ = self.within(read_program)

    def place(self, where: str) -> int:
        """Return a linear address: of a symbol, a line (``COUNT.C:12``), ``SEG:OFF``, a number."""
        file, colon, line = where.rpartition(":")
        files = self.program.matching(file) if colon and numerals.is_literal(line) else []
        if files:
            number = numerals.digits(line, 10, MAX_LINE)
            _, addresses = self.program.breakable(files[0], number)
            if not addresses:
                raise DeskError(f"no code is known for line {number} of {files[0]}")
            return addresses[0]
        functions = self.program.named(where)
        if functions:
            return self.program.behind_prologue(functions[0].start)
        return self.target.address_of(where)

    async def scene(self, target: AsyncTarget, level: int = 0, *, may_write: bool = False) -> Scene:
        """Return where expressions of a frame are evaluated."""
        lines = await target.frames(level + 1)
        if level >= len(lines):
            raise DeskError(f"there is no frame {level}: there are {len(lines)}, from 0 on")
        view = self.view(lines[level], (await target.state()).registers)

        async def write(place: Place, data: bytes) -> None:
            await write_place(target, place, data)

        return Scene(target, self.program, view, 0, write if may_write else None)

    async def scene_at(self, target: AsyncTarget, address: int) -> Scene:
        """Return a scene of a place, to learn what names mean there; its registers do not count."""
        registers = (await target.state()).registers
        registers = replace(registers, cs=address >> 4, ip=address & 0xF)
        return Scene(target, self.program, FrameView(0, registers, registers.bp, None))

    def view(self, line: FrameLine, registers: RegisterValues) -> FrameView:
        """Return a frame with its variables' places."""
        return FrameView.of(line, registers, self.program)


class Desk:
    """The machines of one assistant."""

    def __init__(self, *, read_only: bool = False) -> None:
        """``read_only``: machines may be run and looked at, not changed."""
        self.read_only = read_only
        self._machines: dict[str, DeskMachine] = {}
        self._last = 0
        self._lock = threading.Lock()

    def add(self, title: str, target: Target) -> DeskMachine:
        """Take a machine; it gets a name that no other has had."""
        with self._lock:
            if len(self._machines) >= MAX_MACHINES:
                target.close()
                raise DeskError(f"there are {MAX_MACHINES} machines already: close one")
            self._last += 1
            machine = DeskMachine(f"m{self._last}", title, target, ProgramMap())
            self._machines[machine.name] = machine
        machine.learn()
        return machine

    def launch(self, program: str, arguments: list[str], options: dict[str, object]) -> DeskMachine:
        """Start a program in a machine of its own."""
        title = " ".join([program, *arguments])
        target = client.launch(program, *arguments, timeout=DEFAULT_TIMEOUT, **options)
        return self.add(title, target)

    def connect(self, address: str) -> DeskMachine:
        """Take a machine of a server that runs already."""
        return self.add(address, client.connect(address))

    def machine(self, name: str = "") -> DeskMachine:
        """Return a machine by its name; without one, the only machine or the last."""
        if not self._machines:
            raise DeskError("there is no machine: load a program first")
        if not name:
            return list(self._machines.values())[-1]
        if name not in self._machines:
            raise DeskError(f"there is no machine {name!r}; there are {', '.join(self._machines)}")
        return self._machines[name]

    def all(self) -> list[DeskMachine]:
        """Return all machines, the oldest first."""
        return list(self._machines.values())

    def close(self, name: str) -> None:
        """Let a machine go."""
        machine = self.machine(name)
        del self._machines[machine.name]
        machine.target.close()

    def close_all(self) -> None:
        """Let all machines go."""
        for machine in self.all():
            self.close(machine.name)
