"""Compiled code on disk, in the user's cache folder.

A file is found by a key that covers everything its content depends on.  It is written beside
its place and then moved there, so that processes see whole files only.  Its digest tells
damage; where anything is wrong with a file there is none, and it is made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

import platformdirs
from construct import Bytes, Const, ConstructError, GreedyBytes, Struct

DIGEST_SIZE = hashlib.sha256().digest_size
FILE = Struct(
    "magic" / Const(b"blink16\x01"),
    "key" / Bytes(DIGEST_SIZE),
    "digest" / Bytes(DIGEST_SIZE),
    "content" / GreedyBytes,
)
MAX_SIZE = 16 << 20
"""Bytes that a sound file never has."""
MAX_FILES = 8
"""So many files are kept, the newest."""


def folder() -> Path:
    """Return where cached files lie."""
    return Path(platformdirs.user_cache_dir("blink16", appauthor=False)) / "native"


def path_of(key: bytes) -> Path:
    """Return where the file of a key lies; ``key`` is a SHA-256 digest."""
    return folder() / f"{key.hex()[:32]}.bin"


def load(key: bytes) -> bytes | None:
    """Return what was stored under a key, or None if there is nothing sound."""
    try:
        path = path_of(key)
        if path.stat().st_size > MAX_SIZE:
            return None
        file = FILE.parse(path.read_bytes())
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
    temporary = None
    try:
        place = folder()
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=place)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).replace(path_of(key))
        _forget_old_files(place)
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()


def _forget_old_files(place: Path) -> None:
    files = sorted(place.glob("*.bin"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in files[MAX_FILES:]:
        path.unlink(missing_ok=True)
