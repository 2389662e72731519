"""Where a machine's output goes and its input comes from, beside the debugger.

``show`` is called in the thread that runs the machine, ``want`` from any thread.  One console
serves all machines of a server, by the numbers of their processes, but for the channels that
lead to lines of their own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Protocol

from blink16.server.sources import Say
from blink16.terminals import terminal

Deliver = Callable[[bytes], None]
"""Takes input, in any thread; no bytes are its end."""


class HostConsole(Protocol):
    """The host's side of the machines' consoles."""

    def show(self, process: int, channel: str, data: bytes) -> None:
        """Show what a machine puts out."""

    def want(self, process: int, deliver: Deliver) -> None:
        """Get input for a machine that looks for some.  Cheap to repeat."""

    def close(self) -> None:
        """Leave everything as it was found."""


class StreamConsole:
    """Our standard streams: input goes to the machine that has waited longest for it."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._reader = terminal.InputReader(self._hand_out)
        self._waiting: deque[Deliver] = deque()
        self._lock = Lock()
        self._mute = False

    def show(self, process: int, channel: str, data: bytes) -> None:
        """Write output; if that fails, say it once and go on without."""
        if self._mute:
            return
        try:
            terminal.show(channel, data)
        except terminal.OutputError as error:
            self._mute = True
            self._say(str(error))

    def want(self, process: int, deliver: Deliver) -> None:
        """Read standard input, a chunk for each machine that wants some."""
        with self._lock:
            if deliver in self._waiting:
                return
            self._waiting.append(deliver)
        self._reader.want()

    def close(self) -> None:
        """Nothing was changed."""

    def _hand_out(self, data: bytes) -> None:
        """Take a chunk in the reader's thread."""
        with self._lock:
            deliver = self._waiting.popleft()
            more = bool(self._waiting)
        if more:
            self._reader.want()
        deliver(data)


class ErrorConsole:
    """Standard error, while our standard streams carry the protocol.  There is no input."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._asked = False

    def show(self, process: int, channel: str, data: bytes) -> None:
        """Write output, as long as somebody takes it."""
        with suppress(terminal.OutputError):  # nor would anybody see a complaint
            terminal.write(terminal.STDERR, data)

    def want(self, process: int, deliver: Deliver) -> None:
        """Say that there is none."""
        if not self._asked:
            self._asked = True
            self._say("the program waits for input, and standard input belongs to the debugger")

    def close(self) -> None:
        """Nothing was changed."""
