"""How an 80287 interrupts an AT: by IRQ 13.  (An 8087 is one of those who ask a PC/XT's `nmi`.)

The board remembers that the 80287's ERROR line rose, holds IRQ 13 until a write to port F0h,
and resets the chip at one to port F1h.  The processor would find it busy meanwhile; here it goes
on.
Source: IBM PC/AT Technical Reference, "Math coprocessor control".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from blink16.bus import Bus
from blink16.devices.pic import RequestLine

if TYPE_CHECKING:  # most machines have none, and its modules take their time
    from blink16.cpu.x87.state import Coprocessor

CLEAR_PORT, RESET_PORT = 0xF0, 0xF1
COPROCESSOR_LINE = 5
"""Of the second 8259A: IRQ 13."""


class ErrorLatch:
    """What an AT's board does with the ERROR line; its state is whether it has risen."""

    COMPONENT = "irq13"

    def __init__(self, bus: Bus, x87: Coprocessor, line: RequestLine) -> None:
        self._x87, self._line = x87, line
        self._is_set = False
        x87.on_change = self._see
        what = "math coprocessor"
        bus.attach([CLEAR_PORT], None, self._clear, what=what)
        bus.attach([RESET_PORT], None, self._reset, what=what)

    def save(self) -> bool:
        """Return the state."""
        return self._is_set

    def restore(self, state: bool) -> None:
        """Take the state of a `save`."""
        self._is_set = state

    def _see(self, is_interrupting: bool) -> None:
        if is_interrupting:
            self._set(True)

    def _clear(self, port: int, value: int) -> None:
        self._set(False)

    def _reset(self, port: int, value: int) -> None:
        self._x87.initialize()
        self._x87.settle()
        self._set(False)

    def _set(self, to: bool) -> None:
        self._is_set = to
        self._line(to)
