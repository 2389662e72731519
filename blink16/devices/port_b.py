"""Port 61h: the speaker, the timer's channel 2, what refresh toggles, and errors of memory.

On an XT it is port B of the 8255A (`ppi`), on an AT a register of the board's own, in which other
bits mean other things.
Source: IBM PC/AT Technical Reference, "I/O addresses", port 061h.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable

from blink16.bus import Bus
from blink16.devices import cells
from blink16.devices.nmi import ERRORS, Nmi
from blink16.devices.oscillator import Oscillator
from blink16.devices.pit import SPEAKER, Pit
from blink16.services import Guest

PORT_B = 0x61
TIMER_2_GATE, SPEAKER_DATA = 0x01, 0x02
REFRESH_TOGGLE, TIMER_2_OUTPUT = 0x10, 0x20
"""What an AT shows in bits 4 and 5, where an XT reads back parity enables; here both show it."""
REFRESH_HZ = 66_288  # each toggles the bit
AT_WRITTEN = 0x0F
"""Bits of an AT's that read back as written; those above say what the machine does."""
AT_CLEAR_MEMORY, AT_CLEAR_CHANNEL = 0x04, 0x08
"""Bits of an AT's that hold a latch of errors clear."""


class PortB:
    """What an XT's and an AT's have in common; its state is what was written."""

    COMPONENT = "ppi"
    kind: int
    """Whose it is, for native code, which writes it, too (`cells.PPI`)."""

    def __init__(self, guest: Guest, bus: Bus, pit: Pit, nmi: Nmi, what: str) -> None:
        """Attach the port.  ``what``: which device that is."""
        self._guest = guest
        self._pit = pit
        self._nmi = nmi
        self._refresh = Oscillator(REFRESH_HZ, guest.clock_hz)
        self._cells = cells.PPI.view(guest.registers.state)
        self._cells[cells.PPI_RATIO : cells.PPI_ERRORS] = array("q", self._refresh.ratio)
        self._cells[cells.PPI_KIND] = self.kind
        nmi.on_errors = self._see_errors
        self.on_speaker: Callable[[], None] = lambda: None
        """Called before what is written changes while the speaker's switch is on, or turns it."""
        bus.attach([PORT_B], self._read_b, self._write_b, what=what)

    @property
    def port_b(self) -> int:
        """What was last written to port 61h."""
        return self._cells[cells.PPI_PORT_B]

    @port_b.setter
    def port_b(self, value: int) -> None:
        self._cells[cells.PPI_PORT_B] = value

    def _see_errors(self, errors: int) -> None:
        self._cells[cells.PPI_ERRORS] = errors

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

    def _read_b(self, port: int) -> int:
        value = self.port_b & ~(REFRESH_TOGGLE | TIMER_2_OUTPUT)
        if self._refresh.cycles(self._guest.time) & 1:
            value |= REFRESH_TOGGLE
        return value | (TIMER_2_OUTPUT if self._pit.output(SPEAKER) else 0)

    def _write_b(self, port: int, value: int) -> None:
        before = self.port_b
        if value != before and (value | before) & SPEAKER_DATA:
            self.on_speaker()
        self.port_b = value
        self._pit.set_gate(SPEAKER, bool(value & TIMER_2_GATE))


class SystemPort(PortB):
    """An AT's, which has nothing to do with the keyboard, and shows errors itself."""

    kind = cells.PPI_AT

    def __init__(self, guest: Guest, bus: Bus, pit: Pit, nmi: Nmi) -> None:
        super().__init__(guest, bus, pit, nmi, "speaker, refresh and errors")
        self.port_b = 0

    def _see_errors(self, errors: int) -> None:
        super()._see_errors(errors)
        self.port_b = self.port_b & AT_WRITTEN | errors

    def _write_b(self, port: int, value: int) -> None:
        super()._write_b(port, value & AT_WRITTEN | self._nmi.state.errors & ERRORS)
        self._nmi.clear(
            memory=bool(value & AT_CLEAR_MEMORY), channel=bool(value & AT_CLEAR_CHANNEL)
        )
