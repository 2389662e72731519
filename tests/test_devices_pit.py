"""The 8253 and 8254 against their data sheets, and against a model that ticks cycle by cycle."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pc_guest import PcGuest

from blink16.devices.cards import Cards
from blink16.devices.counter import BOTH, HIGH, LOW, Counter, Mode
from blink16.devices.oscillator import PIT_HZ, Oscillator
from blink16.devices.pit import SPEAKER


@dataclass
class TickingCounter:
    """An 8253's channel, cycle by cycle, as its data sheet tells it."""

    mode: Mode
    gate: bool = True
    element: int = 0
    written: int = 0
    new: bool = False
    loaded: bool = False
    left: int = 0
    high: bool = field(default=True)

    def __post_init__(self) -> None:
        self.high = self.mode is not Mode.INTERRUPT_ON_TERMINAL_COUNT

    def write(self, count: int) -> None:
        """Take a count."""
        self.written, self.new = count, True
        if self.mode is Mode.INTERRUPT_ON_TERMINAL_COUNT:
            self.high = False

    def set_gate(self, gate: bool) -> None:
        """Set GATE."""
        triggered = gate and not self.gate and self.written
        if triggered and self.mode is not Mode.INTERRUPT_ON_TERMINAL_COUNT:
            self.loaded, self.new = False, True
        if not gate and self.mode in (Mode.RATE_GENERATOR, Mode.SQUARE_WAVE):
            self.high = True
        self.gate = gate

    def tick(self) -> None:
        """Let a cycle pass."""
        match self.mode:
            case Mode.INTERRUPT_ON_TERMINAL_COUNT:
                if self.new:
                    self.element, self.new = self.written, False
                    self.loaded = True
                elif self.gate and self.loaded:
                    self.element -= 1
                    self.high = self.high or self.element == 0
            case Mode.RATE_GENERATOR:
                self._tick_rate()
            case Mode.SQUARE_WAVE:
                self._tick_square()

    def _tick_rate(self) -> None:
        if self.new and not self.loaded:
            self.element, self.new, self.loaded = self.written, False, True
        elif self.gate and self.loaded:
            self.element -= 1
            self.high = self.element != 1
            if self.element == 0:
                self.element, self.new = self.written, False

    def _tick_square(self) -> None:
        if self.new and not self.loaded:
            self.new, self.loaded, self.high = False, True, True
            self._half()
        elif self.gate and self.loaded:
            self.left -= 1
            self.element -= 2
            if self.left == 0:
                self.high, self.new = not self.high, False
                self._half()

    def _half(self) -> None:
        self.left = (self.written + self.high) // 2
        self.element = self.written & ~1


MODES = (Mode.INTERRUPT_ON_TERMINAL_COUNT, Mode.RATE_GENERATOR, Mode.SQUARE_WAVE)
STEPS = st.lists(
    st.tuples(st.integers(1, 30), st.one_of(st.integers(2, 12), st.booleans())), max_size=12
)


@given(st.sampled_from(MODES), STEPS)
def test_a_channel_is_what_ticking_makes_it(
    mode: Mode, steps: list[tuple[int, int | bool]]
) -> None:
    """Prevents any difference between a derived counter and one that counts."""
    ticking, counter, cycle = TickingCounter(mode), Counter(mode, LOW), 0
    written = False
    for delay, action in [(1, 7), *steps]:
        if isinstance(action, bool):
            if mode is Mode.INTERRUPT_ON_TERMINAL_COUNT or counter.origin <= cycle:
                ticking.set_gate(action)
                counter = counter.with_gate(action, cycle)
        elif ticking.gate:
            ticking.write(action)
            counter = counter.write(action, cycle)
            written = True
        levels = [counter.output(cycle)]
        assert levels[0] == ticking.high
        for _ in range(delay):
            cycle += 1
            ticking.tick()
            levels.append(ticking.high)
            assert counter.output(cycle) == ticking.high
            if written and ticking.loaded and counter.settled(cycle).origin <= cycle:
                assert counter.value(cycle) == ticking.element & 0xFFFF
        rose = any(not a and b for a, b in pairwise(levels))
        assert counter.rises(cycle - delay, cycle) == rose
        change = counter.next_change(cycle - delay)
        if mode is not Mode.RATE_GENERATOR:
            changes = [n for n in range(1, delay + 1) if levels[n] != levels[n - 1]]
            first = cycle - delay + changes[0] if changes else None
            assert first == (change if change is not None and change <= cycle else None)


def loaded(mode: Mode, count: int, *, gate: bool = True) -> Counter:
    """Return a counter that holds its count at cycle 1."""
    return Counter(mode, LOW, gate=gate).write(count, 0)


def outputs(counter: Counter, cycles: int) -> str:
    """Draw OUT from cycle 1 on."""
    return "".join("‾" if counter.output(cycle) else "_" for cycle in range(1, cycles + 1))


def test_mode_0_goes_up_at_terminal_count() -> None:
    """Prevents an interrupt that comes a cycle early or late: N + 1 cycles after the write."""
    assert outputs(loaded(Mode.INTERRUPT_ON_TERMINAL_COUNT, 4), 7) == "____‾‾‾"


def test_mode_1_is_low_for_its_count_after_a_trigger() -> None:
    """Prevents a one-shot without a trigger, or of a wrong length."""
    counter = loaded(Mode.ONE_SHOT, 3, gate=False)
    assert outputs(counter, 4) == "‾‾‾‾"
    assert outputs(counter.with_gate(True, 1), 7) == "‾___‾‾‾"


def test_mode_2_is_low_for_the_last_cycle() -> None:
    """Prevents a wrong period or pulse of the rate generator."""
    assert outputs(loaded(Mode.RATE_GENERATOR, 4), 9) == "‾‾‾_‾‾‾_‾"


@pytest.mark.parametrize(("count", "picture"), [(4, "‾‾__‾‾__"), (5, "‾‾‾__‾‾‾__")])
def test_mode_3_is_a_square_wave(count: int, picture: str) -> None:
    """Prevents a wrong duty cycle: an odd count is high for one cycle more."""
    assert outputs(loaded(Mode.SQUARE_WAVE, count), len(picture)) == picture


def test_mode_4_strobes_once() -> None:
    """Prevents a strobe that is longer than a cycle, or comes again."""
    assert outputs(loaded(Mode.SOFTWARE_STROBE, 3), 9) == "‾‾‾_‾‾‾‾‾"


def test_mode_5_strobes_after_a_trigger() -> None:
    """Prevents a strobe by software in the hardware-triggered mode."""
    counter = loaded(Mode.HARDWARE_STROBE, 2, gate=False)
    assert outputs(counter, 5) == "‾‾‾‾‾"
    assert outputs(counter.with_gate(True, 0), 6) == "‾‾_‾‾‾"


def test_a_gate_holds_the_count() -> None:
    """Prevents time from being counted while GATE is low."""
    counter = loaded(Mode.INTERRUPT_ON_TERMINAL_COUNT, 5).with_gate(False, 3)
    assert counter.value(3) == counter.value(1000) == 3
    again = counter.with_gate(True, 100)
    assert (again.value(101), again.output(102), again.output(103)) == (2, False, True)


def test_a_new_count_of_a_rate_generator_waits_for_the_end_of_the_period() -> None:
    """Prevents a period that is cut short."""
    counter = loaded(Mode.RATE_GENERATOR, 4).write(2, 2)
    assert outputs(counter, 10) == "‾‾‾_‾_‾_‾_"


def test_a_latched_count_stays() -> None:
    """Prevents the two bytes of a count from belonging to different instants."""
    counter = Counter(Mode.RATE_GENERATOR, BOTH).write(0x00, 0).write(0x10, 0)
    latched = counter.latch(1).latch(50)
    low, after = latched.read(100)
    high, free = after.read(200)
    assert (low, high) == (0x00, 0x10)
    assert free.value(11) == 0x1000 - 10


def test_one_byte_access() -> None:
    """Prevents a program that writes one byte from waiting for the other."""
    assert loaded(Mode.RATE_GENERATOR, 0x20).initial == 0x20
    high = Counter(Mode.RATE_GENERATOR, HIGH).write(0x20, 0)
    assert high.initial == 0x2000
    assert high.read(1)[0] == 0x20


def test_a_count_of_zero_is_the_largest() -> None:
    """Prevents a division by zero, and a BIOS tick of no length."""
    assert Counter(Mode.RATE_GENERATOR, LOW).write(0, 0).initial == 0x10000
    assert Counter(Mode.RATE_GENERATOR, LOW, bcd=True).write(0, 0).initial == 10_000


def test_bcd_counts_decimally() -> None:
    """Prevents binary digits where a program asked for decimal ones."""
    counter = Counter(Mode.INTERRUPT_ON_TERMINAL_COUNT, BOTH, bcd=True).write(0x00, 0)
    counter = counter.write(0x10, 0)
    assert counter.value(2) == 0x0999
    assert counter.value(1002) == 0x9999
    assert not counter.output(1000)
    assert counter.output(1001)


# -- on the bus --------------------------------------------------------------------------------


def test_irq_0_rises_with_each_period() -> None:
    """Prevents ticks that are lost or doubled over a long time."""
    pc = PcGuest(clock_hz=PIT_HZ)
    pc.out(0x21, 0xFE)
    pc.out(0x43, 0x34)
    pc.out(0x40, 0x64, 0x00)  # every 100 cycles
    ticks, pit, pic = [], pc.devices.pit, pc.devices.pic
    for time in range(1000):
        due = pit.due()
        assert due is not None
        if due <= time:
            pit.advance(time)
        if pic.pending():
            pic.acknowledge()
            pc.out(0x20, 0x20)
            ticks.append(time)
    assert ticks == list(range(101, 1000, 100))


def test_time_that_leaps_over_periods_makes_one_request() -> None:
    """Prevents work for each tick, and requests that pile up."""
    pc = PcGuest()
    pc.out(0x43, 0x34)
    pc.out(0x40, 0x64, 0x00)
    pc.devices.pit.advance(10_000_000)
    assert pc.devices.pic.acknowledge() == 0x08
    assert not pc.devices.pic.pending()
    due = pc.devices.pit.due()
    assert due is not None
    assert due > 10_000_000


def test_port_61h_gates_channel_2_and_shows_its_output() -> None:
    """Prevents programs that time themselves by the speaker's channel from hanging."""
    pc = PcGuest(clock_hz=PIT_HZ)
    pc.out(0x43, 0xB0)  # mode 0
    pc.out(0x42, 0x10, 0x00)
    assert not pc.in_(0x61) & 0x20
    pc.machine.registers.cycles += 100
    assert not pc.in_(0x61) & 0x20  # the gate is closed
    pc.out(0x61, pc.in_(0x61) | 1)
    pc.machine.registers.cycles += 15
    assert not pc.in_(0x61) & 0x20
    pc.machine.registers.cycles += 1
    assert pc.in_(0x61) & 0x20
    assert pc.in_(0x62) & 0x20
    assert pc.devices.pit.gate(SPEAKER)


def test_the_8254s_read_back_command_is_ignored() -> None:
    """Prevents a command that an 8253 hasn't got from changing a channel."""
    pc = PcGuest()
    before = pc.devices.pit.save()
    pc.out(0x43, 0xC2)
    assert pc.devices.pit.save() == before


def test_an_ats_timer_reads_back() -> None:
    """Prevents the flip-flop's level, by which programs halve BIOS ticks, from being unknown."""
    pc = PcGuest(clock_hz=PIT_HZ, cards=Cards(at=True))

    def status(command: int = 0xE8) -> int:
        pc.out(0x43, command)
        return pc.in_(0x42)

    pc.out(0x61, 0)
    pc.out(0x43, 0xB0)
    assert status() == 0x70  # low, and no count yet
    pc.out(0x42, 0x34, 0x12)
    assert status() == 0x70  # it waits for the next cycle
    pc.machine.registers.cycles += 2
    assert status() == 0x30
    pc.out(0x61, 1)
    pc.machine.registers.cycles += 0x234
    pc.out(0x43, 0xC8)  # a status that is latched is read before the count
    pc.machine.registers.cycles += 0x1000
    pc.out(0x43, 0xC8)  # the first stays
    assert [pc.in_(0x42) for _ in range(3)] == [0x30, 0x00, 0x10]
    assert status() == 0xB0
    pc.out(0x43, 0xB7)  # a square wave of 10 cycles, in BCD
    pc.out(0x42, 0x10, 0x00)
    levels = []
    for _ in range(20):
        pc.machine.registers.cycles += 1
        levels.append(status())
    assert levels == 2 * (5 * [0xB7] + 5 * [0x37])
    pc.out(0x42, 0x20, 0x00)
    assert status() == 0x77  # another count waits for the end of the half period
    pc.out(0x43, 0xEE)  # all three, statuses alone
    assert [pc.in_(port) for port in (0x42, 0x40, 0x41)] == [0x77, 0xB6, 0x94]
    pc.out(0x43, 0xFE)  # nothing of all three
    assert pc.in_(0x40) == pc.devices.pit.state.counters[0].value(pc.machine.time) & 0xFF


@given(st.lists(st.tuples(st.integers(0x40, 0x43), st.integers(0, 255), st.integers(0, 5000))))
def test_nonsense_always_makes_progress(steps: list[tuple[int, int, int]]) -> None:
    """Prevents errors and events that stand still, whatever a program writes."""
    pc = PcGuest()
    pit = pc.devices.pit
    for port, value, passed in steps:
        pc.out(port, value)
        pc.machine.registers.cycles += passed
        pc.in_(port)
        pc.devices.ppi.restore(value)
        pit.set_gate(SPEAKER, bool(value & 1))
        pit.advance(pc.machine.time)
        due = pit.due()
        assert due is None or due > pc.machine.time


@given(st.integers(1, 10**9), st.integers(1, 10**8), st.integers(0, 10**12))
def test_a_cycle_has_passed_at_its_time_and_not_before(hz: int, speed: int, cycles: int) -> None:
    """Prevents events that come before their time or stand still at it."""
    oscillator = Oscillator(hz, speed)
    time = oscillator.time(cycles)
    assert oscillator.cycles(time) >= cycles
    assert time == 0 or oscillator.cycles(time - 1) < cycles
