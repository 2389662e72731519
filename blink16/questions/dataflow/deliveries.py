"""What a service or device stores in memory, and from which file or disk it has that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from blink16.bios.disk import Disk
from blink16.bios.geometry import SECTOR_SIZE
from blink16.hostfs.files import FileTree
from blink16.machine import Machine

LEAST = 16
"""Bytes of a part of what was read that can't lie there by chance."""


@dataclass(frozen=True, slots=True)
class Read:
    """Bytes that were read outside of memory."""

    source: str
    offset: int
    """In the file or image."""
    data: bytes


class Delivered(NamedTuple):
    """A byte of a file or an image."""

    source: str
    offset: int


@dataclass(slots=True)
class Deliveries:
    """What was read, and then stored."""

    reads: list[Read] = field(default_factory=list)
    stores: list[tuple[int, bytes]] = field(default_factory=list)
    """Linear addresses and data."""

    def source_of(self, address: int) -> Delivered | None:
        """Return where the byte at an address is from, None if that is unknown."""
        at = 0
        for start, data in self.stores:
            if start <= address < start + len(data):
                found = self._found(data, address - start)
                return found or self._found_in_order(at + address - start)
            at += len(data)
        return None

    def _found(self, data: bytes, offset: int) -> Delivered | None:
        """Look for a store whose data is what was read, or a part of it."""
        content = b"".join(read.data for read in self.reads)
        place = content.find(data) if data == content or len(data) >= LEAST else -1
        if place < 0 or content.find(data, place + 1) >= 0:
            return None
        return self._at(place + offset)

    def _found_in_order(self, place: int) -> Delivered | None:
        """Look at all stores as one, as they come by DMA."""
        content = b"".join(read.data for read in self.reads)
        stored = b"".join(data for _, data in self.stores)
        return self._at(place) if content == stored else None

    def _at(self, place: int) -> Delivered | None:
        for read in self.reads:
            if place < len(read.data):
                return Delivered(read.source, read.offset + place)
            place -= len(read.data)
        return None


@contextmanager
def overheard(machine: Machine, tell: Callable[[Read], None]) -> Iterator[None]:
    """Tell what a machine's services and devices read of files and disks, in the context."""
    with ExitStack() as stack:
        for tree in machine.find_all(FileTree):
            stack.callback(setattr, tree, "on_read", None)
            tree.on_read = _from_file(tree, tell)
        for disk in machine.find_all(Disk):
            stack.callback(setattr, disk, "on_read", None)
            disk.on_read = _from_disk(disk, tell)
        yield


def _from_file(tree: FileTree, tell: Callable[[Read], None]) -> Callable[[int, int, bytes], None]:
    def note(node: int, offset: int, content: bytes) -> None:
        try:
            name = tree.path(node)
        except OSError:
            name = "a file that is unlinked"
        tell(Read(name, offset, content))

    return note


def _from_disk(disk: Disk, tell: Callable[[Read], None]) -> Callable[[int, bytes], None]:
    name = disk.name or f"disk {disk.drive:02X}h"
    return lambda sector, content: tell(Read(name, sector * SECTOR_SIZE, content))


def placed(image: bytes, memory: memoryview, address: int) -> int | None:
    """Return which byte of a program's image lies at a linear address, as far as that is certain.

    ``memory``: as the program was loaded into it.  What lies around the address is looked for in
    the image, so that it makes no difference how it was loaded.
    """
    for before, behind in _WINDOWS:
        low = max(0, address - before)
        around = bytes(memory[low : address + behind])
        at = image.find(around)
        if at >= 0 and image.find(around, at + 1) < 0:
            return at + address - low
    return None


_WINDOWS = ((32, 32), (0, 32), (31, 1), (8, 8), (0, 8), (7, 1))
"""Bytes before an address, and from there on, by which a place is known."""
