"""Lines for the user hold nobody up, whoever reads them or doesn't."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Self

import pytest
from gdb_client import PROJECT, SERVE

from blink16.packets import frame
from blink16.terminals import userlines
from blink16.terminals.userlines import UserLines


def test_lines_are_said_in_order_and_none_is_lost_in_silence() -> None:
    """Prevents a thread that waits for a reader, and lines that vanish without a word."""
    let_go, said = Event(), []

    def write(text: str) -> None:
        assert let_go.wait(60)
        said.append(text)

    lines = UserLines(write)
    lines.say("first")
    while not lines._is_writing:
        pass
    for number in range(userlines.MAX_WAITING + 5):
        lines.say(str(number))
    let_go.set()
    lines.flush()
    kept = [str(number) for number in range(userlines.MAX_WAITING)]
    assert said == ["first", *kept, "5 further lines were lost: nobody read them"]


def test_the_end_waits_for_nobody_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a server that doesn't end since nobody reads its last words."""
    monkeypatch.setattr(userlines, "LAST_WORDS_SECONDS", 0.01)
    let_go = Event()

    def write(text: str) -> None:
        assert let_go.wait(60)

    lines = UserLines(write)
    lines.say("nobody reads this")
    lines.flush()
    let_go.set()


@pytest.mark.skipif(os.name != "posix", reason="fills a pipe as POSIX has them")
def test_standard_error_that_nobody_reads_stops_nobody(tmp_path: Path) -> None:
    """Prevents a client that makes the server speak from hanging all others, and its end."""
    program = tmp_path / "loop.com"
    program.write_bytes(b"\xeb\xfe")
    reader, writer = os.pipe()
    command = [sys.executable, "-c", SERVE, "--port", "0"]
    server = subprocess.Popen(
        [*command, "--machine", "banner A", "--machine", str(program)],
        stderr=writer,
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    try:
        place = b""
        while b"Listening on" not in place or not place.endswith(b"\n"):
            place += os.read(reader, 4096)
        port = int(place.rpartition(b":")[2])
        fill(writer)
        with Debugger(port) as other:
            assert other.ask("?").startswith(b"T05")
            with Debugger(port) as killer:
                assert killer.ask("?").startswith(b"T05")
                killer.send("k")
            program.unlink()
            for _ in range(3):  # to say this to the user, too, would wait for ever
                with Debugger(port) as one:
                    assert b"can't be loaded again" in one.ask("?")
            assert other.ask("g")
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) is not None
    finally:
        server.kill()
        server.wait()
        os.close(reader)
        os.close(writer)


def fill(pipe: int) -> None:
    """Write into a pipe until it is full, to the last byte."""
    os.set_blocking(pipe, False)
    for size in (4096, 1):
        with suppress(BlockingIOError):
            while os.write(pipe, bytes(size)):
                pass
    os.set_blocking(pipe, True)


class Debugger:
    """A connection to a server that asks a packet and reads the answer."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, body: str) -> None:
        """Send a packet."""
        self._socket.sendall(frame(body.encode()))

    def ask(self, body: str) -> bytes:
        """Return the body of the answer to a packet."""
        self.send(body)
        received = b""
        while (found := re.search(rb"\$(.*)#..", received, re.DOTALL)) is None:
            data = self._socket.recv(4096)
            assert data, "the server has hung up"
            received += data
        return found[1]
