"""blink16: a time-travelling 8086 machine that the debugger you already have can drive.

`launch` and `connect` give a script a machine behind a server, with its past; `Machine` is the
machine itself, in this process, without any debugger; `ask` asks a recorded run.
"""

from typing import TYPE_CHECKING, Any

from blink16.cpu.engine import Stop, StopReason
from blink16.cpu.registers import Registers
from blink16.machine import Machine
from blink16.memory import Access, Memory

if TYPE_CHECKING:
    from blink16.client import AsyncTarget, Target, connect, launch
    from blink16.inquiry import ask

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


def __getattr__(name: str) -> Any:
    """Import the client when it is asked for: trio takes its time, and programs run without."""
    if name in ("AsyncTarget", "Target", "connect", "launch"):
        from blink16 import client

        return getattr(client, name)
    if name == "ask":
        from blink16.inquiry import ask

        return ask
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
