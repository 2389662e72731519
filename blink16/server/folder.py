"""The folder in which the server was started: all of the host's files that clients reach."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

from blink16.bios.picture import SIGNATURE
from blink16.hostfiles import current_folder, is_file
from blink16.hostfs.folderhandles import SAFELY
from blink16.monitor.folder import FolderError

FILE_MODE = 0o666
_FLAGS = os.O_RDWR | os.O_CREAT | SAFELY
_NOT_INSIDE = "is no file in the folder in which the server was started"


class ServerFolder:
    """A folder as monitor commands see it (`monitor.folder.Folder`)."""

    def __init__(self, root: Path | None = None) -> None:
        """``root``: the folder, by default the current one."""
        root = root or current_folder()
        self._root = root.resolve() if root.is_absolute() else root  # a folder that is gone

    def read(self, path: Path, limit: int) -> bytes:
        """Read a file that lies in the folder or below it, links resolved."""
        shown = str(path)[:80]
        try:
            meant = (self._root / path).resolve()
            inside = meant.is_relative_to(self._root) and is_file(meant)
        except (OSError, RuntimeError, ValueError):  # links in a circle, no name
            inside = False
        if not inside:
            raise FolderError(f"{shown!r} {_NOT_INSIDE}")
        try:
            with meant.open("rb") as file:
                return file.read(limit)
        except OSError as error:
            raise FolderError(f"{shown}: can't read it: {error.strerror}") from None

    def write_picture(self, name: str, data: bytes) -> None:
        """Write a picture, over nothing but another picture, and through no link."""
        if PurePath(name).name != name or "\\" in name or not name.lower().endswith(".png"):
            raise FolderError(f"{name[:80]!r} is not a plain file name that ends in .png")
        try:
            with os.fdopen(os.open(self._root / name, _FLAGS, FILE_MODE), "r+b") as file:
                before = file.read(len(SIGNATURE))
                if before and before != SIGNATURE:
                    raise FolderError(f"{name} is there already and is no picture")
                file.seek(0)
                file.truncate()
                file.write(data)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise FolderError(f"can't write {name[:80]}: {reason}") from None
