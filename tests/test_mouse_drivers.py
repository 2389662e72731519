"""Mice with drivers that others wrote, and with a program's own: what they see of our hardware."""

from __future__ import annotations

from pathlib import Path

import pytest
from boot_sectors import SECOND, sector
from disk_images import fat_floppy
from dos_programs import FOLDER
from guests import ENGINES

from blink16 import bios
from blink16.console import Console
from blink16.debugger import Debugger, Resume
from blink16.devices.cards import Cards
from blink16.devices.mouse import SerialMouse, movement
from blink16.machine import Machine
from blink16.monitor import execute
from blink16.setup import loader
from blink16.setup.loader import Options
from blink16.setup.pc import DiskImage, PcSetup

PROMPT = '"A:\\\\>"'
IRQ_4 = bytes.fromhex(
    "31c08ed88ec0c70630003f7ca33200bf0006fc"  # ds, es = 0; vector 0Ch = handler; di = 600h
    "bafb03b080eebaf803b060ee42b000eebafb03b002ee"  # 1200 baud, 7N1
    "baf903b001eebafc03b00bee"  # received data interrupts; DTR, RTS, OUT2
    "e42124efe621fbf4ebfd"  # in al, 21h; and al, 0EFh; out 21h, al; sti; w: hlt; jmp w
    "5052bafa03eca8017507baf803ecaaebf1b064e6205a58cf"  # handler: while 3FAh has one, in al; stosb
)
"""A program that takes the mouse's bytes at IRQ 4, and ends that interrupt by name."""


@pytest.mark.parametrize(
    ("cards", "cpu", "found", "kind"),
    [
        (Cards(mouse=True), "8086", '"COM1 (03F8h/IRQ4) in Microsoft mode"', "0204"),
        (Cards(at=True, ps2mouse=True), "80286", '"Installed at PS/2 port"', "0404"),
    ],
    ids=["serial", "ps2"],
)
def test_cutemouse_drives_it(shared: Path, cards: Cards, cpu: str, found: str, kind: str) -> None:
    """FreeDOS' driver finds the mouse, and gives a program what it does by INT 33h."""
    floppy = DiskImage(
        1, Path("b.img"), fat_floppy({"MOUSEPOS.COM": (FOLDER / "mousepos.com").read_bytes()})
    )
    options = Options(cpu=cpu, setup=PcSetup(disks=(floppy,), cards=cards))
    program = loader.read(str(shared / "images" / "freedos.img"))
    debugger = Debugger(loader.load(program, [], options).machine)

    def wait(text: str) -> None:
        said = execute(debugger, f"wait-screen {text} 30000000")
        assert "is on the screen" in said, said + execute(debugger, "screen")

    wait(PROMPT)
    execute(debugger, 'type "ctmouse\\n"')
    wait(found)
    execute(debugger, 'type "b:mousepos\\n"')
    wait(f'"FFFF 0002 0705 {kind} R"')
    execute(debugger, "mouse 10 -5 left")
    debugger.resume(Resume(count=200_000))
    execute(debugger, "mouse -4 0")
    debugger.resume(Resume(count=200_000))
    execute(debugger, "mouse 0 4 right")
    debugger.resume(Resume(count=200_000))
    execute(debugger, 'type " "')
    wait('"0001 ."')  # the left button was pressed once
    row = next(line for line in execute(debugger, "screen").splitlines() if " R0" in line)
    buttons, _, _, across, down, _ = row.partition(" R")[2].split()[:6]
    assert buttons == "0002"
    assert (int(across, 16), int(down, 16)) == (2 * 6, 0x10000 - 2)  # it counts twice as many
    end, state = debugger.timeline.now, debugger.machine.save()
    debugger.seek(end // 2)
    debugger.seek(end)
    assert debugger.machine.save() == state


@pytest.mark.parametrize("engine", ENGINES)
def test_a_program_may_take_irq_4_itself(engine: str) -> None:
    """Each byte interrupts once it has come over the line, and nothing is lost between two."""
    machine = Machine(engine)
    machine.idle_after = 1 << 62
    cards = Cards(mouse=True)
    bios.power_on(machine, Console(), [bios.disk_of(0, sector(IRQ_4))], cards=cards)
    machine.run(20_000)
    for dx, dy, left in ((1, 2, True), (-3, 0, False), (0, -64, False)):
        machine.receive(SerialMouse.CHANNEL, movement(dx, dy, left=left))
    until = machine.cycles + SECOND // 5
    while machine.cycles < until:
        machine.run(1000)
    said = machine.memory.read(0x600, 11)
    assert said == b"M" + bytes.fromhex("600102 433d00 4c0000") + b"\0"
