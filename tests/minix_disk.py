"""A small reader of Minix floppies (version 1, names of 14 characters), for ELKS' images."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from blink16.elks.minix import BLOCK, INODE, SUPERBLOCK

MAGIC = 0x137F
DIRECT = 7
ENTRY = 16
ROOT = 1
DIRECTORY, REGULAR, SYMLINK = 0o04, 0o10, 0o12


@dataclass(frozen=True, slots=True)
class MinixFile:
    """A file of the image."""

    path: str
    inode: int
    mode: int
    size: int
    mtime: int

    @property
    def kind(self) -> int:
        """The type bits of its mode."""
        return self.mode >> 12


class MinixDisk:
    """An image of a file system that begins with its first block."""

    def __init__(self, image: bytes) -> None:
        self.image = bytearray(image)
        self._super = SUPERBLOCK.parse(image[BLOCK : BLOCK + SUPERBLOCK.sizeof()])
        if self._super.magic != MAGIC:
            raise ValueError("no Minix file system with names of 14 characters")
        maps = self._super.inode_map_blocks + self._super.zone_map_blocks
        self._table = (2 + maps) * BLOCK

    def files(self, inode: int = ROOT, path: str = "") -> Iterator[MinixFile]:
        """Give all files below a folder, folders before what is in them."""
        content = self.content(inode)
        for at in range(0, len(content), ENTRY):
            number = int.from_bytes(content[at : at + 2], "little")
            name = content[at + 2 : at + ENTRY].split(b"\0")[0].decode("latin1")
            if not number or name in (".", ".."):
                continue
            node = self._inode(number)
            file = MinixFile(f"{path}/{name}", number, node.mode, node.size, node.mtime)
            yield file
            if file.kind == DIRECTORY:
                yield from self.files(number, file.path)

    def find(self, path: str) -> MinixFile:
        """Return a file by its path; KeyError."""
        for file in self.files():
            if file.path == path:
                return file
        raise KeyError(path)

    def read(self, path: str) -> bytes:
        """Return a file's content; KeyError."""
        return self.content(self.find(path).inode)

    def content(self, inode: int) -> bytes:
        """Return what an inode holds."""
        size = self._inode(inode).size
        return b"".join(self._block(number) for number in self._blocks(inode))[:size]

    def overwrite(self, path: str, content: bytes) -> None:
        """Put another content, not longer than its blocks hold, into a file."""
        inode = self.find(path).inode
        blocks = self._blocks(inode)
        if len(content) > len(blocks) * BLOCK:
            raise ValueError(f"{path} has room for {len(blocks) * BLOCK} bytes")
        padded = content.ljust(len(blocks) * BLOCK, b"\0")
        for place, number in enumerate(blocks):
            part = padded[place * BLOCK : (place + 1) * BLOCK]
            self.image[number * BLOCK : (number + 1) * BLOCK] = part
        size = self._table + (inode - 1) * INODE.sizeof() + 4
        self.image[size : size + 4] = len(content).to_bytes(4, "little")

    def extract(self, root: Path) -> None:
        """Write folders, files and links into a folder of the host; devices are left out."""
        files = list(self.files())
        for file in files:
            target = root / file.path[1:]
            if file.kind == DIRECTORY:
                target.mkdir(exist_ok=True)
            elif file.kind == REGULAR:
                target.write_bytes(self.content(file.inode))
                target.chmod(file.mode & 0o7777)
                os.utime(target, (file.mtime, file.mtime))
            elif file.kind == SYMLINK:
                target.symlink_to(self.content(file.inode).decode("latin1"))
        for file in reversed(files):
            if file.kind == DIRECTORY:
                os.utime(root / file.path[1:], (file.mtime, file.mtime))
        os.utime(root, (0, 0))

    def _inode(self, number: int):  # type: ignore[no-untyped-def]
        at = self._table + (number - 1) * INODE.sizeof()
        return INODE.parse(self.image[at : at + INODE.sizeof()])

    def _block(self, number: int) -> bytes:
        return bytes(self.image[number * BLOCK : (number + 1) * BLOCK]) if number else bytes(BLOCK)

    def _blocks(self, inode: int) -> list[int]:
        node = self._inode(inode)
        count = -(-node.size // BLOCK)
        blocks = list(node.zones[:DIRECT])
        if count > DIRECT:
            blocks += _words(self._block(node.zones[DIRECT]))
        if count > len(blocks):
            for number in _words(self._block(node.zones[DIRECT + 1])):
                blocks += _words(self._block(number)) if number else [0] * (BLOCK // 2)
        return blocks[:count]


def _words(block: bytes) -> list[int]:
    return [int.from_bytes(block[at : at + 2], "little") for at in range(0, len(block), 2)]
