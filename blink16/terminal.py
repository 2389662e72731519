"""The host's standard streams: where a program's output goes and its input comes from."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from blink16.console import Console

STDIN, STDOUT, STDERR = 0, 1, 2
CHUNK = 4096
"""Bytes of input taken at a time; the rest stays for whoever reads after us."""


class OutputError(Exception):
    """Output that can't be written, such as to a full disk; ``errno`` says why."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"can't write the program's output: {error.strerror}")
        self.errno = error.errno


def show(channel: str, data: bytes) -> None:
    """Write what a machine puts out, at once and unbuffered.  Raises OutputError."""
    descriptor = STDOUT if channel == Console.CHANNEL else STDERR
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError as error:
        raise OutputError(error) from None


class InputReader:
    """Reads standard input in a thread of its own, a chunk each time somebody wants one.

    ``deliver`` is called in that thread, with no bytes at the end of input.  The thread is a
    daemon: nobody can end a read from a terminal, and it must not hold up the end of ours.
    """

    def __init__(self, deliver: Callable[[bytes], None]) -> None:
        self._deliver = deliver
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def want(self) -> None:
        """Ask for one chunk, unless one is on its way.  From any thread; cheap to repeat."""
        if self._wanted.is_set():
            return
        self._wanted.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="stdin", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while self._wanted.wait():
            data = _read()
            self._wanted.clear()  # before delivery: whoever wants more then must be heard
            self._deliver(data)


def _read() -> bytes:
    try:
        return os.read(STDIN, CHUNK)
    except OSError:  # closed, a folder, or a terminal that isn't ours: no input from there
        return b""
