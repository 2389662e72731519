"""The processes of the guest's system."""

from __future__ import annotations

from dataclasses import dataclass

from blink16.reports.look import Doing, Look
from blink16.reports.registry import NoQuery, ReportError, report


@dataclass(frozen=True, slots=True)
class ProcessLine:
    """A process that lives."""

    pid: int
    """What its own system calls it."""
    name: str
    state: str
    """What it does, in a few words."""
    is_current: bool
    """Whether it has the processor, or had it last."""


@dataclass(frozen=True, slots=True)
class ProcessesReport:
    """The processes; none if the guest's system has none that are told."""

    processes: tuple[ProcessLine, ...]


@report("processes")
def processes(look: Look, query: NoQuery) -> ProcessesReport:
    """The processes of the guest's system, as ELKS has them."""
    if look.circumstances.doing in (Doing.RUNS, Doing.TRAVELS):
        raise ReportError("the machine runs: processes are told when it stands")
    table = look.debugger.machine.process_table
    if table is None:
        return ProcessesReport(())
    now = table.current()
    return ProcessesReport(
        tuple(ProcessLine(p.pid, p.name, p.state, p.thread == now) for p in table.processes())
    )
