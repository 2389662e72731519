"""FreeDOS sees disks change, forward and backward; recordings of it do as well."""

from __future__ import annotations

from pathlib import Path

import pytest
from disk_images import fat_floppy, partitioned
from pc_guest import machine_on

from blink16 import bios
from blink16.bios.drives import Drives
from blink16.bios.geometry import FLOPPIES, Geometry
from blink16.debugger import Debugger
from blink16.monitor import execute
from blink16.recording import open_recording, record, replay
from blink16.setup import loader, pc
from blink16.setup.loader import Options

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


def hard_disk(text: bytes) -> bytes:
    """Return a hard disk whose one partition has a file HELLO.TXT."""
    shape = Geometry(32, 4, 17)
    files = fat_floppy({"HELLO.TXT": text}, Geometry(31, 4, 17))
    record = partitioned(shape, (17, 31 * 4 * 17)).replace(b"\x06", b"\x01")
    volume = bytearray(files)
    volume[0x15], volume[0x1C], volume[0x24] = 0xF8, 17, 0x80
    for fat in (1, 1 + 9):
        volume[fat * 512] = 0xF8
    return (record.ljust(17 * 512, b"\0") + bytes(volume)).ljust(shape.total * 512, b"\0")


def test_dos_sees_two_hard_disks(image: loader.Program) -> None:
    """C: and D:, as ``-C`` and ``-D`` give them; what is written on one isn't on the other."""
    disks = tuple(
        pc.DiskImage(drive, Path(f"{drive:x}.img"), hard_disk(text))
        for drive, text in ((0x80, b"on the first\r\n"), (0x81, b"on the second\r\n"))
    )
    options = Options(epoch_ns=EPOCH, setup=pc.PcSetup(disks=disks))
    dos = Dos(Debugger(loader.load(image, (), options).machine))
    dos.wait(PROMPT)
    start = dos.debugger.timeline.now
    dos.type("type c:hello.txt", '"on the first"')
    dos.type("type d:hello.txt", '"on the second"')
    dos.type("copy c:hello.txt d:copied.txt", '"=> d:copied"')
    dos.type("dir d:", '"COPIED"')
    end = dos.debugger.timeline.now
    first, second = (pc.disk_in(dos.debugger.machine, drive) for drive in (0x80, 0x81))
    assert first is not None
    assert second is not None
    assert any(second.written())
    assert b"on the first" in b"".join(data for _, data in second.written())
    dos.debugger.seek(start)
    assert not any(second.written())
    dos.debugger.seek(end)
    assert any(second.written())
    assert not any(first.written())


def test_a_second_hard_disk_needs_a_first() -> None:
    """Prevents a PC whose only hard disk no program finds at 80h."""
    with pytest.raises(bios.BootError, match="needs a first"):
        Drives([bios.disk_of(0x81, hard_disk(b""))])
