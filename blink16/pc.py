"""A PC as its user sets it up: its speed, the disks in its drives, the ROMs on its cards."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blink16 import bios
from blink16.bios.disk import SECTOR_SIZE, Disk
from blink16.console import Console
from blink16.devices.pc import DEFAULT_MHZ, instructions_per_second
from blink16.devices.video import Adapter
from blink16.machine import Machine

DRIVE_A, DRIVE_B, DRIVE_C = 0x00, 0x01, 0x80
DRIVES = (DRIVE_A, DRIVE_B, DRIVE_C)


@dataclass(frozen=True, slots=True)
class DiskImage:
    """A disk for a drive beside the one that the PC boots from."""

    drive: int
    path: Path
    content: bytes
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class PcSetup:
    """What a PC consists of, but for the disk that it boots from."""

    mhz: float = DEFAULT_MHZ
    adapter: Adapter = Adapter.CGA
    disks: tuple[DiskImage, ...] = ()
    roms: tuple[bios.OptionRom, ...] = ()

    @property
    def instructions_per_second(self) -> int:
        """The machine's speed; ValueError if there is no such clock."""
        return instructions_per_second(self.mhz)


def boot(machine: Machine, image: bytes, console: Console, setup: PcSetup) -> None:
    """Make a machine a PC that stands before an image's boot sector.  BootError if it can't be."""
    first = bios.disk_of(DRIVE_A, image)
    disks = [first]
    for other in setup.disks:
        try:
            disk = bios.disk_of(other.drive, other.content, read_only=other.read_only)
        except bios.BootError as error:
            raise bios.BootError(f"{other.path}: {error}") from None
        if any(disk.drive == there.drive for there in disks):
            raise bios.BootError(f"{other.path}: there is a disk in that drive already")
        disks.append(disk)
    bios.power_on(machine, console, disks, adapter=setup.adapter, roms=setup.roms)


def disk_in(machine: Machine, drive: int) -> Disk | None:
    """Return the disk in a PC's drive, if there is one."""
    disk = machine.component(f"disk-{drive:02x}")
    return disk if isinstance(disk, Disk) else None


class CommitError(Exception):
    """Sectors that can't be written back, and why."""


def commit(disk: Disk, path: Path) -> int:
    """Write the sectors that the guest changed back to the image's file; return how many.

    Raises CommitError, also if the file is no longer what the machine was started with.
    """
    try:
        with path.open("r+b") as file:
            if file.read() != disk.image:
                raise CommitError(f"{path}: the file has changed meanwhile; nothing is written")
            count = 0
            for number, data in disk.written():
                if number * SECTOR_SIZE < len(disk.image):
                    file.seek(number * SECTOR_SIZE)
                    file.write(data)
                    count += 1
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise CommitError(f"{path}: can't write it: {error.strerror}") from None
    return count


def commit_all(machine: Machine, paths: Sequence[Path]) -> list[str]:
    """Write all changed disks back to the files that they came from; return what to tell."""
    lines = []
    for drive in DRIVES:
        disk = disk_in(machine, drive)
        if disk is None or not any(disk.written()):
            continue
        path = next((path for path in paths if _holds(path, disk.image)), None)
        if path is None:
            raise CommitError(f"no file holds any more what was in drive {drive:02X}h")
        lines.append(f"{path}: {commit(disk, path)} sectors written")
    return lines


def _holds(path: Path, image: bytes) -> bool:
    try:
        return path.stat().st_size == len(image) and path.read_bytes() == image
    except OSError:
        return False
