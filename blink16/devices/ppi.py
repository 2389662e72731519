"""The 8255A at ports 60h to 63h: keyboard data, system control, configuration switches.

The chip always works as the BIOS sets it up (mode 99h: A and C are inputs, B is an output).
Source: IBM PC/XT Technical Reference, "8255A I/O bit map".
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from enum import IntEnum

from blink16.bus import Bus
from blink16.devices import cells
from blink16.devices.keyboard import Keyboard
from blink16.devices.nmi import Nmi
from blink16.devices.oscillator import Oscillator
from blink16.devices.pit import SPEAKER, Pit
from blink16.services import Guest

PORT_A, PORT_B, PORT_C, CONTROL = 0x60, 0x61, 0x62, 0x63

# port B
TIMER_2_GATE, SPEAKER_DATA, HIGH_SWITCHES, CLOCK_ENABLED, CLEAR_KEYBOARD = 1, 2, 8, 0x40, 0x80
REFRESH_TOGGLE, TIMER_2_OUTPUT = 0x10, 0x20
"""What an AT shows in bits 4 and 5 of port B, where an XT reads back parity enables."""
REFRESH_HZ = 66_288  # each toggles the bit

# port C
PORT_C_SPEAKER, PORT_C_TIMER_2_OUTPUT = 0x10, 0x20

CONTROL_AFTER_POST = 0x99


class Display(IntEnum):
    """Switches 5 and 6: the screen to start with."""

    NONE = 0
    COLOR_40X25 = 1
    COLOR_80X25 = 2
    MONOCHROME = 3


def switches(display: Display, floppies: int = 1) -> int:
    """Return the eight switches; they are the low byte of the equipment word (INT 11h).

    All four banks of memory are there, and no 8087.  ``floppies``: 1 to 4.
    """
    return 1 | 3 << 2 | display << 4 | (max(1, min(4, floppies)) - 1) << 6


class Ppi:
    """An 8255A and what its pins lead to.  Its own state is port B (`services.Component`)."""

    COMPONENT = "ppi"

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
        self._guest = guest
        self._keyboard = keyboard
        self._pit = pit
        self._nmi = nmi
        self._switches = configuration
        self._refresh = Oscillator(REFRESH_HZ, guest.clock_hz)
        self._cells = cells.PPI.view(guest.registers.state)
        self._cells[2:] = array("q", self._refresh.ratio)
        self._cells[0] = 1
        self.port_b = CLOCK_ENABLED
        self.on_speaker: Callable[[], None] = lambda: None
        """Called before the speaker's switch may change."""
        bus.attach([PORT_A], self._read_a, what="keyboard")
        bus.attach([PORT_B], self._read_b, self._write_b, what="8255A, speaker and switches")
        bus.attach([PORT_C], self._read_c, quiet=True, what="8255A, configuration")
        bus.attach([CONTROL], lambda port: CONTROL_AFTER_POST, quiet=True, what="8255A, control")

    @property
    def port_b(self) -> int:
        """What was last written to port 61h."""
        return self._cells[1]

    @port_b.setter
    def port_b(self, value: int) -> None:
        self._cells[1] = value

    def save(self) -> int:
        """Return the state."""
        return self.port_b

    def restore(self, state: int) -> None:
        """Take the state of a `save`."""
        self.port_b = state

    @property
    def speaker(self) -> bool:
        """Whether the speaker's cone is out."""
        return bool(self.port_b & SPEAKER_DATA) and self._pit.output(SPEAKER)

    def _read_a(self, port: int) -> int:
        return self._keyboard.read()

    def _read_b(self, port: int) -> int:
        value = self.port_b & ~(REFRESH_TOGGLE | TIMER_2_OUTPUT)
        if self._refresh.cycles(self._guest.time) & 1:
            value |= REFRESH_TOGGLE
        return value | (TIMER_2_OUTPUT if self._pit.output(SPEAKER) else 0)

    def _write_b(self, port: int, value: int) -> None:
        self.on_speaker()
        self.port_b = value
        self._pit.set_gate(SPEAKER, bool(value & TIMER_2_GATE))
        self._nmi.clear(value)
        self._keyboard.control(
            clock_enabled=bool(value & CLOCK_ENABLED), clear=bool(value & CLEAR_KEYBOARD)
        )

    def _read_c(self, port: int) -> int:
        high = bool(self.port_b & HIGH_SWITCHES)
        value = self._switches >> 4 if high else self._switches & 0xF
        value |= self._nmi.state.errors | (PORT_C_SPEAKER if self.speaker else 0)
        return value | (PORT_C_TIMER_2_OUTPUT if self._pit.output(SPEAKER) else 0)
