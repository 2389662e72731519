"""The devices of an ELKS system: their names in /dev, their numbers, and who serves them.

Source: ELKS' linuxmt/major.h and the /dev of its images.
"""

from __future__ import annotations

from blink16.hostfs.files import FileKind, FileTree

TERMINAL, CONSOLE, CONTROLLING = 0x0400, 0x04FE, 0x04FF
"""/dev/tty1, /dev/console and /dev/tty: all of them the one terminal there is."""
TERMINALS = frozenset({TERMINAL, CONSOLE, CONTROLLING})
NULL, ZERO = 0x0103, 0x0105
_NAMES = {
    "console": (CONSOLE, 0o600),
    "null": (NULL, 0o666),
    "tty": (CONTROLLING, 0o666),
    "tty1": (TERMINAL, 0o620),
    "zero": (ZERO, 0o666),
}
SERVED = TERMINALS | {NULL, ZERO}


def make_nodes(files: FileTree) -> None:
    """Put the devices into /dev, where the host has nothing else of the name; not listed there."""
    try:
        files.lookup("/dev")
    except OSError:
        try:
            files.mknod("/dev", "/", FileKind.DIRECTORY, 0o755, hidden=True)
        except OSError:
            return
    for name, (device, mode) in _NAMES.items():
        try:
            files.mknod(f"/dev/{name}", "/", FileKind.DEVICE, mode, device)
        except OSError:
            continue


def number_of(path: str) -> int | None:
    """Return the number of the device of that path, if it is one of the system's."""
    folder, _, name = path.rpartition("/")
    known = _NAMES.get(name)
    return known[0] if known and folder == "/dev" else None
