"""Boot sectors that drive the controllers themselves: here on both engines, and in QEMU."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from guests import ENGINES
from port_cases import OTHER, SAME
from port_scripts import HARD_DISK, SECTOR, answer, floppy, machine

from blink16.debugger import Debugger, Resume
from blink16.machine import Machine

CASES = {
    f"{device}: {name}": case
    for kind in (SAME, OTHER)
    for device, scripts in kind.items()
    for name, case in scripts.items()
}
PIC_CASES = ("8259A: rotation", "8259A: automatic end", "8259A: special masks and EOI")
MOST = 2_100_000
SLOW_ENGINE = 40_000
"""Instructions of which the reference engine does the same."""


def whole(made: Machine) -> tuple[object, bytes]:
    """Return all that a machine is."""
    return made.save(), bytes(made.memory.ram)


@pytest.mark.parametrize("name", CASES)
def test_controllers_answer_as_the_real_ones(name: str) -> None:
    """Prevents drivers of their own (MINIX, diagnostics, games' loaders) from failing here.

    What they did is undone and done again by going back and on.
    """
    script, expected = CASES[name]
    made = machine(script, "native")
    debugger = Debugger(made)
    shown = bytearray()
    made.on_output = lambda channel, data: shown.extend(data if channel == "debug" else b"")
    debugger.resume(Resume(count=MOST))
    assert shown.endswith(b"\n")
    assert expected in shown.decode("latin-1")
    end = debugger.timeline.now
    states = {end: whole(made)}
    for instant in (end // 2, end // 3):
        debugger.seek(instant)
        states[instant] = whole(made)
    for instant in (end // 2, end):
        debugger.seek(instant)
        assert whole(made) == states[instant]


@pytest.mark.parametrize(
    "name", ["floppy: deleted data", "disk: blocks of four", "VGA: DAC", *PIC_CASES]
)
def test_controllers_are_the_same_on_both_engines(name: str) -> None:
    """Words from the data port and interrupts come alike."""
    script, _ = CASES[name]
    states = []
    for engine in ENGINES:
        made = machine(script, engine)
        made.run(SLOW_ENGINE)
        states.append(whole(made))
    assert states[0] == states[1]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("qemu-system-i386"), reason="QEMU is not installed")
@pytest.mark.parametrize("name", [f"{d}: {n}" for d, cases in SAME.items() for n in cases])
def test_qemu_prints_the_same(name: str, tmp_path: Path) -> None:
    """What stands in `SAME` is what QEMU says, today too."""
    script, _ = CASES[name]
    disk_a, disk_c, shown = (tmp_path / part for part in ("a.img", "c.img", "shown"))
    disk_a.write_bytes(floppy(script))
    disk_c.write_bytes(HARD_DISK)
    command = [
        *("qemu-system-i386", "-display", "none", "-no-reboot", "-net", "none", "-boot", "a"),
        *("-drive", f"file={disk_a},format=raw,if=floppy", "-debugcon", f"file:{shown}"),
        *("-serial", "null", "-serial", "null"),
        *("-drive", f"file={disk_c},format=raw,if=none,id=c"),
        *("-device", "ide-hd,drive=c,cyls=306,heads=4,secs=17,bus=ide.0,unit=0"),
    ]
    expected = answer(machine(script, "native"))
    for _ in range(10):  # its interrupts come by our time, which may be short on a busy computer
        subprocess.run(command, timeout=60, check=True, capture_output=True)
        if shown.read_text("latin-1").strip() == expected:
            return
    assert shown.read_text("latin-1").strip() == expected


def test_the_scripts_sector_is_its_source(tmp_path: Path) -> None:
    """`port_scripts.SECTOR` is what nasm makes of ports/script.asm."""
    if not shutil.which("nasm"):
        pytest.skip("nasm is not installed")
    source, made = Path(__file__).with_name("ports") / "script.asm", tmp_path / "script.bin"
    subprocess.run(["nasm", "-f", "bin", "-o", made, source], check=True, timeout=60)
    assert made.read_bytes() == SECTOR.ljust(510, b"\0") + b"\x55\xaa"
