"""The BIOS's ticks and its time of day, on a PC's timer and clock."""

from __future__ import annotations

import pytest
from boot_sectors import (
    HALT_FOREVER,
    LOOP,
    PUT_COUNTER,
    SECOND,
    Pc,
    counter,
    hook,
    program,
    sector,
)


def test_ticks_count_and_call_the_user_vector() -> None:
    """IRQ 0 must move the count at 40:6C and call INT 1Ch 18.2 times a second, EOI included."""
    pc_ = Pc(program(hook(0x1C) + LOOP, PUT_COUNTER))
    before = pc_.area.ticks
    pc_.let_pass(1)
    assert counter(pc_) in (18, 19)
    assert pc_.area.ticks - before == counter(pc_)


def test_ticks_begin_with_the_time_of_day() -> None:
    """The count is that of the clock at power on: DOS takes its time from it."""
    seconds = (1 * 60 + 46) * 60 + 40
    assert Pc().area.ticks == seconds * 1193182 // 65536


def test_sleep_passes_time() -> None:
    """HLT must jump to the next tick: a second of HLT is a few hundred instructions."""
    pc_ = Pc(program(hook(0x1C) + HALT_FOREVER, PUT_COUNTER))
    pc_.machine.run(1000)
    assert counter(pc_) > 18
    assert pc_.machine.time > SECOND


def test_midnight_sets_the_flag_once() -> None:
    """At midnight the count begins anew and INT 1Ah tells it once."""
    pc_ = Pc(sector(LOOP))
    pc_.call(0x1A, 0x0100, cx=0x18, dx=0x00AF)
    pc_.registers.ip = 0x7C00
    pc_.machine.run(SECOND // 10)
    pc_.call(0x1A, 0x0000)
    assert (pc_.registers.cx, pc_.registers.al) == (0, 1)
    pc_.call(0x1A, 0x0000)
    assert pc_.registers.al == 0


def test_the_clock_can_be_set() -> None:
    """03h and 05h set what 02h and 04h read."""
    pc_ = Pc()
    pc_.call(0x1A, 0x0300, cx=0x1234, dx=0x5600)
    pc_.call(0x1A, 0x0500, cx=0x1986, dx=0x0307)
    pc_.call(0x1A, 0x0200)
    assert (pc_.registers.cx, pc_.registers.dh) == (0x1234, 0x56)
    pc_.call(0x1A, 0x0400)
    assert (pc_.registers.cx, pc_.registers.dx) == (0x1986, 0x0307)


@pytest.mark.parametrize("function", [0x06, 0x07, 0x09, 0x0A, 0x80, 0xFF])
def test_the_clock_has_no_alarm(function: int) -> None:
    """INT 1Ah's functions of newer machines must fail, and change nothing."""
    pc_ = Pc()
    pc_.call(0x1A, function << 8, cx=0x1234, dx=0x5678)
    assert pc_.failed
    assert (pc_.registers.cx, pc_.registers.dx) == (0x1234, 0x5678)


def test_ticks_beyond_a_day_wrap() -> None:
    """INT 1Ah/01 with too many ticks must not keep midnight from coming."""
    pc_ = Pc(sector(LOOP))
    pc_.call(0x1A, 0x0100, cx=0xFFFF, dx=0xFFFF)
    assert pc_.area.ticks < 0x1800B0


def test_the_motor_is_turned_off_by_ticks() -> None:
    """INT 08h must count 40:40 down and clear the motors' bits at 0, as disk code relies on."""
    pc_ = Pc(sector(LOOP))
    pc_.area.floppy_motors, pc_.area.floppy_motor_count = 0x83, 2
    pc_.let_pass(1 / 15)
    assert (pc_.area.floppy_motor_count, pc_.area.floppy_motors) == (1, 0x83)
    pc_.let_pass(1 / 15)
    assert (pc_.area.floppy_motor_count, pc_.area.floppy_motors) == (0, 0x80)


def test_sizes_are_told() -> None:
    """INT 12h must say 640 KiB and INT 11h what the data area says."""
    pc_ = Pc()
    pc_.call(0x12)
    assert pc_.registers.ax == 640
    pc_.call(0x11)
    assert pc_.registers.ax == pc_.area.equipment
    assert pc_.registers.ax >> 9 & 7 == 2
    assert pc_.registers.ax >> 14 == 1
