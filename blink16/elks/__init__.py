"""ELKS: its executables, and the system calls that they make with INT 80h."""

from blink16.elks.errors import ElksError
from blink16.elks.netlink import CHANNEL as NETWORK
from blink16.elks.program import WINDOW, WindowSize, load
from blink16.elks.state import ConsoleKind

__all__ = ["NETWORK", "WINDOW", "ConsoleKind", "ElksError", "WindowSize", "load"]
