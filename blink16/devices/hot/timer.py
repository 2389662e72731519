"""The hot 8253's channel 0, which ticks: when it is due, what it does to IRQ 0, and its count."""

from __future__ import annotations

from blink16.cpu.engine import NEVER
from blink16.cpu.hot import HotContext
from blink16.cpu.values import Value, choose
from blink16.devices import cells
from blink16.devices.counter import (
    BOTH,
    MIN_PERIOD,
    NONE,
    Mode,
    high_cycles,
    wave_change,
    wave_output,
)
from blink16.devices.hot.counters import (
    Channel,
    is_program,
    require_timer,
    take_count,
    timer_cycle,
)
from blink16.devices.hot.interrupts import Chip
from blink16.devices.hot.ratios import scaled
from blink16.devices.pic import ICW1_LEVEL, LINES, Expects
from blink16.devices.pit import TICKS

TIMER_LINE = 1
"""The bit of IRQ 0."""


def due(m: HotContext) -> Value:
    """Return when channel 0's output next changes in a way that matters (`Pit.due`)."""
    chip = Chip(m)
    pending = (chip.get("irr") & TIMER_LINE) | (chip.get("icw1") & ICW1_LEVEL)
    change, rise = m.get(cells.PIT, cells.PIT_CHANGE), m.get(cells.PIT, cells.PIT_RISE)
    at = choose(pending.is_zero(), rise, change)
    return choose((at - 1).sign(), m.constant(NEVER), at)  # 0: there is no timer


def _begin_period(m: HotContext) -> Value:
    """Let channel 0's next period begin, and no more; return the one's beginning after that."""
    hz, clock_hz = m.get(cells.PIT, cells.PIT_HZ), m.get(cells.PIT, cells.PIT_CLOCK_HZ)
    rise, late = m.get(cells.PIT, cells.PIT_RISE), m.get(cells.PIT, cells.PIT_RISE_LATE)
    begun, initial = m.get(cells.PIT, cells.PIT_RISE_CYCLE), Channel(m, TICKS).initial
    since = m.now() - rise
    m.require(since.below(m.get(cells.PIT, cells.PIT_SURELY_HIGH)) & since.below(1 << 16))
    rest = m.get(cells.PIT, cells.PIT_PERIOD_REST)
    longer = late.below(rest)
    following = rise + m.get(cells.PIT, cells.PIT_PERIOD) + longer.zero_extend(64)
    part_longer = late.below(m.get(cells.PIT, cells.PIT_PART_REST))
    change = rise + m.get(cells.PIT, cells.PIT_PART) + part_longer.zero_extend(64)
    m.set(cells.PIT, begun + (since * hz + late) // clock_hz, cells.PIT_SEEN)
    m.set(cells.PIT, change, cells.PIT_CHANGE)
    m.set(cells.PIT, following, cells.PIT_RISE)
    m.set(cells.PIT, begun + initial, cells.PIT_RISE_CYCLE)
    later = late - rest + choose(longer, hz, m.constant(0))
    m.set(cells.PIT, later, cells.PIT_RISE_LATE)
    chip = Chip(m)
    chip.set("lines", chip.get("lines") | TIMER_LINE)
    return following


def advance_a_period(m: HotContext) -> None:
    """Let channel 0's next period begin, and no more: the usual tick, without long divisions."""
    _begin_period(m)
    chip = Chip(m)
    chip.set("irr", chip.get("irr") | TIMER_LINE)
    chip.ask()


def tick(m: HotContext) -> Value:
    """Let the next period begin, and take its interrupt at once, where nobody else asks.

    No level is in service, so the highest gets the processor, and then no other does.
    """
    chip = Chip(m)
    odd = chip.get("expects") ^ Expects.MASK
    odd = odd | (chip.get("lowest") ^ LINES - 1)
    for name in ("isr", "auto_eoi", "special_mask", "poll"):
        odd = odd | chip.get(name)
    odd = odd | ((chip.get("imr") | chip.get("irr")) & TIMER_LINE) | (chip.get("icw1") & ICW1_LEVEL)
    m.require(odd.is_zero())
    m.plan(_begin_period(m))
    chip.set("isr", m.constant(TIMER_LINE))
    m.request(m.constant(0, 1))
    return chip.get("base") & 0xFF


def end_once(m: HotContext) -> None:
    """Let the count of mode 0 end, by which OUT goes up and stays so until another one comes."""
    cycle = _require_due(m)
    ticks = Channel(m, TICKS)
    m.require(ticks.mode.is_zero() & ticks.get("bcd").is_zero() & ticks.get("gate").equals(1))
    m.require(ticks.counts(cycle) & ~ticks.passed(cycle).below(ticks.initial))
    rises = _passed_when_seen(m, ticks).below(ticks.initial)
    _hold_line(m, cycle, high=m.constant(1, 1), rises=rises)
    for field in (cells.PIT_CHANGE, cells.PIT_RISE):
        m.set(cells.PIT, m.constant(-1), field)


def begin_new_count(m: HotContext) -> None:
    """Let a count have its turn that was written while another one was counted from."""
    cycle, none = _require_due(m), m.constant(NONE)
    ticks = Channel(m, TICKS)
    origin, initial = ticks.get("origin"), ticks.initial
    at, count = ticks.get("next_at"), ticks.get("next_count")
    m.require(ticks.is_periodic & ticks.get("bcd").is_zero() & ticks.get("gate").equals(1))
    m.require(ticks.has_begun & ticks.get("held").equals(NONE) & ~(at - origin).sign())
    m.require(~at.equals(NONE) & ~cycle.below(at) & m.get(cells.PIT, cells.PIT_SEEN).below(at))
    m.require(initial.is_not_zero() & ~count.below(MIN_PERIOD))

    until = at - origin
    begun = choose((until % initial).is_zero(), at, at - high_cycles(count))
    now = cycle - begun
    rises = (_passed_when_seen(m, ticks) // initial).below(until // initial) | ~now.below(count)
    ticks.set_all(initial=count, origin=begun, next_count=none, next_at=none)
    _hold_line(m, cycle, high=wave_output(ticks.mode, count, now), rises=rises)
    _note_change(m, begun + wave_change(ticks.mode, count, now))
    _note_rise(m, cycle - now % count + count)
    _note_period(m, ticks.mode, count, m.constant(1, 1))


def advance(m: HotContext) -> None:
    """Let channel 0 do to IRQ 0 what happened by now, where periods follow on each other."""
    cycle = _require_due(m)
    ticks = Channel(m, TICKS)
    now, origin = ticks.elapsed(cycle), ticks.get("origin")
    begun = now - now % ticks.initial  # the period
    rises = _passed_when_seen(m, ticks).below(begun)
    _hold_line(m, cycle, high=wave_output(ticks.mode, ticks.initial, now), rises=rises)
    _note_change(m, origin + wave_change(ticks.mode, ticks.initial, now))
    _note_rise(m, origin + begun + ticks.initial)


def _require_due(m: HotContext) -> Value:
    """Require that channel 0 is due, and return the timer's cycle."""
    require_timer(m)
    m.require(~m.now().below(due(m)))
    return timer_cycle(m)


def _passed_when_seen(m: HotContext, ticks: Channel) -> Value:
    """Return how many cycles channel 0 had counted when IRQ 0 was last told."""
    passed = m.get(cells.PIT, cells.PIT_SEEN) - ticks.get("origin")
    return choose(passed.sign(), m.constant(0), passed)


def _hold_line(m: HotContext, cycle: Value, *, high: Value, rises: Value) -> None:
    """Let IRQ 0 have its level of now; ``rises``: whether it went up since it was told."""
    chip = Chip(m)
    irr, lines = chip.get("irr"), chip.get("lines")
    was_high = (lines & TIMER_LINE).is_not_zero()
    one, none = m.constant(TIMER_LINE), m.constant(0)
    asks = choose(high, choose(rises | ~was_high, one, irr & TIMER_LINE), none)
    chip.set("irr", (irr & ~TIMER_LINE) | asks)
    chip.set("lines", (lines & ~TIMER_LINE) | choose(high, one, none))
    m.set(cells.PIT, cycle, cells.PIT_SEEN)
    chip.ask()


# -- what is noted of what comes (`Pit._note_due`) -----------------------------------------------


def _time_of(m: HotContext, cycle: Value) -> Value:
    """Return the first of the processor's cycles at which so many of the timer's have passed."""
    hz, clock_hz = m.get(cells.PIT, cells.PIT_HZ), m.get(cells.PIT, cells.PIT_CLOCK_HZ)
    return scaled(cycle, clock_hz, hz, hz - 1)


def _note_change(m: HotContext, cycle: Value) -> None:
    m.set(cells.PIT, _time_of(m, cycle), cells.PIT_CHANGE)


def _note_rise(m: HotContext, cycle: Value) -> None:
    hz, clock_hz = m.get(cells.PIT, cells.PIT_HZ), m.get(cells.PIT, cells.PIT_CLOCK_HZ)
    rise = _time_of(m, cycle)
    m.set(cells.PIT, rise, cells.PIT_RISE)
    m.set(cells.PIT, cycle, cells.PIT_RISE_CYCLE)
    m.set(cells.PIT, rise * hz - cycle * clock_hz, cells.PIT_RISE_LATE)


def _note_period(m: HotContext, mode: Value, initial: Value, repeats: Value) -> None:
    """Note how long periods are, or (``repeats``) that it does not just repeat them."""
    hz, clock_hz = m.get(cells.PIT, cells.PIT_HZ), m.get(cells.PIT, cells.PIT_CLOCK_HZ)
    high = high_cycles(initial)
    part = choose(mode.equals(Mode.SQUARE_WAVE), high, initial)
    spans = [cycles * clock_hz for cycles in (initial, part, high)]
    numbers = [number for span in spans for number in (span // hz, span % hz)]
    for field, number in zip(range(cells.PIT_PERIOD, cells.PIT_TELLS), numbers, strict=False):
        m.set(cells.PIT, choose(repeats, number, m.constant(0)), field)


# -- what is written to it -----------------------------------------------------------------------


class _Line:
    """IRQ 0 and its channel before a write; nothing is to be caught up with."""

    def __init__(self, m: HotContext) -> None:
        self._m, self.channel, self._chip = m, Channel(m, TICKS), Chip(m)
        self.cycle = timer_cycle(m)
        self._chip.require_work()
        for field in (cells.PIT_CHANGE, cells.PIT_RISE):
            at = m.get(cells.PIT, field)
            m.require(at.sign() | m.now().below(at))
        self.high = self._chip.get("lines") & TIMER_LINE
        """Its level, 0 or 1."""
        m.require(self.high.equals(self.channel.output(self.cycle).zero_extend(64)))
        m.require(self.channel.get("gate").equals(1))

    def stops(self, once: Value) -> None:
        """Note that nothing comes by itself, where a 1-bit condition holds."""
        for field in (cells.PIT_CHANGE, cells.PIT_RISE):
            before = self._m.get(cells.PIT, field)
            self._m.set(cells.PIT, choose(once, self._m.constant(-1), before), field)
        for field in range(cells.PIT_PERIOD, cells.PIT_TELLS):
            before = self._m.get(cells.PIT, field)
            self._m.set(cells.PIT, choose(once, self._m.constant(0), before), field)

    def is_now(self, high: Value) -> None:
        """Set its level, and plan what comes."""
        self._chip.set_line(TIMER_LINE, high.is_not_zero())
        self._m.set(cells.PIT, self.cycle, cells.PIT_SEEN)
        self._m.plan(due(self._m))


def write_first_byte(m: HotContext, value: Value) -> None:
    """Port 40h: the first of two bytes of a count, which stops mode 0 and no other."""
    channel = Channel(m, TICKS)
    m.require(channel.get("access").equals(BOTH) & channel.get("high").is_zero())
    line, once = _Line(m), channel.mode.is_zero()
    take_count(m, channel, line.cycle, value)
    line.stops(once)
    line.is_now(choose(once, m.constant(0), line.high))


def write_count(m: HotContext, value: Value) -> None:
    """Port 40h: what makes a count whole."""
    channel = Channel(m, TICKS)
    m.require(~(channel.get("access").equals(BOTH) & channel.get("high").is_zero()))
    line = _Line(m)
    cycle = line.cycle
    taken = take_count(m, channel, cycle, value)
    begins, count, mode = taken.begins, taken.initial, channel.mode
    half = choose(mode.equals(Mode.SQUARE_WAVE), high_cycles(count), count)
    _note_change(m, choose(begins, cycle + 1 + half, taken.reload))
    _note_rise(m, choose(begins, cycle + 1 + count, taken.reload))
    _note_period(m, mode, count, begins & channel.is_periodic)
    line.is_now(choose(mode.is_zero(), m.constant(0), line.high))


def program(m: HotContext, value: Value) -> None:
    """Port 43h: a control word for channel 0, whose output goes up but in mode 0."""
    m.require(is_program(value, TICKS))
    line = _Line(m)
    line.channel.program(value)
    line.stops(m.constant(1, 1))
    once = (value & 0xE).is_zero()
    line.is_now(choose(once, m.constant(0), m.constant(TIMER_LINE)))
