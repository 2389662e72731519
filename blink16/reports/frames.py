"""Who called whom."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from blink16.reports.look import Look
from blink16.reports.ranges import Count, Linear, Word
from blink16.reports.registry import ReportError, report

if TYPE_CHECKING:
    from blink16.unwind.frames import Frame
    from blink16.unwind.walk import CodeMemory, ReturnKind

_INT, _INT3, _INTO = 0xCD, 0xCC, 0xCE
"""Opcodes."""
MAX_DEPTH = 1000


@dataclass(frozen=True, slots=True)
class FramesQuery:
    """How many frames are wanted."""

    most: int = 64
    thread: int | None = None
    """Of a process that waits (see the report ``processes``); else of the processor."""


@dataclass(frozen=True, slots=True)
class FrameLine:
    """A function that is being executed, or waits for what it called."""

    level: Count
    """0 for the innermost."""
    address: Linear
    """Linear, of its next instruction."""
    cs: Word
    ip: Word
    ss: Word
    sp: Word
    bp: Word
    name: str
    """``main+3``; empty if its address has no name."""
    returns: str | None
    """How it returns: near, far or interrupt; None for the outermost, and where nobody knows."""
    cfa: Count | None
    """The linear address above its return address (None as above)."""
    si: Word = 0
    di: Word = 0
    ds: Word = 0
    es: Word = 0

    def __str__(self) -> str:
        place = f"{self.cs:04X}:{self.ip:04X}"
        return f"#{self.level}  {place} {self.name}".rstrip()


@dataclass(frozen=True, slots=True)
class FramesReport:
    """The frames, innermost first."""

    icount: Count
    frames: tuple[FrameLine, ...]


@report("frames", computes=True)
def make_frames(look: Look, query: FramesQuery) -> FramesReport:
    """The functions that are being executed, innermost first."""
    from blink16.cpu.registers import Cell
    from blink16.unwind.frames import frames
    from blink16.unwind.walk import CodeMemory, ReturnKind

    most = max(1, min(query.most, MAX_DEPTH))
    code = CodeMemory(look.memory, look.debugger.machine.model)
    found = frames(code, _innermost(look, query.thread))
    lines = []
    how: ReturnKind | None = None
    for level, (frame, caller) in enumerate(islice(found, most)):
        cells = frame.cells
        called = how is not None and (
            how is not ReturnKind.INTERRUPT or _is_behind_int(code, frame)
        )
        lines.append(
            FrameLine(
                level=level,
                address=frame.pc,
                cs=cells[Cell.CS],
                ip=cells[Cell.IP],
                ss=cells[Cell.SS],
                sp=cells[Cell.SP],
                bp=cells[Cell.BP],
                name=look.return_name(frame.pc) if called else look.name(frame.pc),
                returns=caller.kind.name.lower() if caller else None,
                cfa=caller.cfa if caller else None,
                si=cells[Cell.SI],
                di=cells[Cell.DI],
                ds=cells[Cell.DS],
                es=cells[Cell.ES],
            )
        )
        how = caller.kind if caller else None
    return FramesReport(look.registers.icount, tuple(lines))


def _is_behind_int(code: CodeMemory, frame: Frame) -> bool:
    """Whether a frame called a service, rather than being interrupted."""
    from blink16.cpu.registers import Cell

    cs, ip = frame.cells[Cell.CS], frame.cells[Cell.IP]
    return code.byte(cs, ip - 2) == _INT or code.byte(cs, ip - 1) in (_INT3, _INTO)


def _innermost(look: Look, thread: int | None) -> Frame:
    from blink16.cpu.registers import Cell
    from blink16.unwind.frames import Frame

    table = look.debugger.machine.process_table
    if thread is None:
        return Frame.of(look.registers)
    for process in table.processes() if table is not None else ():
        if process.thread == thread:
            if process.registers is None:
                return Frame.of(look.registers)
            names = [cell.name.lower() for cell in Cell if cell <= Cell.IP]
            cells = tuple(process.registers.get(name, 0) for name in names)
            return Frame(cells, process.registers.get("flags", 0))
    raise ReportError(f"there is no process {thread}")
