"""The 8255A at ports 60h to 63h of an XT: keyboard data, system control, configuration switches.

The chip always works as the BIOS sets it up (mode 99h: A and C are inputs, B is an output).
Source: IBM PC/XT Technical Reference, "8255A I/O bit map".
"""

from __future__ import annotations

from enum import IntEnum

from blink16.bus import Bus
from blink16.devices import cells
from blink16.devices.keyboard import Keyboard
from blink16.devices.nmi import CLEAR_CHANNEL, CLEAR_MEMORY, ERRORS, Nmi
from blink16.devices.pit import SPEAKER, Pit
from blink16.devices.port_b import PortB
from blink16.services import Guest

PORT_A, PORT_C, CONTROL = 0x60, 0x62, 0x63

HIGH_SWITCHES, CLOCK_ENABLED, CLEAR_KEYBOARD = 0x08, 0x40, 0x80
"""Of port B, beside those of every machine."""

# port C
PORT_C_SPEAKER, PORT_C_TIMER_2_OUTPUT = 0x10, 0x20

CONTROL_AFTER_POST = 0x99


class Display(IntEnum):
    """Switches 5 and 6: the screen to start with."""

    NONE = 0
    COLOR_40X25 = 1
    COLOR_80X25 = 2
    MONOCHROME = 3


HAS_COPROCESSOR = 0x02
"""Switch 2: there is an 8087."""


def switches(display: Display, floppies: int = 1, *, coprocessor: bool = False) -> int:
    """Return the eight switches; they are the low byte of the equipment word (INT 11h).

    All four banks of memory are there.  ``floppies``: 1 to 4.
    """
    math = HAS_COPROCESSOR if coprocessor else 0
    return 1 | math | 3 << 2 | display << 4 | (max(1, min(4, floppies)) - 1) << 6


class Ppi(PortB):
    """An 8255A and what its pins lead to (`services.Component`)."""

    kind = cells.PPI_XT

    def __init__(
        self,
        guest: Guest,
        bus: Bus,
        keyboard: Keyboard,
        pit: Pit,
        nmi: Nmi,
        configuration: int,
    ) -> None:
        """Attach the ports.  ``configuration``: see `switches`."""
        super().__init__(guest, bus, pit, nmi, "8255A, speaker and switches")
        self._keyboard = keyboard
        self._switches = self._cells[cells.PPI_SWITCHES] = configuration
        self.port_b = CLOCK_ENABLED
        bus.attach([PORT_A], self._read_a, what="keyboard")
        bus.attach([PORT_C], self._read_c, what="8255A, configuration")
        bus.attach([CONTROL], lambda port: CONTROL_AFTER_POST, what="8255A, control")

    def _read_a(self, port: int) -> int:
        return self._keyboard.read()

    def _write_b(self, port: int, value: int) -> None:
        super()._write_b(port, value)
        self._nmi.clear(memory=bool(value & CLEAR_MEMORY), channel=bool(value & CLEAR_CHANNEL))
        self._keyboard.hold(not value & CLOCK_ENABLED, resets=True)
        self._keyboard.clear(bool(value & CLEAR_KEYBOARD))

    def _read_c(self, port: int) -> int:
        high = bool(self.port_b & HIGH_SWITCHES)
        value = self._switches >> 4 if high else self._switches & 0xF
        value |= self._nmi.state.errors & ERRORS | (PORT_C_SPEAKER if self.speaker else 0)
        return value | (PORT_C_TIMER_2_OUTPUT if self._pit.output(SPEAKER) else 0)
