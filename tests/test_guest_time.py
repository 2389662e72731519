"""How long things take a guest, by its own clocks, beside what an 8086 takes by Intel's data.

Intel 8086 Family User's Manual (1979), table 2-21: LOOP 17 cycles, 5 where it does not jump;
MOV register, immediate 4.  The PC: 4 of its processor's cycles are one of the timer's.
"""

from __future__ import annotations

import pytest
from boot_sectors import sector
from pc_guest import DATA, STI, PcGuest, count, handler, out

from blink16 import bios
from blink16.console import Console
from blink16.cpu import engines
from blink16.cpu.engine import StopReason
from blink16.devices.oscillator import PIT_HZ
from blink16.governor import LOOK_SECONDS, Governor
from blink16.machine import Machine

PC_HZ = 4_772_727
LATCH = bytes.fromhex("b000e643 e44088c4e44086c4")  # the count of the ticks to AX
TICK = 65536 * 4
"""Cycles of the processor between two ticks of the BIOS."""


@pytest.fixture(params=engines.NAMES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine there is."""
    name: str = request.param
    return name


@pytest.mark.parametrize("rounds", [500, 2000, 7000])
def test_a_delay_loop_takes_what_it_takes_an_8086(engine: str, rounds: int) -> None:
    """Prevents delay loops that are counted in instructions, not in cycles."""
    loop = b"\xb9" + rounds.to_bytes(2, "little") + b"\xe2\xfe"  # mov cx, rounds / loop $
    store = b"\x89\x1e" + DATA.to_bytes(2, "little")  # mov [DATA], bx
    code = out(0x43, 0x34) + out(0x40, 0) + out(0x40, 0)  # mode 2: down by one
    code += LATCH + b"\x89\xc3" + loop + LATCH + b"\x29\xc3" + store + b"\xf4"
    guest = PcGuest(code, {}, engine, clock_hz=PC_HZ)
    while guest.machine.run(100_000).reason is StopReason.BUDGET:
        pass
    by_the_book = (4 + 17 * (rounds - 1) + 5) / 4
    reading = 40  # the timer's cycles between two readings, with nothing between
    assert guest.word(DATA) == pytest.approx(by_the_book + reading, rel=0.02)


@pytest.mark.parametrize("hertz", [110, 440, 1000])
def test_a_tone_sounds_as_high_as_a_pc_s(engine: str, hertz: int) -> None:
    """Prevents a speaker whose tones depend on how fast the guest runs."""
    divisor = PIT_HZ // hertz
    tone = out(0x43, 0xB6) + out(0x42, divisor & 0xFF) + out(0x42, divisor >> 8) + out(0x61, 3)
    # again: in al, 61h / and al, 20h / cmp al, ah / je again / mov ah, al / inc bx / jmp again
    changes = bytes.fromhex("31db b400 e461 2420 38e0 74f8 88c4 43 ebf3")
    guest = PcGuest(tone + changes, {}, engine, clock_hz=PC_HZ)
    begin = guest.machine.cycles
    tenth = PC_HZ // 10
    guest.machine.run(until=begin + tenth)
    assert begin + tenth <= guest.machine.cycles < begin + tenth + 100
    assert guest.machine.registers.bx / 2 == pytest.approx(hertz / 10, abs=1.0)


def test_a_loop_calibrated_by_ticks_counts_what_it_counts_on_a_pc(engine: str) -> None:
    """Prevents games and Turbo Pascal's Delay from measuring another machine than a PC."""
    wait = bytes.fromhex("a1 0040 3b060040 74fa")  # mov ax, [DATA] / again: cmp ax, [DATA] / je
    # again: inc bx / cmp ax, [DATA] / je again / cli / jmp $
    counting = bytes.fromhex("31db a10040 43 3b060040 74f9 fa ebfe")
    guest = PcGuest(STI + wait + counting, {0: handler(count(DATA))}, engine, clock_hz=PC_HZ)
    machine = guest.machine
    machine.run(until=machine.cycles + 3 * TICK)
    assert guest.word(DATA) == 2
    # captured: cycles 8086/43 (2), 3B of a direct address (17), 74 taken (17 or 19)
    round_of_an_8086 = 2 + 17 + 18
    assert machine.registers.bx == pytest.approx(TICK / round_of_an_8086, rel=0.03)


def test_a_run_ends_at_its_time_and_the_same_run_goes_on(engine: str) -> None:
    """Prevents a pace that shows in what the machine does, or one that REP runs away from."""
    strings = bytes.fromhex("b90020 be0080 bf00a0 f3a4") + count(DATA + 2)
    code = STI + strings + b"\xeb" + bytes((-len(strings) - 2 & 0xFF,))
    whole, paced = (
        PcGuest(code, {0: handler(count(DATA))}, name, clock_hz=PC_HZ)
        for name in ("native", engine)
    )
    while paced.machine.icount < 60:
        goal = paced.machine.cycles + 10_000
        paced.machine.run(60 - paced.machine.icount, until=goal)
        assert paced.machine.icount == 60 or paced.machine.cycles >= goal
        assert paced.machine.cycles < goal + 0x2000 * 17 + 2000
        assert not paced.machine.between_rounds
    whole.machine.run(60)
    assert paced.state() == whole.state()
    assert whole.word(DATA) > 0


class Clock:
    """A clock that goes when it is told to."""

    seconds = 50.0

    def __call__(self) -> float:
        """Return the time."""
        return self.seconds


@pytest.mark.parametrize("code", ["ebfe", "f3aaebfc", "f4ebfd", "b401cd16ebfa"])
def test_realtime_holds_pace(code: str) -> None:
    """Prevents a real time that depends on how many cycles the guest's instructions take."""
    clock = Clock()
    machine = Machine(clock_hz=PC_HZ)
    bios.boot(machine, sector(bytes.fromhex("fb" + code)), Console())
    machine.idle_after = 0
    governor = Governor(PC_HZ, clock)
    begin = machine.cycles
    governor.start(begin)
    for _ in range(100):
        machine.run(1 << 20, until=governor.limit(machine.cycles))
        wait = governor.ahead(machine.cycles)
        assert wait <= 12 * LOOK_SECONDS
        clock.seconds += wait
    passed = (machine.cycles - begin) / PC_HZ
    assert clock.seconds - 50.0 == pytest.approx(passed, rel=0.02)
