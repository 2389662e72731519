"""Carries bytes between debuggers and machines: streams, threads, signals, the host's console.

The protocol lives in `gdbstub`, which does no I/O; here is nothing but I/O.  Machines run in
worker threads, so that the event loop answers at any time.
"""

from blink16.server.consoles import ErrorConsole, HostConsole, StreamConsole
from blink16.server.listening import (
    Endpoint,
    ListenError,
    SocketFile,
    StandardStreams,
    TcpPort,
)
from blink16.server.machines import Machines
from blink16.server.screen import ScreenConsole
from blink16.server.serving import Server, run
from blink16.server.slots import Fittings, Slot
from blink16.server.sources import MachineSource, ProgramSource, RecordedSource, ReplayedSource, Say

__all__ = [
    "Endpoint",
    "ErrorConsole",
    "Fittings",
    "HostConsole",
    "ListenError",
    "MachineSource",
    "Machines",
    "ProgramSource",
    "RecordedSource",
    "ReplayedSource",
    "Say",
    "ScreenConsole",
    "Server",
    "Slot",
    "SocketFile",
    "StandardStreams",
    "StreamConsole",
    "TcpPort",
    "run",
]
