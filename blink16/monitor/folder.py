"""The host's files that monitor commands may reach, as whoever hosts the machine lets them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class FolderError(Exception):
    """A file that can't be reached, and why, in one line."""


class Folder(Protocol):
    """A folder of files that a client may name."""

    def read(self, path: Path, limit: int) -> bytes:
        """Return the first ``limit`` bytes of a file in the folder or below it.  FolderError."""

    def write_picture(self, name: str, data: bytes) -> None:
        """Make a PNG file of that plain name, over nothing but another one.  FolderError."""


class NoFolder:
    """Where nobody has handed over a folder, there are no files."""

    def read(self, path: Path, limit: int) -> bytes:
        """Refuse."""
        raise FolderError("no files can be read here")

    def write_picture(self, name: str, data: bytes) -> None:
        """Refuse."""
        raise FolderError("no files can be written here")


NO_FOLDER = NoFolder()
