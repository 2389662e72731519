"""Where the machine stands: version, instruction count, registers."""

from __future__ import annotations

from collections.abc import Sequence

import blink16
from blink16.cpu.registers import AF, CF, DF, IF, OF, PF, SF, TF, ZF
from blink16.debugger import Debugger
from blink16.monitor.registry import MonitorError, command, no_arguments


@command("version")
def version(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Show the version of the server and the engine that executes the program."""
    no_arguments(arguments)
    return f"blink16 {blink16.__version__}, {debugger.machine.engine.name} engine"


@command("yield")
def yield_(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Let another client hold the machine that has asked to, and only watch it from now on."""
    raise MonitorError("there is nobody here to let the machine go to")


@command("restart")
def restart(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Read the program, its symbols and its debugging information again, and stand at its start.

    Breakpoints and catches stay; those by name move when the debugger next runs, which stops at
    the start first.  gdb's `run` does the same after `target extended-remote`.  The server's option
    --watch does it by itself when the program was built.
    """
    no_arguments(arguments)
    raise MonitorError("there is nobody here who could load the program again")


@command("icount")
def icount(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Show how many instructions have retired since the machine started.

    In gdb, $icount is the same number.
    """
    no_arguments(arguments)
    return str(debugger.machine.icount)


_FLAG_LETTERS = (
    (OF, "O"),
    (DF, "D"),
    (IF, "I"),
    (TF, "T"),
    (SF, "S"),
    (ZF, "Z"),
    (AF, "A"),
    (PF, "P"),
    (CF, "C"),
)


@command("regs")
def regs(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Show the registers as the 8086 has them, and the flags by letters.

    A letter stands for a flag that is set: O D I T S Z A P C; a dash for one that is clear.
    """
    no_arguments(arguments)
    r = debugger.machine.registers
    flags = "".join(letter if r.flags & mask else "-" for mask, letter in _FLAG_LETTERS)
    return (
        f"AX={r.ax:04X} BX={r.bx:04X} CX={r.cx:04X} DX={r.dx:04X} "
        f"SI={r.si:04X} DI={r.di:04X} BP={r.bp:04X} SP={r.sp:04X}\n"
        f"DS={r.ds:04X} ES={r.es:04X} SS={r.ss:04X} CS:IP={r.cs:04X}:{r.ip:04X} "
        f"flags={r.flags:04X} {flags} icount={r.icount}"
    )
