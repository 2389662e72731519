"""What becomes of the world outside when a recorded future is dropped, in lines for the user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from blink16.elks.network import NetworkInput
from blink16.hostfs.files import FileTree
from blink16.machine import Machine

MAX_TOLD_FILES = 8
"""Files that a line to the user names."""


def clear_up(machine: Machine) -> Iterator[str]:
    """Undo what the future after a machine's instant has done outside; yield what to say of it."""
    yield from _put_files_back(machine)
    sockets = machine.find(NetworkInput)
    if sockets is not None and (text := sockets.undo_after(machine.icount)):
        yield text


def _put_files_back(machine: Machine) -> Iterator[str]:
    done = [tree.put_back(machine.icount) for tree in machine.find_all(FileTree)]
    restored = [path for one in done for path in one.restored]
    left = [path for one in done for path in one.left]
    left += ["others"] * any(one.others for one in done)
    if restored:
        yield f"files on the host are put back as they were: {_listed(restored)}"
    if left:
        yield f"files on the host stay as that future has left them: {_listed(left)}"


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - MAX_TOLD_FILES} more" * (len(paths) > MAX_TOLD_FILES)
    return ", ".join(paths[:MAX_TOLD_FILES]) + more
