"""The 8250 asynchronous communications adapter: COM1 (3F8h, IRQ 4) and COM2 (2F8h, IRQ 3).

Bytes take their time by the divisor.  What comes from outside waits on the line until the
program has read the byte before it, as with a peer that obeys RTS: nothing is lost.
Source: National Semiconductor INS8250 data sheet; IBM PC/XT Technical Reference.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from blink16.bus import Bus
from blink16.devices import cells
from blink16.devices.fields import with_fields
from blink16.devices.oscillator import UART_HZ, Oscillator
from blink16.devices.pic import RequestLine
from blink16.services import Guest

MAX_WAITING = 1 << 20
"""Bytes that may wait on the line; what comes beyond is dropped."""
CLOCKS_PER_BIT = 16
SHORTEST_WORD = 5
DIVISOR_AFTER_POST = 48  # 2400 baud, as the BIOS sets it up


class UartRegister(IntEnum):
    """Offsets from the base port."""

    DATA = 0  # receive buffer, transmit holding; divisor low while DLAB is set
    IER = 1  # interrupt enable; divisor high while DLAB is set
    IIR = 2  # interrupt identification, read only
    LCR = 3  # line control
    MCR = 4  # modem control
    LSR = 5  # line status
    MSR = 6  # modem status
    SCRATCH = 7


# interrupt enable bits, and their identifications by priority
IER_DATA, IER_EMPTY, IER_LINE, IER_MODEM = 1, 2, 4, 8
IIR_NONE, IIR_LINE, IIR_DATA, IIR_EMPTY, IIR_MODEM = 1, 6, 4, 2, 0
LCR_WORD, LCR_STOP, LCR_PARITY, LCR_BREAK, LCR_DLAB = 0x03, 0x04, 0x08, 0x40, 0x80
MCR_DTR, MCR_RTS, MCR_OUT1, MCR_OUT2, MCR_LOOP = 1, 2, 4, 8, 0x10
LSR_DATA, LSR_OVERRUN, LSR_BREAK, LSR_EMPTY, LSR_IDLE = 1, 2, 0x10, 0x20, 0x40
LSR_ERRORS = 0x1E
MSR_CTS, MSR_DSR, MSR_RI, MSR_DCD = 0x10, 0x20, 0x40, 0x80
MSR_CONNECTED = MSR_CTS | MSR_DSR | MSR_DCD


class UartState(NamedTuple):
    """The registers, and the bytes on their way."""

    ier: int = 0
    lcr: int = LCR_WORD
    mcr: int = 0
    lsr: int = LSR_EMPTY | LSR_IDLE
    msr: int = MSR_CONNECTED
    """With the delta bits, which a read clears."""
    scratch: int = 0
    divisor: int = DIVISOR_AFTER_POST
    received: int = 0
    holding: int = 0
    """The byte that waits for the transmitter; LSR_EMPTY: there is none."""
    shifting: int = 0
    empty_interrupt: bool = False
    """Whether the holding register became empty and nobody has been told."""
    waiting: bytes = b""
    """What has come on the line."""
    free_at: int = 0
    """When the next byte can have come."""
    sent_at: int = -1
    """When the transmitter has shifted its byte out; -1: it is idle."""


class Uart:
    """An 8250: a device and a receiver of bytes on the line.

    Its component and the channel of what it sends have the same name (``com1``).
    """

    def __init__(self, guest: Guest, bus: Bus, irq: RequestLine, channel: str, base: int) -> None:
        self._guest = guest
        self._irq = irq
        self._base = base
        self._oscillator = Oscillator(UART_HZ, guest.clock_hz)
        self.channel = channel
        self.on_power: Callable[[], None] = lambda: None
        """Called as RTS or DTR is switched on, which is a mouse's power."""
        lines = cells.LINE_STATUS.view(guest.registers.state)
        number = cells.LINES.index(base)
        self._line_status = lines[number : number + 1]
        self.state = UartState()
        for register in UartRegister:
            bus.attach(
                [base + register],
                self._read,
                self._write,
                what=f"8250, {channel.upper()}",
            )

    @property
    def state(self) -> UartState:
        """The registers, and the bytes on their way; native code reads line status, too."""
        return self._state

    @state.setter
    def state(self, state: UartState) -> None:
        self._state = state
        self._line_status[0] = state.lsr
        self._guest.changed(self)

    def save(self) -> UartState:
        """Return the state."""
        return self.state

    def restore(self, state: UartState) -> None:
        """Take the state of a `save`."""
        self.state = state

    # -- time --------------------------------------------------------------------------------

    @property
    def character_time(self) -> int:
        """How long a character takes at this speed and form, in units of machine time."""
        s = self.state
        bits = 2 + SHORTEST_WORD + (s.lcr & LCR_WORD)  # with start and stop
        bits += bool(s.lcr & LCR_PARITY) + bool(s.lcr & LCR_STOP)
        divisor = s.divisor or 0x10000
        return max(1, self._oscillator.time(bits * divisor * CLOCKS_PER_BIT))

    def receive(self, data: bytes) -> None:
        """Take bytes that come on the line."""
        waiting = (self.state.waiting + data)[:MAX_WAITING]
        self.state = self.state._replace(waiting=waiting)

    @property
    def waiting(self) -> bytes:
        """What has come on the line and waits for its time."""
        return self.state.waiting

    def due(self) -> int | None:
        """Return when the next byte has come or gone."""
        s = self.state
        if s.sent_at < 0 and not s.waiting:  # so it is most of the time
            return None
        comes = s.free_at if self._can_come() else None
        goes = s.sent_at if s.sent_at >= 0 else None
        return min((time for time in (comes, goes) if time is not None), default=None)

    def is_heard(self) -> bool:
        """Return whether its interrupt would be passed on."""
        return self._irq.is_heard()

    def advance(self, time: int) -> None:
        """Let bytes come and go whose time it is."""
        while 0 <= self.state.sent_at <= time:
            self._sent()
        if self._can_come() and self.state.free_at <= time:
            s = self.state
            self.state = s._replace(waiting=s.waiting[1:], free_at=time + self.character_time)
            self._take(s.waiting[0])
        self._tell()

    def _can_come(self) -> bool:
        s = self.state
        return bool(s.waiting) and not s.lsr & LSR_DATA and not s.mcr & MCR_LOOP

    def _take(self, byte: int) -> None:
        """Put a byte into the receive buffer."""
        s = self.state
        overrun = LSR_OVERRUN if s.lsr & LSR_DATA else 0
        self.state = s._replace(received=byte, lsr=s.lsr | LSR_DATA | overrun)

    # -- the transmitter ---------------------------------------------------------------------

    def _transmit(self, byte: int) -> None:
        s = self.state
        self.state = s._replace(holding=byte, lsr=s.lsr & ~(LSR_EMPTY | LSR_IDLE))
        if s.sent_at < 0:
            self._shift(self._guest.time)

    def _shift(self, now: int) -> None:
        """Move the byte from the holding register into the transmitter."""
        s = self.state
        sent = s.holding & (1 << SHORTEST_WORD + (s.lcr & LCR_WORD)) - 1
        if not s.mcr & MCR_LOOP:
            self._guest.output(self.channel, bytes((sent,)))
        self.state = s._replace(
            shifting=sent,
            lsr=s.lsr | LSR_EMPTY,
            empty_interrupt=True,
            sent_at=now + self.character_time,
        )

    def _sent(self) -> None:
        """End the byte in the transmitter, at the time when it is out; begin the next one."""
        s = self.state
        self.state = s._replace(sent_at=-1)
        if s.mcr & MCR_LOOP:
            self._take(s.shifting)
        if s.lsr & LSR_EMPTY:
            self.state = self.state._replace(lsr=self.state.lsr | LSR_IDLE)
        else:
            self._shift(s.sent_at)

    # -- interrupts --------------------------------------------------------------------------

    def _identification(self) -> int:
        """Return IIR: the interrupt of highest priority that waits."""
        s = self.state
        if s.ier & IER_LINE and s.lsr & LSR_ERRORS:
            return IIR_LINE
        if s.ier & IER_DATA and s.lsr & LSR_DATA:
            return IIR_DATA
        if s.ier & IER_EMPTY and s.empty_interrupt:
            return IIR_EMPTY
        if s.ier & IER_MODEM and s.msr & 0x0F:
            return IIR_MODEM
        return IIR_NONE

    def _tell(self) -> None:
        """Set the interrupt line, to which OUT2 is the switch on a PC."""
        switched_on = self.state.mcr & (MCR_OUT2 | MCR_LOOP) == MCR_OUT2
        self._irq(switched_on and self._identification() != IIR_NONE)

    # -- ports -------------------------------------------------------------------------------

    def _read(self, port: int) -> int:
        return _READERS[port - self._base](self)

    def _write(self, port: int, value: int) -> None:
        _WRITERS[port - self._base](self, value)

    def _read_data(self) -> int:
        s = self._state
        if s.lcr & LCR_DLAB:
            return s.divisor & 0xFF
        if s.lsr & LSR_DATA:
            self.state = s._replace(lsr=s.lsr & ~LSR_DATA)
            self._tell()
        return s.received

    def _read_ier(self) -> int:
        s = self._state
        return s.divisor >> 8 if s.lcr & LCR_DLAB else s.ier

    def _read_identification(self) -> int:
        identification = self._identification()
        if identification == IIR_EMPTY:
            self.state = self._state._replace(empty_interrupt=False)
            self._tell()
        return identification

    def _read_line_status(self) -> int:
        s = self._state
        if s.lsr & LSR_ERRORS:
            self.state = s._replace(lsr=s.lsr & ~LSR_ERRORS)
            self._tell()
        return s.lsr

    def _read_modem_status(self) -> int:
        s = self._state
        if s.msr & 0x0F:
            self.state = s._replace(msr=s.msr & 0xF0)
            self._tell()
        return s.msr

    def _write_data(self, value: int) -> None:
        s = self._state
        if s.lcr & LCR_DLAB:
            self._state = with_fields(s, _DIVISOR, s.divisor & 0xFF00 | value)
            return
        self.state = s._replace(empty_interrupt=False)
        self._transmit(value)
        self._tell()

    def _write_ier(self, value: int) -> None:
        s = self._state
        if s.lcr & LCR_DLAB:
            self._state = with_fields(s, _DIVISOR, value << 8 | s.divisor & 0xFF)
            return
        if value & IER_EMPTY and not s.ier & IER_EMPTY and s.lsr & LSR_EMPTY:
            s = s._replace(empty_interrupt=True)
        self._state = with_fields(s, _IER, value & 0x0F)
        self._tell()

    def _write_lcr(self, value: int) -> None:
        self._state = with_fields(self._state, _LCR, value)

    def _write_mcr(self, value: int) -> None:
        before = self._state.mcr
        self._state = with_fields(self._state, _MCR, value & 0x1F)
        if (value ^ before) & MCR_LOOP:
            self._guest.changed(self)
        self._modem_lines()
        if value & ~before & (MCR_RTS | MCR_DTR):
            self.on_power()
        self._tell()

    def _write_scratch(self, value: int) -> None:
        self._state = with_fields(self._state, _SCRATCH, value)

    def _take_no_notice(self, value: int) -> None:
        """IIR is read only; writes to LSR and MSR are for factory testing."""

    def _modem_lines(self) -> None:
        """Set MSR by what the modem lines are: the peer's, or our own looped back."""
        s = self._state
        levels = _looped_back(s.mcr) if s.mcr & MCR_LOOP else MSR_CONNECTED
        if levels == s.msr & 0xF0:
            return
        changed = levels ^ s.msr & 0xF0
        ring_ended = s.msr & MSR_RI & ~levels
        deltas = (changed & ~MSR_RI | ring_ended) >> 4
        self._state = with_fields(s, _MSR, levels | s.msr & 0x0F | deltas)


_IER, _LCR, _MCR, _MSR, _SCRATCH, _DIVISOR = map(
    UartState._fields.index, ("ier", "lcr", "mcr", "msr", "scratch", "divisor")
)
# In the order of `UartRegister`:
_READERS: tuple[Callable[[Uart], int], ...] = (
    Uart._read_data,
    Uart._read_ier,
    Uart._read_identification,
    lambda uart: uart.state.lcr,
    lambda uart: uart.state.mcr,
    Uart._read_line_status,
    Uart._read_modem_status,
    lambda uart: uart.state.scratch,
)
_WRITERS: tuple[Callable[[Uart, int], None], ...] = (
    Uart._write_data,
    Uart._write_ier,
    Uart._take_no_notice,
    Uart._write_lcr,
    Uart._write_mcr,
    Uart._take_no_notice,
    Uart._take_no_notice,
    Uart._write_scratch,
)


def _looped_back(mcr: int) -> int:
    pairs = ((MCR_RTS, MSR_CTS), (MCR_DTR, MSR_DSR), (MCR_OUT1, MSR_RI), (MCR_OUT2, MSR_DCD))
    return sum(level for output, level in pairs if mcr & output)
