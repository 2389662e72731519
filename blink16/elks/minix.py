"""Minix file systems, as ELKS' disks have them: version 1, with names of 14 or 30 characters.

Nothing in an image is trusted: what makes no sense is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from construct import ConstructError, Int8ul, Int16ul, Int32ul, Struct

BLOCK = 1024
SECTORS_A_BLOCK = 2
SUPERBLOCK = Struct(
    "inodes" / Int16ul,
    "zones" / Int16ul,
    "inode_map_blocks" / Int16ul,
    "zone_map_blocks" / Int16ul,
    "first_zone" / Int16ul,
    "log_zone_size" / Int16ul,
    "max_size" / Int32ul,
    "magic" / Int16ul,
)
INODE = Struct(
    "mode" / Int16ul,
    "uid" / Int16ul,
    "size" / Int32ul,
    "mtime" / Int32ul,
    "gid" / Int8ul,
    "nlinks" / Int8ul,
    "zones" / Int16ul[9],
)
NAME_LENGTHS = {0x137F: 14, 0x138F: 30}
"""By the superblock's magic number."""
DIRECT_ZONES = 7
ROOT = 1
DIRECTORY, REGULAR = 0o04, 0o10
MAX_FILES = 4096
"""Files of a disk that are looked at."""
MAX_SIZE = 256 << 10
"""Bytes of a file that are read."""


class MinixError(Exception):
    """A disk that has no such file system."""


class MinixVolume:
    """A file system that begins with a disk's first sector."""

    def __init__(self, sector: Callable[[int], bytes], sectors: int) -> None:
        """``sector`` reads one of so many sectors.  MinixError if it is no such file system."""
        self._sector, self._blocks = sector, sectors // SECTORS_A_BLOCK
        try:
            self._super = SUPERBLOCK.parse(self._block(1))
            self._name_length = NAME_LENGTHS[self._super.magic]
        except (ConstructError, KeyError):
            raise MinixError("the disk holds no Minix file system") from None
        self._table = 2 + self._super.inode_map_blocks + self._super.zone_map_blocks

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Give the paths and contents of regular files, each file once."""
        seen, folders = {ROOT}, [(ROOT, "")]
        while folders:
            folder, path = folders.pop()
            for name, number in self._entries(folder):
                if number in seen or len(seen) >= MAX_FILES:
                    continue
                seen.add(number)
                kind = self._inode(number).mode >> 12
                if kind == DIRECTORY:
                    folders.append((number, f"{path}/{name}"))
                elif kind == REGULAR:
                    yield f"{path}/{name}", self._content(number)

    def _block(self, number: int) -> bytes:
        if not 0 <= number < self._blocks:
            return bytes(BLOCK)
        first = number * SECTORS_A_BLOCK
        return self._sector(first) + self._sector(first + 1)

    def _inode(self, number: int) -> Any:
        at = (number - 1) * INODE.sizeof()
        raw = self._block(self._table + at // BLOCK)
        return INODE.parse(raw[at % BLOCK : at % BLOCK + INODE.sizeof()])

    def _entries(self, folder: int) -> Iterator[tuple[str, int]]:
        content, size = self._content(folder), 2 + self._name_length
        for at in range(0, len(content) - size + 1, size):
            number = int.from_bytes(content[at : at + 2], "little")
            name = content[at + 2 : at + size].split(b"\0")[0].decode("latin-1")
            if 0 < number <= self._super.inodes and name not in ("", ".", ".."):
                yield name, number

    def _content(self, number: int) -> bytes:
        inode = self._inode(number)
        count = -(-min(inode.size, MAX_SIZE) // BLOCK)
        zones = list(inode.zones[:DIRECT_ZONES])
        if count > DIRECT_ZONES:
            zones += self._zones_of(inode.zones[DIRECT_ZONES])
        content = b"".join(self._block(zone) if zone else bytes(BLOCK) for zone in zones[:count])
        return content[: inode.size]

    def _zones_of(self, indirect: int) -> list[int]:
        raw = self._block(indirect) if indirect else bytes(BLOCK)
        return [int.from_bytes(raw[at : at + 2], "little") for at in range(0, BLOCK, 2)]
