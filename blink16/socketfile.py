"""Socket files (Unix domain sockets): for their owner alone, and removed only while still ours."""

from __future__ import annotations

import atexit
import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MODE = 0o600
"""Who may connect: the owner."""


@contextmanager
def place() -> Iterator[str | None]:
    """Return the path of a socket file to be, in a folder of its own that goes with the block.

    None where there are no such files.  Whoever is to listen there calls `remove_with_us`, in case
    that we don't come to the end of the block.
    """
    if not hasattr(socket, "AF_UNIX"):
        yield None
        return
    from tempfile import TemporaryDirectory  # nothing for those who only listen

    with TemporaryDirectory(prefix="blink16-", ignore_cleanup_errors=True) as folder:
        yield f"{folder}/watch"


def remove_with_us(folder: str) -> None:
    """Let the folder of a `place` go when this process ends: who has made it may have been killed.

    One with anything in it stays.
    """
    atexit.register(_remove_empty, folder)


def _remove_empty(folder: str) -> None:
    with suppress(OSError):
        Path(folder).rmdir()


class BoundSocket:
    """A socket that listens on a file of its own."""

    def __init__(self, path: Path, backlog: int) -> None:
        """Listen.  OSError if that can't be: the file is no socket, or somebody listens there."""
        if not hasattr(socket, "AF_UNIX"):
            raise OSError(errno.EAFNOSUPPORT, "this system has no socket files")
        _clear_away(path)
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o777 & ~MODE)  # nobody else connects before the mode is set
        try:
            self.socket.bind(str(path))
            self.socket.listen(backlog)
            self._made = path.lstat()
        except OSError:
            self.socket.close()
            raise
        finally:
            os.umask(before)

    def remove(self) -> None:
        """Remove the file, unless somebody has put another one there.  The socket is still open:
        as long as it is, no other file gets its number."""
        with suppress(OSError):
            if os.path.samestat(self.path.lstat(), self._made):
                self.path.unlink()


def _clear_away(path: Path) -> None:
    """Remove the socket file of somebody who is gone; OSError if it is anything else."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(errno.EEXIST, "there is a file that is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:  # somebody listens, and is busy
            pass
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
