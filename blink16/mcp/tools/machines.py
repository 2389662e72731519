"""Machines: loaded, connected to, listed, closed."""

from __future__ import annotations

from blink16.mcp.desk import Desk, DeskError
from blink16.mcp.registry import tool
from blink16.mcp.telling import where

Option = str | int | bool | list[str]
FORBIDDEN = ("stdio", "port", "listen", "console", "help", "version")
"""Options of blink16-server that are ours to set."""
CHANGING = ("writable", "commit", "record", "trace_to", "lpt", "sound")
"""Options by which something on the host is written."""


@tool()
def load(
    desk: Desk,
    program: str,
    arguments: list[str] | None = None,
    options: dict[str, Option] | None = None,
) -> str:
    """Load an 8086 program (a DOS .COM or .EXE, an ELKS executable, a disk image to boot, or the
    name of a sample) into a machine of its own, which stands before its first instruction.

    options: those of blink16-server by their names, like {"symbols": "prog.map", "cpu": "80186",
    "root": "/folder/that/dos/sees", "A": "disk.img"}.
    """
    given = {name.lstrip("-").replace("-", "_"): v for name, v in (options or {}).items()}
    for name in given:
        if name in FORBIDDEN:
            raise DeskError(f"the option {name} is not for load")
        if desk.read_only and name in CHANGING:
            raise DeskError(f"{name}: this server is read-only")
    machine = desk.launch(program, arguments or [], dict(given))
    return where(machine, machine.target.state())


@tool()
def connect(desk: Desk, address: str) -> str:
    """Take a machine of a blink16-server (or QEMU's gdb stub) that runs: HOST:PORT or unix:PATH."""
    machine = desk.connect(address)
    return where(machine, machine.target.state())


@tool()
def machines(desk: Desk) -> str:
    """List the machines by their names (m1, m2…)."""
    return "\n".join(f"{one.name}: {one.title}" for one in desk.all()) or "there are none"


@tool()
def close(desk: Desk, machine: str) -> str:
    """Let a machine go; the program in it ends if `load` has started it."""
    desk.close(machine)
    return f"{machine} is gone"


@tool()
def restart(desk: Desk, machine: str = "") -> str:
    """Load the program afresh, with an empty past; points have to be set again."""
    one = desk.machine(machine)
    state = one.target.restart()
    one.points.clear()
    return where(one, state)
