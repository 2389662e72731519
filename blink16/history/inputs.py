"""The log of what came from outside, by instruction count.

A state *at* an instruction count is the one after the inputs logged there.  Several inputs at
one instruction count keep their order.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from blink16.machine import Machine

ENTRY_SIZE = 120
"""Bytes that an entry takes beside its data, about."""


@dataclass(frozen=True, slots=True)
class Received:
    """Input for a component: keys, serial bytes, console input; none at all is its end."""

    icount: int
    channel: str
    data: bytes

    def apply(self, machine: Machine) -> None:
        """Let it happen."""
        machine.receive(self.channel, self.data)


@dataclass(frozen=True, slots=True)
class MemoryWritten:
    """The debugger stored bytes from a linear address on."""

    icount: int
    address: int
    data: bytes

    def apply(self, machine: Machine) -> None:
        """Let it happen."""
        machine.memory.store(self.address, self.data)


@dataclass(frozen=True, slots=True)
class RegisterWritten:
    """The debugger set a register of `Registers`."""

    icount: int
    name: str
    value: int

    def apply(self, machine: Machine) -> None:
        """Let it happen."""
        setattr(machine.registers, self.name, self.value)


Input = Received | MemoryWritten | RegisterWritten


class InputLog:
    """The inputs in order.  They are numbered from 0, also when the oldest are forgotten."""

    def __init__(self) -> None:
        self._inputs: list[Input] = []
        self._forgotten = 0
        self.size = 0
        """Bytes in use, about."""

    def __len__(self) -> int:
        """How many have ever been logged (less those of a dropped future)."""
        return self._forgotten + len(self._inputs)

    def __getitem__(self, number: int) -> Input:
        return self._inputs[number - self._forgotten]

    def copy(self) -> InputLog:
        """Return a log with the same inputs."""
        other = InputLog()
        other._inputs, other._forgotten, other.size = list(self._inputs), self._forgotten, self.size
        return other

    def append(self, entry: Input) -> None:
        """Log an input that comes after all others."""
        self._inputs.append(entry)
        self.size += _size(entry)

    def truncate(self, count: int) -> None:
        """Drop all but the first ``count``."""
        self.size -= sum(map(_size, self._inputs[count - self._forgotten :]))
        del self._inputs[count - self._forgotten :]

    def forget_before(self, count: int) -> None:
        """Forget the first ``count``."""
        self.size -= sum(map(_size, self._inputs[: count - self._forgotten]))
        del self._inputs[: count - self._forgotten]
        self._forgotten = count

    def since(self, icount: int) -> list[Input]:
        """Return those that are remembered from an instruction count on."""
        return self._inputs[bisect_left(self._inputs, icount, key=lambda i: i.icount) :]


def _size(entry: Input) -> int:
    return ENTRY_SIZE + (0 if isinstance(entry, RegisterWritten) else len(entry.data))
