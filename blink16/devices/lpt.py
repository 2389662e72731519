"""A parallel port with a printer that takes everything at once: LPT1 at 378h, IRQ 7.

Source: IBM PC/XT Technical Reference, printer adapter.
"""

from __future__ import annotations

from typing import NamedTuple

from blink16.bus import Bus
from blink16.devices.pic import RequestLine
from blink16.services import Guest

DATA, STATUS, CONTROL = 0, 1, 2
"""Offsets from the base port."""
NOT_BUSY, NOT_ACKNOWLEDGE, SELECTED, NO_ERROR = 0x80, 0x40, 0x10, 0x08
STATUS_READY = NOT_BUSY | NOT_ACKNOWLEDGE | SELECTED | NO_ERROR | 0x07
STROBE, INTERRUPT_ENABLED = 0x01, 0x10
CONTROL_UNUSED = 0xE0


class LptState(NamedTuple):
    """The two registers."""

    data: int = 0
    control: int = 0x0C


class Lpt:
    """A parallel port (`services.Component`); what is printed goes to the channel ``lpt1``."""

    def __init__(self, guest: Guest, bus: Bus, irq: RequestLine, channel: str, base: int) -> None:
        self._guest = guest
        self._irq = irq
        self.channel = channel
        self._data, self._control = LptState()
        what = f"printer, {channel.upper()}"
        bus.attach([base + DATA], lambda port: self._data, self._write_data, what=what)
        bus.attach([base + STATUS], lambda port: STATUS_READY, what=what)
        bus.attach([base + CONTROL], self._read_control, self._write_control, what=what)

    @property
    def state(self) -> LptState:
        """The registers."""
        return LptState(self._data, self._control)

    def save(self) -> LptState:
        """Return the state."""
        return self.state

    def restore(self, state: LptState) -> None:
        """Take the state of a `save`."""
        self._data, self._control = state

    def _write_data(self, port: int, value: int) -> None:
        self._data = value

    def _read_control(self, port: int) -> int:
        return self._control | CONTROL_UNUSED

    def _write_control(self, port: int, value: int) -> None:
        before, self._control = self._control, value & ~CONTROL_UNUSED
        strobed = value & STROBE and not before & STROBE
        if before & INTERRUPT_ENABLED:  # else the line is down: this is what puts it up
            self._irq(False)
        if strobed:
            self._guest.output(self.channel, bytes((self._data,)))
            if value & INTERRUPT_ENABLED:
                # the printer's ACK pulse is over at once, but the line is kept up for the 8259A
                self._irq(True)
