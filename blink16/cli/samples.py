"""``blink16 samples``: the programs that come with blink16, and their sources, in a folder."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from blink16.setup import loader
from blink16.terminals import terminal

FOLDER = "samples"
"""Where they go, below the current folder, if nobody says another."""
OURS = frozenset({"__init__.py", "__pycache__", "build.py"})
"""What makes them, and is none."""


def main(folder: str = FOLDER) -> int:
    """Copy them into a new folder.  LoadError if that can't be, as where it is there already."""
    if folder.startswith("-"):
        raise loader.LoadError(f"samples takes no options, just a new folder, not {folder!r}")
    target = Path(folder)
    try:
        target.mkdir()
        for source in sorted(resources.files("blink16").joinpath("samples").iterdir(), key=str):
            if source.name not in OURS:
                (target / source.name).write_bytes(source.read_bytes())
    except FileExistsError:
        raise loader.LoadError(f"{target}: it exists already; blink16 samples NEW-FOLDER") from None
    except OSError as error:
        raise loader.LoadError(f"{target}: can't make it: {error.strerror}") from None
    terminal.say(f"blink16: the samples and their sources are in {target.absolute()}")
    return 0
