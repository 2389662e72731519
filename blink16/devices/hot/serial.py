"""The hot 8250s: all that needs nobody outside, and changes nothing of when bytes come or go."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from blink16.cpu.hot import HotContext, ReadHot, WriteHot
from blink16.cpu.values import Value, choose
from blink16.devices import cells
from blink16.devices.hot.interrupts import Chip
from blink16.devices.uart import (
    IER_BITS,
    IER_EMPTY,
    IIR_EMPTY,
    IIR_NONE,
    IRQS,
    LCR_DLAB,
    LSR_DATA,
    LSR_EMPTY,
    LSR_ERRORS,
    LSR_IDLE,
    MCR_BITS,
    MCR_DTR,
    MCR_LOOP,
    MCR_OUT2,
    MCR_RTS,
    MSR_CONNECTED,
    MSR_DELTAS,
    UartRegister,
    UartState,
    identification,
)

F = TypeVar("F")


class SerialPort:
    """An 8250."""

    def __init__(self, m: HotContext, number: int) -> None:
        self._m, self._first = m, number * cells.UART_SIZE
        self._request = 1 << IRQS[number]
        m.require(m.get(cells.UARTS, self._first + cells.UART_THERE).is_not_zero())

    def get(self, name: str) -> Value:
        """Read a field of `UartState`."""
        return self._m.get(cells.UARTS, self._first + UartState._fields.index(name))

    def set(self, name: str, value: Value) -> None:
        """Write one."""
        self._m.set(cells.UARTS, value, self._first + UartState._fields.index(name))

    @property
    def shows_divisor(self) -> Value:
        """Whether DLAB is set."""
        return (self.get("lcr") & LCR_DLAB).is_not_zero()

    def identification(self) -> Value:
        """Return IIR."""
        return identification(*map(self.get, ("ier", "lsr", "empty_interrupt", "msr")))

    def require_ear(self) -> None:
        """Require that the 8259A is at work, which is told (`tell`)."""
        Chip(self._m).require_work()

    def tell(self) -> None:
        """Set the interrupt line (`Uart._tell`)."""
        switched_on = (self.get("mcr") & (MCR_OUT2 | MCR_LOOP)).equals(MCR_OUT2)
        Chip(self._m).set_line(self._request, switched_on & ~self.identification().equals(IIR_NONE))


def _read_data(m: HotContext, line: SerialPort) -> Value:
    dlab, lsr = line.shows_divisor, line.get("lsr")
    takes = ~dlab & (lsr & LSR_DATA).is_not_zero()
    m.require(~takes | line.get("waiting").is_zero())  # else the next one comes
    line.require_ear()
    line.set("lsr", choose(takes, lsr & ~LSR_DATA, lsr))
    line.tell()
    return choose(dlab, line.get("divisor") & 0xFF, line.get("received"))


def _read_ier(m: HotContext, line: SerialPort) -> Value:
    return choose(line.shows_divisor, line.get("divisor") >> 8, line.get("ier"))


def _read_identification(m: HotContext, line: SerialPort) -> Value:
    line.require_ear()
    found, empty = line.identification(), line.get("empty_interrupt")
    line.set("empty_interrupt", choose(found.equals(IIR_EMPTY), m.constant(0), empty))
    line.tell()
    return found


def _read_line_status(m: HotContext, line: SerialPort) -> Value:
    status = line.get("lsr")
    m.require((status & LSR_ERRORS).is_zero())
    return status


def _read_modem_status(m: HotContext, line: SerialPort) -> Value:
    line.require_ear()
    status = line.get("msr")
    line.set("msr", status & ~MSR_DELTAS)
    line.tell()
    return status


def _write_data(m: HotContext, line: SerialPort, value: Value) -> None:
    """Take a byte while another one is being sent; or the divisor's low byte."""
    line.require_ear()
    dlab, lsr, divisor = line.shows_divisor, line.get("lsr"), line.get("divisor")
    m.require(dlab | ~line.get("sent_at").sign())
    empty, held = line.get("empty_interrupt"), line.get("holding")
    line.set("divisor", choose(dlab, divisor & 0xFF00 | value, divisor))
    line.set("empty_interrupt", choose(dlab, empty, m.constant(0)))
    line.set("holding", choose(dlab, held, value))
    line.set("lsr", choose(dlab, lsr, lsr & ~(LSR_EMPTY | LSR_IDLE)))
    line.tell()


def _write_ier(m: HotContext, line: SerialPort, value: Value) -> None:
    line.require_ear()
    dlab, ier, divisor = line.shows_divisor, line.get("ier"), line.get("divisor")
    empty = line.get("empty_interrupt")
    asks = (value & ~ier & IER_EMPTY).is_not_zero() & (line.get("lsr") & LSR_EMPTY).is_not_zero()
    line.set("divisor", choose(dlab, value << 8 | divisor & 0xFF, divisor))
    line.set("empty_interrupt", choose(~dlab & asks, m.constant(1), empty))
    line.set("ier", choose(dlab, ier, value & IER_BITS))
    line.tell()


def _write_mcr(m: HotContext, line: SerialPort, value: Value) -> None:
    """Take the modem's lines, where none is looped back, and nobody is switched on."""
    line.require_ear()
    before = line.get("mcr")
    m.require(((before | value) & MCR_LOOP).is_zero())
    m.require((value & ~before & (MCR_RTS | MCR_DTR)).is_zero())
    m.require((line.get("msr") & ~MSR_DELTAS).equals(MSR_CONNECTED))
    line.set("mcr", value & MCR_BITS)
    line.tell()


def _reads(name: str) -> Callable[[HotContext, SerialPort], Value]:
    return lambda m, line: line.get(name)


def _writes(name: str) -> Callable[[HotContext, SerialPort, Value], None]:
    return lambda m, line, value: line.set(name, value)


def _ignore(m: HotContext, line: SerialPort, value: Value) -> None:
    """Registers that are read only."""


_READS: dict[UartRegister, Callable[[HotContext, SerialPort], Value]] = {
    UartRegister.DATA: _read_data,
    UartRegister.IER: _read_ier,
    UartRegister.IIR: _read_identification,
    UartRegister.LCR: _reads("lcr"),
    UartRegister.MCR: _reads("mcr"),
    UartRegister.LSR: _read_line_status,
    UartRegister.MSR: _read_modem_status,
    UartRegister.SCRATCH: _reads("scratch"),
}
_WRITES: dict[UartRegister, Callable[[HotContext, SerialPort, Value], None]] = {
    UartRegister.DATA: _write_data,
    UartRegister.IER: _write_ier,
    UartRegister.IIR: _ignore,
    UartRegister.LCR: _writes("lcr"),
    UartRegister.MCR: _write_mcr,
    UartRegister.LSR: _ignore,
    UartRegister.MSR: _ignore,
    UartRegister.SCRATCH: _writes("scratch"),
}


def _reader(number: int, register: UartRegister) -> ReadHot:
    return lambda m: _READS[register](m, SerialPort(m, number))


def _writer(number: int, register: UartRegister) -> WriteHot:
    return lambda m, value: _WRITES[register](m, SerialPort(m, number), value)


def _ports(of: Callable[[int, UartRegister], F]) -> dict[int, F]:
    return {
        base + register: of(number, register)
        for number, base in enumerate(cells.UART_BASES)
        for register in UartRegister
    }


READS: dict[int, ReadHot] = _ports(_reader)
WRITES: dict[int, WriteHot] = _ports(_writer)
"""By port."""
