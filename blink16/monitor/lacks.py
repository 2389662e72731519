"""The monitor command for what the machine lacks."""

from __future__ import annotations

from collections.abc import Sequence

from blink16.debugger import Debugger
from blink16.monitor.registry import command, no_arguments


@command("lacks")
def lacks(debugger: Debugger, arguments: Sequence[str]) -> str:
    """List what the program has used, up to this instant, that the machine hasn't got.

    Instructions of later processors, ports without a device, unknown functions and modes, writes
    to ROM, code in the vector table or in empty memory: each is told once when it happens, and
    makes a machine stop that was started with --strict.
    """
    no_arguments(arguments)
    witness = debugger.machine.witness
    told = () if witness is None else witness.state.told
    return "\n".join(map(str, told)) or "the program has used nothing that the machine lacks"
