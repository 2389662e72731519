"""The disks of a PC: several drives, extensions, protection, writing back."""

from __future__ import annotations

from pathlib import Path

import pytest
from boot_sectors import (
    Pc,
    Powered,
)
from hypothesis import given
from hypothesis import strategies as st

from blink16.bios.disk import Disk, disk_of
from blink16.bios.geometry import BootError
from blink16.bios.int13 import ADDRESS_PACKET, DRIVE_PARAMETERS
from blink16.console import Console
from blink16.machine import Machine
from blink16.setup import pc

FLOPPY = bytes(1440 * 1024)
BUFFER = 0x1000


def numbered_hard_disk(cylinders: int = 3) -> bytes:
    """Return a hard disk in which each sector says its number."""
    return b"".join(n.to_bytes(4, "little") * 128 for n in range(cylinders * 16 * 63))


def test_several_drives() -> None:
    """A, B and C are disks of their own, and 08h counts those of a kind."""
    disks = [disk_of(0, FLOPPY), disk_of(1, b"B" * 368640), disk_of(0x80, numbered_hard_disk())]
    pc_ = Powered(disks)
    pc_.call(0x13, 0x0201, cx=1, dx=1, es=0, bx=BUFFER)
    assert pc_.machine.memory.read(BUFFER, 512) == b"B" * 512
    pc_.call(0x13, 0x0201, cx=2, dx=0x80, es=0, bx=BUFFER)
    assert pc_.machine.memory.read_word(BUFFER) == 1
    pc_.call(0x13, 0x0800, dx=0)
    assert pc_.registers.dl == 2
    pc_.call(0x13, 0x0800, dx=0x80)
    assert pc_.registers.dl == 1
    pc_.call(0x11)
    assert pc_.registers.al & 0xC1 == 0x41


def test_extensions_read_by_number() -> None:
    """41h says that they are there, 42h reads by the packet at DS:SI, 48h gives the size."""
    pc_ = Powered([disk_of(0x80, numbered_hard_disk())])
    pc_.call(0x13, 0x4100, bx=0x55AA, dx=0x80)
    assert (pc_.failed, pc_.registers.bx, pc_.registers.cx & 1) == (False, 0xAA55, 1)
    packet = {"size": 16, "count": 2, "offset": BUFFER, "segment": 0, "sector": 3000}
    pc_.machine.memory.write(0x700, ADDRESS_PACKET.build(packet))
    pc_.call(0x13, 0x4200, dx=0x80, ds=0, si=0x700)
    assert not pc_.failed
    assert pc_.machine.memory.read_word(BUFFER + 512) == 3001
    pc_.machine.memory.write(0x700, ADDRESS_PACKET.build(packet | {"sector": 3023}))
    pc_.call(0x13, 0x4200, dx=0x80, ds=0, si=0x700)
    assert (pc_.failed, pc_.registers.ah) == (True, 4)
    pc_.machine.memory.write_word(0x700, 30)
    pc_.call(0x13, 0x4800, dx=0x80, ds=0, si=0x700)
    parameters = DRIVE_PARAMETERS.parse(pc_.machine.memory.read(0x700, 30))
    assert (parameters.total, parameters.heads) == (3024, 16)


@given(st.binary(min_size=16, max_size=16), st.integers(0x41, 0x4F))
def test_no_extended_call_crashes(packet: bytes, function: int) -> None:
    """Any packet leads to a status; nothing outside of the disk is moved."""
    pc_ = Powered([disk_of(0x80, bytes(1008 * 512))])
    pc_.machine.memory.write(0x700, packet)
    pc_.call(0x13, function << 8, dx=0x80, ds=0, si=0x700, bx=0x55AA)
    pc_.machine.restore(pc_.machine.save())


def test_write_protected_disks() -> None:
    """Writing and formatting a protected disk fails with 03h and changes nothing."""
    pc_ = Powered([disk_of(0, FLOPPY, read_only=True)])
    for ax in (0x0301, 0x0501):
        pc_.call(0x13, ax, cx=1, dx=0, es=0, bx=0x7C00)
        assert (pc_.failed, pc_.registers.ah) == (True, 3)
    assert not list(disk_in(pc_, 0).written())


def disk_in(pc_: Pc, drive: int) -> Disk:
    """Return a drive's disk."""
    disk = pc.disk_in(pc_.machine, drive)
    assert disk is not None
    return disk


def test_formatting_fills_the_track() -> None:
    """05h must leave F6h in all sectors of a track, and in no other."""
    pc_ = Powered([disk_of(0, FLOPPY)])
    pc_.call(0x13, 0x0501, cx=0x0101, dx=0x0100, es=0, bx=BUFFER)
    assert [number for number, _ in disk_in(pc_, 0).written()] == list(range(54, 72))


def test_commit_writes_changed_sectors_back(tmp_path: Path) -> None:
    """Only what the guest wrote reaches the file, and only a file that nobody else changed."""
    path = tmp_path / "a.img"
    path.write_bytes(FLOPPY)
    disk = disk_of(0, FLOPPY)
    disk.write(5, b"5" * 512)
    assert pc.commit(disk, path) == 1
    assert path.read_bytes() == FLOPPY[: 5 * 512] + b"5" * 512 + FLOPPY[6 * 512 :]
    with pytest.raises(pc.CommitError, match="has changed"):
        pc.commit(disk, path)
    with pytest.raises(pc.CommitError, match="can't write"):
        pc.commit(disk, tmp_path / "gone.img")


def test_two_disks_in_one_drive_are_refused() -> None:
    """-C together with a hard disk to boot from must be told, not silently dropped."""
    image = pc.DiskImage(0x80, Path("x.img"), FLOPPY)
    with pytest.raises(BootError, match=r"x\.img: there is a disk"):
        pc.boot(Machine(), bytes(4 << 20), Console(), pc.PcSetup(disks=(image,)))
