"""Native code that a child begins to make before we have imported ourselves.

At the very first start there is none, and both take half a second: so a command begins with this,
which imports little.  A stamp in the cache says that the child has nothing to do any more.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading

from blink16.cpu.native import cache, children
from blink16.cpu.native.sources import digest

PATIENCE = 300.0
"""Seconds that a child may take; a slow computer needs thirty."""
STAMPED = b"made"
_begun: list[threading.Thread] = []
"""Each ends when its child does."""


def begin(processor: str, board: str) -> None:
    """Let a child make what there is not yet, for a processor and the hot devices at
    ``module:NAME``.

    What goes wrong there is told by who tries it again (`loading`).
    """
    key = stamp(processor, board)
    if not children.can_start() or cache.load(key) == STAMPED or not cache.keeps():
        return
    command = children.python("blink16.cpu.native.made_ahead", processor, board, key.hex())
    try:
        child = children.start(command, subprocess.DEVNULL)
    except OSError:
        return
    waiting = threading.Thread(target=child.wait, name="blink16-ahead", daemon=True)
    waiting.start()
    _begun.append(waiting)


def wait() -> None:
    """Return when there is, or can't be, what a child was to make."""
    for waiting in _begun:
        waiting.join(PATIENCE)
    _begun.clear()


def stamp(processor: str, board: str) -> bytes:
    """Return under which key the cache has the stamp."""
    return hashlib.sha256(os.fsencode(f"{processor} {board} ") + digest()).digest()
