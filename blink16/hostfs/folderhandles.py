"""Folders of the host by handles, so that nobody can swap what was checked; or else by paths.

POSIX opens a folder and names what is in it from there on.  Where the system has no such handles
(Windows), a folder is its path: what was checked is used a moment later, and another process of
the user's could put something else in its place between.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

HAS_HANDLES = os.open in os.supports_dir_fd and hasattr(os, "O_DIRECTORY")
SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Follow no link, wait for no FIFO's other end, and change no line ends."""
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | SAFELY
REPARSE_POINT = 0x400
"""Of Windows' file attributes: a link of some kind."""
_DEVICES = r"con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]"
_LEADS_ASTRAY = re.compile(rf'[<>:"/\\|?*\x00-\x1f]|[. ]\Z|\A({_DEVICES})\s*(\.|\Z)', re.IGNORECASE)
"""Names that mean something else on Windows than a file in a folder."""


class Place(NamedTuple):
    """A folder that is open; functions of `os` take ``name(…)`` with ``dir_fd=handle``."""

    path: Path
    """The folder's; where there are handles, that of the folder in which the way to it began."""
    handle: int | None = None
    """None: it has only its path."""

    def name(self, name: str) -> str:
        """Return what to call a file in it."""
        return name if self.handle is not None else str(self.path / name)

    def names(self) -> list[str]:
        """Return the names in it."""
        return os.listdir(self.path if self.handle is None else self.handle)  # noqa: PTH208

    def status(self, name: str) -> os.stat_result:
        """Return what a name stands for, without following it."""
        return os.stat(self.name(name), dir_fd=self.handle, follow_symlinks=False)


@contextmanager
def opened(path: Path, way: tuple[str, ...] = ()) -> Iterator[Place]:
    """Open a folder by its path, or the one to which a ``way`` leads from there, name by name.

    None of them may be a link.  Raises OSError.
    """
    if not HAS_HANDLES:
        yield _without_handles(path, way)
        return
    handle = os.open(path, _FOLDER)
    try:
        for name in way:
            outer = handle
            handle = os.open(name, _FOLDER, dir_fd=outer)
            os.close(outer)
        yield Place(path, handle)
    finally:
        os.close(handle)


def _without_handles(path: Path, way: tuple[str, ...]) -> Place:
    place = Place(path)
    for name in way:
        check_name(name)
        info = place.status(name)
        if not stat.S_ISDIR(info.st_mode) or is_link(info):
            raise NotADirectoryError(20, "no plain folder", name)
        place = Place(place.path / name)
    return place


def check_name(name: str) -> None:
    """Refuse a name that is more than one where paths are all there is.  FileNotFoundError."""
    if not HAS_HANDLES and _LEADS_ASTRAY.search(name):
        raise FileNotFoundError(2, "no name of a file here", name)


def is_link(info: os.stat_result) -> bool:
    """Whether it is a link of any kind: POSIX', or a junction of Windows'."""
    attributes = getattr(info, "st_file_attributes", 0)
    return stat.S_ISLNK(info.st_mode) or bool(attributes & REPARSE_POINT)
