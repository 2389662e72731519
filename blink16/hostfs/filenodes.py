"""What a file tree is made of: nodes, contents in chunks, and the rules for path names."""

from __future__ import annotations

import errno
import os
from functools import lru_cache
from typing import NamedTuple

from blink16.hostfs.hostfolder import FileKind, HostPath, os_error

MAX_PATH = 1024
MAX_NAME = 255
KNOWN_PATHS = 1024
"""Paths that need not be taken apart anew."""
CHUNK = 4096
"""Changed files are kept in immutable chunks, so that a small write copies little."""
ROOT = 1
"""The root folder's node."""
BLOCK_DEVICE = 0x10000
"""Marks the number of a block device; others are character devices."""
MODE_BITS = 0o7777
GONE = 0
"""Stands for the node of a name that the host folder has and the guest removed."""

_ZEROS = bytes(CHUNK)
Chunks = tuple[bytes, ...]
"""A file's content, each `CHUNK` long; behind the file's end there are zeros."""
Entries = tuple[tuple[str, int], ...]


class Stat(NamedTuple):
    """What a file is like."""

    node: int
    kind: FileKind
    mode: int
    """Permission bits."""
    size: int
    mtime: int
    """Seconds since the Unix epoch."""
    nlink: int
    uid: int = 0
    gid: int = 0
    device: int = 0
    """DEVICE: its number, the major one in the high byte."""


class Inode(NamedTuple):
    """A file as the guest sees it.  Plain data: it is saved as it is."""

    kind: int
    mode: int
    size: int
    mtime: int
    parent: int
    """The folder it lies in; GONE once it is unlinked."""
    name: str
    source: HostPath | None = None
    """Whose frozen host content it has; None if the guest made it."""
    chunks: Chunks | None = None
    """FILE: changed content; None while it is the host's."""
    entries: Entries = ()
    """DIRECTORY: sorted names and nodes that the tree has met; GONE marks a removed one."""
    target: str = ""
    """SYMLINK: where it leads."""
    uid: int = 0
    gid: int = 0
    device: int = 0
    """DEVICE: its number; a block device is one that has `BLOCK_DEVICE` in it."""
    links: tuple[tuple[int, str], ...] = ()
    """Other folders and names that it has besides ``parent`` and ``name``."""
    hidden: bool = False
    """The folder that it lies in doesn't list it."""

    # `_replace` takes longer than the rest of a call, and these are called in loops

    def with_content(self, size: int, mtime: int, chunks: Chunks) -> Inode:
        """Return the file with other content."""
        kind, mode, _, _, parent, name, source, _, *rest = self
        return Inode._make((kind, mode, size, mtime, parent, name, source, chunks, *rest))

    def with_entries(self, entries: Entries, mtime: int) -> Inode:
        """Return the folder with other names in it."""
        kind, mode, size, _, parent, name, source, chunks, _, *rest = self
        return Inode._make((kind, mode, size, mtime, parent, name, source, chunks, entries, *rest))

    def placed(self, parent: int, name: str, mtime: int) -> Inode:
        """Return the file in another place."""
        kind, mode, size, _, _, _, *rest = self
        return Inode._make((kind, mode, size, mtime, parent, name, *rest))


def to_chunks(data: bytes) -> Chunks:
    """Cut a content into chunks."""
    return tuple(data[i : i + CHUNK].ljust(CHUNK, b"\0") for i in range(0, len(data), CHUNK))


def get(chunks: Chunks, start: int, end: int) -> bytes:
    """Return the bytes from ``start`` to before ``end``, which the content must have."""
    first = start // CHUNK
    part = b"".join(chunks[first : (end - 1) // CHUNK + 1])
    return part[start - first * CHUNK : end - first * CHUNK]


def put(chunks: Chunks, offset: int, data: bytes) -> Chunks:
    """Return the content with ``data`` (not empty) at ``offset``, longer if need be."""
    first, last = offset // CHUNK, (offset + len(data) - 1) // CHUNK
    if first == last < len(chunks):
        old, start = chunks[first], offset - first * CHUNK
        changed = list(chunks)
        changed[first] = old[:start] + data + old[start + len(data) :]
        return tuple(changed)
    chunks += (_ZEROS,) * (last + 1 - len(chunks))
    old = b"".join(chunks[first : last + 1])
    start = offset - first * CHUNK
    new = old[:start] + data + old[start + len(data) :]
    return chunks[:first] + to_chunks(new) + chunks[last + 1 :]


def resize(chunks: Chunks, size: int) -> Chunks:
    """Return the content cut off at, or filled with zeros up to, ``size`` bytes."""
    count = -(-size // CHUNK)
    chunks = chunks[:count] + (_ZEROS,) * (count - len(chunks))
    if size % CHUNK:
        chunks = (*chunks[:-1], chunks[-1][: size % CHUNK].ljust(CHUNK, b"\0"))
    return chunks


def overlay_size(n: Inode) -> int:
    """Return the bytes that a node takes of the overlay."""
    return 0 if n.chunks is None else n.size


@lru_cache(maxsize=KNOWN_PATHS)
def components(path: str) -> tuple[str, ...]:
    """Split a path; '.' and empty names go.  ENAMETOOLONG, or ENOENT for what can't exist."""
    if len(path) > MAX_PATH:
        raise os_error(errno.ENAMETOOLONG)
    names = tuple(name for name in path.split("/") if name not in ("", "."))
    for name in names:
        check_name(name)
    return names


def check_name(name: str) -> None:
    """Refuse names that no file of the host can have."""
    try:
        length = len(os.fsencode(name))
    except UnicodeEncodeError:
        raise os_error(errno.ENOENT) from None
    if length > MAX_NAME:
        raise os_error(errno.ENAMETOOLONG)
    if "\0" in name:
        raise os_error(errno.ENOENT)
