"""What a client may do with a machine that another client holds: look, while it stands."""

from __future__ import annotations

from typing import get_args

from blink16.gdbstub import commands
from blink16.gdbstub.commands import processes, watching
from blink16.gdbstub.replies import RefusedError
from blink16.gdbstub.reporting import Reporter

HARMLESS = (
    commands.Unknown,
    commands.QuerySupported,
    commands.StartNoAckMode,
    commands.EnableErrorStrings,
    commands.ListThreads,
    commands.QueryActions,
    commands.QueryHost,
    commands.QueryRegion,
    commands.OfferSymbols,
    commands.InterruptCommand,
    processes.ExtendedMode,
    processes.Detach,
    *get_args(watching.WatchCommand),
    *get_args(processes.ThreadQuestion),
)
"""What may always be asked."""
LOOKING = (
    commands.QueryHalt,
    commands.ReadRegisters,
    commands.ReadRegister,
    commands.ReadMemory,
    commands.ReadObject,
    commands.HostFile,
    commands.SearchMemory,
    commands.QueryChecksum,
)
"""What may be asked while the machine stands."""


def check(command: commands.Command, *, runs: bool) -> None:
    """Refuse what would change something, and what would not hold still: RefusedError."""
    if isinstance(command, HARMLESS):
        return
    if isinstance(command, commands.ReadObject) and Reporter.searches(command):
        raise RefusedError("you only watch: who holds the machine can search its past")
    if not isinstance(command, LOOKING):
        raise RefusedError("you only watch: another debugger holds this machine")
    if runs:
        raise RefusedError("the machine runs: look again when it stands")
