"""INT 14h: the serial ports, by polling as the BIOS does it.

Source: IBM PC/XT Technical Reference, BIOS listing of RS232_IO.
"""

from __future__ import annotations

from blink16.bios.data_area import DataArea
from blink16.bios.rom import SEGMENT, STI, Rom, goto, jump
from blink16.bios.unknown import no_function, no_unit
from blink16.bus import Bus
from blink16.devices.uart import (
    LCR_DLAB,
    LSR_DATA,
    LSR_EMPTY,
    LSR_ERRORS,
    MCR_DTR,
    MCR_RTS,
    UartRegister,
)
from blink16.services import DONE, Guest, Outcome

PORTS = 4
TIME_OUT = 0x80
DIVISORS = (1047, 768, 384, 192, 96, 48, 24, 12)  # 110 to 9600 baud
FORM = 0x1F
"""The bits of AL that go into the line control register: word, stop, parity."""
NOBODY_WAITS = -1
PAUSE = bytes.fromhex("51 b9 64 00 e2 fe 59")  # push cx; mov cx, 100; loop $; pop cx


class SerialService:
    """INT 14h.  Its state as a component: since when a call waits."""

    COMPONENT = "bios-serial"

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._again = 0
        self._since = NOBODY_WAITS

    def save(self) -> int:
        """Return the state."""
        return self._since

    def restore(self, state: int) -> None:
        """Take the state of a `save`."""
        self._since = state

    def finish(self, rom: Rom, stub: int) -> None:
        """Put the routine that waits into ROM; ``stub`` is the offset of this service's stub."""
        self._again = rom.add(STI + PAUSE + jump(SEGMENT, stub))

    def __call__(self, guest: Guest) -> Outcome:
        """Do the function in AH for port DX."""
        r = guest.registers
        base = DataArea(guest.memory).com_port(r.dx) if r.dx < PORTS else 0
        if not base:
            if r.ah in (1, 2):
                no_unit(guest, 0x14, r.dx, f"serial port {r.dx}")
            return DONE
        match r.ah:
            case 0x00:
                self._set_up(base, r.al)
                self._status(guest, base)
            case 0x01:
                self._send(guest, base)
            case 0x02:
                self._receive(guest, base)
            case 0x03:
                self._status(guest, base)
            case _:
                no_function(guest, 0x14)
        return DONE

    def _set_up(self, base: int, form: int) -> None:
        out = self._bus.write
        divisor = DIVISORS[form >> 5]
        out(base + UartRegister.LCR, LCR_DLAB)
        out(base + UartRegister.DATA, divisor & 0xFF)
        out(base + UartRegister.IER, divisor >> 8)
        out(base + UartRegister.LCR, form & FORM)
        out(base + UartRegister.IER, 0)

    def _status(self, guest: Guest, base: int) -> None:
        guest.registers.ah = self._bus.read(base + UartRegister.LSR)
        guest.registers.al = self._bus.read(base + UartRegister.MSR)

    def _send(self, guest: Guest, base: int) -> None:
        self._bus.write(base + UartRegister.MCR, self._modem(base) | MCR_DTR | MCR_RTS)
        status = self._bus.read(base + UartRegister.LSR)
        if status & LSR_EMPTY:
            self._bus.write(base + UartRegister.DATA, guest.registers.al)
            guest.registers.ah = status
            self._since = NOBODY_WAITS
        else:
            self._wait(guest)

    def _receive(self, guest: Guest, base: int) -> None:
        self._bus.write(base + UartRegister.MCR, self._modem(base) | MCR_DTR)
        status = self._bus.read(base + UartRegister.LSR)
        if status & LSR_DATA:
            guest.registers.al = self._bus.read(base + UartRegister.DATA)
            guest.registers.ah = status & LSR_ERRORS
            self._since = NOBODY_WAITS
        else:
            guest.looked_in_vain()
            self._wait(guest)

    def _modem(self, base: int) -> int:
        return self._bus.read(base + UartRegister.MCR)

    def _wait(self, guest: Guest) -> None:
        """Try again soon, or give up when the port's time-out (in seconds) has passed."""
        if self._since == NOBODY_WAITS:
            self._since = guest.time
        limit = DataArea(guest.memory).com_timeout(guest.registers.dx)
        if guest.time - self._since < limit * guest.clock_hz:
            goto(guest, self._again)
        else:
            self._since = NOBODY_WAITS
            guest.registers.ah = TIME_OUT
