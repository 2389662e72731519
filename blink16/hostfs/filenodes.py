"""What a file tree is made of: nodes, and the rules for path names."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from blink16.hostfs.chunks import Chunks, Content
from blink16.hostfs.hostfolder import FileKind, HostPath, os_error

MAX_PATH = 1024
MAX_NAME = 255
KNOWN_PATHS = 1024
"""Paths that need not be taken apart anew, and names that need not be checked again."""
ROOT = 1
"""The root folder's node."""
BLOCK_DEVICE = 0x10000
"""Marks the number of a block device; others are character devices."""
MODE_BITS, OWNER_WRITE = 0o7777, 0o200
GONE = 0
"""Stands for the node of a name that the host folder has and the guest removed."""


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


@dataclass(slots=True, eq=False)
class Inode:
    """A file as the guest sees it, which changes in place."""

    kind: int
    mode: int
    size: int
    mtime: int
    parent: int
    """The folder it lies in; GONE once it is unlinked."""
    name: str
    source: HostPath | None = None
    """Whose frozen host content it has; None if the guest made it."""
    content: Content | None = None
    """FILE: changed content; None while it is the host's."""
    entries: dict[str, int] = field(default_factory=dict)
    """DIRECTORY: names that the tree has met, and their nodes; GONE marks a removed one."""
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

    @property
    def chunks(self) -> Chunks | None:
        """Its changed content as plain data."""
        return None if self.content is None else self.content.frozen()

    def save(self) -> InodeState:
        """Return it as plain data: what was saved before does not change with it."""
        values = list(_saved(self))
        values[_ENTRIES] = tuple(sorted(self.entries.items()))
        return InodeState._make(values)

    @classmethod
    def restored(cls, state: Any) -> Inode:
        """Return the file that was saved; ValueError or TypeError if it is no such state."""
        kind, mode, size, mtime, parent, name, source, chunks, entries, *rest = state
        content = None if chunks is None else Content(chunks)
        return cls(kind, mode, size, mtime, parent, name, source, content, dict(entries), *rest)


class InodeState(NamedTuple):
    """What is saved of an `Inode`."""

    kind: int
    mode: int
    size: int
    mtime: int
    parent: int
    name: str
    source: HostPath | None
    chunks: Chunks | None
    entries: tuple[tuple[str, int], ...]
    """Sorted."""
    target: str
    uid: int
    gid: int
    device: int
    links: tuple[tuple[int, str], ...]
    hidden: bool


_saved = attrgetter(*InodeState._fields)
_ENTRIES = InodeState._fields.index("entries")


@lru_cache(maxsize=KNOWN_PATHS)
def components(path: str) -> tuple[str, ...]:
    """Split a path; '.' and empty names go.  ENAMETOOLONG, or ENOENT for what can't exist."""
    if len(path) > MAX_PATH:
        raise os_error(errno.ENAMETOOLONG)
    names = tuple(name for name in path.split("/") if name not in ("", "."))
    for name in names:
        check_name(name)
    return names


@lru_cache(maxsize=KNOWN_PATHS)
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
