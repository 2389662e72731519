"""The 8250 asynchronous communications adapter: COM1 (3F8h, IRQ 4) and COM2 (2F8h, IRQ 3).

Bytes take their time by the divisor.  What comes from outside waits on the line until the
program has read the byte before it, as with a peer that obeys RTS: nothing is lost.
Source: National Semiconductor INS8250 data sheet; IBM PC/XT Technical Reference.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from blink16.bus import Bus
from blink16.cpu.values import N, choose, equal
from blink16.devices import cells
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
IER_BITS, MCR_BITS = 0x0F, 0x1F
IRQS = (4, 3)
"""Of COM1 and COM2."""
LSR_DATA, LSR_OVERRUN, LSR_BREAK, LSR_EMPTY, LSR_IDLE = 1, 2, 0x10, 0x20, 0x40
LSR_ERRORS = 0x1E
MSR_DELTAS = 0x0F
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


_IER, _LCR, _MCR, _LSR, _MSR, _SCRATCH, _DIVISOR, _RECEIVED, _HOLDING, _SHIFTING = range(10)
_EMPTY_INTERRUPT, _WAITING, _FREE_AT, _SENT_AT = range(10, 14)


def identification(ier: N, lsr: N, empty_interrupt: N, msr: N) -> N:
    """Return IIR: the interrupt of highest priority that waits; for native code, too."""
    none = ier & 0
    found = none + IIR_NONE
    for enabled, asks, name in (
        (IER_MODEM, msr & MSR_DELTAS, IIR_MODEM),
        (IER_EMPTY, empty_interrupt, IIR_EMPTY),
        (IER_DATA, lsr & LSR_DATA, IIR_DATA),
        (IER_LINE, lsr & LSR_ERRORS, IIR_LINE),
    ):
        heard = choose(equal(ier & enabled, 0), none, asks)
        found = choose(equal(heard, 0), found, none + name)
    return found


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
        first = cells.UART_BASES.index(base) * cells.UART_SIZE
        self._cells = cells.UARTS.view(guest.registers.state)[first : first + cells.UART_SIZE]
        self._cells[cells.UART_THERE] = 1
        self.state = UartState()
        for register in UartRegister:
            what = f"8250, {channel.upper()}"
            bus.attach([base + register], self._read, self._write, what=what)

    @property
    def state(self) -> UartState:
        """The registers, and the bytes on their way; native code works on them, too."""
        fields = UartState._make(self._cells[: cells.UART_THERE])
        return fields._replace(empty_interrupt=bool(fields.empty_interrupt), waiting=self._waiting)

    @state.setter
    def state(self, state: UartState) -> None:
        self._waiting = state.waiting
        counted = (*state[:_WAITING], len(state.waiting), *state[_FREE_AT:])
        self._cells[: cells.UART_THERE] = array("q", map(int, counted))
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
        lcr = self._cells[_LCR]
        bits = 2 + SHORTEST_WORD + (lcr & LCR_WORD)  # with start and stop
        bits += bool(lcr & LCR_PARITY) + bool(lcr & LCR_STOP)
        divisor = self._cells[_DIVISOR] or 0x10000
        return max(1, self._oscillator.time(bits * divisor * CLOCKS_PER_BIT))

    def receive(self, data: bytes) -> None:
        """Take bytes that come on the line."""
        self._wait((self._waiting + data)[:MAX_WAITING])

    def _wait(self, waiting: bytes) -> None:
        self._waiting, self._cells[_WAITING] = waiting, len(waiting)
        self._guest.changed(self)

    @property
    def waiting(self) -> bytes:
        """What has come on the line and waits for its time."""
        return self._waiting

    def due(self) -> int | None:
        """Return when the next byte has come or gone."""
        sent_at, waiting = self._cells[_SENT_AT], self._waiting
        if sent_at < 0 and not waiting:  # so it is most of the time
            return None
        if not self._can_come():
            return sent_at if sent_at >= 0 else None
        comes: int = self._cells[_FREE_AT]
        return min(comes, sent_at) if sent_at >= 0 else comes

    def is_heard(self) -> bool:
        """Return whether its interrupt would be passed on."""
        return self._irq.is_heard()

    def advance(self, time: int) -> None:
        """Let bytes come and go whose time it is."""
        c = self._cells
        while 0 <= c[_SENT_AT] <= time:
            self._sent()
        if self._can_come() and c[_FREE_AT] <= time:
            byte = self._waiting[0]
            self._wait(self._waiting[1:])
            c[_FREE_AT] = time + self.character_time
            self._take(byte)
        self._tell()

    def _can_come(self) -> bool:
        c = self._cells
        return bool(self._waiting) and not c[_LSR] & LSR_DATA and not c[_MCR] & MCR_LOOP

    def _take(self, byte: int) -> None:
        """Put a byte into the receive buffer."""
        c = self._cells
        overrun = LSR_OVERRUN if c[_LSR] & LSR_DATA else 0
        c[_RECEIVED] = byte
        c[_LSR] |= LSR_DATA | overrun

    # -- the transmitter ---------------------------------------------------------------------

    def _transmit(self, byte: int) -> None:
        c = self._cells
        c[_HOLDING] = byte
        c[_LSR] &= ~(LSR_EMPTY | LSR_IDLE)
        if c[_SENT_AT] < 0:
            self._shift(self._guest.time)

    def _shift(self, now: int) -> None:
        """Move the byte from the holding register into the transmitter."""
        c = self._cells
        sent = c[_HOLDING] & (1 << SHORTEST_WORD + (c[_LCR] & LCR_WORD)) - 1
        if not c[_MCR] & MCR_LOOP:
            self._guest.output(self.channel, bytes((sent,)))
        c[_SHIFTING], c[_EMPTY_INTERRUPT] = sent, 1
        c[_LSR] |= LSR_EMPTY
        c[_SENT_AT] = now + self.character_time
        self._guest.changed(self)

    def _sent(self) -> None:
        """End the byte in the transmitter, at the time when it is out; begin the next one."""
        c = self._cells
        ended, c[_SENT_AT] = c[_SENT_AT], -1
        if c[_MCR] & MCR_LOOP:
            self._take(c[_SHIFTING])
        if c[_LSR] & LSR_EMPTY:
            c[_LSR] |= LSR_IDLE
        else:
            self._shift(ended)
        self._guest.changed(self)

    # -- interrupts --------------------------------------------------------------------------

    def _identification(self) -> int:
        """Return IIR: the interrupt of highest priority that waits."""
        c = self._cells
        ier: int = c[_IER]
        if not ier:  # as it is for who polls
            return IIR_NONE
        return identification(ier, c[_LSR], c[_EMPTY_INTERRUPT], c[_MSR])

    def _tell(self) -> None:
        """Set the interrupt line, to which OUT2 is the switch on a PC."""
        switched_on = self._cells[_MCR] & (MCR_OUT2 | MCR_LOOP) == MCR_OUT2
        self._irq(switched_on and self._identification() != IIR_NONE)

    # -- ports -------------------------------------------------------------------------------

    def _read(self, port: int) -> int:
        return _READERS[port - self._base](self)

    def _write(self, port: int, value: int) -> None:
        _WRITERS[port - self._base](self, value)

    def _read_data(self) -> int:
        c = self._cells
        if c[_LCR] & LCR_DLAB:
            return c[_DIVISOR] & 0xFF
        if c[_LSR] & LSR_DATA:
            c[_LSR] &= ~LSR_DATA
            self._guest.changed(self)  # the next one may come
            self._tell()
        return c[_RECEIVED]

    def _read_ier(self) -> int:
        c = self._cells
        return c[_DIVISOR] >> 8 if c[_LCR] & LCR_DLAB else c[_IER]

    def _read_identification(self) -> int:
        identified = self._identification()
        if identified == IIR_EMPTY:
            self._cells[_EMPTY_INTERRUPT] = 0
            self._tell()
        return identified

    def _read_line_status(self) -> int:
        before = self._cells[_LSR]
        if before & LSR_ERRORS:
            self._cells[_LSR] = before & ~LSR_ERRORS
            self._tell()
        return before

    def _read_modem_status(self) -> int:
        before = self._cells[_MSR]
        if before & MSR_DELTAS:
            self._cells[_MSR] = before & ~MSR_DELTAS
            self._tell()
        return before

    def _write_data(self, value: int) -> None:
        c = self._cells
        if c[_LCR] & LCR_DLAB:
            c[_DIVISOR] = c[_DIVISOR] & 0xFF00 | value
            return
        c[_EMPTY_INTERRUPT] = 0
        self._transmit(value)
        self._tell()

    def _write_ier(self, value: int) -> None:
        c = self._cells
        if c[_LCR] & LCR_DLAB:
            c[_DIVISOR] = value << 8 | c[_DIVISOR] & 0xFF
            return
        if value & IER_EMPTY and not c[_IER] & IER_EMPTY and c[_LSR] & LSR_EMPTY:
            c[_EMPTY_INTERRUPT] = 1
        c[_IER] = value & IER_BITS
        self._tell()

    def _write_lcr(self, value: int) -> None:
        self._cells[_LCR] = value

    def _write_mcr(self, value: int) -> None:
        before, self._cells[_MCR] = self._cells[_MCR], value & MCR_BITS
        if (value ^ before) & MCR_LOOP:
            self._guest.changed(self)
        self._modem_lines()
        if value & ~before & (MCR_RTS | MCR_DTR):
            self.on_power()
        self._tell()

    def _write_scratch(self, value: int) -> None:
        self._cells[_SCRATCH] = value

    def _take_no_notice(self, value: int) -> None:
        """IIR is read only; writes to LSR and MSR are for factory testing."""

    def _modem_lines(self) -> None:
        """Set MSR by what the modem lines are: the peer's, or our own looped back."""
        mcr, msr = self._cells[_MCR], self._cells[_MSR]
        levels = _looped_back(mcr) if mcr & MCR_LOOP else MSR_CONNECTED
        if levels == msr & ~MSR_DELTAS:
            return
        changed = levels ^ msr & ~MSR_DELTAS
        ring_ended = msr & MSR_RI & ~levels
        deltas = (changed & ~MSR_RI | ring_ended) >> 4
        self._cells[_MSR] = levels | msr & MSR_DELTAS | deltas


# In the order of `UartRegister`:
_READERS: tuple[Callable[[Uart], int], ...] = (
    Uart._read_data,
    Uart._read_ier,
    Uart._read_identification,
    lambda uart: uart._cells[_LCR],
    lambda uart: uart._cells[_MCR],
    Uart._read_line_status,
    Uart._read_modem_status,
    lambda uart: uart._cells[_SCRATCH],
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
