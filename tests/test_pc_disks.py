"""FreeDOS sees disks change, forward and backward; recordings of it do as well."""

from __future__ import annotations

from pathlib import Path

import pytest
from disk_images import fat_floppy
from pc_guest import machine_on

from blink16 import loader, pc
from blink16.bios.geometry import FLOPPIES
from blink16.debugger import Debugger
from blink16.loader import Options
from blink16.monitor import execute
from blink16.recording import open_recording, record, replay

PROMPT = '"A:\\\\>"'
EPOCH = 510_582_896 * 1_000_000_000
SETUP = pc.PcSetup(
    disks=(
        pc.DiskImage(0, Path("two.img"), fat_floppy({"HELLO.TXT": b"from the second\r\n"})),
        pc.DiskImage(0, Path("small.img"), fat_floppy({"S.TXT": b"360K\r\n"}, FLOPPIES[3]), True),
    )
)


class Dos:
    """FreeDOS, driven by what stands on its screen."""

    def __init__(self, debugger: Debugger) -> None:
        self.debugger = debugger

    def wait(self, text: str) -> None:
        """Run until a text stands on the screen."""
        said = execute(self.debugger, f"wait-screen {text} 60000000")
        assert "is on the screen" in said, said + execute(self.debugger, "screen")

    def type(self, line: str, answer: str) -> str:
        """Give a command, wait for an answer that never stood there, and return the screen."""
        execute(self.debugger, f'type "{line}\\n"')
        self.wait(answer)
        return execute(self.debugger, "screen")

    def clear(self) -> None:
        """Clear the screen; what is typed before DOS asks about an error is dropped, so wait."""
        execute(self.debugger, 'type "cls\\n"')
        execute(self.debugger, 'wait-screen "no such text" 3000000')

    def change(self, disk: str) -> None:
        """Change the disk in drive A."""
        assert "with the next resume" in execute(self.debugger, f"disk A {disk}")


@pytest.fixture
def image(shared: Path) -> loader.Program:
    """Return FreeDOS' floppy."""
    machine_on("native")  # or skip
    return loader.read(str(shared / "images" / "freedos.img"))


def test_dos_notices_every_change(image: loader.Program, tmp_path: Path) -> None:
    """The new floppy's directory must be shown, not the buffered one; empty and protected told."""
    options = Options(engine="native", epoch_ns=EPOCH, setup=SETUP)
    _, debugger, recorder = record(tmp_path / "rec", image, [], options)
    dos = Dos(debugger)
    dos.wait(PROMPT)
    assert "COMMAND  COM" in dos.type("dir", '"bytes free"')
    execute(debugger, "bookmark first")
    dos.change("two.img")
    shown = dos.type("cls\\ndir", '"1,460,736 bytes free"')
    assert "HELLO    TXT" in shown
    assert "COMMAND" not in shown
    dos.type("type hello.txt", '"from the second"')
    dos.type("echo new > new.txt\\ndir new.txt", '"NEW      TXT"')
    dos.clear()
    dos.change("none")
    dos.type("dir", '"(F)ail?"')
    assert "not ready" in execute(debugger, "screen")
    dos.change("two.img")
    assert "NEW      TXT" in dos.type("r", '"bytes free"')
    dos.change("small.img")
    dos.type("type s.txt", '"360K"')
    dos.type("echo x > y", '"write-protection"')
    execute(debugger, "bookmark last")
    recorder.close()
    other = replay(open_recording(tmp_path / "rec"), "native")[1]
    for one in (debugger, other):
        for name, inside in (("first", "freedos.img"), ("last", "small.img"), ("first", "freedos")):
            execute(one, f"seek {name}")
            execute(one, "seek -1")  # the disk was changed at the first one's instant
            assert inside in execute(one, "disks").splitlines()[0]
    execute(other, "seek last")
    assert "write-protection" in execute(other, "screen")
