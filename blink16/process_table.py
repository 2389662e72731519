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
    """What its own system calls it: ELKS' number, or the segment of DOS' PSP."""
    name: str
    state: str
    """What it does, in a few words."""
    registers: Mapping[str, int] | None = None
    """By name, with ``flags``; None if it has the processor's."""
    title: str = ""
    """What users call it: by its name and its number, as its system writes that."""


@dataclass(frozen=True, slots=True)
class LoadedProgram:
    """A program that a guest's system has put into memory, as debuggers see it."""

    process: str
    """Whose it is, as its system writes numbers."""
    name: str
    """The path of its file, as its system writes it."""
    text: int
    data: int
    image: int
    """The segments of its code, its data and its image's beginning."""


class ProcessTable(Protocol):
    """The processes of a guest's system: a machine that has some tells of them."""

    @property
    def exec_address(self) -> int | None:
        """Where a program that was just loaded is about to start: a linear address; IRET leads
        from there to its first instruction.  None if nobody can tell.
        """
        ...

    @property
    def keeps_steps(self) -> bool:
        """Whether a step from here is one of the current process, whoever runs meanwhile, and
        not of the processor.
        """
        ...

    def processes(self) -> Sequence[GuestProcess]:
        """Return those that live, by thread; of DOS, which lets one wait for the other, the one
        that runs.
        """
        ...

    def current(self) -> int:
        """Return the thread that has the processor, or had it last."""
        ...

    def register_input(self, thread: int, name: str, value: int) -> tuple[str, bytes] | None:
        """Return the channel and the input by which a process that has not the processor gets
        another value in a register; None if there is no such process.
        """
        ...

    def programs(self) -> tuple[LoadedProgram, ...]:
        """Return the programs in memory, the newest last; the same object while they stay."""
        ...

    def symbols(self) -> Sequence[SymbolTable]:
        """Return the names that the system itself finds in programs loaded since the first."""
        ...

    def beside(self, program: LoadedProgram, suffix: str) -> bytes | None:
        """Return the file in the program's folder that has its name with another suffix, or
        (none) the program's own; None if it can't be read.
        """
        ...
