"""A PC's drives, the disks in them, and those that lie beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from blink16.bios.disk import Disk
from blink16.bios.geometry import DEFAULT_FLOPPY, FIRST_HARD_DISK, BootError, Geometry

DRIVE_A = 0x00
MAX_DISKS = 64
SECOND_HARD_DISK = FIRST_HARD_DISK + 1
EMPTY = 0xFF
"""Stands for the number of a disk in a drive without one."""


class Drives:
    """Which disk is in which drive.  A component that takes the change of a disk as input.

    All disks that will ever be in a drive are known from the start.  The first that was given for
    a drive is in it; further floppies lie beside it.
    """

    CHANNEL = "drives"

    def __init__(self, disks: Sequence[Disk]) -> None:
        """BootError if there are too many, two for one hard disk, or the second without the first.

        There is always a drive A.
        """
        if len(disks) > MAX_DISKS:
            raise BootError(f"there are more than {MAX_DISKS} disk images")
        self.disks = tuple(disks)
        """By their numbers."""
        self._inside: dict[int, int] = {}
        for number, disk in enumerate(self.disks):
            first = self._inside.setdefault(disk.drive, number)
            if first != number and not disk.is_floppy:
                raise BootError(f"{disk.name}: there is a disk in that drive already")
        if SECOND_HARD_DISK in self._inside and FIRST_HARD_DISK not in self._inside:
            name = self.disks[self._inside[SECOND_HARD_DISK]].name
            raise BootError(f"{name}: a second hard disk (-D) needs a first (-C)")
        self.boot_order = tuple(self._inside)
        """Drives in the order in which INT 19h tries them."""
        self._inside.setdefault(DRIVE_A, EMPTY)
        self._changed: frozenset[int] = frozenset()

    def __iter__(self) -> Iterator[int]:
        """Return the drives' numbers, in order."""
        return iter(sorted(self._inside))

    def __contains__(self, drive: object) -> bool:
        return drive in self._inside

    def count(self, *, hard_disks: bool) -> int:
        """Return how many drives of a kind there are."""
        return sum((drive >= FIRST_HARD_DISK) == hard_disks for drive in self._inside)

    def disk(self, drive: int) -> Disk | None:
        """Return the disk in a drive; None if that is empty or missing."""
        number = self._inside.get(drive, EMPTY)
        return None if number == EMPTY else self.disks[number]

    def geometry(self, drive: int) -> Geometry:
        """Return the geometry of the disk in a drive, or of those that an empty one is made for."""
        disk = self.disk(drive)
        return DEFAULT_FLOPPY if disk is None else disk.geometry

    # -- the change line ---------------------------------------------------------------------

    def has_changed(self, drive: int) -> bool:
        """Return whether a drive was opened since the last `see`."""
        return drive in self._changed

    def see(self, drive: int) -> None:
        """Switch a drive's change line off: the head was moved with a disk in the drive."""
        self._changed -= {drive}

    # -- input -------------------------------------------------------------------------------

    @staticmethod
    def change(drive: int, number: int | None) -> bytes:
        """Return the input that puts a disk into a floppy drive, or (None) takes it out."""
        return bytes((drive, EMPTY if number is None else number))

    def receive(self, data: bytes) -> None:
        """Change a disk.  One that is in another drive leaves that; nonsense has no effect."""
        if len(data) != 2:
            return
        drive, number = data
        fits = number == EMPTY or (number < len(self.disks) and self.disks[number].is_floppy)
        if drive >= FIRST_HARD_DISK or drive not in self._inside or not fits:
            return
        for other, there in self._inside.items():
            if number != EMPTY and there == number and other != drive:
                self._inside[other] = EMPTY
                self._changed |= {other}
        self._inside[drive] = number
        self._changed |= {drive}

    # -- state -------------------------------------------------------------------------------

    def save(self) -> Any:
        """Return each drive with its disk's number and whether its change line is on."""
        return tuple(
            (drive, number, drive in self._changed)
            for drive, number in sorted(self._inside.items())
        )

    def restore(self, state: Any) -> None:
        """Take the state of a `save`; ValueError if it can't be one of these drives."""
        inside = {drive: number for drive, number, _ in state}
        numbers = {EMPTY, *range(len(self.disks))}
        if inside.keys() != self._inside.keys() or not numbers.issuperset(inside.values()):
            raise ValueError("the drives are others")
        self._inside = inside
        self._changed = frozenset(drive for drive, _, changed in state if changed)
