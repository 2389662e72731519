"""What is to be said of the chips of a PC."""

from __future__ import annotations

from collections.abc import Iterator

from blink16.devices.counter import NONE, Counter
from blink16.devices.dma import CHANNELS, FROM_MEMORY, MODE_KIND, TO_MEMORY, Dma
from blink16.devices.oscillator import PIT_HZ, UART_HZ
from blink16.devices.pic import Pic, SlavePic
from blink16.devices.pit import Pit
from blink16.devices.uart import (
    IER_DATA,
    IER_EMPTY,
    IER_LINE,
    IER_MODEM,
    LCR_PARITY,
    LCR_STOP,
    LCR_WORD,
    LSR_DATA,
    LSR_EMPTY,
    LSR_IDLE,
    Uart,
)
from blink16.machine import Machine
from blink16.reports.fpu import report_of

CHANNEL_NAMES = ("ticks, IRQ 0", "refresh", "speaker")
DMA_NAMES = ("refresh", "", "floppy", "hard disk")
WORD_BITS = 5
"""That the line control's zero stands for."""


def facts(machine: Machine) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the name of each chip, and what is to be said of it."""
    if machine.registers.x87 is not None:
        found = report_of(machine.registers.x87)
        held = tuple(f"ST({one.number}) {one.value}" for one in found.stack)
        yield (found.chip, held or ("all registers are empty",))
    for pic, name in ((machine.find(Pic), "PIC"), (machine.find(SlavePic), "PIC 2")):
        if pic is not None:
            yield (name, tuple(_pic(pic)))
    pit = machine.find(Pit)
    if pit is not None:
        cycle = pit.cycle(machine.time)
        for number, counter in enumerate(pit.state.counters):
            name = f"PIT {number}  {CHANNEL_NAMES[number]}"
            yield (name, tuple(_counter(counter, cycle)))
    for name in ("com1", "com2"):
        uart = machine.component(name)
        if isinstance(uart, Uart):
            yield (name.upper(), tuple(_uart(uart)))
    dma = machine.find(Dma)
    if dma is not None:
        for channel in range(CHANNELS):
            title = f"DMA {channel}  {DMA_NAMES[channel]}".rstrip()
            yield (title, tuple(_channel(dma, channel)))


def _pic(pic: Pic) -> Iterator[str]:
    state = pic.state
    yield f"IRQ 0 is INT {state.base:02X}"
    yield f"asked for: {_levels(state.irr)}"
    yield f"in service: {_levels(state.isr)}"
    yield f"masked: {_levels(state.imr)}"
    if state.auto_eoi:
        yield "ends interrupts by itself"


def _levels(bits: int) -> str:
    return " ".join(str(level) for level in range(8) if bits >> level & 1) or "none"


def _counter(counter: Counter, cycle: int) -> Iterator[str]:
    yield counter.mode.name.lower().replace("_", " ")
    if counter.origin == NONE:
        yield "has not begun"
        return
    yield f"{counter.value(cycle):,} of {counter.initial:,}"
    yield f"{PIT_HZ / max(counter.initial, 1):,.2f} Hz"
    yield f"output {'high' if counter.output(cycle) else 'low'}"
    if not counter.gate:
        yield "stopped by its gate"


def _uart(uart: Uart) -> Iterator[str]:
    state = uart.state
    bits = WORD_BITS + (state.lcr & LCR_WORD)
    parity = "parity" if state.lcr & LCR_PARITY else "no parity"
    rate = UART_HZ / 16 / max(state.divisor, 1)
    yield f"{rate:,.0f} bit/s, {bits} bits, {parity}, {2 if state.lcr & LCR_STOP else 1} stop"
    names = {IER_DATA: "data", IER_EMPTY: "empty", IER_LINE: "line", IER_MODEM: "modem"}
    wanted = [name for bit, name in names.items() if state.ier & bit]
    yield f"interrupts: {' '.join(wanted) or 'none'}"
    if state.lsr & LSR_DATA:
        yield f"received {state.received:02X}"
    if not state.lsr & LSR_EMPTY or not state.lsr & LSR_IDLE:
        yield "sends"
    if waiting := len(state.waiting):
        yield f"{waiting} {'byte waits' if waiting == 1 else 'bytes wait'} on the line"


def _channel(dma: Dma, channel: int) -> Iterator[str]:
    state = dma.save()
    if state.mask >> channel & 1:
        yield "masked"
        return
    kinds = {TO_MEMORY: "to memory", FROM_MEMORY: "from memory"}
    yield kinds.get(state.modes[channel] & MODE_KIND, "verifies")
    yield f"at {state.current[2 * channel]:04X}, {state.current[2 * channel + 1] + 1:,} to go"
