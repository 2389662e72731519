"""The monitor command for the 8087's registers, for clients that have no ``info float``."""

from __future__ import annotations

from collections.abc import Sequence

from blink16.debugger import Debugger
from blink16.monitor.registry import MonitorError, command, no_arguments
from blink16.reports.fpu import report_of

_EXCEPTIONS = "IDZOUP"
"""By their bits: invalid, denormal, zero divide, overflow, underflow, precision."""


@command("fpu")
def fpu(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Show the registers of the 8087, its stack's top first, and its words.

    Exceptions are letters: I (invalid), D (denormal), Z (zero divide), O (overflow), U (underflow),
    P (precision); behind `control`, those that are masked.
    """
    no_arguments(arguments)
    x87 = debugger.machine.registers.x87
    if x87 is None:
        raise MonitorError("there is no 8087; --fpu has one")
    found = report_of(x87)
    lines = [f"ST({one.number})={one.digits} {one.value}" for one in found.stack]
    return "\n".join(
        (
            *(lines or ["all registers are empty"]),
            f"control={found.control:04X} {_letters(found.control)} "
            f"status={found.status:04X} {_letters(found.status)} tags={found.tags:04X}",
            f"instruction={found.instruction:05X} operand={found.operand:05X} "
            f"opcode={found.opcode:03X}",
        )
    )


def _letters(word: int) -> str:
    return "".join(name if word >> bit & 1 else "-" for bit, name in enumerate(_EXCEPTIONS))
