"""A PC as its user sets it up: its speed, the disks in its drives, the ROMs on its cards."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blink16 import bios
from blink16.bios.disk import Disk
from blink16.bios.drives import Drives
from blink16.bios.geometry import SECTOR_SIZE
from blink16.console import Console
from blink16.devices.pc import DEFAULT_MHZ, clock_hz
from blink16.devices.uart import Uart
from blink16.devices.video import Adapter
from blink16.machine import Machine

DRIVE_A, DRIVE_B, DRIVE_C = 0x00, 0x01, 0x80
MAX_AHEAD = 1 << 16
"""Bytes of input that may wait for a guest before more is fetched for it."""


@dataclass(frozen=True, slots=True)
class DiskImage:
    """A disk for a drive, in it if none was given for it before, or else beside it."""

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
    def clock_hz(self) -> int:
        """The machine's speed; ValueError if there is no such clock."""
        return clock_hz(self.mhz)


def boot(
    machine: Machine, image: bytes, console: Console, setup: PcSetup, name: str = "PROGRAM"
) -> None:
    """Make a machine a PC that stands before an image's boot sector.

    ``name``: what users call that image.  BootError if it can't be.
    """
    disks = [bios.disk_of(DRIVE_A, image, name=name)]
    for other in setup.disks:
        try:
            disk = bios.disk_of(
                other.drive, other.content, name=str(other.path), read_only=other.read_only
            )
        except bios.BootError as error:
            raise bios.BootError(f"{other.path}: {error}") from None
        disks.append(disk)
    bios.power_on(machine, console, disks, adapter=setup.adapter, roms=setup.roms)


def drives_of(machine: Machine) -> Drives | None:
    """Return a PC's drives; None if the machine is no PC."""
    return machine.find(Drives)


def disk_in(machine: Machine, drive: int) -> Disk | None:
    """Return the disk in a PC's drive, if there is one."""
    drives = drives_of(machine)
    return None if drives is None else drives.disk(drive)


def has_room(machine: Machine, channel: str, queued: int = 0) -> bool:
    """Return whether more input is to be fetched for a channel, of which the guest has not taken
    what came; ``queued``: bytes that wait before the machine.  From any thread.
    """
    receiver = machine.component(channel)
    waiting = receiver.waiting if isinstance(receiver, Console | Uart) else b""
    return queued + len(waiting) < MAX_AHEAD


# -- writing back ----------------------------------------------------------------------------


class CommitError(Exception):
    """Sectors that can't be written back, and why."""


def commit(disk: Disk, path: Path) -> int:
    """Write the sectors that the guest changed back to the image's file; return how many.

    A file shorter than its disk grows as far as it has to.  Raises CommitError, also if the file
    is no longer what the machine was started with.
    """
    try:
        with path.open("r+b") as file:
            if file.read(len(disk.image) + 1) != disk.image:
                raise CommitError(f"{path}: the file has changed meanwhile; nothing is written")
            count = 0
            for number, data in disk.written():
                file.seek(number * SECTOR_SIZE)
                file.write(data)
                count += 1
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise CommitError(f"{path}: can't write it: {error.strerror}") from None
    return count


def commit_all(machine: Machine, paths: Sequence[Path]) -> list[str]:
    """Write all changed disks, in drives or beside them, back to their files; say what was done.

    ``paths``: of the images, in the order in which they were given, PROGRAM's before all.
    Raises CommitError, after all others are written, if some can't be.
    """
    drives = drives_of(machine)
    done: list[str] = []
    failed: list[str] = []
    for disk, path in zip(drives.disks if drives else (), paths, strict=False):
        if any(disk.written()):
            try:
                done.append(f"{path}: {commit(disk, path)} sectors written")
            except CommitError as error:
                failed.append(str(error))
    if failed:
        raise CommitError("; ".join([*done, *failed]))
    return done
