"""QEMU's record and replay: how long a step back takes there, asked as gdb asks.

The guest boots from a disk behind ``blkreplay``; QEMU takes a snapshot when it starts, and each
step back is a replay from there.  Every process has its own group and a time-out, and is dead
when the function that started it returns.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.guests import LOAD_ADDRESS, Guest

QEMU, QEMU_IMG = "qemu-system-i386", "qemu-img"
TIMEOUT = 60.0
"""Seconds that QEMU may take for anything."""
ANSWER_TIMEOUT = 20.0
"""Seconds that it may take for a packet."""
ANSWERS_TIMEOUT = 90.0
"""And for all packets together."""
DISK_SIZE = 1 << 20
RUN_SECONDS = 0.2
"""How long it replays, past the boot, to where steps are measured."""
EXITED = 33
"""Its status after our guests have written 10h to isa-debug-exit."""
MACHINE = (
    *("-display", "none", "-nodefaults", "-accel", "tcg"),
    *("-device", "isa-debug-exit,iobase=0xf4,iosize=4"),
    *("-drive", "file=snapshots.qcow2,if=none,id=snapshots"),
    *("-drive", "file=disk.qcow2,if=none,id=direct"),
    *("-drive", "driver=blkreplay,if=none,image=direct,id=boot"),
    *("-device", "ide-hd,drive=boot"),
)
ICOUNT = "shift=auto,rrfile=log,rrsnapshot=init,rr="


@dataclass(frozen=True)
class Replay:
    """What was measured."""

    distance: int
    """Instructions between the snapshot and where steps were measured."""
    steps: tuple[float, ...]
    """Seconds of each step back."""
    searched: int
    """Instructions from there back to a breakpoint that was hit once."""
    search_seconds: float | None
    """None: it did not come back within `ANSWER_TIMEOUT`."""


def is_here() -> bool:
    """Whether what this needs is installed."""
    return bool(shutil.which(QEMU) and shutil.which(QEMU_IMG))


def measure(guest: Guest, instructions: int, steps: int) -> Replay:
    """Record a run of about so many instructions, and go back in it from near its beginning.

    OSError, RuntimeError or a subprocess error if QEMU fails.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image = guest.image(guest.rounds(instructions))
        (folder / "disk.img").write_bytes(image.ljust(DISK_SIZE, b"\0"))
        _image_tool(folder, "convert", "-q", "-O", "qcow2", "disk.img", "disk.qcow2")
        _image_tool(folder, "create", "-q", "-f", "qcow2", "snapshots.qcow2", "64M")
        with _qemu(folder, "-icount", ICOUNT + "record") as process:
            if process.wait(TIMEOUT) != EXITED:
                raise RuntimeError(_complaint(folder))
        port = _free_port()
        options = "-icount", ICOUNT + "replay", "-S", "-gdb", f"tcp:127.0.0.1:{port}"
        with _qemu(folder, *options) as process, _connection(port, process, folder) as client:
            return _measure(client, steps)


def _image_tool(folder: Path, *arguments: str) -> None:
    command = [QEMU_IMG, arguments[0], *arguments[1:]]
    subprocess.run(command, cwd=folder, check=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL)


@contextmanager
def _qemu(folder: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start QEMU; it writes to a file, not to a pipe that somebody might wait for."""
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [QEMU, *MACHINE, *options],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(TIMEOUT)


def _complaint(folder: Path) -> str:
    return f"QEMU failed: {(folder / 'output').read_text(errors='replace').strip()}"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def _connection(
    port: int, process: subprocess.Popen[bytes], folder: Path
) -> Iterator[RemoteProtocol]:
    end = time.monotonic() + ANSWER_TIMEOUT
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port), ANSWER_TIMEOUT)
            break
        except ConnectionRefusedError:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(_complaint(folder)) from None
            time.sleep(0.05)
    with connection:
        yield RemoteProtocol(connection)


def _measure(client: RemoteProtocol, steps: int) -> Replay:
    breakpoint_ = f"1,{LOAD_ADDRESS:x},1"
    client.ask("qSupported:multiprocess+")
    client.ask("Z" + breakpoint_)
    client.ask("c")
    client.ask("z" + breakpoint_)
    booted = client.instructions()
    client.send("c")
    time.sleep(RUN_SECONDS)
    client.interrupt()
    distance = client.instructions()
    seconds = tuple(client.timed("bs") for _ in range(steps))
    before = client.instructions()
    if before != distance - steps:
        raise RuntimeError(f"QEMU went from {distance} to {before} in {steps} steps back")
    client.ask("Z" + breakpoint_)
    try:
        search = client.timed("bc")
    except TimeoutError:
        return Replay(distance, seconds, before - booted, None)
    if client.instructions() != booted:
        raise RuntimeError("QEMU went back to another instant than the breakpoint's")
    return Replay(distance, seconds, before - booted, search)


class RemoteProtocol:
    """As much of a client of gdb's protocol as this needs."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = b""
        self._until = time.monotonic() + ANSWERS_TIMEOUT

    def send(self, packet: str) -> None:
        """Send a packet."""
        data = packet.encode()
        self._connection.sendall(b"$%s#%02x" % (data, sum(data) & 0xFF))

    def receive(self) -> str:
        """Return the next packet and acknowledge it."""
        while not (match := re.search(rb"\$([^#]*)#..", self._received, re.DOTALL)):
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"QEMU takes more than {ANSWERS_TIMEOUT:.0f} s in all")
            self._connection.settimeout(min(left, ANSWER_TIMEOUT))
            data = self._connection.recv(4096)
            if not data:
                raise RuntimeError("QEMU has closed the connection")
            self._received += data
        self._received = self._received[match.end() :]
        self._connection.sendall(b"+")
        return match[1].decode("latin-1")

    def ask(self, packet: str) -> str:
        """Send a packet and return the answer."""
        self.send(packet)
        return self.receive()

    def timed(self, packet: str) -> float:
        """Return the seconds until the answer to a packet."""
        began = time.perf_counter()
        answer = self.ask(packet)
        seconds = time.perf_counter() - began
        if not answer.startswith("T05"):
            raise RuntimeError(f"QEMU answers {packet!r} with {answer!r}")
        return seconds

    def interrupt(self) -> None:
        """Stop what runs."""
        self._connection.sendall(b"\x03")
        self.receive()

    def instructions(self) -> int:
        """Return how many instructions it has replayed."""
        answer = self.ask("qRcmd," + b"info replay".hex())
        text = ""
        while answer.startswith("O") and answer != "OK":
            text += bytes.fromhex(answer[1:]).decode()
            answer = self.receive()
        match = re.search(r"instruction count = (\d+)", text)
        if match is None:
            raise RuntimeError(f"QEMU doesn't replay: {text.strip()}")
        return int(match[1])
