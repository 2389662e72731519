"""Processes of a guest's system, as a machine tells debuggers of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from blink16.symbols import SymbolTable


@dataclass(frozen=True, slots=True)
class GuestProcess:
    """A process of the guest's system, as debuggers see it."""

    thread: int
    """A number from 1 on that it keeps while it lives; the first program has 1."""
    pid: int
    """What its own system calls it."""
    name: str
    state: str
    """What it does, in a few words."""
    registers: Mapping[str, int] | None = None
    """By name, with ``flags``; None if it has the processor's."""


class ProcessTable(Protocol):
    """The processes of a guest's system: a machine that has some tells of them."""

    def processes(self) -> Sequence[GuestProcess]:
        """Return those that live, by thread."""
        ...

    def current(self) -> int:
        """Return the thread that has the processor, or had it last."""
        ...

    def register_input(self, thread: int, name: str, value: int) -> tuple[str, bytes] | None:
        """Return the channel and the input by which a process that has not the processor gets
        another value in a register; None if there is no such process.
        """
        ...

    def symbols(self) -> Sequence[SymbolTable]:
        """Return the names in the programs that were loaded since the first."""
        ...
