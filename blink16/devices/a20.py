"""The gate in front of address line 20, and port 92h, which opens and closes it.

With the line closed, what an 80286 reaches above the first mebibyte (FFFF:0010 and on) is the
memory at 0, as on an 8086.  The keyboard controller of an AT works the same gate (`Kbc`).

Source: IBM PS/2 Hardware Interface Technical Reference, system control port A.
"""

from __future__ import annotations

from blink16.bus import Bus
from blink16.cpu.registers import Cell, Registers
from blink16.services import Guest

PORT = 0x92
OPEN_BIT, RESET_BIT = 2, 1


def is_open(registers: Registers) -> bool:
    """Return whether the line is open."""
    return bool(registers.cells[Cell.A20])


def switch(registers: Registers, to: bool) -> None:
    """Open the line, or close it."""
    registers.cells[Cell.A20] = to


class SystemControl:
    """Port 92h; what it switches is kept with the processor's registers.

    Its lowest bit, newly set, resets the processor.  Without a line 20 that is all it does.
    """

    def __init__(self, guest: Guest, bus: Bus) -> None:
        self._guest = guest
        self._registers = guest.registers
        bus.attach([PORT], self._read, self._write, what="system control port A")

    def _read(self, port: int) -> int:
        return OPEN_BIT if is_open(self._registers) else 0

    def _write(self, port: int, value: int) -> None:
        if self._guest.has_a20:
            switch(self._registers, bool(value & OPEN_BIT))
        if value & RESET_BIT:  # which the reset clears
            self._guest.reset_processor()
