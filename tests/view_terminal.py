"""A view on a terminal of its own: what it writes there, what stands on it, what is left behind."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyte

PATIENCE = 90.0
"""Seconds in which something has to come: a cold start on a busy machine takes a while."""
VIEW = ("-m", "blink16.blinkenlights")
REST_SECONDS = 1.5
"""In which a view that has more to draw does so."""
LOOKS = 0.02
"""Seconds between two looks at what was written."""
_MODES = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
_KITTY_KEYS = re.compile(rb"\x1b\[([><])[0-9]*u")
_SHOWN_AT_FIRST = frozenset({7, 25})
"""A terminal's modes as it begins: lines wrap, the cursor is shown."""


class ViewTerminal:
    """A process on a terminal of its own, and who sits before that."""

    def __init__(
        self,
        *words: str,
        rows: int = 24,
        columns: int = 80,
        environment: Mapping[str, str | None] | None = None,
    ) -> None:
        """Start Python with these words.  ``environment``: what is other in it; None: not there."""
        changed = {"TERM": "xterm-256color", **(environment or {})}
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            for name, value in changed.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
            ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execv(sys.executable, [sys.executable, *words])
        self.settings: list[Any] = termios.tcgetattr(self._terminal)
        """How the terminal was set before."""
        self.settings_left: list[Any] = []
        """How it was set when the process had ended, or was stopped."""
        self.seen = bytearray()
        self._screen = pyte.Screen(max(columns, 1), max(rows, 1))
        self._stream = pyte.ByteStream(self._screen)
        self._fed = 0
        self._ended: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if self._ended is None:
            self.signal(signal.SIGKILL)
            with suppress(OSError):  # its terminal may have gone before
                self.status()

    # -- who sits before it ------------------------------------------------------------------

    def press(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._terminal, keys)

    def mouse(self, button: int, column: int, row: int, *, up: bool = False) -> None:
        """Press or turn a button of the mouse, in xterm's numbers; columns and rows from 0."""
        self.press(b"\x1b[<%d;%d;%d%c" % (button, column + 1, row + 1, b"m" if up else b"M"))

    def resize(self, columns: int, rows: int) -> None:
        """Make its window larger or smaller."""
        ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._feed()
        self._screen.resize(max(rows, 1), max(columns, 1))

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def vanish(self) -> None:
        """Take its terminal away."""
        os.close(self._terminal)

    # -- what it does ------------------------------------------------------------------------

    def read(self, seconds: float = 0.1) -> bool:
        """Take what it has written; False if it is gone."""
        if select.select([self._terminal], [], [], seconds)[0]:
            try:
                data = os.read(self._terminal, 1 << 16)
            except OSError:
                return False
            self.seen += data
            return bool(data)
        return True

    def until(self, text: bytes | str | Callable[[], object]) -> None:
        """Wait until it has written bytes, a text stands on it, or something else holds."""
        end = time.monotonic() + PATIENCE
        while not self._holds(text):
            assert self.read(LOOKS), f"it has ended:\n{self.text}"
            assert time.monotonic() < end, f"{text!r} never came:\n{self.text}"

    def _holds(self, text: bytes | str | Callable[[], object]) -> object:
        if callable(text):
            return text()
        return text in self.seen if isinstance(text, bytes) else text in self.text

    def watch(self, seconds: float) -> None:
        """Take what it writes for a while."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and self.read(left):
            pass

    def at_rest(self) -> str:
        """Wait until it has written nothing for a while, and return what stands on it."""
        end = time.monotonic() + PATIENCE
        before = -1
        while before != len(self.seen):
            assert time.monotonic() < end, f"it is never at rest:\n{self.text}"
            before = len(self.seen)
            self.watch(REST_SECONDS)
        return self.text

    def _feed(self) -> None:
        self._stream.feed(bytes(self.seen[self._fed :]))
        self._fed = len(self.seen)

    @property
    def text(self) -> str:
        """What stands on the terminal."""
        self._feed()
        return "\n".join(self._screen.display)

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    @property
    def children(self) -> list[int]:
        """The processes that it has started."""
        found = subprocess.run(["pgrep", "-P", str(self.pid)], capture_output=True, check=False)
        return [int(word) for word in found.stdout.split()]

    # -- what is left ------------------------------------------------------------------------

    def status(self) -> int:
        """Wait until it has ended, and return its exit status, negative for a signal."""
        end = time.monotonic() + PATIENCE
        while self.is_alive:
            assert time.monotonic() < end, f"it does not end:\n{self.text}"
            self.read(LOOKS)
        self._take_the_rest()
        self.settings_left = termios.tcgetattr(self._terminal)
        os.close(self._terminal)
        self._ended = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._ended

    def _take_the_rest(self) -> None:
        while select.select([self._terminal], [], [], 0)[0] and self.read(0):
            pass

    def stopped(self) -> None:
        """Wait until a signal has stopped it, and take what it had written by then."""
        end = time.monotonic() + PATIENCE
        while Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            assert time.monotonic() < end, "it does not stop"
            self.read(LOOKS)
        self._take_the_rest()
        self.settings_left = termios.tcgetattr(self._terminal)

    def wipe(self) -> None:
        """Forget what stands on the terminal, as if another program had used it."""
        self._feed()
        self._screen.reset()

    @property
    def modes(self) -> set[int]:
        """The private modes that are on by all that it has written."""
        on = set(_SHOWN_AT_FIRST)
        for numbers, letter in _MODES.findall(self.seen):
            found = {int(number) for number in numbers.split(b";") if number}
            on = on | found if letter == b"h" else on - found
        return on

    def left_behind(self) -> list[str]:
        """Return what is not as it was before; it is to have ended, or to be stopped."""
        found = [f"mode {mode} on" for mode in sorted(self.modes - _SHOWN_AT_FIRST)]
        found += [f"mode {mode} off" for mode in sorted(_SHOWN_AT_FIRST - self.modes)]
        keys = _KITTY_KEYS.findall(self.seen)
        if keys.count(b">") > keys.count(b"<"):
            found.append("kitty's keys on")
        if self.settings_left != self.settings:
            found.append("stty is another")
        if b"Traceback" in self.seen:
            found.append("a traceback on the screen")
        return found
