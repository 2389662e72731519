"""The 8253 programmable interval timer at ports 40h to 43h, or an AT's 8254.

Channel 0 holds IRQ 0; channel 1 (memory refresh) leads nowhere; channel 2 makes the speaker's
tone, and its gate and output are bits of port 61h.  Source: Intel 8253/8253-5 and
8254 data sheets.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from functools import lru_cache
from itertools import chain
from struct import Struct
from typing import NamedTuple

from blink16.bus import Bus
from blink16.devices import cells
from blink16.devices.counter import NONE, Counter, Mode
from blink16.devices.oscillator import PIT_HZ, Oscillator
from blink16.devices.pic import RequestLine
from blink16.services import Guest

CHANNEL_PORTS = (0x40, 0x41, 0x42)
CONTROL_PORT = 0x43
KEEP_COUNT, KEEP_STATUS = 0x20, 0x10
"""Bits of a read-back command that latch nothing; bits 1 to 3 name the channels."""
SIZE = len(Counter._fields)
TICKS, REFRESH, SPEAKER = range(3)
"""Channels: the BIOS's ticks (IRQ 0), memory refresh, the speaker's tone."""


class PitState(NamedTuple):
    """The three channels, and the cycle up to which channel 0 has told its interrupt line."""

    counters: tuple[Counter, Counter, Counter]
    seen: int


_PACKED = Struct(f"={SIZE}q")
MADE = 256
"""Counters that are kept as they are read: most are read many times."""


@lru_cache(MADE)
def _counter(packed: bytes) -> Counter:
    """Return a counter from its fields."""
    counter = Counter._make(_PACKED.unpack(packed))
    return counter._replace(
        mode=Mode(counter.mode),
        bcd=bool(counter.bcd),
        gate=bool(counter.gate),
        high=bool(counter.high),
    )


_GATE = Counter._fields.index("gate")


class Pit:
    """An 8253 or 8254: a device (`services.Device`)."""

    COMPONENT = "pit"

    def __init__(
        self, guest: Guest, bus: Bus, irq: RequestLine, *, reads_back: bool = False
    ) -> None:
        """``reads_back``: it is an 8254, which has a read-back command."""
        self._guest = guest
        self._irq = irq
        self._on_speaker: Callable[[], None] = lambda: None
        self._oscillator = Oscillator(PIT_HZ, guest.clock_hz)
        state = guest.registers.state
        self._counters, self._cells = cells.COUNTERS.view(state), cells.PIT.view(state)
        self._bytes = self._counters.cast("B")
        self._cells[cells.PIT_HZ : cells.PIT_CHANGE] = array("q", self._oscillator.ratio)
        self._cells[cells.PIT_READS_BACK] = reads_back
        self.state = PitState((Counter(), Counter(), Counter(gate=False)), self._cycle())
        irq(True)  # OUT is high, and has been: that is no request once the 8259A is set up
        for port in CHANNEL_PORTS:
            bus.attach([port], self._read, self._write, what="8253 or 8254, counts")
        bus.attach([CONTROL_PORT], None, self._control, what="8253 or 8254, control")

    @property
    def state(self) -> PitState:
        """The channels; native code works on them, too."""
        channels = self._counter(TICKS), self._counter(REFRESH), self._counter(SPEAKER)
        return PitState(channels, self._cells[0])

    @state.setter
    def state(self, state: PitState) -> None:
        self._counters[:] = array("q", chain.from_iterable(state.counters))
        self._cells[0] = state.seen
        self._note_due()

    def _counter(self, channel: int) -> Counter:
        at = channel * _PACKED.size
        return _counter(self._bytes[at : at + _PACKED.size].tobytes())

    def save(self) -> PitState:
        """Return the state."""
        return self.state

    def restore(self, state: PitState) -> None:
        """Take the state of a `save`."""
        self.state = state

    def _cycle(self) -> int:
        return self.cycle(self._guest.time)

    def cycle(self, time: int) -> int:
        """Return how many cycles have passed at a machine time."""
        return self._oscillator.cycles(time)

    def time(self, cycle: int) -> int:
        """Return the first machine time at which so many cycles have passed."""
        return self._oscillator.time(cycle)

    # -- output and gate ---------------------------------------------------------------------

    def output(self, channel: int) -> bool:
        """Return the level of a channel's OUT, now."""
        return self._counter(channel).output(self._cycle())

    def gate(self, channel: int) -> bool:
        """Return the level of a channel's GATE."""
        return self._counter(channel).gate

    def set_gate(self, channel: int, high: bool) -> None:
        """Set a channel's GATE; on a PC only that of channel 2 isn't always high."""
        if high != bool(self._counters[channel * SIZE + _GATE]):
            self._set_counter(channel, self._counter(channel).with_gate(high, self._cycle()))

    def tell_speaker(self, on_speaker: Callable[[], None]) -> None:
        """Call this from now on before the speaker's channel changes; native code changes it by
        itself only while the speaker's switch is off.
        """
        self._on_speaker = on_speaker
        self._cells[cells.PIT_TELLS] = 1

    # -- time --------------------------------------------------------------------------------

    def due(self) -> int | None:
        """Return when channel 0's OUT next changes in a way that matters.

        That it falls only takes back a request that has not been taken yet.
        """
        pending = self._irq.is_pending()
        due = self._cells[cells.PIT_CHANGE if pending else cells.PIT_RISE]
        return None if due < 0 else due

    def _note_due(self) -> None:
        ticks, seen = self._counter(TICKS), self._cells[0]
        change, rise = ticks.next_change(seen), ticks.next_rise(seen)
        self._cells[cells.PIT_CHANGE] = -1 if change is None else self._oscillator.time(change)
        self._cells[cells.PIT_RISE] = -1 if rise is None else self._oscillator.time(rise)
        if rise is not None:
            self._cells[cells.PIT_RISE_CYCLE] = rise
            self._cells[cells.PIT_RISE_LATE] = self._oscillator.late(rise)
        self._cells[cells.PIT_PERIOD : cells.PIT_TELLS] = array("q", self._period(ticks))
        self._guest.changed(self)

    def _period(self, ticks: Counter) -> tuple[int, ...]:
        """Return what native code needs to go from period to period (`cells.PIT_PERIOD`)."""
        if not ticks.only_repeats:
            return (0, 0, 0, 0, 0)
        span, square = self._oscillator.span, ticks.mode == Mode.SQUARE_WAVE
        part = ticks.high_cycles if square else ticks.initial
        return (*span(ticks.initial), *span(part), span(ticks.high_cycles)[0])

    def is_heard(self) -> bool:
        """Return whether IRQ 0 would be passed on."""
        return self._irq.is_heard()

    def advance(self, time: int) -> None:
        """Let channel 0 do to IRQ 0 what happened until ``time``."""
        self._catch_up(self._oscillator.cycles(time))
        self._note_due()

    def tell_line(self) -> None:
        """Let IRQ 0 have the level that OUT has now."""
        self.advance(self._guest.time)

    def _catch_up(self, cycle: int) -> None:
        ticks, seen = self._counter(TICKS), self._cells[0]
        if ticks.rises(seen, cycle):
            self._irq(False)
            self._irq(True)
        self._irq(ticks.output(cycle))
        if ticks.next_at != NONE:
            self._put_counter(TICKS, ticks.settled(cycle))
        self._cells[0] = cycle

    def _set_counter(self, channel: int, counter: Counter) -> None:
        cycle = self._cycle()
        if channel == SPEAKER:
            self._on_speaker()
        if channel == TICKS:
            self._catch_up(cycle)
            self._irq(counter.output(cycle))
        self._put_counter(channel, counter)
        if channel == TICKS:
            self._note_due()

    def _put_counter(self, channel: int, counter: Counter) -> None:
        at = channel * _PACKED.size
        self._bytes[at : at + _PACKED.size] = _PACKED.pack(*counter)

    # -- ports -------------------------------------------------------------------------------

    def _read(self, port: int) -> int:
        channel = CHANNEL_PORTS.index(port)
        before = self._counter(channel)
        value, counter = before.read(self._cycle())
        if counter is not before:
            self._put_counter(channel, counter)
        return value

    def _write(self, port: int, value: int) -> None:
        channel = CHANNEL_PORTS.index(port)
        self._set_counter(channel, self._counter(channel).write(value, self._cycle()))

    def _control(self, port: int, value: int) -> None:
        channel = value >> 6
        if channel == len(CHANNEL_PORTS):
            if self._cells[cells.PIT_READS_BACK]:
                self._read_back(value)
            return
        counter = self._counter(channel)
        access = value >> 4 & 3
        if access == 0:
            self._put_counter(channel, counter.latch(self._cycle()))
            return
        mode = Mode(value >> 1 & (3 if value & 4 else 7))  # modes 6 and 7 are 2 and 3
        self._set_counter(
            channel,
            Counter(mode, access, bool(value & 1), gate=counter.gate, initial=counter.initial),
        )

    def _read_back(self, command: int) -> None:
        """Latch counts, statuses or both of some channels, as they are now."""
        cycle = self._cycle()
        for channel in range(len(CHANNEL_PORTS)):
            if command >> 1 & 1 << channel:
                counter = self._counter(channel)
                counter = counter if command & KEEP_COUNT else counter.latch(cycle)
                counter = counter if command & KEEP_STATUS else counter.latch_status(cycle)
                self._put_counter(channel, counter)
