"""The view on a real terminal: whatever ends it, the terminal is as it was before."""

from __future__ import annotations

import os
import pty
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

import pytest

from blink16.blinkenlights import main

PATIENCE = 30.0
ALTERNATE, BACK = b"\x1b[?1049h", b"\x1b[?1049l"
"""The terminal's second screen, and its first one again."""
RESTORED = (BACK, b"\x1b[?25h", b"\x1b[?1000l")
"""The first screen, the cursor, no mouse."""
FAULTY = (
    "from blink16.blinkenlights.app import Blinkenlights as B; "
    "B.action_theme = lambda self: 1 / 0; "
    "from blink16.blinkenlights.main import main; main(['banner', 'HI'])"
)


class OnTerminal:
    """A process on a terminal of its own."""

    def __init__(self, *words: str, rows: int = 24, columns: int = 80) -> None:
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execv(sys.executable, [sys.executable, *words])
        ioctl(self._terminal, TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.seen = b""

    def read(self) -> bool:
        """Take what it has written; False if it is gone."""
        if select.select([self._terminal], [], [], 0.1)[0]:
            try:
                data = os.read(self._terminal, 1 << 16)
            except OSError:
                return False
            self.seen += data
            return bool(data)
        return True

    def until(self, text: bytes) -> None:
        """Wait until it has written something."""
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            assert self.read(), "it has ended"
            assert time.monotonic() < end, "it never came"

    def press(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._terminal, keys)

    def vanish(self) -> None:
        """Take its terminal away."""
        os.close(self._terminal)

    def status(self) -> int:
        """Wait until it has ended, and return its exit status."""
        while self.read():
            pass
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def kill_server(view: OnTerminal) -> None:
    """Kill the view's server, and quit then."""
    found = subprocess.run(["pgrep", "-P", str(view.pid)], capture_output=True, check=True)
    os.kill(int(found.stdout.split()[0]), signal.SIGKILL)
    view.press(b"s")
    view.until(b"the machine is gone")
    view.press(b"q")


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda view: view.press(b"q"), 0),
        (lambda view: os.kill(view.pid, signal.SIGTERM), 128 + signal.SIGTERM),
        (lambda view: os.kill(view.pid, signal.SIGHUP), 128 + signal.SIGHUP),
        (kill_server, 0),
    ],
    ids=["q", "SIGTERM", "SIGHUP", "server killed"],
)
def test_the_terminal_is_as_before(end: Callable[[OnTerminal], object], status: int) -> None:
    """Prevents a shell without echo and cursor after the view, however it ended."""
    view = OnTerminal("-m", "blink16.blinkenlights", "banner", "HI")
    view.until("▶".encode())
    assert ALTERNATE in view.seen
    end(view)
    assert view.status() == status
    behind = view.seen.rpartition(ALTERNATE)[2]
    assert all(sequence in behind for sequence in RESTORED)
    assert b"Traceback" not in view.seen


def test_a_terminal_that_is_gone_ends_it() -> None:
    """Prevents a view that nobody sees any more and that waits for its terminal for ever."""
    view = OnTerminal("-m", "blink16.blinkenlights", "banner", "HI", rows=60, columns=200)
    view.until("▶".encode())
    view.press(b"q")
    os.kill(view.pid, signal.SIGTERM)
    view.vanish()
    end = time.monotonic() + PATIENCE
    while os.waitpid(view.pid, os.WNOHANG) == (0, 0):
        assert time.monotonic() < end, "it is still there"
        time.sleep(0.05)


def test_a_fault_of_ours_is_a_line_that_names_a_file() -> None:
    """Prevents a traceback over the terminal, and a fault whose cause nobody can look up."""
    view = OnTerminal("-c", FAULTY)
    view.until("▶".encode())
    view.press(b"t")
    assert view.status() == 0
    behind = view.seen.rpartition(BACK)[2].decode()
    assert "Traceback" not in view.seen.decode()
    path = Path("".join(behind.split("ZeroDivisionError: ")[1].split(" tells")[0].split()))
    assert "ZeroDivisionError: division by zero" in path.read_text()
    path.unlink()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_the_view_begins_ends_it_in_order(number: signal.Signals) -> None:
    """Prevents a traceback, a terminal without echo and a server that stays after Ctrl-C."""
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as ended, main._ended_in_order():
        signal.raise_signal(number)
    assert ended.value.code == 128 + number
    assert signal.getsignal(number) == before
