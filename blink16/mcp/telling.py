"""Answers: short texts that say where a machine stands."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path, PureWindowsPath

from blink16.client import StopEvent
from blink16.client.program import LineSpan
from blink16.hostfiles import is_file
from blink16.mcp.desk import DeskMachine
from blink16.reports.state import StateReport

MAX_SOURCE = 4 << 20
MAX_OUTPUT = 4000
"""Characters of a program's output in one answer: the last ones."""
MAX_NOTES = 20
"""Lines of the server's own in one answer: the first ones."""
FLAGS = ("CF", "PF", "AF", "ZF", "SF", "TF", "IF", "DF", "OF")


def where(machine: DeskMachine, state: StateReport) -> str:
    """Return place and time of a machine, with its source line and instruction."""
    r = state.registers
    name = f" <{state.at}>" if state.at else ""
    lines = [f"{machine.name} stands at {r.cs:04X}:{r.ip:04X}{name}, instruction {state.icount}"
             f" of {state.start}..{state.end}"]  # fmt: skip
    span = machine.program.line_at(r.pc)
    if span is not None:
        lines.append(f"{PureWindowsPath(span.file).name}:{span.line}: {source_line(machine, span)}")
    (code,) = machine.target.disassemble(count=1)
    lines.append(code.text)
    lines.append(
        f"AX={r.ax:04X} BX={r.bx:04X} CX={r.cx:04X} DX={r.dx:04X} SI={r.si:04X} DI={r.di:04X} "
        f"BP={r.bp:04X} SP={r.sp:04X}"
    )
    flags = " ".join(name for name in FLAGS if r.flag(name))
    segments = f"CS={r.cs:04X} DS={r.ds:04X} ES={r.es:04X} SS={r.ss:04X}"
    lines.append(f"{segments}  flags: {flags or 'none'}")
    if r.pc in machine.notes:
        lines.append(f"note: {machine.notes[r.pc]}")
    return "\n".join(lines)


def stop(machine: DeskMachine, event: StopEvent) -> str:
    """Return why a machine stands, and where; what it has printed meanwhile comes first."""
    machine.last = event
    output = machine.target.read_output().decode("cp437").replace("\r\n", "\n")
    told = f"printed:\n{output[-MAX_OUTPUT:]}\n" if output else ""
    notes = [note for note in machine.target.read_notes() if note != event.text]
    told += "".join(f"{note}\n" for note in notes[:MAX_NOTES])
    told += f"{len(notes) - MAX_NOTES} more notes\n" if len(notes) > MAX_NOTES else ""
    number = next((n for n, point in machine.points.items() if point == event.point), "")
    why = f"{event.kind}{f' {number} ({event.point})' if event.point else ''}"
    if event.text:
        why += f": {event.text}"
    if event.kind == "exiting":
        why += f" with status {event.status}; its past is still there"
    if event.is_over:
        return f"{told}{why}: the program is gone"
    machine.learn()
    return f"{told}{why}\n{where(machine, machine.target.state())}"


def source_line(machine: DeskMachine, span: LineSpan) -> str:
    """Return the text of a source line, if its file is there."""
    text = source_lines(machine, span.file)
    return text[span.line - 1].strip() if 0 < span.line <= len(text) else ""


def source_lines(machine: DeskMachine, file: str) -> list[str]:
    """Return a source file's lines; none if it is not there."""
    name = PureWindowsPath(file).name
    for folder in machine.program.folders_of(file):
        for path in (Path(folder) / file, Path(folder) / name):
            if is_file(path):
                with suppress(OSError), path.open("rb") as opened:
                    return opened.read(MAX_SOURCE).decode("cp437").splitlines()
    return []
