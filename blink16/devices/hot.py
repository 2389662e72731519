"""The PC's hot devices, for native code: what is usual at the ports that programs ask in loops.

All of it works on the state of the devices themselves (`cells`), with their own formulas; where
something is unusual it requires what is not so, and the device does the access in Python.
"""

from __future__ import annotations

from collections.abc import Callable

from blink16.cpu.engine import NEVER
from blink16.cpu.hot import HotBoard, HotContext, WriteHot
from blink16.cpu.values import Value, choose
from blink16.devices import cells
from blink16.devices.counter import (
    BOTH,
    HIGH,
    LOW,
    MIN_PERIOD,
    NONE,
    Counter,
    Mode,
    wave_change,
    wave_count,
    wave_output,
)
from blink16.devices.pic import (
    CASCADE,
    ICW1_LEVEL,
    LINES,
    Expects,
    PicState,
    first_of,
    granted,
    turned,
    turned_back,
)
from blink16.devices.pit import REFRESH, SPEAKER, TICKS
from blink16.devices.port_b import REFRESH_TOGGLE, TIMER_2_OUTPUT
from blink16.devices.uart import LSR_ERRORS
from blink16.devices.video import (
    CRTC_INDEX,
    CURSOR_HIGH,
    CURSOR_HIGH_BITS,
    CURSOR_LOW,
    STATUS_MONO_ALWAYS,
    STATUS_MONO_DOT,
    STATUS_NOT_DRAWING,
    STATUS_NOT_RETRACE,
    STATUS_PEN_SET,
    STATUS_PEN_SWITCH,
    STATUS_RETRACE,
    Adapter,
    StatusKind,
)

_SIZE = len(Counter._fields)
_CURSOR = cells.CRTC_CURSOR_HIGH, cells.CRTC_CURSOR_LOW
_CRTC_BASES = Adapter.CGA.base, Adapter.MDA.base
EOI = 0x20
TIMER_LINE = 1
"""The bit of IRQ 0."""


def scaled(time: Value, times: Value, by: Value, more: Value | int = 0) -> Value:
    """Return (time * times + more) // by, where the product may take more than 64 bits."""
    return time // by * times + (time % by * times + more) // by


# -- the 8259A -----------------------------------------------------------------------------------


def _pic(m: HotContext, name: str) -> Value:
    return m.get(cells.PIC, PicState._fields.index(name))


def _set_pic(m: HotContext, name: str, value: Value) -> None:
    m.set(cells.PIC, value, PicState._fields.index(name))


def _granted(m: HotContext) -> Value:
    """Return as a bit the level that asks for the processor."""
    names = ("irr", "imr", "isr", "special_mask", "lowest")
    return granted(*(_pic(m, name) for name in names))


def _at_work(m: HotContext) -> None:
    m.require(_pic(m, "expects").equals(Expects.MASK))
    m.require(_pic(m, "poll").is_zero())


def _read_command(m: HotContext) -> Value:
    _at_work(m)
    return choose(_pic(m, "read_isr").is_zero(), _pic(m, "irr"), _pic(m, "isr"))


def _read_mask(m: HotContext) -> Value:
    _at_work(m)
    return _pic(m, "imr")


def _write_mask(m: HotContext, value: Value) -> None:
    _at_work(m)
    _set_pic(m, "imr", value)
    m.request(_granted(m).is_not_zero())


def _write_command(m: HotContext, value: Value) -> None:
    """Non-specific EOI; without special masks and rotation, as most use it."""
    _at_work(m)
    m.require(value.equals(EOI))
    m.require(_pic(m, "special_mask").is_zero())
    lowest, isr = _pic(m, "lowest"), _pic(m, "isr")
    ended = turned_back(first_of(turned(isr, lowest)), lowest)
    _set_pic(m, "isr", isr ^ ended)
    m.request(_granted(m).is_not_zero())


def _end_only_interrupt(m: HotContext, value: Value) -> None:
    """Non-specific EOI of the only level in service, with no request that is heard."""
    odd = (_pic(m, "expects") ^ Expects.MASK) | _pic(m, "poll") | (value ^ EOI)
    odd = odd | _pic(m, "special_mask")
    isr = _pic(m, "isr")
    odd = odd | (isr & (isr - 1)) | (_pic(m, "irr") & (_pic(m, "imr") ^ 0xFF))
    m.require(odd.is_zero())
    _set_pic(m, "isr", m.constant(0))
    m.request(m.constant(0, 1))


def acknowledge(m: HotContext) -> Value:
    """Take the interrupt that is asked for, and return its vector."""
    _at_work(m)
    m.require(_pic(m, "auto_eoi").is_zero())
    m.require((_pic(m, "icw1") & ICW1_LEVEL).is_zero())
    bit = _granted(m)
    m.require(bit.is_not_zero())
    m.require((bit & (1 << CASCADE)).is_zero())  # an AT's second chip knows its vector
    _set_pic(m, "irr", _pic(m, "irr") & (bit ^ 0xFF))
    _set_pic(m, "isr", _pic(m, "isr") | bit)
    m.request(_granted(m).is_not_zero())
    level = m.constant(0)
    for digit, levels in enumerate((0xAA, 0xCC, 0xF0)):  # those whose number has it
        level = level | (bit & levels).is_not_zero().zero_extend(64) << digit
    return _pic(m, "base") | level


# -- the 8253 ------------------------------------------------------------------------------------


class _Channel:
    """A channel that counts periods, undisturbed; all else is not hot."""

    def __init__(self, m: HotContext, number: int) -> None:
        self._m, self._base = m, number * _SIZE
        self.mode, self.initial = self.get("mode"), self.get("initial")

    def get(self, name: str) -> Value:
        """Read a field."""
        return self._m.get(cells.COUNTERS, self._base + Counter._fields.index(name))

    def set(self, name: str, value: Value) -> None:
        """Write a field."""
        self._m.set(cells.COUNTERS, value, self._base + Counter._fields.index(name))

    def elapsed(self, cycle: Value) -> Value:
        """Require that it counts, and return for how long it has."""
        self._m.require(self.is_periodic & self.get("bcd").is_zero())
        self._m.require(self.get("gate").equals(1) & self.counts(cycle))
        return cycle - self.get("origin")

    @property
    def is_periodic(self) -> Value:
        """Whether its mode is 2 or 3."""
        return ((self.mode ^ Mode.RATE_GENERATOR) & ~1).is_zero()

    def counts(self, cycle: Value) -> Value:
        """Whether it has begun, and no new count waits."""
        origin = self.get("origin")
        free = self.get("held").equals(NONE) & self.get("next_at").equals(NONE)
        return free & origin.sign().is_zero() & ~cycle.below(origin)

    def count(self, cycle: Value) -> Value:
        """Return the count as it is read."""
        return wave_count(self.mode, self.initial, self.elapsed(cycle)) & 0xFFFF


def _timer_cycle(m: HotContext) -> Value:
    return scaled(m.now(), m.get(cells.PIT, cells.PIT_HZ), m.get(cells.PIT, cells.PIT_CLOCK_HZ))


def _read_counter(number: int) -> Callable[[HotContext], Value]:
    def read(m: HotContext) -> Value:
        m.require(m.get(cells.PIT, cells.PIT_CLOCK_HZ).is_not_zero())
        channel = _Channel(m, number)
        count, latched = channel.count(_timer_cycle(m)), channel.get("latched")
        free = latched.equals(NONE)
        value = choose(free, count, latched)
        access, second = channel.get("access"), channel.get("high")
        both = access.equals(BOTH)
        is_high = access.equals(HIGH) | (both & second.equals(1))
        waits = both & ~is_high
        stays = free & second.is_zero()
        channel.set("high", waits.zero_extend(64))
        channel.set("latched", choose(waits | stays, latched, m.constant(NONE)))
        return choose(is_high, value >> 8, value) & 0xFF

    return read


def _write_counter(number: int) -> WriteHot:
    """Take a byte of a count in mode 0, 2 or 3, in which tones and sampled sound are played.

    What `Counter.write` does, but where a count waits whose time has come.
    """

    def write(m: HotContext, value: Value) -> None:
        m.require(m.get(cells.PIT, cells.PIT_CLOCK_HZ).is_not_zero())
        m.require(m.get(cells.PIT, cells.PIT_TELLS).is_zero())
        channel, cycle, none = _Channel(m, number), _timer_cycle(m), m.constant(NONE)
        once, access = channel.mode.is_zero(), channel.get("access")
        m.require((once | channel.is_periodic) & channel.get("bcd").is_zero())
        both, low = access.equals(BOTH), channel.get("low_byte")
        is_first = both & channel.get("high").is_zero()
        origin, held, next_at = (channel.get(name) for name in ("origin", "held", "next_at"))
        begins, runs = once | origin.equals(NONE), held.equals(NONE)
        settled = ~runs | (~cycle.below(origin) & (next_at.equals(NONE) | cycle.below(next_at)))
        m.require(is_first | begins | settled)

        high = choose(access.equals(LOW), value, value << 8)
        word = choose(both, high | choose(low.sign(), m.constant(0), low), high)
        count = choose(word.is_zero(), m.constant(0x10000), word)
        count = choose(channel.is_periodic & count.equals(1), m.constant(MIN_PERIOD), count)
        reload = origin + wave_change(channel.mode, channel.initial, cycle - origin)
        stopped = choose(channel.get("gate").is_zero(), m.constant(0), none)

        def put(name: str, first: Value, begun: Value, waiting: Value) -> None:
            channel.set(name, choose(is_first, first, choose(begins, begun, waiting)))

        initial, next_count = channel.initial, channel.get("next_count")
        put("low_byte", value, none, none)
        put("high", m.constant(1), m.constant(0), m.constant(0))
        put("initial", initial, count, initial)
        put("origin", choose(once, none, origin), cycle + 1, origin)
        put("held", choose(once, none, held), stopped, held)
        put("next_count", next_count, next_count, count)
        put("next_at", next_at, next_at, choose(runs, reload, none))

    return write


def _write_control(m: HotContext, value: Value) -> None:
    """Latch the count of the ticks."""
    m.require(m.get(cells.PIT, cells.PIT_CLOCK_HZ).is_not_zero())
    m.require(value.is_zero())
    ticks = _Channel(m, TICKS)
    count, latched = ticks.count(_timer_cycle(m)), ticks.get("latched")
    ticks.set("latched", choose(latched.equals(NONE), count, latched))


def due(m: HotContext) -> Value:
    """Return when channel 0's output next changes in a way that matters (`Pit.due`)."""
    pending = (_pic(m, "irr") & TIMER_LINE) | (_pic(m, "icw1") & ICW1_LEVEL)
    change, rise = m.get(cells.PIT, cells.PIT_CHANGE), m.get(cells.PIT, cells.PIT_RISE)
    at = choose(pending.is_zero(), rise, change)
    return choose((at - 1).sign(), m.constant(NEVER), at)  # 0: there is no timer


def _begin_period(m: HotContext) -> Value:
    """Let channel 0's next period begin, and no more; return the one's beginning after that."""
    hz, clock_hz = m.get(cells.PIT, cells.PIT_HZ), m.get(cells.PIT, cells.PIT_CLOCK_HZ)
    rise, late = m.get(cells.PIT, cells.PIT_RISE), m.get(cells.PIT, cells.PIT_RISE_LATE)
    begun, initial = m.get(cells.PIT, cells.PIT_RISE_CYCLE), _Channel(m, TICKS).initial
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
    _set_pic(m, "lines", _pic(m, "lines") | TIMER_LINE)
    return following


def advance_a_period(m: HotContext) -> None:
    """Let channel 0's next period begin, and no more: the usual tick, without long divisions."""
    _begin_period(m)
    _set_pic(m, "irr", _pic(m, "irr") | TIMER_LINE)
    m.request(_granted(m).is_not_zero())


def tick(m: HotContext) -> Value:
    """Let the next period begin, and take its interrupt at once, where nobody else asks.

    No level is in service, so the highest gets the processor, and then no other does.
    """
    odd = _pic(m, "expects") ^ Expects.MASK
    odd = odd | (_pic(m, "lowest") ^ LINES - 1)
    for name in ("isr", "auto_eoi", "special_mask", "poll"):
        odd = odd | _pic(m, name)
    odd = odd | ((_pic(m, "imr") | _pic(m, "irr")) & TIMER_LINE) | (_pic(m, "icw1") & ICW1_LEVEL)
    m.require(odd.is_zero())
    m.plan(_begin_period(m))
    _set_pic(m, "isr", m.constant(TIMER_LINE))
    m.request(m.constant(0, 1))
    return _pic(m, "base")


def advance(m: HotContext) -> None:
    """Let channel 0 do to IRQ 0 what happened by now."""
    m.require(m.get(cells.PIT, cells.PIT_CLOCK_HZ).is_not_zero())
    m.require(~m.now().below(due(m)))
    cycle, seen = _timer_cycle(m), m.get(cells.PIT, cells.PIT_SEEN)
    ticks = _Channel(m, TICKS)
    now = ticks.elapsed(cycle)
    begun = now - now % ticks.initial  # the period
    origin = ticks.get("origin")
    before = choose(seen.below(origin), m.constant(0), seen - origin)
    rises = before.below(begun)
    high = wave_output(ticks.mode, ticks.initial, now)
    irr, lines = _pic(m, "irr"), _pic(m, "lines")
    was_high = (lines & TIMER_LINE).is_not_zero()
    one, none = m.constant(TIMER_LINE), m.constant(0)
    asks = choose(high, choose(rises | ~was_high, one, irr & TIMER_LINE), none)
    _set_pic(m, "irr", (irr & ~TIMER_LINE) | asks)
    _set_pic(m, "lines", (lines & ~TIMER_LINE) | choose(high, one, none))
    m.set(cells.PIT, cycle, cells.PIT_SEEN)
    m.request(_granted(m).is_not_zero())

    def time_of(elapsed: Value) -> Value:
        """Return the first of the processor's cycles at which so many have been counted."""
        hz, clock_hz = m.get(cells.PIT, cells.PIT_HZ), m.get(cells.PIT, cells.PIT_CLOCK_HZ)
        return scaled(origin + elapsed, clock_hz, hz, hz - 1)

    change = time_of(wave_change(ticks.mode, ticks.initial, now))
    following = begun + ticks.initial
    rise = time_of(following)
    m.set(cells.PIT, change, cells.PIT_CHANGE)
    m.set(cells.PIT, rise, cells.PIT_RISE)
    m.set(cells.PIT, origin + following, cells.PIT_RISE_CYCLE)
    hz, clock_hz = m.get(cells.PIT, cells.PIT_HZ), m.get(cells.PIT, cells.PIT_CLOCK_HZ)
    m.set(cells.PIT, rise * hz - (origin + following) * clock_hz, cells.PIT_RISE_LATE)


# -- the others ----------------------------------------------------------------------------------


def _read_port_b(m: HotContext) -> Value:
    """Port 61h: what was written, the refresh's toggle, the tone's output."""
    m.require(m.get(cells.PPI).is_not_zero())
    refresh = scaled(m.now(), m.get(cells.PPI, 2), m.get(cells.PPI, 3)) & 1
    tone = _Channel(m, SPEAKER)
    m.require(tone.is_periodic)
    held = tone.get("gate").is_zero()  # which holds the output high
    cycle = _timer_cycle(m)
    m.require(held | tone.counts(cycle))
    high = held | wave_output(tone.mode, tone.initial, cycle - tone.get("origin"))
    value = m.get(cells.PPI, 1) & ~(REFRESH_TOGGLE | TIMER_2_OUTPUT)
    return value | refresh * REFRESH_TOGGLE | high.zero_extend(64) * TIMER_2_OUTPUT


def _beam(m: HotContext) -> tuple[Value, Value, Value, Value]:
    """Return what dot of its line the beam is at, and, as 0 or 1, what it does.

    That is: whether that dot may be shown, whether it is, and whether the vertical retrace is on.
    """
    hz, clock_hz = (m.get(cells.VIDEO, cells.VIDEO_RATIO + n) for n in range(2))
    dots, shown_dots, lines, shown_lines, retrace, retrace_lines = (
        m.get(cells.VIDEO, cells.VIDEO_RASTER + n) for n in range(6)
    )
    at = scaled(m.now(), hz, clock_hz)
    line, dot = at // dots % lines, at % dots
    in_line, in_picture = dot.below(shown_dots), line.below(shown_lines)
    retracing = ~line.below(retrace) & line.below(retrace + retrace_lines)
    drawing = in_line & in_picture
    return dot, in_line.zero_extend(64), drawing.zero_extend(64), retracing.zero_extend(64)


def _read_color_status(m: HotContext) -> Value:
    """Port 3DAh of a CGA, an EGA or a VGA: where the beam is."""
    kind = m.get(cells.VIDEO, cells.VIDEO_STATUS)
    is_cga = kind.equals(StatusKind.CGA)
    m.require(is_cga | kind.equals(StatusKind.PLANES))
    _, _, drawing, retracing = _beam(m)
    pen = m.get(cells.VIDEO, cells.VIDEO_PEN) * STATUS_PEN_SET | (0xF0 | STATUS_PEN_SWITCH)
    return (
        choose(is_cga, pen, m.constant(0))
        | (drawing ^ 1) * STATUS_NOT_DRAWING
        | retracing * STATUS_RETRACE
    )


def _read_mono_status(m: HotContext) -> Value:
    """Port 3BAh of an MDA or a Hercules card."""
    kind = m.get(cells.VIDEO, cells.VIDEO_STATUS)
    is_mda = kind.equals(StatusKind.MDA)
    m.require(is_mda | kind.equals(StatusKind.HERCULES))
    dot, in_line, drawing, retracing = _beam(m)
    sync = choose(
        is_mda, m.constant(STATUS_MONO_ALWAYS | 0x80), (retracing ^ 1) * STATUS_NOT_RETRACE
    )
    return sync | drawing * (dot & STATUS_MONO_DOT) | (in_line ^ 1) * STATUS_NOT_DRAWING


def _select_register(base: int) -> WriteHot:
    def write(m: HotContext, value: Value) -> None:
        m.require(m.get(cells.CRTC, cells.CRTC_BASE).equals(base))
        m.set(cells.CRTC, value & CRTC_INDEX, cells.CRTC_SELECTED)

    return write


def _write_register(base: int) -> WriteHot:
    """The 6845's data: where the cursor is."""

    def write(m: HotContext, value: Value) -> None:
        m.require(m.get(cells.CRTC, cells.CRTC_BASE).equals(base))
        selected = m.get(cells.CRTC, cells.CRTC_SELECTED)
        is_high = selected.equals(CURSOR_HIGH)
        m.require(is_high | selected.equals(CURSOR_LOW))
        high, low = (m.get(cells.CRTC, at) for at in _CURSOR)
        m.set(cells.CRTC, choose(is_high, value & CURSOR_HIGH_BITS, high), cells.CRTC_CURSOR_HIGH)
        m.set(cells.CRTC, choose(is_high, low, value), cells.CRTC_CURSOR_LOW)

    return write


def _read_line_status(number: int) -> Callable[[HotContext], Value]:
    def read(m: HotContext) -> Value:
        status = m.get(cells.LINE_STATUS, number)
        m.require(status.is_not_zero() & (status & LSR_ERRORS).is_zero())
        return status

    return read


BOARD = HotBoard(
    "blink16.devices.hot:BOARD",
    reads={
        0x20: _read_command,
        0x21: _read_mask,
        0x40: _read_counter(TICKS),
        0x42: _read_counter(SPEAKER),
        0x61: _read_port_b,
        0x3BA: _read_mono_status,
        0x3DA: _read_color_status,
        **{base + 5: _read_line_status(number) for number, base in enumerate(cells.LINES)},
    },
    writes={
        0x20: (_end_only_interrupt, _write_command),
        0x21: (_write_mask,),
        0x41: (_write_counter(REFRESH),),
        0x42: (_write_counter(SPEAKER),),
        0x43: (_write_control,),
        **{base + 4: (_select_register(base),) for base in _CRTC_BASES},
        **{base + 5: (_write_register(base),) for base in _CRTC_BASES},
    },
    due=due,
    advance=(advance_a_period, advance),
    acknowledge=acknowledge,
    tick=tick,
)
