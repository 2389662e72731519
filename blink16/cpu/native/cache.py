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
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import platformdirs
from construct import Bytes, Const, ConstructError, GreedyBytes, Struct

try:
    import fcntl
except ImportError:  # a host without locks of this kind
    fcntl = None  # type: ignore[assignment]

from blink16.hostfs import folderhandles
from blink16.hostfs.folderhandles import SAFELY, Place

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
MAX_KEPT = 128 << 20
"""Bytes of files that are kept, the newest: some hundred of them, of a few versions."""
SUFFIX = ".bin"
LOCKS = "locks"
"""A file of which processes lock a byte while they make what a key stands for."""
PATIENCE = 60.0
"""Seconds that a process waits for another to make it, before it does so itself."""
LOOK_INTERVAL = 0.05
LOCK_BYTES = 7
"""Bytes of a key by which its byte is found."""
_ROOT = 0
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class _DistrustError(OSError):
    """Something in the cache is not to be used; the text says what and why."""


def folder() -> Path | None:
    """Return where cached files lie; None where there is no home for them."""
    try:
        path = Path(platformdirs.user_cache_dir("blink16", appauthor=False)) / "native"
    except RuntimeError:  # neither HOME nor an entry in passwd
        return None
    return path if path.is_absolute() else None  # elder platformdirs leave a "~" in it


def keeps() -> bool:
    """Return whether there is a folder to be trusted, to which files can be written."""
    try:
        with _opened(make=True) as place:
            return os.access(place.path, os.W_OK | os.X_OK)
    except OSError:
        return False


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
    if len(data) > MAX_SIZE:
        return
    with contextlib.suppress(OSError), _opened(make=True) as place:
        _write(place, _file_name(key), data)
        _forget_old_files(place)


@contextmanager
def made_once(key: bytes) -> Iterator[None]:
    """Let no other process make what a key stands for meanwhile: who waits may then `load` it.

    Where there are no such locks, or no folder for them, processes make it beside each other.
    """
    with ExitStack() as stack:
        if fcntl is not None:
            with contextlib.suppress(OSError):
                place = stack.enter_context(_opened(make=True))
                flags = os.O_RDWR | os.O_CREAT | SAFELY
                handle = os.open(place.name(LOCKS), flags, 0o600, dir_fd=place.handle)
                stack.callback(os.close, handle)
                _check(os.fstat(handle), str(place.path / LOCKS), is_folder=False)
                _lock(handle, int.from_bytes(key[:LOCK_BYTES]))
        yield


def _lock(handle: int, offset: int) -> None:
    """Lock a byte of a file until it is closed; an OSError if another process keeps it."""
    for _ in range(round(PATIENCE / LOOK_INTERVAL)):
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)
            return
        except (BlockingIOError, PermissionError):
            time.sleep(LOOK_INTERVAL)
    raise TimeoutError


def _file_name(key: bytes) -> str:
    return key.hex()[:32] + SUFFIX


# -- what can be trusted -----------------------------------------------------------------------


@contextmanager
def _opened(*, make: bool = False) -> Iterator[Place]:
    """Open the folder; an OSError if there is none, or none to be trusted.

    ``make``: make it, if there can be one.
    """
    path = folder()
    if path is None:
        raise FileNotFoundError
    if make:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check(os.lstat(path), str(path), is_folder=True)
    with folderhandles.opened(path) as place:
        if place.handle is not None:
            _check(os.fstat(place.handle), str(path), is_folder=True)
        yield place


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


def _read(place: Place, name: str) -> bytes:
    shown = str(place.path / name)
    _check(place.status(name), shown, is_folder=False)
    handle = os.open(place.name(name), os.O_RDONLY | SAFELY, dir_fd=place.handle)
    with os.fdopen(handle, "rb") as file:
        info = os.fstat(handle)
        _check(info, shown, is_folder=False)
        if info.st_size > MAX_SIZE:
            raise _DistrustError(f"{shown} is too large")
        return file.read(MAX_SIZE + 1)


# -- writing -----------------------------------------------------------------------------------


def _write(place: Place, name: str, data: bytes) -> None:
    temporary = f".{secrets.token_hex(8)}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFELY
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


def _forget_old_files(place: Place) -> None:
    found = []
    for name in place.names():
        if name.endswith(SUFFIX):
            status = place.status(name)
            found.append((status.st_mtime, name, status.st_size))
    kept = 0
    for _, name, size in sorted(found, reverse=True):
        kept += size
        if kept > MAX_KEPT:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(place.name(name), dir_fd=place.handle)
