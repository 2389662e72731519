"""Files of the host: read with a bound, and replaced as a whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from blink16.hostfs.folderhandles import SAFELY

try:
    import fcntl
except ImportError:  # a host without locks of this kind
    fcntl = None  # type: ignore[assignment]

_HAS_LOCKS: bool = fcntl is not None
PIECE = 1 << 20
"""Bytes that are asked for at a time: Python reserves memory for all of them before it reads."""


def current_folder() -> Path:
    """Return the folder in which we are; just ``.`` if somebody has removed it."""
    try:
        return Path.cwd()
    except OSError:
        return Path()


def is_there(path: Path) -> bool:
    """Return whether we see anything there: no error where we may not look, or no name can be."""
    return _is(path.exists)


def is_file(path: Path) -> bool:
    """Return whether we see a plain file there, no device and no pipe."""
    return _is(path.is_file)


def is_folder(path: Path) -> bool:
    """Return whether we see a folder there."""
    return _is(path.is_dir)


def _is(ask: Callable[[], bool]) -> bool:
    try:
        return ask()
    except (OSError, ValueError):  # too long, no permission, characters that can't be
        return False


def read_at_most(file: BinaryIO, limit: int) -> bytes:
    """Read a file to its end, but no more than so many bytes."""
    return b"".join(pieces(file, limit))


def pieces(file: BinaryIO, limit: int) -> Iterator[bytes]:
    """Read the same in pieces."""
    while limit > 0 and (piece := file.read(min(limit, PIECE))):
        limit -= len(piece)
        yield piece


def holds(path: Path, content: bytes) -> bool:
    """Return whether a file holds exactly this."""
    at = 0
    with path.open("rb") as file:
        for piece in pieces(file, len(content) + 1):
            if piece != memoryview(content)[at : at + len(piece)]:
                return False
            at += len(piece)
    return at == len(content)


def replace_content(path: Path, content: Iterable[bytes]) -> None:
    """Give a file, or what a link leads to, another content; after a failure it has its old one.

    The new content is written beside it, brought to the disk, and then takes its place and its
    rights.  What a process that was killed has left beside it is used again.  OSError.
    """
    path = path.resolve(strict=True)
    status = path.stat()
    with _beside(path) as (name, file):
        for piece in content:
            file.write(piece)
        file.flush()
        if hasattr(os, "fchmod"):
            os.fchmod(file.fileno(), status.st_mode & 0o7777)
        if hasattr(os, "fchown"):
            with contextlib.suppress(OSError):  # only root may give files away
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
        os.fsync(file.fileno())
        if not _HAS_LOCKS:
            file.close()  # Windows moves no file that is open
        name.replace(path)
    _bring_to_disk(path.parent)


@contextmanager
def _beside(path: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Open the file for the new content, for us alone; remove it if that does not come about."""
    flags = os.O_RDWR | os.O_CREAT | SAFELY
    name = path.with_name(f".{path.name}.blink16-new")
    with os.fdopen(os.open(name, flags, 0o600), "wb") as file:
        if fcntl is not None:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(file.fileno()), name.stat()):
                # somebody has just moved it to its place: now it is the content
                raise BlockingIOError(errno.EAGAIN, "another process is writing it")
        file.truncate(0)
        try:
            yield name, file
        except BaseException:
            with contextlib.suppress(OSError):
                name.unlink()
            raise


def _bring_to_disk(folder: Path) -> None:
    """Make a rename last, where folders can be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
