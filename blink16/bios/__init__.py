"""The BIOS: INT 05h to 1Ah, the BIOS data area, self-test and booting from disk images."""

from blink16.bios.boot import StandBy, boot, power_on, run_bios, stand_by
from blink16.bios.disk import disk_of
from blink16.bios.geometry import BootError
from blink16.bios.roms import OptionRom

__all__ = [
    "BootError",
    "OptionRom",
    "StandBy",
    "boot",
    "disk_of",
    "power_on",
    "run_bios",
    "stand_by",
]
