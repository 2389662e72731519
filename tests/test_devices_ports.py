"""The devices without interrupts: display, real-time clock, printer, DMA registers, port E9h."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pc_guest import PcGuest

from blink16.assembly import CLOCK_HZ
from blink16.devices import pc as pc_module
from blink16.devices.pc import PcDevices, clock_hz
from blink16.devices.video import Adapter
from blink16.machine import Machine


def with_adapter(adapter: Adapter) -> tuple[Machine, PcDevices]:
    """Return a machine whose devices haven't been programmed."""
    machine = Machine()
    return machine, PcDevices(machine, adapter=adapter)


@pytest.mark.parametrize(("adapter", "base"), [(Adapter.CGA, 0x3D4), (Adapter.MDA, 0x3B4)])
def test_the_crtc_tells_where_the_cursor_is(adapter: Adapter, base: int) -> None:
    """Prevents a screen that shows its cursor elsewhere, or not at all."""
    machine, devices = with_adapter(adapter)
    for index, value in ((14, 0xFF), (15, 0x34), (10, 6), (11, 7), (12, 0x01), (13, 0x40)):
        machine.bus.write(base, index)
        machine.bus.write(base + 1, value)
    video = devices.video
    assert (video.cursor, video.start, video.cursor_lines) == (0x3F34, 0x0140, range(6, 8))
    machine.bus.write(base, 15)
    assert machine.bus.read(base + 1) == 0x34
    machine.bus.write(base, 10)
    assert machine.bus.read(base + 1) == 0  # write only
    machine.bus.write(base + 1, 0x20)
    assert not video.cursor_lines


def test_words_reach_index_and_data() -> None:
    """Prevents OUT DX, AX from losing its upper half."""
    machine, devices = with_adapter(Adapter.CGA)
    machine.bus.write(0x3D4, 0x120E, 16)
    assert devices.video.state.crtc[14] == 0x12


def test_the_retrace_comes_sixty_times_a_second() -> None:
    """Prevents programs that wait for the retrace from hanging or from running wild."""
    machine, _ = with_adapter(Adapter.CGA)
    retraces, blanks, before = 0, 0, 0
    for time in range(0, 1_000_000, 100):
        machine.registers.cycles = time * machine.clock_hz // 1_000_000
        status = machine.bus.read(0x3DA)
        retraces += bool(status & 8 and not before & 8)
        blanks += status & 1
        assert not status & 8 or status & 1  # nothing is drawn in the retrace
        before = status
    assert retraces == 60
    assert 0.4 < blanks / 10_000 < 0.55  # 200 of 262 lines, 640 of 912 dots are drawn


def test_a_hercules_card_toggles_bit_7() -> None:
    """Prevents a Hercules from being taken for an MDA, and the other way round."""
    for adapter, levels in ((Adapter.MDA, {0x80}), (Adapter.HERCULES, {0, 0x80})):
        machine, _ = with_adapter(adapter)
        seen = set()
        for time in range(0, 100_000, 100):
            machine.registers.cycles = time
            seen.add(machine.bus.read(0x3BA) & 0x80)
        assert seen == levels


def test_hercules_graphics_need_permission() -> None:
    """Prevents graphics that the configuration switch doesn't allow."""
    machine, devices = with_adapter(Adapter.HERCULES)
    graphics = []
    for configuration in (0, 1):
        machine.bus.write(0x3BF, configuration)
        machine.bus.write(0x3B8, 0x0A)
        graphics.append(devices.video.graphics)
    assert graphics == [False, True]
    assert devices.video.enabled


# -- the real-time clock -----------------------------------------------------------------------

INSTANT = datetime(1999, 12, 31, 23, 59, 58, tzinfo=UTC)


class Clock:
    """A PC's clock at a known instant."""

    def __init__(self) -> None:
        self.machine = Machine(epoch_ns=int(INSTANT.timestamp()) * 1_000_000_000)
        self.rtc = PcDevices(self.machine).rtc

    def read(self, *registers: int) -> list[int]:
        """Read registers."""
        values = []
        for register in registers:
            self.machine.bus.write(0x70, register)
            values.append(self.machine.bus.read(0x71))
        return values

    def write(self, register: int, value: int) -> None:
        """Write a register."""
        self.machine.bus.write(0x70, register)
        self.machine.bus.write(0x71, value)


def test_the_clock_follows_the_guests_time() -> None:
    """Prevents a date of the host's, or one that stands still."""
    clock = Clock()
    assert clock.read(0, 2, 4, 6, 7, 8, 9, 0x32) == [
        0x58, 0x59, 0x23, 0x06, 0x31, 0x12, 0x99, 0x19,
    ]  # fmt: skip
    clock.machine.registers.cycles = 2 * CLOCK_HZ
    assert clock.read(0, 2, 4, 6, 7, 8, 9, 0x32) == [0, 0, 0, 7, 1, 1, 0, 0x20]


def test_binary_and_twelve_hours() -> None:
    """Prevents programs that choose another form from reading nonsense."""
    clock = Clock()
    clock.write(0x0B, 0x04)
    assert clock.read(0, 4) == [58, 0x80 | 11]


def test_the_time_can_be_set() -> None:
    """Prevents DATE and TIME from being forgotten at once."""
    clock = Clock()
    clock.write(0x0B, 0x82)  # stop
    for register, value in ((0, 0x01), (2, 0x02), (4, 0x03), (7, 0x29), (8, 0x02), (9, 0x96)):
        clock.write(register, value)
    clock.write(0x0B, 0x02)
    clock.machine.registers.cycles = CLOCK_HZ
    assert clock.rtc.now == datetime(1996, 2, 29, 3, 2, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rate", "hz"), [(1, 256), (2, 128), (3, 8192), (6, 1024), (15, 2), (0, 0)]
)
def test_the_periodic_flag_can_be_polled(rate: int, hz: int) -> None:
    """Prevents programs that time themselves by register C from waiting for ever."""
    clock = Clock()
    clock.write(0x0A, 0x20 | rate)
    clock.read(0x0C)
    seen = 0
    for time in range(0, 200_000, 25):
        clock.machine.registers.cycles = time * CLOCK_HZ // 1_000_000
        seen += bool(clock.read(0x0C)[0] & 0x40)
    assert abs(seen - hz // 5) <= 1


def test_the_update_flag_says_once_that_a_second_has_passed() -> None:
    """Prevents a flag that stays, and bit 7 without anything enabled in register B."""
    clock = Clock()
    clock.write(0x05, 0x12)  # no alarm at midnight, which comes
    clock.write(0x0A, 0x20)
    assert clock.read(0x0C) == [0]
    clock.machine.registers.cycles = CLOCK_HZ
    assert clock.read(0x0C, 0x0C) == [0x10, 0]
    clock.write(0x0B, 0x12)
    clock.machine.registers.cycles = 2 * CLOCK_HZ
    assert clock.read(0x0C, 0x0C) == [0x90, 0]


def test_the_alarms_flag_is_polled_without_an_interrupt() -> None:
    """Prevents an XT's clock, which interrupts nobody, from having no alarm."""
    clock = Clock()
    assert clock.read(0x0C) == [0]
    clock.machine.registers.cycles = 2 * CLOCK_HZ
    assert clock.read(0x0C, 0x0C) == [0x70, 0]


def test_an_alarm_of_twelve_hours_has_its_half_of_the_day() -> None:
    """Prevents 12 PM in an alarm's hour from being no hour at all."""
    clock = Clock()
    clock.write(0x0B, 0x00)
    for hour, flags in ((0x12, 0x70), (0x92, 0x50)):  # midnight, noon
        clock.machine.registers.cycles = 0
        clock.write(0x05, hour)
        clock.read(0x0C)
        clock.machine.registers.cycles = 2 * CLOCK_HZ
        assert clock.read(0x0C) == [flags]


def test_an_update_is_announced() -> None:
    """Prevents programs from waiting for UIP for ever, or from reading in the middle of it."""
    clock = Clock()
    assert clock.read(0x0A) == [0x26]
    clock.machine.registers.cycles = 999 * CLOCK_HZ // 1000
    assert clock.read(0x0A) == [0xA6]
    assert clock.read(0x0D) == [0x80]


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), max_size=30))
def test_nonsense_leaves_a_clock(steps: list[tuple[int, int]]) -> None:
    """Prevents dates that there aren't from raising."""
    clock = Clock()
    for register, value in steps:
        clock.write(register, value)
        assert 0 <= clock.read(register)[0] <= 0xFF
    assert clock.rtc.now.tzinfo is UTC


# -- the rest ----------------------------------------------------------------------------------


def test_the_printer_takes_a_byte_with_each_strobe() -> None:
    """Prevents characters that are printed twice or not at all, and an unready printer."""
    pc = PcGuest()
    for byte in b"Hi":
        pc.out(0x378, byte)
        assert pc.in_(0x379) & 0xB8 == 0x98
        pc.out(0x37A, 0x0D, 0x0D, 0x0C)
    assert pc.shown == {"lpt1": b"Hi"}
    assert (pc.in_(0x378), pc.in_(0x37A)) == (ord("i"), 0xEC)
    pc.out(0x37A, 0x1D)
    assert pc.devices.pic.state.irr & 0x80


def test_port_e9_prints() -> None:
    """Prevents debug output from being lost."""
    pc = PcGuest()
    pc.out(0xE9, *b"ok")
    assert pc.shown == {"debug": b"ok"}
    assert pc.in_(0xE9) == 0xE9


def test_dma_registers_read_back() -> None:
    """Prevents a power-on self-test from failing at the DMA controller."""
    pc = PcGuest()
    pc.out(0x0D, 0)
    for port in range(8):
        pc.out(port, 0x34, 0x12 + port)
    pc.out(0x0C, 0)
    assert [(pc.in_(port), pc.in_(port)) for port in range(8)] == [
        (0x34, 0x12 + port) for port in range(8)
    ]
    pc.out(0x81, 0x0A)
    assert (pc.in_(0x81), pc.in_(0x0F)) == (0x0A, 0xFF)
    pc.out(0x0A, 0x02)
    assert pc.in_(0x0F) == 0xFB


def test_the_speed_follows_the_clock() -> None:
    """Prevents a machine whose timer doesn't fit its clock, and clocks that make no sense."""
    assert clock_hz() == 4_772_727
    assert clock_hz(12) == 12_000_000
    for mhz in (0, -1, 1e9, float("nan")):
        with pytest.raises(ValueError, match="MHz"):
            clock_hz(mhz)


@given(st.lists(st.tuples(st.integers(0, 0x3FF), st.integers(0, 0xFFFF)), max_size=40))
def test_no_write_and_no_read_raises(steps: list[tuple[int, int]]) -> None:
    """Prevents a guest that plays with ports from ending the machine."""
    pc = PcGuest()
    for port, value in steps:
        pc.machine.bus.write(port, value, 16)
        assert 0 <= pc.machine.bus.read(port, 16) <= 0xFFFF
        pc.machine.registers.cycles += value
        pc.machine.receive("keyboard", b"")
    saved = pc.machine.save()
    pc.machine.restore(saved)
    assert pc.machine.save() == saved


def test_the_self_test_leaves_the_bioss_interrupts_open() -> None:
    """Prevents a machine on which ticks and keys are masked after power-on."""
    pc = PcGuest()
    assert pc.in_(0x21) == 0xBC
    assert pc.devices.pic.state.base == pc_module.IRQ_BASE
    assert not pc.devices.pic.pending()


ABSENT = (
    0x201,  # game adapter: one-shots that never end
    0x278, 0x3BC,  # LPT2, LPT of a monochrome adapter
    0x2E8, 0x2EA, 0x3E8, 0x3EA,  # COM4, COM3
    0x300, 0x388, 0x330,  # network, FM and MIDI cards
    *range(0x3C0, 0x3D0),  # EGA and VGA
    *range(0x3B0, 0x3BC),  # MDA, beside a CGA
    0x3F0, 0x3F1, 0x3F3, 0x3F6,  # an AT's hard disk, and a newer floppy controller's registers
    0xA1, 0x92, 0x64,  # an AT's second 8259A, fast A20, keyboard controller
)  # fmt: skip


@pytest.mark.parametrize("port", ABSENT)
def test_what_is_absent_floats(port: int) -> None:
    """Prevents programs that probe for cards from finding some, or half of one."""
    pc = PcGuest()
    for value in (0x00, 0xAA, 0x55):
        pc.out(port, value)
        assert pc.in_(port) == 0xFF
