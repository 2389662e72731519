"""Which disks are in a PC's drives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from blink16.reports.look import Look
from blink16.reports.ranges import Count
from blink16.reports.registry import NoQuery, report

if TYPE_CHECKING:
    from blink16.bios.drives import Drives

FIRST_HARD_DISK = 0x80
LETTERS = {0: "A", 1: "B", 0x80: "C", 0x81: "D"}


@dataclass(frozen=True, slots=True)
class DriveLine:
    """A drive, and the disk in it."""

    letter: str
    is_floppy: bool
    name: str = ""
    """Of the image; empty without a disk."""
    cylinders: Count = 0
    heads: Count = 0
    sectors: Count = 0
    """In a track."""
    read_only: bool = False
    changed: bool = False
    """Whether its door was opened since the guest looked."""


@dataclass(frozen=True, slots=True)
class DisksReport:
    """The drives of a machine; none if it is no PC that boots."""

    drives: tuple[DriveLine, ...]


@report("disks")
def disks(look: Look, query: NoQuery) -> DisksReport:
    """The drives and the disks in them."""
    from blink16.bios.drives import Drives

    drives = look.debugger.machine.find(Drives)
    if drives is None:
        return DisksReport(())
    return DisksReport(tuple(_line(drives, drive) for drive in drives))


def _line(drives: Drives, drive: int) -> DriveLine:
    letter, disk = LETTERS.get(drive, f"{drive:02X}"), drives.disk(drive)
    if disk is None:
        return DriveLine(letter, drive < FIRST_HARD_DISK, changed=drives.has_changed(drive))
    shape = disk.geometry
    return DriveLine(
        letter,
        disk.is_floppy,
        PurePath(disk.name).name,
        shape.cylinders,
        shape.heads,
        shape.sectors,
        disk.read_only,
        drives.has_changed(drive),
    )
