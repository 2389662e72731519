"""The programs that were shown last, in a file of the user's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from platformdirs import user_state_path

from blink16.hostfiles import current_folder, is_file, is_there

SAMPLE = ("banner", "HELLO")
MOST = 9
MAX_FILE = 1 << 16


def _path() -> Path | None:
    """Return the file; None without a home, where some platformdirs leave a ``~`` in it."""
    path = user_state_path("blink16") / "recent.json"
    return path if path.is_absolute() else None


def recent() -> list[list[str]]:
    """Return the command lines, the newest first; nothing if the file is not as we left it."""
    path = _path()
    if path is None:
        return []
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(MAX_FILE))
    except (OSError, ValueError, RecursionError):
        return []
    if not isinstance(found, list):
        return []
    lines = [line for line in found if isinstance(line, list) and line]
    lines = [line for line in lines if all(isinstance(word, str) for word in line)]
    return [line for line in lines if all(_is_there(word) for word in line)][:MOST]


def _is_there(word: str) -> bool:
    """Whether a word names no file by its whole path, or one that is still there."""
    path = Path(word)
    return not path.is_absolute() or is_there(path)


def remember(words: Sequence[str], folder: Path | None = None) -> None:
    """Put a command line first; no harm if that can't be written.

    A program that is a file here is remembered by its whole path.
    """
    here = folder or current_folder()
    whole = [str(here / word) if is_file(here / word) else word for word in words]
    lines = [whole, *(line for line in recent() if line != whole)][:MOST]
    path = _path()
    if path is not None:
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(lines))
