"""DOS: programs (.COM, MZ .EXE) and the system that their INT 20h, 21h, ... reach."""

from blink16.dos.errors import DosError
from blink16.dos.program import Surroundings, load

__all__ = ["DosError", "Surroundings", "load"]
