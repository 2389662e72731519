"""The beam follows what the CRT controller was told: the status ports of all adapters."""

from __future__ import annotations

import random

import pytest
from boot_sectors import SECOND, sector
from guests import ENGINES
from hypothesis import given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16 import bios
from blink16.console import Console
from blink16.devices.video import Adapter
from blink16.machine import Machine

COLOR, MONO = 0x3DA, 0x3BA
COUNT = "ec a808 74fb ec a808 75fb 43 ebf4"
"""W: in al, dx; test al, 8; jz w; v: in al, dx; test al, 8; jnz v; inc bx; jmp w"""
COUNT_HERCULES = "ec a880 75fb ec a880 74fb 43 ebf4"
"""The same of bit 7, which a Hercules card clears in the retrace."""


def out_words(port: int, *pairs: int) -> str:
    """Return code that writes words to an index port: the register and what it gets."""
    words = "".join(f"b8{pair & 0xFF:02x}{pair >> 8:02x}ef" for pair in pairs)
    return f"ba{port & 0xFF:02x}{port >> 8:02x}" + words


def mode(number: int) -> str:
    """Return code that sets a video mode."""
    return f"b8{number:02x}00cd10"


def pc(code: str, adapter: Adapter, engine: str = "native") -> Machine:
    """Return a PC with this adapter before a boot sector."""
    machine = Machine(engine)
    machine.idle_after = 1 << 62
    disk = bios.disk_of(0, sector(bytes.fromhex(code)))
    bios.power_on(machine, Console(), [disk], adapter=adapter)
    return machine


HERCULES_DOTS = (
    "b003babf03ee"
    + out_words(0x3B4, 0x3500, 0x2D01, 0x2E02, 0x0703, 0x5B04, 0x0205, 0x5706, 0x5707, 0x0309)
    + "b00abab803ee"
)
PICTURES = {
    # what: adapter, code, pictures a second
    "CGA, text": (Adapter.CGA, mode(3), 59.92),
    "CGA, 40 columns": (Adapter.CGA, mode(1), 59.92),
    "CGA, dots": (Adapter.CGA, mode(4), 59.92),
    # 312 lines, as of Europe: 39 rows of 8
    "CGA, 50 Hz": (Adapter.CGA, mode(3) + out_words(0x3D4, 0x2604, 0x0005, 0x2007), 50.32),
    "Hercules, text": (Adapter.HERCULES, mode(7), 49.82),
    "Hercules, dots": (Adapter.HERCULES, HERCULES_DOTS, 50.85),
    "EGA, 350 lines": (Adapter.EGA, mode(0x10), 59.7),
    "EGA, 200 lines": (Adapter.EGA, mode(0x0D), 60.4),
    "VGA, text": (Adapter.VGA, mode(3), 70.09),
    "VGA, 200 lines": (Adapter.VGA, mode(0x13), 70.09),
    "VGA, 350 lines": (Adapter.VGA, mode(0x10), 70.09),
    "VGA, 480 lines": (Adapter.VGA, mode(0x12), 59.94),
    # 320x240, as Michael Abrash programs it: 480 lines
    "VGA, mode X": (
        Adapter.VGA,
        mode(0x13)
        + "b0e3bac203ee"
        + out_words(
            0x3D4, 0x2C11, 0x0D06, 0x3E07, 0x4109, 0xEA10, 0xAC11, 0xDF12, 0x0014, 0xE715, 0x0616
        ),
        59.94,
    ),
    "VGA, 400 lines of 256 colors": (Adapter.VGA, mode(0x13) + out_words(0x3D4, 0x4009), 70.09),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_polling_program_counts_the_pictures_of_a_second(name: str) -> None:
    """Prevents a beam that knows no other mode than the first: games time themselves by it."""
    adapter, code, hz = PICTURES[name]
    port = MONO if adapter.is_mono else COLOR
    count = COUNT_HERCULES if adapter is Adapter.HERCULES else COUNT
    machine = pc(f"{code}ba{port & 0xFF:02x}{port >> 8:02x}31db{count}", adapter)
    machine.run(5000)
    before, began = machine.registers.bx, machine.time
    while machine.time < began + SECOND:
        machine.run(20_000)
    counted = (machine.registers.bx - before) * SECOND / (machine.time - began)
    assert counted == pytest.approx(hz, abs=1)


@settings(max_examples=examples(15), deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(list(Adapter)))
def test_both_engines_see_the_same_beam(seed: int, adapter: Adapter) -> None:
    """Prevents native code whose beam is not the device's, whatever the registers say."""
    choose = random.Random(seed)
    base = choose.choice((adapter.base, adapter.base, 0x3B0, 0x3D0)) + 4
    status = base + 6
    code = mode(choose.choice((0, 3, 4, 6, 7, 0x0D, 0x10, 0x12, 0x13)))
    for _ in range(choose.randrange(6)):
        register = choose.choice((0, 1, 4, 5, 6, 7, 9, 0x10, 0x11, 0x12))
        code += out_words(base, choose.randrange(256) << 8 | register)
    code += choose.choice(("", HERCULES_DOTS, "b067bac203ee", out_words(0x3C4, 0x0901)))
    # cld; mov di, 8000h; asked: in al, dx; stosb; at times a write to 3C0h; jmp asked
    asked = "ecaa" + choose.choice(("", "52bac003ee5a"))
    back = 0xFE - len(asked) // 2
    code += f"fcbf0080ba{status & 0xFF:02x}{status >> 8:02x}{asked}eb{back:02x}"
    machines = [pc(code, adapter, engine) for engine in ENGINES]
    for machine in machines:
        machine.run(9000)
    one, other = machines
    assert one.save() == other.save()
    assert bytes(one.memory.ram) == bytes(other.memory.ram)


def test_a_retrace_that_is_never_reached_does_not_come() -> None:
    """R7 of a 6845 beyond its total: no program sees a retrace, and the machine goes on."""
    machine = pc(mode(3) + out_words(0x3D4, 0x7F07) + f"bada0331db{COUNT}", Adapter.CGA)
    machine.run(100_000)
    assert machine.registers.bx == 0
