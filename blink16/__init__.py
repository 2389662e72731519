"""blink16: a time-travelling 8086 machine that the debugger you already have can drive.

`launch` and `connect` give a script a machine behind a server, with its past; `Machine` is the
machine itself, in this process, without any debugger; `ask` asks a recorded run.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blink16.client import AsyncTarget, Target, connect, launch
    from blink16.cpu.engine import Stop, StopReason
    from blink16.cpu.registers import Registers
    from blink16.inquiry import ask
    from blink16.machine import Machine
    from blink16.memory import Access, Memory

__all__ = [
    "Access",
    "AsyncTarget",
    "Machine",
    "Memory",
    "Registers",
    "Stop",
    "StopReason",
    "Target",
    "__version__",
    "ask",
    "connect",
    "launch",
]
__version__ = "0.1.0"


_HOMES = {
    **dict.fromkeys(("AsyncTarget", "Target", "connect", "launch"), "blink16.client"),
    **dict.fromkeys(("Stop", "StopReason"), "blink16.cpu.engine"),
    "Registers": "blink16.cpu.registers",
    "ask": "blink16.inquiry",
    "Machine": "blink16.machine",
    **dict.fromkeys(("Access", "Memory"), "blink16.memory"),
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: programs run without trio, and front ends without a machine."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
