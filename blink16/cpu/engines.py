"""Which engines there are, and how to make one."""

from __future__ import annotations

from blink16.bus import Bus
from blink16.cpu.engine import Engine
from blink16.cpu.reference import ReferenceEngine
from blink16.cpu.registers import Registers
from blink16.memory import Memory

NAMES = ("reference",)
DEFAULT = "reference"


def make(name: str, registers: Registers, memory: Memory, bus: Bus) -> Engine:
    """Return an engine over shared state; ValueError if there is none of that name."""
    if name not in NAMES:
        raise ValueError(f"there is no engine {name!r}; there are: {', '.join(NAMES)}")
    return ReferenceEngine(registers, memory, bus)
