"""blink16: a time-travelling 8086 machine that the debugger you already have can drive."""

from blink16.cpu.engine import Stop, StopReason
from blink16.cpu.registers import Registers
from blink16.machine import Machine
from blink16.memory import Access, Memory

__all__ = ["Access", "Machine", "Memory", "Registers", "Stop", "StopReason", "__version__"]
__version__ = "0.1.0"
