"""Compiled code on disk, in the user's cache folder.

What lies there is executed, so it is looked at before: the folder and the file must be what
their names say and no links, ours (or the system's), and such that nobody else can write to them.
A file is found by a key that covers everything its content depends on.  It is written beside
its place and then moved there, so that processes see whole files only.  Its digest tells
damage; where anything is wrong with a file there is none, and it is made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from construct import Bytes, Const, ConstructError, GreedyBytes, Struct

LOG = logging.getLogger("blink16")
DIGEST_SIZE = hashlib.sha256().digest_size
FILE = Struct(
    "magic" / Const(b"blink16\x01"),
    "key" / Bytes(DIGEST_SIZE),
    "digest" / Bytes(DIGEST_SIZE),
    "content" / GreedyBytes,
)
MAX_SIZE = 16 << 20
"""Bytes that a sound file never has."""
MAX_FILES = 16
"""So many files are kept, the newest."""
SUFFIX = ".bin"
_ROOT = 0
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Follow no link, wait for no FIFO's other end, and change no line ends."""
_HAS_FOLDER_HANDLES = os.open in os.supports_dir_fd and hasattr(os, "O_DIRECTORY")


class _DistrustError(OSError):
    """Something in the cache is not to be used; the text says what and why."""


@dataclass(frozen=True, slots=True)
class _Place:
    """The folder, opened where the system has handles of folders, so that nobody can swap it."""

    path: Path
    handle: int | None

    def name(self, name: str) -> str:
        """Return what to call a file in it, with ``dir_fd=handle``."""
        return name if self.handle is not None else str(self.path / name)


def folder() -> Path | None:
    """Return where cached files lie; None where there is no home for them."""
    try:
        path = Path(platformdirs.user_cache_dir("blink16", appauthor=False)) / "native"
    except RuntimeError:  # neither HOME nor an entry in passwd
        return None
    return path if path.is_absolute() else None  # elder platformdirs leave a "~" in it


def load(key: bytes) -> bytes | None:
    """Return what was stored under a key (a SHA-256 digest), or None if there is nothing sound."""
    try:
        with _opened() as place:
            data = _read(place, _file_name(key))
        file = FILE.parse(data)
    except _DistrustError as error:
        LOG.warning("the cache of compiled code is not used: %s", error)
        return None
    except (OSError, ConstructError):
        return None
    content = bytes(file.content)
    if file.key != key or file.digest != hashlib.sha256(content).digest():
        return None
    return content


def store(key: bytes, content: bytes) -> None:
    """Keep something for other processes; without a folder to write to, don't."""
    digest = hashlib.sha256(content).digest()
    data = FILE.build({"key": key, "digest": digest, "content": content})
    where = folder()
    if where is None or len(data) > MAX_SIZE:
        return
    with contextlib.suppress(OSError):
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _opened() as place:
            _write(place, _file_name(key), data)
            _forget_old_files(place)


def _file_name(key: bytes) -> str:
    return key.hex()[:32] + SUFFIX


# -- what can be trusted -----------------------------------------------------------------------


@contextmanager
def _opened() -> Iterator[_Place]:
    """Open the folder; an OSError if there is none, or none to be trusted."""
    path = folder()
    if path is None:
        raise FileNotFoundError
    if not _HAS_FOLDER_HANDLES:
        _check(os.lstat(path), str(path), is_folder=True)
        yield _Place(path, None)
        return
    found = os.lstat(path)
    _check(found, str(path), is_folder=True)
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _SAFELY)
    try:
        _check(os.fstat(handle), str(path), is_folder=True)
        yield _Place(path, handle)
    finally:
        os.close(handle)


def _check(info: os.stat_result, name: str, *, is_folder: bool) -> None:
    """_DistrustError unless it is a plain folder or file that nobody else can have written."""
    plain = stat.S_ISDIR(info.st_mode) if is_folder else stat.S_ISREG(info.st_mode)
    if not plain:
        raise _DistrustError(f"{name} is no plain {'folder' if is_folder else 'file'}")
    if not hasattr(os, "geteuid"):  # elsewhere than on POSIX, the folder is the user's own
        return
    if info.st_uid not in (os.geteuid(), _ROOT):
        raise _DistrustError(f"{name} belongs to somebody else")
    if info.st_mode & _OTHERS_WRITE:
        raise _DistrustError(f"others may write to {name}")


def _read(place: _Place, name: str) -> bytes:
    shown = str(place.path / name)
    _check(
        os.stat(place.name(name), dir_fd=place.handle, follow_symlinks=False),
        shown,
        is_folder=False,
    )
    handle = os.open(place.name(name), os.O_RDONLY | _SAFELY, dir_fd=place.handle)
    with os.fdopen(handle, "rb") as file:
        info = os.fstat(handle)
        _check(info, shown, is_folder=False)
        if info.st_size > MAX_SIZE:
            raise _DistrustError(f"{shown} is too large")
        return file.read(MAX_SIZE + 1)


# -- writing -----------------------------------------------------------------------------------


def _write(place: _Place, name: str, data: bytes) -> None:
    temporary = f".{secrets.token_hex(8)}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFELY
    handle = os.open(place.name(temporary), flags, 0o600, dir_fd=place.handle)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(
            place.name(temporary),
            place.name(name),
            src_dir_fd=place.handle,
            dst_dir_fd=place.handle,
        )
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(place.name(temporary), dir_fd=place.handle)
        raise


def _forget_old_files(place: _Place) -> None:
    found = []
    for name in os.listdir(place.path if place.handle is None else place.handle):  # noqa: PTH208
        if name.endswith(SUFFIX):
            info = os.stat(place.name(name), dir_fd=place.handle, follow_symlinks=False)
            found.append((info.st_mtime, name))
    for _, name in sorted(found, reverse=True)[MAX_FILES:]:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(place.name(name), dir_fd=place.handle)
