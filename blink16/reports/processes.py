"""The processes of a guest's system, which debuggers show as threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from blink16.reports.look import Look
from blink16.reports.registry import NoQuery, report
from blink16.reports.state import REGISTER_NAMES, RegisterValues


@dataclass(frozen=True, slots=True)
class ProcessLine:
    """A process that lives."""

    thread: int
    """A number from 1 on that it keeps."""
    pid: int
    """What its own system calls it."""
    name: str
    state: str
    """What it does, in a few words."""
    registers: RegisterValues | None
    """Where it will go on; None if it has the processor."""


@dataclass(frozen=True, slots=True)
class ProcessesReport:
    """The processes, by thread; none if the guest's system has none."""

    current: int
    """The thread that has the processor, or had it last; 0 if there are none."""
    processes: tuple[ProcessLine, ...]


@report("processes")
def processes(look: Look, query: NoQuery) -> ProcessesReport:
    """The processes of the guest's system."""
    table = look.debugger.machine.process_table
    if table is None:
        return ProcessesReport(0, ())
    return ProcessesReport(
        table.current(),
        tuple(
            ProcessLine(
                one.thread,
                one.pid,
                one.name,
                one.state,
                _values(one.registers),
            )
            for one in table.processes()
        ),
    )


def _values(registers: Mapping[str, int] | None) -> RegisterValues | None:
    if registers is None:
        return None
    return RegisterValues(*(registers.get(name, 0) for name in REGISTER_NAMES))
