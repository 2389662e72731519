"""The hot 8253's channels: what their counts and outputs are, and what is written to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from blink16.cpu.hot import HotContext, WriteHot
from blink16.cpu.values import Value, choose
from blink16.devices import cells
from blink16.devices.counter import (
    BOTH,
    HIGH,
    LOW,
    MIN_PERIOD,
    NONE,
    TRIGGERED,
    Counter,
    Mode,
    wave_change,
    wave_count,
    wave_output,
)
from blink16.devices.hot.ratios import scaled
from blink16.devices.pit import CHANNEL_PORTS, SPEAKER
from blink16.devices.port_b import SPEAKER_DATA

_SIZE = len(Counter._fields)
_CHANNEL, _ACCESS, _MODE = 6, 4, 1
"""Where these begin in a control word."""


def timer_cycle(m: HotContext) -> Value:
    """Return how many cycles of the timer's have passed; there must be one."""
    require_timer(m)
    clock_hz = m.get(cells.PIT, cells.PIT_CLOCK_HZ)
    return scaled(m.now(), m.get(cells.PIT, cells.PIT_HZ), clock_hz)


def require_timer(m: HotContext) -> None:
    """Require that the machine has one."""
    m.require(m.get(cells.PIT, cells.PIT_CLOCK_HZ).is_not_zero())


class Channel:
    """A channel, in Intel's terms (`Counter`)."""

    def __init__(self, m: HotContext, number: int) -> None:
        self._m, self._base = m, number * _SIZE
        self.mode, self.initial = self.get("mode"), self.get("initial")

    def get(self, name: str) -> Value:
        """Read a field."""
        return self._m.get(cells.COUNTERS, self._base + Counter._fields.index(name))

    def set(self, name: str, value: Value) -> None:
        """Write a field."""
        self._m.set(cells.COUNTERS, value, self._base + Counter._fields.index(name))

    def set_all(self, **values: Value) -> None:
        """Write some fields."""
        for name, value in values.items():
            self.set(name, value)

    # -- what it does ------------------------------------------------------------------------

    @property
    def is_periodic(self) -> Value:
        """Whether its mode is 2 or 3."""
        return ((self.mode ^ Mode.RATE_GENERATOR) & ~1).is_zero()

    @property
    def has_begun(self) -> Value:
        """Whether it has ever counted since its mode was set."""
        return ~self.get("origin").equals(NONE)

    def counts(self, cycle: Value) -> Value:
        """Whether it has begun, and no new count waits."""
        origin = self.get("origin")
        free = self.get("held").equals(NONE) & self.get("next_at").equals(NONE)
        return free & ~origin.equals(NONE) & ~(cycle - origin).sign()

    def elapsed(self, cycle: Value) -> Value:
        """Require that it counts periods undisturbed, and return for how long it has."""
        self._m.require(self.is_periodic & self.get("bcd").is_zero())
        self._m.require(self.get("gate").equals(1) & self.counts(cycle))
        self._m.require(self.initial.is_not_zero())
        return cycle - self.get("origin")

    def require_settled(self, cycle: Value) -> None:
        """Require that no new count waits whose time has come."""
        next_at = self.get("next_at")
        self._m.require(next_at.equals(NONE) | cycle.below(next_at))
        self._m.require(self.initial.is_not_zero())

    def passed(self, cycle: Value) -> Value:
        """Return how many cycles it has counted, where it has begun."""
        origin, held = self.get("origin"), self.get("held")
        running = cycle - origin  # which may lie before the machine's beginning
        running = choose(running.sign(), self._m.constant(0), running)
        return choose(held.equals(NONE), running, held)

    def count(self, cycle: Value) -> Value:
        """Return the count as it is read, in binary (`Counter.value`)."""
        self.require_settled(cycle)
        begun = self.has_begun
        self._m.require(self.get("bcd").is_zero() & (begun | self.get("free_since").equals(NONE)))
        passed = choose(begun, self.passed(cycle), self._m.constant(0))
        left = wave_count(self.mode, self.initial, passed)
        return choose(self.is_periodic, left, self.initial - passed) & 0xFFFF

    def output(self, cycle: Value) -> Value:
        """Return the level of OUT in modes 0, 2 and 3, or before a count (`Counter.output`)."""
        self.require_settled(cycle)
        begun, once, periodic = self.has_begun, self.mode.is_zero(), self.is_periodic
        self._m.require(once | periodic | ~begun)
        passed = self.passed(cycle)
        wave = self.get("gate").is_zero() | wave_output(self.mode, self.initial, passed)
        over = ~passed.below(self.initial)
        return choose(begun, choose(once, over, wave), ~once)

    # -- what is done to it ------------------------------------------------------------------

    def latch(self, cycle: Value) -> None:
        """Hold the count for reading."""
        count, latched = self.count(cycle), self.get("latched")
        self.set("latched", choose(latched.equals(NONE), count, latched))

    def program(self, control: Value) -> None:
        """Take a control word, which stops it."""
        wide = (control & 4).is_zero()  # modes 6 and 7 are 2 and 3
        mode = control >> _MODE & choose(wide, self._m.constant(7), self._m.constant(3))
        none = self._m.constant(NONE)
        given = {"mode": mode, "access": control >> _ACCESS & 3, "bcd": control & 1}
        kept = {"gate": self.get("gate"), "initial": self.initial, "high": self._m.constant(0)}
        known = given | kept
        self.set_all(**known, **{name: none for name in Counter._fields if name not in known})

    def with_gate(self, high: Value, cycle: Value) -> None:
        """Set the level of GATE, but in modes that it triggers (`Counter.with_gate`)."""
        self.require_settled(cycle)
        gate, origin, held = self.get("gate"), self.get("origin"), self.get("held")
        same = gate.equals(high)
        triggered = self.mode.equals(TRIGGERED[0]) | self.mode.equals(TRIGGERED[1])
        self._m.require(same | ~triggered)
        none, initial, passed = self._m.constant(NONE), self.initial, self.passed(cycle)
        next_count, next_at, periodic = (
            self.get("next_count"),
            self.get("next_at"),
            self.is_periodic,
        )
        waiting = choose(next_count.equals(NONE), initial, next_count)
        idle = same | origin.equals(NONE)
        goes = ~high.is_zero()

        def put(name: str, before: Value, begun: Value, resumed: Value, stopped: Value) -> None:
            started = choose(periodic, begun, resumed)
            self.set(name, choose(idle, before, choose(goes, started, stopped)))

        self.set("gate", high)
        put("initial", initial, waiting, initial, initial)
        put("origin", origin, cycle + 1, cycle - held, origin)
        put("held", held, none, none, passed)
        put("next_count", next_count, none, next_count, next_count)
        put("next_at", next_at, none, next_at, none)


class CountTaken(NamedTuple):
    """What a byte of a count has led to."""

    is_first: Value
    """Whether another one is to come."""
    begins: Value
    """Else: whether the count is in force from now on, and not at the end of a period."""
    initial: Value
    reload: Value
    """Else, where it has begun: the cycle at which that period ends, or a half of it."""


def take_count(m: HotContext, channel: Channel, cycle: Value, value: Value) -> CountTaken:
    """Take a byte of a count in mode 0, 2 or 3, in which tones and sampled sound are played.

    What `Counter.write` does, but where a count waits whose time has come.
    """
    none = m.constant(NONE)
    once, access = channel.mode.is_zero(), channel.get("access")
    m.require((once | channel.is_periodic) & channel.get("bcd").is_zero())
    m.require(channel.initial.is_not_zero())
    both, low = access.equals(BOTH), channel.get("low_byte")
    is_first = both & channel.get("high").is_zero()
    origin, held, next_at = (channel.get(name) for name in ("origin", "held", "next_at"))
    begins, runs = once | origin.equals(NONE), held.equals(NONE)
    settled = ~runs | (~(cycle - origin).sign() & (next_at.equals(NONE) | cycle.below(next_at)))
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
    return CountTaken(is_first, begins, count, reload)


# -- the ports -----------------------------------------------------------------------------------


def read_counter(number: int) -> Callable[[HotContext], Value]:
    """Return what reads a byte of a channel's count."""

    def read(m: HotContext) -> Value:
        cycle, channel = timer_cycle(m), Channel(m, number)
        m.require(channel.get("status").equals(NONE))
        count, latched = channel.count(cycle), channel.get("latched")
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


def write_counter(number: int) -> WriteHot:
    """Return what takes a byte of a count of a channel that interrupts nobody."""

    def write(m: HotContext, value: Value) -> None:
        cycle = timer_cycle(m)
        _require_silence(m, number)
        take_count(m, Channel(m, number), cycle, value)

    return write


def latch(number: int) -> WriteHot:
    """Return what takes a control word that latches a channel's count."""

    def write(m: HotContext, value: Value) -> None:
        m.require((value & 0xF0).equals(number << _CHANNEL))
        Channel(m, number).latch(timer_cycle(m))

    return write


def program(number: int) -> WriteHot:
    """Return what takes a control word for a channel that interrupts nobody."""

    def write(m: HotContext, value: Value) -> None:
        m.require(is_program(value, number))
        require_timer(m)
        _require_silence(m, number)
        Channel(m, number).program(value)

    return write


def is_program(control: Value, number: int) -> Value:
    """Return whether a control word sets a channel's mode."""
    mine = (control >> _CHANNEL).equals(number)
    return mine & (control >> _ACCESS & 3).is_not_zero()


def ignore_read_back(m: HotContext, value: Value) -> None:
    """Take the 8254's command, which an 8253 hasn't got."""
    require_timer(m)
    m.require(m.get(cells.PIT, cells.PIT_READS_BACK).is_zero())
    m.require((value >> _CHANNEL).equals(len(CHANNEL_PORTS)))


def _require_silence(m: HotContext, number: int) -> None:
    """Require that nobody is to be told before a channel changes."""
    if number == SPEAKER:
        require_unheard(m, m.get(cells.PPI, cells.PPI_PORT_B))


def require_unheard(m: HotContext, port_b: Value) -> None:
    """Require that nobody listens to the speaker, or its switch in port 61h is off."""
    is_off = (port_b & SPEAKER_DATA).is_zero()
    m.require(m.get(cells.PIT, cells.PIT_TELLS).is_zero() | is_off)
