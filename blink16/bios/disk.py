"""Disks: images, whose sectors the guest changes in an overlay only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from blink16.bios.geometry import (
    FIRST_HARD_DISK,
    MAX_FLOPPY_SIZE,
    SECTOR_SIZE,
    BootError,
    Geometry,
    geometry_of,
)

CHUNK_SECTORS = 8
CHUNK_SIZE = CHUNK_SECTORS * SECTOR_SIZE
GROUP = 64
"""Chunks in a group.  A write makes its chunk, its group and the list of groups anew."""

ChunkGroup = tuple[bytes | None, ...]
UNCHANGED: ChunkGroup = (None,) * GROUP
"""A group as it is when its first chunk is written; before that, there is none."""


class DiskState(NamedTuple):
    """What the guest has changed."""

    groups: tuple[ChunkGroup | None, ...]
    deleted: tuple[int, ...] = ()
    """The sectors with deleted data address marks, for which an image file has no place."""


class Disk:
    """An image and what the guest wrote.  A component (`services.Component`).

    The overlay is an immutable tree whose unchanged parts the states of all instants share, and
    that never holds more than the disk does.
    """

    def __init__(
        self,
        drive: int,
        image: bytes,
        geometry: Geometry,
        *,
        name: str = "",
        read_only: bool = False,
    ) -> None:
        """``image``: what it lacks of the geometry's sectors, if it is a floppy, is zeros."""
        self.drive = drive
        """The drive that it was given for."""
        self.geometry = geometry
        self.name = name
        """What users call it."""
        self.read_only = read_only
        self.image = image
        """What the disk held at the start."""
        self.on_read: Callable[[int, bytes], None] | None = None
        """Told the number and the content of each sector that is read, for who looks on."""
        image_sectors = -(-len(image) // SECTOR_SIZE)
        self.total = geometry.total if geometry.drive_type else image_sectors
        """Sectors that there are: a hard disk's last cylinder need not be whole."""
        groups = -(-self.total // (CHUNK_SECTORS * GROUP))
        self._state = DiskState((None,) * groups)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Cylinders, heads, and sectors of a track."""
        return self.geometry.cylinders, self.geometry.heads, self.geometry.sectors

    @property
    def is_floppy(self) -> bool:
        """Whether it goes into a floppy drive."""
        return self.drive < FIRST_HARD_DISK

    def read(self, sector: int) -> bytes:
        """Return a sector by its number from 0."""
        content = self._content(sector)
        if self.on_read is not None:
            self.on_read(sector, content)
        return content

    @property
    def _groups(self) -> tuple[ChunkGroup | None, ...]:
        return self._state.groups

    def _content(self, sector: int) -> bytes:
        number, inside = divmod(sector, CHUNK_SECTORS)
        chunk = (self._groups[number // GROUP] or UNCHANGED)[number % GROUP]
        if chunk is None:
            return self._original(sector)
        return chunk[inside * SECTOR_SIZE : (inside + 1) * SECTOR_SIZE]

    def is_deleted(self, sector: int) -> bool:
        """Return whether a sector was written with a deleted data address mark."""
        return sector in self._state.deleted

    def delete(self, sector: int) -> None:
        """Give a sector a deleted data address mark."""
        deleted = tuple(sorted({*self._state.deleted, sector}))
        self._state = self._state._replace(deleted=deleted)

    def write(self, sector: int, data: bytes) -> None:
        """Replace a sector, in the overlay."""
        number, inside = divmod(sector, CHUNK_SECTORS)
        place, member = divmod(number, GROUP)
        group = self._groups[place] or UNCHANGED
        chunk = group[member]
        if chunk is None:
            start = number * CHUNK_SIZE
            chunk = self.image[start : start + CHUNK_SIZE].ljust(CHUNK_SIZE, b"\0")
        start = inside * SECTOR_SIZE
        chunk = chunk[:start] + data + chunk[start + SECTOR_SIZE :]
        group = (*group[:member], chunk, *group[member + 1 :])
        groups = (*self._groups[:place], group, *self._groups[place + 1 :])
        deleted = self._state.deleted
        if sector in deleted:
            deleted = tuple(other for other in deleted if other != sector)
        self._state = DiskState(groups, deleted)

    def written(self) -> Iterator[tuple[int, bytes]]:
        """Return the sectors that are no longer what the image holds, by number."""
        for place, group in enumerate(self._groups):
            for member, chunk in enumerate(group or ()):
                if chunk is not None:
                    first = (place * GROUP + member) * CHUNK_SECTORS
                    yield from self._changed(first, chunk)

    def _changed(self, first: int, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        for inside in range(CHUNK_SECTORS):
            data = chunk[inside * SECTOR_SIZE : (inside + 1) * SECTOR_SIZE]
            if data != self._original(first + inside):
                yield first + inside, data

    def _original(self, sector: int) -> bytes:
        start = sector * SECTOR_SIZE
        return self.image[start : start + SECTOR_SIZE].ljust(SECTOR_SIZE, b"\0")

    def save(self) -> Any:
        """Return what was changed."""
        return self._state

    def restore(self, state: Any) -> None:
        """Take the state of a `save`; ValueError if it isn't one of such a disk."""
        if not isinstance(state, tuple) or len(state) != len(DiskState._fields):
            raise ValueError("the overlay is damaged")
        groups, deleted = state
        if not isinstance(groups, tuple) or len(groups) != len(self._groups):
            raise ValueError("the overlay is of another disk")
        for group, known in zip(groups, self._groups, strict=True):
            if group is not known and not _is_group(group):
                raise ValueError("the overlay is damaged")
        if not isinstance(deleted, tuple) or any(s not in range(self.total) for s in deleted):
            raise ValueError("the overlay is damaged")
        self._state = DiskState(groups, deleted)


def _is_group(group: object) -> bool:
    return group is None or (
        isinstance(group, tuple)
        and len(group) == GROUP
        and all(c is None or (isinstance(c, bytes) and len(c) == CHUNK_SIZE) for c in group)
    )


def disk_of(drive: int, image: bytes, *, name: str = "", read_only: bool = False) -> Disk:
    """Return the disk for a drive; BootError if it can't be one.

    ``drive``: 00h and 01h for floppies, from 80h for hard disks.  An image that is too large for
    any floppy becomes drive 80h instead of 00h.
    """
    geometry = geometry_of(image, hard_disk=drive >= FIRST_HARD_DISK)
    if not geometry.drive_type and drive == 0:
        drive = FIRST_HARD_DISK
    if not geometry.drive_type and drive < FIRST_HARD_DISK:
        raise BootError(
            f"the disk image is too large for a floppy drive: {len(image)} bytes, "
            f"at most {MAX_FLOPPY_SIZE}"
        )
    return Disk(drive, image, geometry, name=name, read_only=read_only)
