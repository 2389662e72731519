"""The hot port 61h, and what an XT's port 62h says of the speaker."""

from __future__ import annotations

from blink16.cpu.hot import HotContext
from blink16.cpu.values import Value, choose
from blink16.devices import cells
from blink16.devices.hot.counters import Channel, require_unheard, timer_cycle
from blink16.devices.hot.ratios import scaled
from blink16.devices.pit import SPEAKER
from blink16.devices.port_b import (
    AT_WRITTEN,
    REFRESH_TOGGLE,
    SPEAKER_DATA,
    TIMER_2_GATE,
    TIMER_2_OUTPUT,
)
from blink16.devices.ppi import (
    CLEAR_KEYBOARD,
    CLOCK_ENABLED,
    HIGH_SWITCHES,
    PORT_C_SPEAKER,
    PORT_C_TIMER_2_OUTPUT,
)


def read_port_b(m: HotContext) -> Value:
    """Port 61h: what was written, the refresh's toggle, the tone's output."""
    m.require(m.get(cells.PPI, cells.PPI_KIND).is_not_zero())
    hz, clock_hz = (m.get(cells.PPI, cells.PPI_RATIO + n) for n in range(2))
    cycle = timer_cycle(m)
    high = Channel(m, SPEAKER).output(cycle).zero_extend(64)
    refresh = scaled(m.now(), hz, clock_hz) & 1
    value = m.get(cells.PPI, cells.PPI_PORT_B) & ~(REFRESH_TOGGLE | TIMER_2_OUTPUT)
    return value | refresh * REFRESH_TOGGLE | high * TIMER_2_OUTPUT


def write_port_b(m: HotContext, value: Value) -> None:
    """Port 61h: the speaker and its gate, where nothing is told of errors or the keyboard."""
    is_xt = m.get(cells.PPI, cells.PPI_KIND).equals(cells.PPI_XT)
    is_at = m.get(cells.PPI, cells.PPI_KIND).equals(cells.PPI_AT)
    m.require((is_xt | is_at) & m.get(cells.PPI, cells.PPI_ERRORS).is_zero())
    before = m.get(cells.PPI, cells.PPI_PORT_B)
    require_unheard(m, before | value)
    for written in (before, value):
        keyboard = written & (CLOCK_ENABLED | CLEAR_KEYBOARD)
        m.require(is_at | keyboard.equals(CLOCK_ENABLED))
    cycle = timer_cycle(m)
    Channel(m, SPEAKER).with_gate(value & TIMER_2_GATE, cycle)
    m.set(cells.PPI, choose(is_at, value & AT_WRITTEN, value), cells.PPI_PORT_B)


def read_port_c(m: HotContext) -> Value:
    """Port 62h of an XT: switches, errors, and the speaker."""
    m.require(m.get(cells.PPI, cells.PPI_KIND).equals(cells.PPI_XT))
    cycle, written = timer_cycle(m), m.get(cells.PPI, cells.PPI_PORT_B)
    high = Channel(m, SPEAKER).output(cycle).zero_extend(64)
    switches = m.get(cells.PPI, cells.PPI_SWITCHES)
    low = (written & HIGH_SWITCHES).is_zero()
    value = choose(low, switches & 0xF, switches >> 4) | m.get(cells.PPI, cells.PPI_ERRORS)
    out = choose((written & SPEAKER_DATA).is_zero(), m.constant(0), high)
    return value | high * PORT_C_TIMER_2_OUTPUT | out * PORT_C_SPEAKER
