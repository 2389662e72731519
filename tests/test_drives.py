"""Changing disks: the change line of INT 13h, the monitor's commands, and time travel."""

from __future__ import annotations

from pathlib import Path

import pytest
from boot_sectors import Pc, sector
from disk_images import fat_floppy
from hypothesis import given
from hypothesis import strategies as st

from blink16.bios.drives import MAX_DISKS, Drives
from blink16.bios.geometry import FLOPPIES, BootError
from blink16.console import Console
from blink16.cpu.engine import StopReason
from blink16.debugger import Debugger
from blink16.machine import Machine
from blink16.monitor import execute
from blink16.setup import pc

BUFFER = 0x1000
LOOP = sector(b"\xeb\xfe")
LARGE, SMALL = b"L" * FLOPPIES[6].total * 512, b"S" * FLOPPIES[3].total * 512
HARD_DISK = bytes(4 << 20)
OTHERS = (
    pc.DiskImage(0, Path("games/large.img"), LARGE),
    pc.DiskImage(0, Path("small.img"), SMALL, read_only=True),
)


class Changer(Pc):
    """A PC with a floppy in drive A, an empty loop on it, and two floppies beside it."""

    def __init__(self, image: bytes = LOOP, others: tuple[pc.DiskImage, ...] = OTHERS) -> None:
        self.machine = Machine()
        pc.boot(self.machine, image, Console(), pc.PcSetup(disks=others), "boot.img")

    def put(self, number: int | None, drive: int = 0) -> None:
        """Put a disk into a drive, by its number."""
        self.machine.receive(Drives.CHANNEL, Drives.change(drive, number))

    def read(self, cx: int = 1, drive: int = 0) -> int:
        """Read a sector to `BUFFER`; return the status."""
        self.call(0x13, 0x0201, cx=cx, dx=drive, es=0, bx=BUFFER)
        assert self.failed == bool(self.registers.ah)
        assert self.registers.al == (not self.failed)
        return self.registers.ah

    def byte(self) -> bytes:
        """Return the first byte that was read."""
        return self.machine.memory.read(BUFFER, 1)


# -- INT 13h ---------------------------------------------------------------------------------


def test_the_first_access_after_a_change_fails() -> None:
    """DOS would write the old disk's directory on the new one if nobody told of the change."""
    guest = Changer()
    assert guest.read() == 0
    guest.put(1)
    guest.call(0x13, 0x1600, dx=0)
    assert (guest.failed, guest.registers.ah) == (True, 6)
    assert guest.read() == 6
    guest.call(0x13, 0x0100, dx=0)
    assert guest.registers.ah == 6
    assert guest.read() == 0
    assert guest.byte() == b"L"
    guest.call(0x13, 0x1600, dx=0)
    assert (guest.failed, guest.registers.ah) == (False, 0)


@pytest.mark.parametrize("function", [2, 3, 4, 5])
def test_every_access_fails_once(function: int) -> None:
    """A write or a format that went through would hit the wrong disk."""
    guest = Changer()
    guest.put(1)
    for status in (6, 0):
        guest.call(0x13, function << 8 | 1, cx=1, dx=0, es=0, bx=BUFFER)
        assert (guest.failed, guest.registers.ah) == (bool(status), status)


def test_an_empty_drive_is_not_ready() -> None:
    """A drive without a disk times out until one is put in, which is then a change."""
    guest = Changer()
    guest.put(None)
    assert [guest.read(), guest.read()] == [0x80, 0x80]
    guest.call(0x13, 0x1600, dx=0)
    assert guest.registers.ah == 6
    guest.call(0x13, 0x0000, dx=0)
    assert not guest.failed
    guest.call(0x13, 0x1500, dx=0)
    assert guest.registers.ah == 2
    guest.put(2)
    assert [guest.read(), guest.read()] == [6, 0]


def test_the_geometry_is_that_of_the_new_disk() -> None:
    """08h and transfers go by the disk that is in; an empty drive is a 1.44M drive."""
    guest = Changer()
    for number, shape in ((2, (39, 9, 1)), (1, (79, 18, 1)), (None, (79, 18, 1))):
        guest.put(number)
        guest.call(0x13, 0x0800, dx=0)
        r = guest.registers
        assert ((r.ch, r.cl, r.dh), r.dl, guest.failed) == (shape, 1, False)
    guest.put(2)
    guest.read()
    assert [guest.read(9), guest.read(10)] == [0, 4]


def test_what_was_written_stays_with_its_disk() -> None:
    """A disk that is put in again must hold what the guest wrote, in whichever drive."""
    guest = Changer(others=(*OTHERS, pc.DiskImage(1, Path("b.img"), SMALL)))
    guest.put(1)
    guest.read()
    guest.machine.memory.write(BUFFER, b"W" * 512)
    guest.call(0x13, 0x0301, cx=5, dx=0, es=0, bx=BUFFER)
    assert not guest.failed
    guest.put(0)
    guest.read()
    guest.read(5)
    assert guest.byte() == b"\0"
    guest.put(1, drive=1)
    assert [guest.read(5, 1), guest.read(5, 1)] == [6, 0]
    assert guest.byte() == b"W"


def test_a_disk_is_in_one_drive_at_a_time() -> None:
    """A floppy can't be in two drives: putting it into B takes it out of A."""
    guest = Changer(others=(pc.DiskImage(1, Path("b.img"), SMALL),))
    guest.put(0, drive=1)
    assert guest.read() == 0x80
    assert pc.disk_in(guest.machine, 0) is None


def test_a_protected_disk_is_not_written() -> None:
    """The write protection goes with the disk, not with the drive."""
    guest = Changer()
    guest.put(2)
    guest.read()
    for ax in (0x0301, 0x0501):
        guest.call(0x13, ax, cx=1, dx=0, es=0, bx=BUFFER)
        assert (guest.failed, guest.registers.ah) == (True, 3)


def test_a_reset_boots_from_what_is_in() -> None:
    """After a change the reset must boot from the new disk, and from C if A is empty."""
    new = pc.DiskImage(0, Path("new.img"), b"\xf4" + LOOP[1:])
    hard = pc.DiskImage(0x80, Path("c.img"), b"\xfa" + LOOP[1:] + HARD_DISK)
    guest = Changer(others=(new, hard))
    for number, begin in ((1, 0xF4), (None, 0xFA), (0, 0xEB)):
        guest.put(number)
        guest.machine.receive("reset", b"\0")
        while guest.machine.pc != 0x7C00:
            guest.machine.run(1)
        assert guest.machine.memory[0x7C00] == begin
    assert guest.registers.dl == 0


def test_a_boot_that_fails_changes_nothing() -> None:
    """An instant must look the same however often the machine tried to go on from it."""
    guest = Changer()
    guest.put(None)
    guest.machine.receive("reset", b"\0")
    while guest.machine.run(1000).reason is not StopReason.EXITED:
        pass
    debugger = Debugger(guest.machine)
    before = guest.machine.save()
    assert inside(debugger) == "A  empty, changed"
    assert guest.machine.run(1000).reason is StopReason.EXITED
    assert guest.machine.save() == before


def test_a_pc_that_boots_from_a_hard_disk_has_an_empty_drive_a() -> None:
    """Without it no floppy could ever be put in."""
    guest = Changer(LOOP + HARD_DISK, ())
    assert guest.read() == 0x80
    guest.call(0x11)
    assert guest.registers.al & 0xC1 == 1


@given(st.lists(st.binary(max_size=3) | st.binary(min_size=2, max_size=2)))
def test_nonsense_as_a_change_has_no_effect(inputs: list[bytes]) -> None:
    """A recording may hold any input; the drives must stay drives."""
    guest = Changer()
    for data in inputs:
        guest.machine.receive(Drives.CHANNEL, data)
        guest.machine.restore(guest.machine.save())
        assert guest.read() in (0, 6, 0x80)


@pytest.mark.parametrize(
    "state",
    [((0, 99, False),), ((0, 0, False), (1, 0, False)), (), ((128, 0, True),)],
)
def test_states_of_other_drives_are_refused(state: object) -> None:
    """A damaged recording must not lead to a disk that isn't there."""
    drives = Changer().machine.component(Drives.CHANNEL)
    assert drives is not None
    with pytest.raises(ValueError, match="drives"):
        drives.restore(state)


def test_too_many_images_are_refused() -> None:
    """The number of disks has a limit that is told."""
    image = pc.DiskImage(0, Path("x"), LOOP)
    with pytest.raises(BootError, match="more than"):
        Changer(others=(image,) * MAX_DISKS)


# -- monitor ---------------------------------------------------------------------------------


@pytest.fixture
def debugger() -> Debugger:
    """Return the debugger of a PC with three floppies."""
    return Debugger(Changer().machine)


def inside(debugger: Debugger) -> str:
    """Return the line of drive A."""
    return execute(debugger, "disks").splitlines()[0]


def test_disks_are_listed(debugger: Debugger) -> None:
    """One must see what is in, what lies beside, and what the guest has changed."""
    disk = pc.disk_in(debugger.machine, 0)
    assert disk is not None
    disk.write(3, b"x" * 512)
    assert execute(debugger, "disks").splitlines() == [
        "A  boot.img  80/2/18, 1440 KiB, 1 sector written",
        "-  large.img  80/2/18, 1440 KiB, 0 sectors written",
        "-  small.img  40/2/9, 360 KiB, 0 sectors written, write-protected",
    ]


def test_a_change_comes_with_the_next_resume_and_can_be_undone(debugger: Debugger) -> None:
    """The law of time travel: before the change the old disk is in, and behind it the new one."""
    debugger.timeline.run(100)
    assert "with the next resume" in execute(debugger, "disk A large.img")
    debugger.timeline.run(100)
    assert "large.img" in inside(debugger)
    assert "changed" in inside(debugger)
    execute(debugger, "disk a: none")
    debugger.timeline.run(100)
    assert inside(debugger) == "A  empty, changed"
    for instant, name in ((50, "boot.img"), (250, "empty"), (150, "large.img"), (99, "boot.img")):
        execute(debugger, f"seek {instant}")
        assert name in inside(debugger)


@pytest.mark.parametrize("name", ["large.img", "games/large.img", "boot.img"])
def test_disks_are_named_as_on_the_command_line(debugger: Debugger, name: str) -> None:
    """Folders may be left away."""
    assert "with the next resume" in execute(debugger, f"disk A {name}")


@pytest.mark.parametrize(
    "line",
    ["disk", "disk A", "disk C boot.img", "disk A /etc/passwd", "disk A ../boot.img", "disks A"],
)
def test_mistakes_get_one_line_and_reach_no_file(debugger: Debugger, line: str) -> None:
    """Whoever reaches the server must not read a file that its user hasn't named."""
    assert execute(debugger, line).count("\n") == 1
    debugger.timeline.run(10)
    assert "boot.img" in inside(debugger)


def test_equal_names_need_their_folders() -> None:
    """A name must not mean one of two disks by chance."""
    images = (pc.DiskImage(0, Path("a/x.img"), LARGE), pc.DiskImage(0, Path("b/x.img"), SMALL))
    debugger = Debugger(Changer(others=images).machine)
    assert "several disks" in execute(debugger, "disk A x.img")
    execute(debugger, "disk A b/x.img")
    debugger.timeline.run(1)
    assert "40/2/9" in inside(debugger)


def test_programs_have_no_drives() -> None:
    """A machine without a PC must say so."""
    debugger = Debugger(Machine.bare())
    for line in ("disk A none", "disks"):
        assert "no PC" in execute(debugger, line)


def test_fat_floppies_are_as_mkfs_makes_them() -> None:
    """The test's own disks must have a BPB that describes them."""
    image = fat_floppy({"A.TXT": b"a"}, FLOPPIES[3])
    assert len(image) == 360 << 10
    assert image[512:516] == b"\xf0\xff\xff\xff"
