"""What users type behind gdb's ``monitor``: `execute` is the door, a module holds each topic."""

from blink16.monitor import (
    asking,
    catches,
    disks,
    fpu,
    history,
    lacks,
    mice,
    pc,
    state,
    symbols,
)  # register
from blink16.monitor.folder import Folder, FolderError
from blink16.monitor.registry import MonitorError, execute, perform

__all__ = [
    "Folder",
    "FolderError",
    "MonitorError",
    "asking",
    "catches",
    "disks",
    "execute",
    "fpu",
    "history",
    "lacks",
    "mice",
    "pc",
    "perform",
    "state",
    "symbols",
]
