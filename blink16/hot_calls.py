"""The calls of BIOS and DOS that native code does by itself where all is usual."""

from __future__ import annotations

from blink16.bios import hot_text as bios_text
from blink16.dos import hot_text as dos_text

CALLS = (dos_text.TEXT, bios_text.SHOWN)
