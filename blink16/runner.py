"""Run a program to its end without a debugger."""

from __future__ import annotations

import queue
import signal
import time
from dataclasses import dataclass

from blink16 import terminal
from blink16.console import Console
from blink16.cpu.engine import Stop, StopReason
from blink16.loader import Loaded
from blink16.machine import Machine

SLICE = 2_000_000
"""Instructions between two looks at signals, which wait while an engine runs native code."""
SIGNAL_STATUS = 128
"""Added to a signal's number, it is the exit status that shells give to its victim."""


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended: exit status, and a sentence where the status alone isn't enough."""

    status: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Stats:
    """How much a run did."""

    instructions: int
    seconds: float
    engine: str

    def __str__(self) -> str:
        mips = self.instructions / self.seconds / 1e6 if self.seconds else 0.0
        return (
            f"instructions={self.instructions} seconds={self.seconds:.3f} "
            f"mips={mips:.3f} engine={self.engine}"
        )


class Runner:
    """One program on the host's console."""

    def __init__(self, loaded: Loaded) -> None:
        self._machine = loaded.machine
        self._machine.on_output = terminal.show
        self._input: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        loaded.console.on_starved = terminal.InputReader(self._deliver).want
        self._seconds = 0.0

    def run(self) -> End:
        """Run until the program ends.  Raises OutputError."""
        began = time.perf_counter()
        try:
            while True:
                stop = self._machine.run(SLICE)
                end = self._end(stop)
                if end is not None:
                    return end
                self._feed(wait=stop.reason is StopReason.WAITING)
        finally:
            self._seconds += time.perf_counter() - began

    def stats(self) -> Stats:
        """Tell how much was done so far."""
        machine = self._machine
        return Stats(machine.icount, self._seconds, machine.engine.name)

    def _deliver(self, data: bytes) -> None:
        """Take input in the reader's thread; it goes in between two instructions."""
        self._input.put(data)
        self._machine.interrupt()

    def _feed(self, *, wait: bool) -> None:
        try:
            data = self._input.get(block=wait)
        except queue.Empty:
            return
        self._machine.receive(Console.CHANNEL, data)

    def _end(self, stop: Stop) -> End | None:
        match stop.reason:
            case StopReason.EXITED:
                return End(stop.status & 0xFF)
            case StopReason.TRAPPED:
                name = _signal_name(stop.status)
                return End(SIGNAL_STATUS + stop.status, f"{stop.text} ({name})")
            case StopReason.HALT:
                return End(0, f"halted with interrupts off {_where(self._machine)}")
            case StopReason.LOCKUP:
                return End(1, f"locked up in endless prefixes {_where(self._machine)}")
            case _:
                return None


def _where(machine: Machine) -> str:
    registers = machine.registers
    return f"at {registers.cs:04X}:{registers.ip:04X} after {machine.icount} instructions"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
