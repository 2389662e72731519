"""INT 15h: the configuration, absent services, and waits on the machine's own time."""

from __future__ import annotations

import pytest
from boot_sectors import COUNTER, LOOP, PUT_COUNTER, SECOND, Pc, hook, program, sector
from guests import ENGINES, TestPace
from hypothesis import given
from hypothesis import strategies as st
from pc_guest import count, machine_on

from blink16 import bios
from blink16.bios.int15 import CONFIGURATION, ELAPSED, MODEL, WAIT_FLAG
from blink16.console import Console
from blink16.cpu.engine import StopReason
from blink16.history import Timeline
from blink16.memory import linear

FLAG = 0x610
WAIT_20_MS = bytes.fromhex("b90000ba204eb486cd15")  # mov cx, 0; mov dx, 20000; mov ah, 86h; int 15h
CANCEL = bytes.fromhex("b80183cd15")  # mov ax, 8301h; int 15h


def test_the_configuration_is_that_of_the_rom() -> None:
    """Programs that ask C0h and those that look at FFFF:000E must see the same model."""
    pc = Pc()
    pc.call(0x15, 0xC000)
    assert (pc.failed, pc.registers.ah) == (False, 0)
    address = linear(pc.registers.es, pc.registers.bx)
    table = CONFIGURATION.parse(pc.machine.memory.read(address, CONFIGURATION.sizeof()))
    assert table.model == MODEL == pc.machine.memory[0xFFFFE]


def test_there_is_no_extended_memory() -> None:
    """88h must give 0 KiB also to those who don't look at CF."""
    pc = Pc()
    pc.call(0x15, 0x88FF)
    assert (pc.registers.ax, pc.failed) == (0, False)


@pytest.mark.parametrize("function", [0x00, 0x01, 0x24, 0x4F, 0x84, 0x87, 0x89, 0xC1, 0xFF])
def test_what_is_absent_says_so(function: int) -> None:
    """Cassettes, A20, extended memory and the like: CF, 86h in AH, and AL as it was."""
    pc = Pc()
    pc.call(0x15, function << 8 | 0x5A)
    assert (pc.registers.ax, pc.failed) == (0x865A, True)


@pytest.mark.parametrize("function", [0x80, 0x81, 0x82, 0x85, 0x90, 0x91])
def test_hooks_for_systems_do_nothing(function: int) -> None:
    """What multitasking systems hook must succeed where none has done so."""
    pc = Pc()
    pc.call(0x15, function << 8)
    assert (pc.registers.ah, pc.failed) == (0, False)


def test_a_wait_lasts_as_long_as_it_is_to() -> None:
    """86h must let exactly that time pass, with interrupts on and registers kept."""
    pc = Pc(program(hook(0x1C) + WAIT_20_MS * 10 + count(FLAG) + LOOP, PUT_COUNTER))
    while not pc.machine.memory.read_word(FLAG):
        pc.machine.run(500)
    assert 0.200 * SECOND < pc.machine.time < 0.205 * SECOND
    assert pc.machine.memory.read_word(COUNTER) == 3  # ticks came meanwhile
    assert (pc.registers.cx, pc.registers.dx) == (0, 20_000)
    assert pc.machine.memory[WAIT_FLAG] & ELAPSED


def test_an_event_sets_its_bit_and_can_be_cancelled() -> None:
    """83h comes back at once; bit 7 of the byte at ES:BX comes later, once, or not at all."""
    pc = Pc(sector(LOOP))
    for cancelled in (False, True):
        pc.machine.memory.write(FLAG, b"\x81")
        pc.call(0x15, 0x8300, cx=0, dx=5000, es=0, bx=FLAG)
        assert not pc.failed
        assert pc.machine.memory[FLAG] == 0x01
        pc.call(0x15, 0x8300, cx=0, dx=1, es=0, bx=FLAG + 2)
        assert (pc.failed, pc.registers.ah) == (True, 0x83)
        if cancelled:
            pc.call(0x15, 0x8301)
        pc.registers.ip = 0x7C00
        pc.let_pass(0.0049)
        assert pc.machine.memory[FLAG] == 0x01
        pc.let_pass(0.0002)
        assert pc.machine.memory[FLAG] == (0x01 if cancelled else 0x81)


def test_a_second_wait_within_a_wait_is_refused() -> None:
    """A handler that waits while the program waits must come back, and the program go on."""
    busy = b"\x51\x2e" + count(COUNTER) + WAIT_20_MS + b"\x59\xcf"  # push cx; …; pop cx
    pc = Pc(program(hook(0x1C) + (WAIT_20_MS * 5) + count(FLAG) + LOOP, busy))
    pc.machine.run(2 * SECOND // 10)
    assert pc.machine.memory.read_word(FLAG) == 1
    assert pc.machine.memory.read_word(COUNTER) > 0


def test_a_cancelled_wait_ends() -> None:
    """83h/01h from a handler must end the program's 86h instead of leaving it for ever."""
    code = hook(0x1C) + bytes.fromhex("b9ffffb486cd15") + count(FLAG) + LOOP
    pc = Pc(program(code, b"\x50" + CANCEL + b"\x58\xcf"))
    pc.machine.run(SECOND // 10)
    assert pc.machine.memory.read_word(FLAG) == 1


def test_an_event_can_not_change_the_rom() -> None:
    """A byte in ROM must stay, wherever ES:BX leads."""
    pc = Pc(sector(LOOP))
    before = pc.machine.memory.read(0xF0000, 0x10000)
    for offset in (0x0100, 0x2000):
        pc.call(0x15, 0x8300, cx=0, dx=1, es=0xF000, bx=offset)
        pc.registers.cs, pc.registers.ip = 0, 0x7C00
        pc.machine.run(100)
    assert pc.machine.memory.read(0xF0000, 0x10000) == before


@pytest.mark.parametrize("engine", ENGINES)
def test_time_travel_goes_into_a_wait(engine: str) -> None:
    """A wait entered from the past must end at the same instruction."""
    machine = machine_on(engine, clock_hz=20_000)
    bios.boot(machine, program(WAIT_20_MS * 3 + count(FLAG) + LOOP), Console())
    timeline = Timeline(machine, pace=TestPace())
    known = {}
    for _ in range(30):
        timeline.run(47)
        known[timeline.now] = machine.save(), bytes(machine.memory.ram)
    assert machine.memory.read_word(FLAG) == 1
    for icount in (47 * 5, 47 * 29, 47 * 11, 47 * 2):
        timeline.seek(icount)
        assert (machine.save(), bytes(machine.memory.ram)) == known[icount]


@given(*[st.integers(0, 0xFFFF)] * 5)
def test_no_call_crashes(ax: int, bx: int, cx: int, dx: int, es: int) -> None:
    """Whatever a program asks, the machine must run on."""
    pc = Pc(sector(LOOP))
    pc.call(0x15, ax, bx=bx, cx=cx, dx=dx, es=es)
    before = pc.machine.icount  # a wait (AH=86h) lets ticks pass, which are code
    pc.machine.run(500)
    assert pc.machine.icount == before + 500


def test_the_pc_stands_on_its_plug() -> None:
    """Prevents 530Ah from leaving what FDAPM then shows: mains off line, a battery of 130 %."""
    pc = Pc()
    pc.call(0x15, 0x530A, bx=1, cx=0, dx=0)
    r = pc.registers
    assert (pc.failed, r.bx, r.cx, r.dx) == (False, 0x01FF, 0x80FF, 0xFFFF)
    pc.call(0x15, 0x530A, bx=0x8001)
    assert (pc.failed, r.ah) == (True, 0x09)
    pc.call(0x15, 0x530B)
    assert (pc.failed, r.ah) == (True, 0x80)


def test_a_system_switches_the_pc_off() -> None:
    """ELKS' `poweroff` asks for APM, connects, and switches off: an end, not a halted machine."""
    pc = Pc()
    pc.call(0x15, 0x5300)
    assert (pc.registers.ax, pc.registers.bx) == (0x0101, 0x504D)
    pc.call(0x15, 0x5301)
    assert pc.registers.ah == 0
    pc.call(0x15, 0x5380)
    assert pc.registers.ah == 0x0C
    stop = pc.call(0x15, 0x5307, bx=1, cx=3)
    assert (stop.reason, stop.status) == (StopReason.EXITED, 0)
    assert "switched off" in stop.text
