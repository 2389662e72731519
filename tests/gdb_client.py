"""A tiny vocabulary for talking to programs: send a line, expect a text, interrupt.

`Gdb` is a real gdb at its prompt and `Server` a blink16-server; both are `Talker`s.
"""

from __future__ import annotations

import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import warm_python

TIMEOUT = 60.0
"""Seconds after which a text that has not come never will."""
PROMPT = "(gdb) "
PROJECT = Path(__file__).resolve().parents[1]
DEBIAN_GDB = Path("/usr/bin/gdb")
NO_GDB = Path("no-gdb")
"""What tests are given where there is none: they fail, and say what to install."""


class Talker:
    """A child process that we write lines to and whose output we wait for."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.transcript = ""
        self._pending = ""
        self.process = warm_python.start(
            command,
            cwd=cwd,
            environment={**os.environ, **(environment or {})},
            error=subprocess.STDOUT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait(TIMEOUT)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def send(self, line: str) -> None:
        """Type a line."""
        assert self.process.stdin is not None
        self.transcript += line + "\n"
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def expect(self, pattern: str) -> str:
        """Wait for a text that matches; return everything up to and with it."""
        return self._wait(re.compile(pattern, re.MULTILINE))

    def expect_end(self) -> str:
        """Wait until the process has closed its output; return what it said."""
        while self._more(pattern="the end"):
            pass
        said, self._pending = self._pending, ""
        return said

    def end_input(self) -> None:
        """Close its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Wait for its end; return the exit status."""
        return self.process.wait(TIMEOUT)

    def _wait(self, pattern: re.Pattern[str]) -> str:
        while (found := pattern.search(self._pending)) is None:
            if not self._more(pattern.pattern):
                raise AssertionError(f"it ended before saying {pattern.pattern!r}:\n{self}")
        said, self._pending = self._pending[: found.end()], self._pending[found.end() :]
        return said

    def _more(self, pattern: str) -> bool:
        """Take what the process says next; False when it has said its last."""
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(TIMEOUT):
                raise AssertionError(f"{TIMEOUT} s without {pattern!r}:\n{self}")
        data = os.read(self.process.stdout.fileno(), 65536).decode(errors="replace")
        self.transcript += data
        self._pending += data
        return bool(data)

    def __str__(self) -> str:
        return self.transcript


class Gdb(Talker):
    """A real gdb, as its user finds it: no init files, nothing set."""

    def __init__(self, gdb: Path, *arguments: str) -> None:
        quiet = {"TERM": "dumb", "LC_ALL": "C.UTF-8", "DEBUGINFOD_URLS": ""}
        super().__init__([str(gdb), "-q", "-nx", *arguments], environment=quiet)
        self.expect(re.escape(PROMPT))

    def run(self, command: str) -> str:
        """Type a command; return what it prints, up to the next prompt."""
        self.send(command)
        return self._wait(re.compile(re.escape(PROMPT)))[: -len(PROMPT)]

    def value(self, expression: str) -> int:
        """Return the value of an integer expression."""
        said = self.run(f"p/d {expression}")
        found = re.search(r"= (-?\d+)", said)
        assert found, f"no number for {expression}: {said}"
        return int(found[1])

    def bytes_at(self, address: int, length: int) -> list[str]:
        """Return memory as gdb's lines of hex bytes show it."""
        said = self.run(f"x/{length}xb {address:#x}")
        return re.findall(r"\t(0x[0-9a-f]{2})", said)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.signal(signal.SIGINT)


SERVE = "from blink16.cli import server_main; raise SystemExit(server_main())"


class Server(Talker):
    """A blink16-server, ready for debuggers, on a free port or the socket file in its options."""

    def __init__(self, *arguments: str, cwd: Path = PROJECT) -> None:
        port = [] if "--listen" in arguments else ["--port", "0"]
        command = [sys.executable, "-c", SERVE, *port, *arguments]
        super().__init__(command, cwd=cwd, environment={"PYTHONPATH": str(PROJECT)})
        line = self.expect(r"^Listening on .*\n")
        self.address = line.rpartition("Listening on ")[2].strip().removeprefix("unix:")

    @property
    def port(self) -> int:
        """The TCP port that it listens on."""
        return int(self.address.rpartition(":")[2])

    @property
    def target(self) -> str:
        """The gdb command that attaches to it."""
        return f"target remote {self.address}"

    @property
    def extended(self) -> str:
        """The gdb command that attaches to it for more than one machine."""
        return f"target extended-remote {self.address}"


def gdbs() -> list[Path]:
    """Return the gdbs to test with: that of the test extra, and Debian's if it is there."""
    beside = Path(sys.executable).with_name("gdb")
    found = [beside] if beside.exists() else []
    if DEBIAN_GDB.exists() and DEBIAN_GDB not in found:
        found.append(DEBIAN_GDB)
    return found or [Path(path) for path in [shutil.which("gdb")] if path]


def gdb_name(path: Path) -> str:
    """Return how a test with a gdb is called."""
    return "debian" if path == DEBIAN_GDB else "extra"


def lldbs() -> list[Path]:
    """Return the LLDBs to test with: that of the test extra, and those of Debian that are there."""
    beside = Path(sys.executable).with_name("lldb")
    found = [beside] if beside.exists() else []
    known = {path.resolve() for path in found}
    for name in ("lldb", "lldb-14"):
        path = shutil.which(name)
        if path is not None and Path(path).resolve() not in known:
            known.add(Path(path).resolve())
            found.append(Path(path))
    return found
