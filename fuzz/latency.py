"""Measures how long another client waits under each load: ``python -m fuzz.latency``.

A server of its own hosts many machines.  One client asks for something small a hundred times a
second; meanwhile others do their worst.  What counts is what the first one notices.  How long an
idle process beside the server takes to answer tells what of that is the computer's own doing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blink16.board import window
from blink16.packets import frame
from fuzz.machines import LOOP

MACHINES = 210
RUNNING = 200
INTERVAL = 0.01
P99, WORST = 0.020, 0.100
"""Seconds that are promised."""
_SERVE = "from blink16.cli.main import server_main; raise SystemExit(server_main())"


class Client:
    """A client that speaks raw packets."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self.ask(b"QStartNoAckMode")
        self.ask(b"qSupported:multiprocess+;swbreak+;xmlRegisters=i386")
        self.ask(b"!")
        self.socket.sendall(b"+")

    def send(self, *bodies: bytes) -> None:
        """Send packets."""
        self.socket.sendall(b"".join(map(frame, bodies)))

    def reply(self) -> bytes:
        """Return the body of the next packet that is no console output."""
        while True:
            start = self._received.find(b"$")
            end = self._received.find(b"#", start + 1)
            if start >= 0 and 0 < end <= len(self._received) - 3:
                body = self._received[start + 1 : end]
                self._received = self._received[end + 3 :]
                if body[:1] != b"O" or body == b"OK":
                    return body
            else:
                data = self.socket.recv(1 << 18)
                if not data:
                    raise ConnectionError("the server has hung up")
                self._received += data

    def ask(self, body: bytes) -> bytes:
        """Send a packet and return its reply."""
        self.send(body)
        return self.reply()


Load = Callable[[int, Any], None]
"""Works against the server at a port until the event is set."""


def _window(port: int, over: Any) -> None:
    """Frames without number, each a long search, at the far end of the window."""
    client = Client(port)
    size = 3 * 2990
    target = 0x103 + size + 0x10
    code = b"".join(
        b"\xe8" + (target - (at + 3) & 0xFFFF).to_bytes(2, "little")
        for at in range(0x103, 0x103 + size, 3)
    )
    for address, data in ((0x20103, code + b"\xc3"), (0x20000 + target, b"\x40" * 400 + b"\xc3")):
        client.ask(b"M%x,%x:%b" % (address, len(data), data.hex().encode()))
    for at in range(0x30000, 0x40000, 0x4000):
        client.ask(b"M%x,4000:%b" % (at, (b"\x03\x01" * 0x2000).hex().encode()))
    for number, value in ((10, 0x2000), (8, 0x103), (11, 0x3000), (4, 0)):
        client.ask(b"P%x=%b" % (number, value.to_bytes(4, "little").hex().encode()))
    while not over.is_set():
        client.ask(b"m%x,4" % window.field_address(0x3FFF0, window.Field.CFA))


def _conditions(port: int, over: Any) -> None:
    """A breakpoint with sixty-four conditions that never end."""
    client = Client(port)
    pc = int.from_bytes(bytes.fromhex(client.ask(b"p8").decode())[:4], "little")
    endless = b";X3,210000" * 64
    while not over.is_set():
        client.ask(b"Z0,%x,1%b" % (pc, endless))
        client.ask(b"vCont;s")
        client.send(b"vCont;c")
        client.socket.sendall(b"\x03")
        client.reply()


def _reads(port: int, over: Any) -> None:
    """Pipelined reads of 32 KiB."""
    client = Client(port)
    while not over.is_set():
        client.send(*[b"m0,8000"] * 100)
        for _ in range(100):
            client.reply()


def _flood(port: int, over: Any) -> None:
    """Thousands of small packets."""
    client = Client(port)
    while not over.is_set():
        client.send(*[b"qC"] * 2000)
        for _ in range(2000):
            client.reply()


def _trace(port: int, over: Any) -> None:
    """Questions about the past that take long."""
    client = Client(port)
    client.ask(b"vCont;s")
    client.send(b"vCont;c")
    time.sleep(0.5)
    client.socket.sendall(b"\x03")
    client.reply()
    while not over.is_set():
        client.ask(b"qRcmd," + b"trace 10000".hex().encode())


def _comers(port: int, over: Any) -> None:
    """Clients that come and go."""
    while not over.is_set():
        with contextlib.suppress(OSError, ConnectionError):
            Client(port).socket.close()


def _running(port: int, over: Any) -> None:
    """Two hundred machines that run."""
    client = Client(port)
    client.socket.settimeout(600)
    held = 1
    for process in range(MACHINES, 1, -1):
        if held < RUNNING and client.ask(b"vAttach;%x" % process)[:1] == b"T":
            held += 1
    print(f"  ({held} machines run)", file=sys.stderr, flush=True)
    client.send(b"vCont;c:p-1.-1")
    over.wait()
    client.socket.sendall(b"\x03")
    with contextlib.suppress(OSError):
        client.reply()


LOADS: dict[str, tuple[Load, int]] = {
    "nothing": (lambda port, over: None, 0),
    "the unwind window": (_window, 4),
    "endless conditions": (_conditions, 4),
    "pipelined reads of 32 KiB": (_reads, 24),
    "floods of small packets": (_flood, 8),
    "traces": (_trace, 4),
    "clients that come and go": (_comers, 4),
    "running machines": (_running, 1),
}
"""What is done, and by how many clients."""


@contextmanager
def server() -> Iterator[int]:
    """Start a server of many machines; return its port."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "loop.com"
        program.write_bytes(LOOP)
        machines = ["--machine", str(program)] * (MACHINES - 1)
        words = ["--port", "0", "--console", "none", "--history-memory", "16M", *machines]
        started = subprocess.Popen(
            [sys.executable, "-c", _SERVE, *words, str(program)],
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert started.stderr is not None
            line = ""
            while not line.startswith("Listening on"):
                line = started.stderr.readline()
                if not line:
                    raise ConnectionError("the server did not start")
            threading.Thread(target=started.stderr.read, daemon=True).start()
            yield int(line.rpartition(":")[2])
        finally:
            started.terminate()
            started.wait(60)


class Bystander:
    """A process with nothing to do but to say a byte again: how long that takes is the computer's
    own doing, whatever the server does.
    """

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair()
        fork = multiprocessing.get_context("fork")
        self._process = fork.Process(target=self._echo, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def _echo(self, theirs: socket.socket) -> None:
        self._ours.close()
        while data := theirs.recv(1):
            theirs.sendall(data)

    def ask(self) -> None:
        """Have a byte said again."""
        self._ours.sendall(b"?")
        self._ours.recv(1)

    def close(self) -> None:
        """Let it go."""
        self._ours.close()
        self._process.join(10)


@dataclass(frozen=True, slots=True)
class Times:
    """How long something took each time, in seconds."""

    sorted: list[float]

    @property
    def p99(self) -> float:
        """What ninety-nine of a hundred took at most."""
        return self.sorted[int(len(self.sorted) * 0.99)]

    @property
    def worst(self) -> float:
        """What the longest took."""
        return self.sorted[-1]

    def milliseconds(self) -> dict[str, float]:
        """Return what is said of them."""
        median = self.sorted[len(self.sorted) // 2]
        said = {"median": median, "p99": self.p99, "worst": self.worst}
        return {name: round(1000 * seconds, 1) for name, seconds in said.items()}

    def __str__(self) -> str:
        return ", ".join(f"{name} {said} ms" for name, said in self.milliseconds().items())


def measure(port: int, load: Load, clients: int, seconds: float) -> tuple[Times, Times]:
    """Return how long each small request took under a load, and a bystander's echo beside it."""
    prober, bystander = Client(port), Bystander()
    # in a process of their own, or what is measured is how busy we are ourselves
    spawn = multiprocessing.get_context("fork")
    over = spawn.Event()
    workers = [spawn.Process(target=load, args=(port, over)) for _ in range(clients)]
    for worker in workers:
        worker.start()
    time.sleep(8.0 if load is _running else 1.0)
    taken, idle = [], []
    until = time.monotonic() + seconds
    request = b"qRcmd," + b"icount".hex().encode()
    while time.monotonic() < until:
        began = time.perf_counter()
        prober.ask(request)
        taken.append(time.perf_counter() - began)
        time.sleep(INTERVAL)
        began = time.perf_counter()
        bystander.ask()
        idle.append(time.perf_counter() - began)
    over.set()
    for worker in workers:
        worker.join(120)
    prober.socket.close()
    bystander.close()
    return Times(sorted(taken)), Times(sorted(idle))


def main() -> int:
    """Measure under each load, and say what is more than was promised."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.latency", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each load")
    parser.add_argument("--load", choices=LOADS, action="append")
    parser.add_argument("--json", action="store_true", help="say the result in a line of JSON")
    parsed = parser.parse_args()
    rows, faults = [], []
    for name in parsed.load or LOADS:
        load, clients = LOADS[name]
        with server() as port:
            taken, idle = measure(port, load, clients, parsed.seconds)
        if taken.p99 > P99 or taken.worst > WORST:
            faults.append(f"under {name}: {taken}; beside it an idle process: {idle}")
        row = {"load": name, "clients": clients, "requests": len(taken.sorted)}
        rows.append(row | taken.milliseconds() | {"idle": idle.milliseconds()})
        if not parsed.json:
            print(f"{name} ({clients} clients): {len(taken.sorted)} requests, {taken}")
            print(f"  beside it an idle process: {idle}", flush=True)
    if parsed.json:
        print(json.dumps({"rows": rows, "faults": faults}))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
