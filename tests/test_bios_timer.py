"""The BIOS's ticks and its time of day, on a PC's timer and clock."""

from __future__ import annotations

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
    pc_.machine.run(SECOND)
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
