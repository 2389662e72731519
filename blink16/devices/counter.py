"""One channel of an 8253 or 8254, whose count and output follow from the cycle at which one looks.

A counter is immutable; what happens to it makes another one.  Times are cycles of the timer's
clock, 1,193,182 a second.  Source: Intel 8253/8253-5 data sheet, modes 0 to 5;
Intel 8254 data sheet, read-back command.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from blink16.cpu.values import N, below, choose, equal
from blink16.devices.fields import with_fields

LOW, HIGH, BOTH = 1, 2, 3
"""Which bytes of a count a control word lets one read and write."""
NONE = -(1 << 20)
"""Where there is no cycle, count or byte: all that there are are greater."""
MIN_PERIOD = 2
"""Modes 2 and 3 forbid a count of 1; here it works like 2."""


class Mode(IntEnum):
    """How a channel counts."""

    INTERRUPT_ON_TERMINAL_COUNT = 0
    ONE_SHOT = 1
    RATE_GENERATOR = 2
    SQUARE_WAVE = 3
    SOFTWARE_STROBE = 4
    HARDWARE_STROBE = 5


def high_cycles(initial: N) -> N:
    """Return how long a square wave is high in a period."""
    return (initial + 1) >> 1


def wave_output(mode: N, initial: N, elapsed: N) -> N:
    """Return the level of OUT in modes 2 and 3."""
    phase = elapsed % initial
    pulse = equal(equal(phase, initial - 1), 0)
    return choose(equal(mode, 3), below(phase, high_cycles(initial)), pulse)


def wave_change(mode: N, initial: N, elapsed: N) -> N:
    """Return the first cycle after ``elapsed`` at which OUT changes in modes 2 and 3.

    The pulse of mode 2 is low for a single cycle: only its end counts here.
    """
    phase = elapsed % initial
    falls = choose(equal(mode, 3), below(phase, high_cycles(initial)), equal(mode, 3))
    return elapsed - phase + choose(falls, high_cycles(initial), initial)


def wave_count(mode: N, initial: N, elapsed: N) -> N:
    """Return what the counting element holds in modes 2 and 3, but for its modulus."""
    phase = elapsed % initial
    high = high_cycles(initial)
    half = choose(below(phase, high), phase, phase - high)
    square = (initial - (initial & 1)) - (half + half)  # counts down by two, twice a period
    return choose(equal(mode, 3), square, initial - phase)


PERIODIC = (Mode.RATE_GENERATOR, Mode.SQUARE_WAVE)
TRIGGERED = (Mode.ONE_SHOT, Mode.HARDWARE_STROBE)


class Counter(NamedTuple):
    """The state of a channel."""

    mode: Mode = Mode.SQUARE_WAVE
    access: int = BOTH
    bcd: bool = False
    gate: bool = True
    initial: int = 0x10000
    """The initial count, in cycles."""
    origin: int = NONE
    """The cycle at which the counting element held ``initial``; NONE: it hasn't begun."""
    held: int = NONE
    """Cycles counted when GATE stopped it; NONE: it runs."""
    next_count: int = NONE
    """A count that waits for its turn: the end of a period or a trigger."""
    next_at: int = NONE
    """The cycle at which ``next_count`` has its turn, if that is known."""
    free_since: int = NONE
    """Since when it counts down in modes 1 and 5, armed and not yet triggered."""
    low_byte: int = NONE
    """The first byte of a count whose second hasn't been written."""
    latched: int = NONE
    high: bool = False
    """The flip-flop of reads and writes: whether the next byte of two is the high one."""
    status: int = NONE
    """The status that an 8254's read-back command has latched, which is read before a count."""

    @property
    def modulus(self) -> int:
        """The counting element counts modulo 65,536, or 10,000 in BCD."""
        return 10_000 if self.bcd else 0x10000

    @property
    def running(self) -> bool:
        """Whether it has begun and GATE lets it count."""
        return self.origin != NONE and self.held == NONE

    def elapsed(self, cycle: int) -> int:
        """Return the cycles counted since ``origin``."""
        return self.held if self.held != NONE else max(0, cycle - self.origin)

    @property
    def high_cycles(self) -> int:
        """How long a square wave is high in a period."""
        return high_cycles(self.initial)

    def settled(self, cycle: int) -> Counter:
        """Return the counter with a new count in force whose turn has come."""
        if self.next_at == NONE or cycle < self.next_at:
            return self
        initial = self.next_count
        period_ends = (self.next_at - self.origin) % self.initial == 0
        origin = self.next_at if period_ends else self.next_at - high_cycles(initial)
        return self._replace(initial=initial, origin=origin, next_count=NONE, next_at=NONE)

    # -- OUT ---------------------------------------------------------------------------------

    def output(self, cycle: int) -> bool:
        """Return the level of OUT."""
        now = self.settled(cycle)
        if now.origin == NONE:
            return now.mode != Mode.INTERRUPT_ON_TERMINAL_COUNT
        elapsed = now.elapsed(cycle)
        match now.mode:
            case Mode.INTERRUPT_ON_TERMINAL_COUNT:
                return elapsed >= now.initial
            case Mode.ONE_SHOT:
                return cycle < now.origin or elapsed >= now.initial
            case Mode.RATE_GENERATOR | Mode.SQUARE_WAVE:
                return not now.gate or bool(wave_output(now.mode, now.initial, elapsed))
        return elapsed != now.initial

    def high_between(self, since: int, until: int) -> int:
        """Return at how many cycles from ``since`` on, and before ``until``, OUT is high."""
        if since < self.next_at < until:
            after = self.settled(self.next_at)
            return self.high_between(since, self.next_at) + after.high_between(self.next_at, until)
        now = self.settled(since)
        return now._high_before(until) - now._high_before(since)

    def _high_before(self, cycle: int) -> int:
        """Return at how many cycles OUT has been high before one, but for a constant."""
        if not self.running:
            return cycle if self.output(cycle) else 0
        passed = cycle - self.origin
        match self.mode:
            case Mode.INTERRUPT_ON_TERMINAL_COUNT:
                return max(0, passed - self.initial)
            case Mode.ONE_SHOT:
                return passed - min(max(0, passed), self.initial)
            case Mode.RATE_GENERATOR | Mode.SQUARE_WAVE if passed > 0:
                square = self.mode is Mode.SQUARE_WAVE
                high = self.high_cycles if square else self.initial - 1
                periods, phase = divmod(passed, self.initial)
                return periods * high + min(phase, high)
            case Mode.RATE_GENERATOR | Mode.SQUARE_WAVE:
                return passed
        return passed - (passed > self.initial)

    @property
    def only_repeats(self) -> bool:
        """Whether it counts one period after the other, and nothing is about to change that."""
        return self.running and self.next_at == NONE and self.mode in PERIODIC and not self.bcd

    def next_change(self, cycle: int) -> int | None:
        """Return the first cycle after ``cycle`` at which OUT changes; None: not by itself.

        The pulse of mode 2 is low for a single cycle: only its end counts here.
        """
        now = self.settled(cycle)
        if not now.running:
            return None
        elapsed = cycle - now.origin
        if now.mode not in PERIODIC:
            end = now.initial
            marks = (0, end) if now.mode == Mode.ONE_SHOT else (end, end + 1)
            if now.mode == Mode.INTERRUPT_ON_TERMINAL_COUNT:
                marks = (end, end)
            return next((now.origin + mark for mark in marks if mark > elapsed), None)
        return now.origin + wave_change(now.mode, now.initial, max(0, elapsed))

    def next_rise(self, cycle: int) -> int | None:
        """Return the first cycle after ``cycle`` at which OUT goes up, or `next_change`.

        It is the former where a period follows on the other undisturbed.
        """
        if self.mode in PERIODIC and self.running and self.next_at == NONE:
            elapsed = max(0, cycle - self.origin)
            return self.origin + elapsed - elapsed % self.initial + self.initial
        return self.next_change(cycle)

    def rises(self, since: int, until: int) -> bool:
        """Return whether OUT went up by itself after ``since`` and not later than ``until``."""
        if since < self.next_at <= until:
            after = self.settled(self.next_at)
            return self._rose(since, self.next_at) or after._rose(self.next_at, until)
        return self.settled(since)._rose(since, until)

    def _rose(self, since: int, until: int) -> bool:
        if not self.running:
            return False
        if self.mode in PERIODIC:
            return self._periods(until) > self._periods(since)
        strobe = self.mode in (Mode.SOFTWARE_STROBE, Mode.HARDWARE_STROBE)
        return since < self.origin + self.initial + strobe <= until

    def _periods(self, cycle: int) -> int:
        return max(0, cycle - self.origin) // self.initial

    # -- the count ---------------------------------------------------------------------------

    def value(self, cycle: int) -> int:
        """Return what the counting element holds, 16 bits as one reads them."""
        now = self.settled(cycle)
        elapsed = 0 if now.origin == NONE else now.elapsed(cycle)
        if now.origin == NONE and now.free_since != NONE:
            elapsed = max(0, cycle - now.free_since)
        if now.mode in PERIODIC:
            left = wave_count(now.mode, now.initial, elapsed)
        else:
            left = now.initial - elapsed
        left %= now.modulus
        return _to_bcd(left) if now.bcd else left

    def latch(self, cycle: int) -> Counter:
        """Hold the count for reading; the first latched count stays until it is read."""
        return self if self.latched != NONE else self._replace(latched=self.value(cycle))

    def latch_status(self, cycle: int) -> Counter:
        """Hold the status for reading, as an 8254 does; the first one stays until it is read.

        That is OUT, whether a count waits to be counted from, and the control word but for its
        channel.
        """
        if self.status != NONE:
            return self
        now = self.settled(cycle)
        waits = now.origin == NONE or cycle < now.origin or now.next_count != NONE
        word = self.access << 4 | self.mode << 1 | self.bcd
        return self._replace(status=self.output(cycle) << 7 | waits << 6 | word)

    def read(self, cycle: int) -> tuple[int, Counter]:
        """Return a byte of the count, or a latched status, and the counter after that."""
        if self.status != NONE:
            return self.status, self._replace(status=NONE)
        value = self.value(cycle) if self.latched == NONE else self.latched
        high = self.access == HIGH or (self.access == BOTH and self.high)
        byte = value >> 8 if high else value & 0xFF
        if self.access == BOTH and not high:
            return byte, with_fields(self, _HIGH, True)
        if self.latched == NONE and not self.high:
            return byte, self
        return byte, self._replace(latched=NONE, high=False)

    def write(self, byte: int, cycle: int) -> Counter:
        """Take a byte of a new count."""
        if self.access == BOTH and not self.high:
            after = with_fields(self, _LOW_BYTE, byte, self.latched, True)
            stops = self.mode == Mode.INTERRUPT_ON_TERMINAL_COUNT
            return after._replace(origin=NONE, held=NONE) if stops else after
        if self.access == BOTH:
            word = byte << 8 | max(0, self.low_byte)
        else:
            word = byte << 8 if self.access == HIGH else byte
        count = (_from_bcd(word) if self.bcd else word) or self.modulus
        if self.mode in PERIODIC:
            count = max(count, MIN_PERIOD)
        return with_fields(self, _LOW_BYTE, NONE, self.latched, False)._load(count, cycle)

    def _load(self, count: int, cycle: int) -> Counter:
        """Take a whole count, which the mode puts in force now or later."""
        if self.mode in TRIGGERED:
            if self.origin == NONE:
                return self._replace(initial=count, free_since=cycle + 1)
            return self._replace(next_count=count)
        if self.mode not in PERIODIC or self.origin == NONE:
            held = NONE if self.gate else 0
            return self._replace(initial=count, origin=cycle + 1, held=held)
        now = self.settled(cycle)
        if now.running:
            reload = with_fields(now, _NEXT_AT, NONE).next_change(cycle)
            return with_fields(now, _NEXT_COUNT, count, NONE if reload is None else reload)
        return now._replace(next_count=count, next_at=NONE)

    def with_gate(self, high: bool, cycle: int) -> Counter:
        """Return the counter with a new level of GATE."""
        if high == self.gate:
            return self
        now = self.settled(cycle)._replace(gate=high)
        if now.mode in TRIGGERED:
            return now._triggered(cycle) if high else now
        if now.origin == NONE:
            return now
        if not high:
            return now._replace(held=now.elapsed(cycle), next_at=NONE)
        if now.mode in PERIODIC:
            return now._triggered(cycle)
        return now._replace(origin=cycle - now.held, held=NONE)

    def _triggered(self, cycle: int) -> Counter:
        """Begin anew with the next cycle, as a rising GATE lets most modes do."""
        count = self.initial if self.next_count == NONE else self.next_count
        return self._replace(
            initial=count, origin=cycle + 1, held=NONE, next_count=NONE, next_at=NONE
        )


_NEXT_COUNT, _NEXT_AT, _LOW_BYTE, _HIGH = map(
    Counter._fields.index, ("next_count", "next_at", "low_byte", "high")
)


def _from_bcd(word: int) -> int:
    return sum((word >> 4 * digit & 0xF) * 10**digit for digit in range(4))


def _to_bcd(value: int) -> int:
    return sum(value // 10**digit % 10 << 4 * digit for digit in range(4))
