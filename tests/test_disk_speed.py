"""Disks that take a real drive's time: --disk-speed real."""

from __future__ import annotations

from pathlib import Path

import pytest
from boot_sectors import sector
from guests import ENGINES

from blink16.cli.arguments import computer
from blink16.cli.config_file import parse
from blink16.cli.options import RUN
from blink16.cpu.registers import CF
from blink16.devices.cards import Cards
from blink16.setup import loader
from blink16.setup.pc import PcSetup

CODE = 0x600
MOTORS = 0x43F
FLOPPY = sector(b"\xf4").ljust(1_474_560, b"\x5a")


class Booted:
    """A PC that reads sectors."""

    def __init__(self, engine: str, *, real: bool) -> None:
        options = loader.Options(engine=engine, setup=PcSetup(cards=Cards(real_disks=real)))
        program = loader.Program("fd.img", loader.ProgramKind.BOOT, FLOPPY)
        self.machine = loader.load(program, [], options).machine
        self.machine.memory.write(CODE, b"\xcd\x13\xeb\xfe")

    def read(self, cylinder: int, first: int, count: int) -> float:
        """Read sectors of head 0 to 1000:0000; return the milliseconds that it took."""
        r, machine = self.machine.registers, self.machine
        r.cs, r.ip, r.ss, r.sp, r.es, r.bx = 0, CODE, 0, 0x5000, 0x1000, 0
        r.ax, r.cx, r.dx, r.flags = 0x0200 | count, cylinder << 8 | first, 0, 0x0202
        before = machine.time
        while (r.cs, r.ip) != (0, CODE + 2):
            machine.run(1 if r.cs == 0 else 64)
            if r.cs == 0 and r.ip > CODE + 2:
                break
        assert not r.flags & CF
        assert machine.memory.read(0x10000, 4) in (b"\x5a" * 4, FLOPPY[:4])
        return (machine.time - before) * 1000 / machine.clock_hz


def test_fast_disks_take_no_time() -> None:
    """It is the default, and what recordings and tests of programs rely on."""
    pc = Booted("reference", real=False)
    assert pc.read(40, 1, 18) < 1


def test_both_engines_take_the_same_time() -> None:
    """The wait is code in ROM, and depends on the machine's time alone."""
    times = []
    for engine in ENGINES:
        pc = Booted(engine, real=True)
        pc.machine.memory.write(MOTORS, b"\1")
        pc.read(0, 3, 1)
        times.append((pc.machine.time, pc.machine.icount))
    assert times[0] == times[1]


def test_a_floppy_turns_and_its_head_moves() -> None:
    """The motor's start, a whole turn for the same sector, a turn for a track, steps for a seek;
    and ticks go on meanwhile.
    """
    pc = Booted("native", real=True)
    ticks = pc.machine.memory.read_word(0x46C)
    assert 500 < pc.read(0, 1, 1) < 720
    assert pc.machine.memory.read_word(0x46C) - ticks >= 9
    assert pc.read(0, 1, 1) == pytest.approx(200, abs=2)
    assert pc.read(0, 2, 17) == pytest.approx(17 / 18 * 200, abs=2)
    assert pc.read(0, 1, 18) == pytest.approx(200, abs=2)
    assert pc.read(0, 9, 2) == pytest.approx(10 / 18 * 200, abs=3)
    seek = pc.read(40, 1, 1)
    assert 135 < seek < 135 + 212
    assert pc.read(40, 1, 1) == pytest.approx(200, abs=2)


def test_the_command_line_asks_for_it(tmp_path: Path) -> None:
    """`--disk-speed real` must reach the machine; fast is the default."""
    image = tmp_path / "fd.img"
    image.write_bytes(FLOPPY)
    for arguments, real in ((["--disk-speed", "real"], True), ([], False)):
        parsed = parse(RUN, [*arguments, str(image)])
        assert computer(parsed, parsed).cards.real_disks == real
