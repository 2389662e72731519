"""The 8259A against its data sheet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blink16.bus import Bus
from blink16.cpu.registers import Registers
from blink16.devices.pic import COMMAND_PORT, DATA_PORT, LINES, Pic

EOI, SPECIFIC_EOI, ROTATE_ON_EOI, ROTATE_ON_SPECIFIC = 0x20, 0x60, 0xA0, 0xE0
ROTATE_IN_AUTO_EOI, SET_PRIORITY = 0x80, 0xC0
POLL, READ_IRR, READ_ISR, SPECIAL_MASK, NORMAL_MASK = 0x0C, 0x0A, 0x0B, 0x68, 0x48


class Chip:
    """An 8259A seen from the bus."""

    def __init__(self, *, icw1: int = 0x13, icw4: int = 0x01) -> None:
        self.bus = Bus()
        self.pic = Pic(Registers(), self.bus)
        self.command(icw1)
        self.data(0x08)
        if icw1 & 1:
            self.data(icw4)

    def command(self, value: int) -> None:
        """Write ICW1, OCW2 or OCW3."""
        self.bus.write(COMMAND_PORT, value)

    def data(self, value: int) -> None:
        """Write another ICW or the mask."""
        self.bus.write(DATA_PORT, value)

    def read(self, which: int) -> int:
        """Read IRR or ISR."""
        self.command(which)
        return self.bus.read(COMMAND_PORT)

    def pulse(self, *levels: int) -> None:
        """Let lines rise."""
        for level in levels:
            self.pic.set_line(level, False)
            self.pic.set_line(level, True)

    def taken(self) -> list[int]:
        """Acknowledge all that is pending, without EOI.

        A high level with automatic EOI asks for ever; nobody wants to know more often than that.
        """
        vectors: list[int] = []
        while self.pic.pending() and len(vectors) < 2 * LINES:
            vectors.append(self.pic.acknowledge())
        return vectors


def test_nothing_is_pending_before_it_is_initialized() -> None:
    """Prevents interrupts through vectors that nobody has chosen."""
    pic = Pic(Registers(), Bus())
    pic.set_line(0, True)
    assert not pic.pending()


def test_lower_levels_come_first_and_nest() -> None:
    """Prevents an interrupt of lower or the same priority within another one."""
    chip = Chip()
    chip.pulse(5, 3)
    assert chip.taken() == [0x0B]
    chip.pulse(1, 4, 3)
    assert chip.taken() == [0x09]
    assert chip.read(READ_ISR) == 0b0000_1010
    assert chip.read(READ_IRR) == 0b0011_1000
    chip.command(EOI)
    assert not chip.pic.pending()
    chip.command(EOI)
    assert chip.taken() == [0x0B]


def test_non_specific_eoi_ends_the_highest_in_service() -> None:
    """Prevents an EOI that ends the interrupted handler instead of the interrupting one."""
    chip = Chip()
    chip.pulse(6)
    chip.taken()
    chip.pulse(2)
    chip.taken()
    chip.command(EOI)
    assert chip.read(READ_ISR) == 0b0100_0000


def test_specific_eoi_ends_its_level_only() -> None:
    """Prevents confusion of the levels that are in service."""
    chip = Chip()
    chip.pulse(6)
    chip.taken()
    chip.pulse(2)
    chip.taken()
    chip.command(SPECIFIC_EOI | 6)
    assert chip.read(READ_ISR) == 0b0000_0100


def test_a_masked_request_waits() -> None:
    """Prevents requests from being lost, or taken, while they are masked."""
    chip = Chip()
    chip.data(0b0000_0010)
    chip.pulse(1)
    assert not chip.pic.pending()
    assert chip.bus.read(DATA_PORT) == 0b0000_0010
    chip.data(0)
    assert chip.taken() == [0x09]


def test_a_request_needs_an_edge() -> None:
    """Prevents a line that stays high from interrupting again after EOI."""
    chip = Chip()
    chip.pic.set_line(4, True)
    assert chip.taken() == [0x0C]
    chip.command(EOI)
    chip.pic.set_line(4, True)
    assert not chip.pic.pending()
    chip.pulse(4)
    assert chip.taken() == [0x0C]


def test_a_level_triggered_line_asks_as_long_as_it_is_high() -> None:
    """Prevents level triggering from working like edges."""
    chip = Chip(icw1=0x1B)
    chip.pic.set_line(4, True)
    assert chip.taken() == [0x0C]
    chip.command(EOI)
    assert chip.taken() == [0x0C]
    chip.pic.set_line(4, False)
    chip.command(EOI)
    assert not chip.pic.pending()


def test_a_request_that_is_gone_gives_a_spurious_irq_7() -> None:
    """Prevents a vector of a device that doesn't ask, and a service bit for it."""
    chip = Chip()
    chip.pic.set_line(3, True)
    chip.pic.set_line(3, False)
    assert not chip.pic.pending()
    assert chip.pic.acknowledge() == 0x0F
    assert chip.read(READ_ISR) == 0


def test_auto_eoi_leaves_nothing_in_service() -> None:
    """Prevents a chip in automatic EOI mode from blocking for ever."""
    chip = Chip(icw4=0x03)
    chip.pulse(0, 7)
    assert chip.taken() == [0x08, 0x0F]
    assert chip.read(READ_ISR) == 0


def test_rotation_puts_the_served_level_last() -> None:
    """Prevents unfair turns among devices of equal priority."""
    chip = Chip()
    chip.pulse(2, 3)
    assert chip.taken() == [0x0A]
    chip.command(ROTATE_ON_EOI)
    chip.pulse(2)
    assert chip.taken() == [0x0B]
    chip.command(ROTATE_ON_SPECIFIC | 3)
    assert chip.taken() == [0x0A]


def test_rotation_in_automatic_eoi() -> None:
    """Prevents the rotate flag from being ignored where no EOI is written."""
    chip = Chip(icw4=0x03)
    chip.command(ROTATE_IN_AUTO_EOI)
    chip.pulse(2, 3)
    assert chip.pic.acknowledge() == 0x0A
    chip.pulse(2)
    assert chip.taken() == [0x0B, 0x0A]


def test_the_lowest_priority_can_be_set() -> None:
    """Prevents specific rotation from taking the level for the highest."""
    chip = Chip()
    chip.command(SET_PRIORITY | 4)
    chip.pulse(0, 4, 5)
    chip.data(0)
    assert chip.taken() == [0x0D]
    chip.command(EOI)
    assert chip.taken() == [0x08]


def test_special_mask_mode_lets_lower_levels_into_a_masked_handler() -> None:
    """Prevents a handler from being unable to enable levels below its own."""
    chip = Chip()
    chip.pulse(2)
    chip.taken()
    chip.pulse(5)
    assert not chip.pic.pending()
    chip.data(0b0000_0100)
    chip.command(SPECIAL_MASK)
    assert chip.taken() == [0x0D]
    chip.command(EOI)
    assert chip.read(READ_ISR) == 0b0000_0100
    chip.command(NORMAL_MASK)
    chip.command(EOI)
    assert chip.read(READ_ISR) == 0


def test_a_poll_takes_the_request() -> None:
    """Prevents a polling program from seeing the same request again."""
    chip = Chip()
    chip.command(POLL)
    assert chip.bus.read(COMMAND_PORT) & 0x80 == 0
    chip.pulse(6)
    chip.command(POLL)
    assert chip.bus.read(COMMAND_PORT) == 0x86
    assert chip.read(READ_ISR) == 0b0100_0000


def test_initialization_forgets_requests_and_mask() -> None:
    """Prevents interrupts of before from coming through after ICW1."""
    chip = Chip()
    chip.data(0xFF)
    chip.pulse(1)
    chip.command(0x13)
    chip.data(0x40)
    chip.data(0x01)
    assert not chip.pic.pending()
    assert chip.bus.read(DATA_PORT) == 0
    chip.pulse(1)
    assert chip.taken() == [0x41]


def test_cascade_mode_expects_a_third_word() -> None:
    """Prevents ICW3 from being taken for ICW4 or for the mask."""
    chip = Chip(icw1=0x10)
    chip.data(0x55)  # ICW3, since ICW1 says so; there is no ICW4
    chip.data(0x0F)
    assert chip.bus.read(DATA_PORT) == 0x0F


WRITES = st.tuples(st.sampled_from(["command", "data", "up", "down", "take"]), st.integers(0, 255))


@given(st.lists(WRITES, max_size=60))
def test_nonsense_keeps_its_state_in_bounds(steps: list[tuple[str, int]]) -> None:
    """Prevents errors, and states that can't be restored, whatever a program writes."""
    chip = Chip()
    for what, value in steps:
        match what:
            case "command":
                chip.command(value)
            case "data":
                chip.data(value)
            case "take" if chip.pic.pending():
                assert 0 <= chip.pic.acknowledge() <= 0xFF
            case "up" | "down":
                chip.pic.set_line(value % 8, what == "up")
        s = chip.pic.state
        assert max(s.irr, s.isr, s.imr, s.lines, s.base) <= 0xFF
        assert s.irr & ~s.lines == 0
        other = Pic(Registers(), Bus())
        other.restore(chip.pic.save())
        assert other.pending() == chip.pic.pending()
        assert len(chip.taken()) <= 8 or s.auto_eoi


@pytest.mark.parametrize("level", range(8))
def test_each_level_has_its_vector(level: int) -> None:
    """Prevents an offset in the vectors."""
    chip = Chip()
    chip.pulse(level)
    assert chip.taken() == [0x08 + level]
