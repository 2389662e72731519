"""A program that calibrates a joystick as games do, while a user moves it: in the guest's time."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from boot_sectors import sector
from guests import ENGINES

from blink16 import bios, monitor
from blink16.assembly import CLOCK_HZ
from blink16.console import Console
from blink16.debugger import Debugger, Resume
from blink16.devices.cards import Cards
from blink16.devices.gameport import LONGEST_US, SHORTEST_US, held
from blink16.devices.oscillator import PIT_HZ
from blink16.machine import Machine

CALIBRATES = bytes.fromhex(
    "fafc31c08ed88ec0b034e643b000e640e640bf0006ba0102eca81075fbe80700eca81074fbebf131db31edb9"
    "d007e8230089c6eeeca803740cd0e883d300d0e883d500e2efe80c0029c689d8ab89e8ab89f0abc3b000e643"
    "e44088c4e44086c4c3"
)
"""nasm -f bin -o joystick.bin ports/joystick.asm"""
RESULTS, RESULT = 0x600, 3
"""Where it puts three words for each press of A: the counts of X and Y, and ticks of the timer."""
STICKS = ((0, 0), (255, 255), (128, 128), (64, 192))
LOOP_US = 45 * 1_000_000 / CLOCK_HZ
"""A round of its loop: 45 clocks by the 8086's tables."""
LATCHING = range(28, 46)
"""Ticks that reading the timer twice, and up to a round of the loop, add."""
ASKS_BIOS = bytes.fromhex(
    "31c08ed8b85a8431d2cd15a30006b80084ba0100cd15a30206891e0406890e060689160806b80084ba0200cd"
    "1518c0a30a06f4"
)
"""INT 15h/84h with DX 0 (AX to 600h), 1 (AX, BX, CX, DX behind it) and 2 (AL: CF, AH)."""


def machine_with(code: bytes, engine: str, *, joystick: bool = True) -> Machine:
    """Return a PC before a boot sector."""
    machine = Machine(engine)
    machine.idle_after = 1 << 62
    disks = [bios.disk_of(0, sector(code))]
    bios.power_on(machine, Console(), disks, cards=Cards(joystick=joystick))
    return machine


def duration_us(position: int) -> float:
    """Return how long a one-shot lasts by IBM's formula."""
    return SHORTEST_US + (LONGEST_US - SHORTEST_US) * position / 255


def whole(machine: Machine) -> tuple[object, bytes]:
    """Return all that a machine is."""
    return machine.save(), bytes(machine.memory.ram)


def test_a_game_calibrates_in_guest_time() -> None:
    """Prevents sticks that drift: counts of a loop and of the timer must be IBM's microseconds.

    Both engines count the same, and a past in which the stick was elsewhere counts as it did.
    """
    ends = []
    for engine in ENGINES:
        debugger = Debugger(machine_with(CALIBRATES, engine))
        memory, instants = debugger.machine.memory, []
        for number, (x, y) in enumerate(STICKS):
            for buttons, instructions in (("a", 1_500), ("", 300)):
                monitor.execute(debugger, f"joystick {x} {y} {buttons}")
                debugger.resume(Resume(count=instructions))
                instants.append((debugger.timeline.now, whole(debugger.machine)))
                debugger.resume(Resume(count=10))  # away from where the stick moves next
            at = RESULTS + 2 * RESULT * number
            count_x, count_y, ticks = (memory.read_word(at + 2 * word) for word in range(RESULT))
            for count, position in ((count_x, x), (count_y, y)):
                assert abs(count - duration_us(position) / LOOP_US) <= 1
            assert ticks - int(duration_us(max(x, y)) * PIT_HZ / 1_000_000) in LATCHING
        for instant, state in (*reversed(instants), *instants):
            debugger.seek(instant)
            assert whole(debugger.machine) == state
        ends.append(instants)
    assert ends[0] == ends[1]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_bios_says_where_the_sticks_are(engine: str) -> None:
    """Programs that ask INT 15h/84h found no joystick where 201h had one."""
    machine = machine_with(ASKS_BIOS, engine)
    machine.receive("joystick", held(0, 255, 128, 64, pressed=0b0101))
    machine.run(200)
    words = [machine.memory.read_word(RESULTS + 2 * n) for n in range(6)]
    assert words == [0x00A0, 3, 167, 85, 44, 0x86FF]


def test_without_a_joystick_the_bios_has_none() -> None:
    """What asks INT 15h/84h must be told that there is none: CF, and 86h in AH."""
    machine = machine_with(ASKS_BIOS, ENGINES[0], joystick=False)
    machine.run(200)
    assert machine.memory.read_word(RESULTS) == 0x865A


def test_the_sector_is_its_source(tmp_path: Path) -> None:
    """`CALIBRATES` is what nasm makes of ports/joystick.asm."""
    if not shutil.which("nasm"):
        pytest.skip("nasm is not installed")
    source, made = Path(__file__).with_name("ports") / "joystick.asm", tmp_path / "joystick.bin"
    subprocess.run(["nasm", "-f", "bin", "-o", made, source], check=True, timeout=60)
    assert made.read_bytes() == CALIBRATES
