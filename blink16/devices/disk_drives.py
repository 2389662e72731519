"""Drives and the disks in them, as the controllers of floppies and hard disks see them."""

from __future__ import annotations

from typing import Protocol


class SectorDisk(Protocol):
    """A disk, to its drive."""

    read_only: bool
    total: int
    """Sectors that there are: a hard disk's last cylinder need not be whole."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Cylinders, heads, and sectors of a track."""
        ...

    def read(self, sector: int) -> bytes:
        """Return a sector by its number from 0."""
        ...

    def write(self, sector: int, data: bytes) -> None:
        """Replace a sector; its mark is no longer deleted."""
        ...

    def is_deleted(self, sector: int) -> bool:
        """Return whether a sector was written with a deleted data address mark."""
        ...

    def delete(self, sector: int) -> None:
        """Give a sector a deleted data address mark."""
        ...


class DiskDrives(Protocol):
    """The drives, and which disks are in them: floppies from 00h, hard disks from 80h."""

    def __contains__(self, drive: object) -> bool:
        """Return whether there is a drive of that number."""
        ...

    def disk(self, drive: int) -> SectorDisk | None:
        """Return the disk in a drive; None if that is empty or missing."""
        ...

    def has_changed(self, drive: int) -> bool:
        """Return whether a drive was opened since its head was last moved over a disk."""
        ...

    def see(self, drive: int) -> None:
        """Note that the head was moved with a disk in the drive."""
        ...


class NoDrives:
    """A controller without drives."""

    def __contains__(self, drive: object) -> bool:
        return False

    def disk(self, drive: int) -> SectorDisk | None:
        """Return no disk."""
        return None

    def has_changed(self, drive: int) -> bool:
        """Return that nothing has changed."""
        return False

    def see(self, drive: int) -> None:
        """Note nothing."""
