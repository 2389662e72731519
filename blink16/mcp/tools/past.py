"""The past: questions that leave the machine where it is, and going there."""

from __future__ import annotations

from pathlib import PureWindowsPath

from blink16.mcp.desk import Desk, DeskMachine
from blink16.mcp.registry import tool
from blink16.mcp.telling import source_line, where
from blink16.mcp.tools.moving import memory_of
from blink16.reports.past import Instant, TouchReport
from blink16.words.texts import counted

MAX_TRACE = 200


@tool()
def last_write(desk: Desk, where: str, length: int = 0, machine: str = "") -> str:
    """Who wrote to memory last before now: an expression's place (total, table[3]), or an address
    with a length in bytes.  The machine stays where it is; `seek` goes there.
    """
    one = desk.machine(machine)
    address, size = memory_of(one, where, length)
    return _touch(one, where, one.target.last_write(address, size), "wrote to")


@tool()
def last_read(desk: Desk, where: str, length: int = 0, machine: str = "") -> str:
    """Who read memory last before now."""
    one = desk.machine(machine)
    address, size = memory_of(one, where, length)
    return _touch(one, where, one.target.last_read(address, size), "read")


@tool()
def last_executed(desk: Desk, where: str, machine: str = "") -> str:
    """When the instruction at a place was executed last before now."""
    one = desk.machine(machine)
    return _touch(one, where, one.target.last_exec(one.place(where)), "executed")


def _touch(machine: DeskMachine, what: str, touch: TouchReport, did: str) -> str:
    if touch.icount is None:
        return f"nobody {did} {what} before now, as far as the past reaches"
    change = f": {touch.before.hex(' ')} -> {touch.after.hex(' ')}" if touch.after else ""
    if touch.by is None:
        return f"a debugger {did} {what} at instruction {touch.icount}{change}"
    return f"{_instant(machine, touch.by)} {did} {what}{change}"


def _instant(machine: DeskMachine, instant: Instant) -> str:
    name = f" <{instant.name}>" if instant.name else ""
    text = f"instruction {instant.icount} at {instant.cs:04X}:{instant.ip:04X}{name}"
    span = machine.program.line_at(instant.address)
    if span is not None:
        file = PureWindowsPath(span.file).name
        text += f", {file}:{span.line} ({source_line(machine, span)})"
    return text


@tool()
def hits(desk: Desk, where: str, machine: str = "") -> str:
    """How often the instruction at a place was executed before now, first and last when."""
    one = desk.machine(machine)
    found = one.target.hits(one.place(where))
    if not found.count:
        return "never"
    return (
        f"{counted(found.count, 'time')}, first at instruction {found.first}, last at {found.last}"
    )


@tool()
def trace(desk: Desk, count: int = 20, machine: str = "") -> str:
    """The last instructions before now, and the registers that each changed."""
    one = desk.machine(machine)
    reader = one.target.decoder()
    rows = []
    for entry in one.target.trace(max(1, min(count, MAX_TRACE))):
        at = entry.at
        line = reader.line(at.cs, at.ip, at.code, line_20=at.line_20)
        changed = " ".join(f"{name}={value:04X}" for name, value in entry.changed.items())
        rows.append(f"{at.icount}  {line}   {changed}".rstrip())
    return "\n".join(rows)


@tool()
def profile(desk: Desk, instructions: int = 1_000_000, machine: str = "") -> str:
    """Where the last so many instructions were executed, by symbol."""
    one = desk.machine(machine)
    found = one.target.profile(instructions, 20)
    whole = max(1, found.counted)
    return "\n".join(f"{100 * r.counted / whole:5.1f} %  {r.name}" for r in found.lines)


@tool()
def seek(desk: Desk, instant: str, machine: str = "") -> str:
    """Go to an instant: an instruction count, "start", "end", or a bookmark's name."""
    one = desk.machine(machine)
    return where(one, one.target.seek(instant))


@tool()
def bookmark(desk: Desk, name: str, machine: str = "") -> str:
    """Give this instant a name, to seek it by; bookmarks are listed with it."""
    one = desk.machine(machine)
    one.target.bookmark(name)
    return "\n".join(f"{mark}: instruction {at}" for mark, at in one.target.bookmarks().items())
