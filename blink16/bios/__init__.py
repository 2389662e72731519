"""The BIOS: INT 10h to 1Ah, the BIOS data area, and booting from a disk image."""

from blink16.bios.boot import boot, install
from blink16.bios.disk import BootError

__all__ = ["BootError", "boot", "install"]
