"""Sends all packets that there are to a real server: ``python -m fuzz.siege``.

Some clients speak the grammar of `fuzz.wire` over sockets, hang up at any byte and come again.
Another one asks for something small a hundred times a second: what it waits for is what the
others can do to it.  The server must live, say nothing of failed conversations, and not grow.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from blink16.packets import frame
from fuzz.harness import memory_in_use
from fuzz.latency import INTERVAL, WORST, Bystander, Client
from fuzz.machines import image_of
from fuzz.wire import packet

PACKETS = 50
"""Packets that a client sends at most before it waits for all of them to be dealt with."""
RESUMES = ("c", "s", "b", "vCont;", "C", "S", "vRun", "vblink16")
"""What a machine may run on: more packets at that time end the conversation."""
PATIENCE = 60.0
"""Seconds after which a server that does not answer at all has hung."""
NUDGE = 0.005
"""Seconds between two Ctrl-C for machines that run, while an end is waited for."""
AGAIN = 1.0
"""Seconds after which the mark is asked for again."""
MARK, MARKED = b"qXfer:osdata:read::0,fff", b'"types"'
"""A question that nobody else asks, and what is in its answer, also to who holds no machine."""
GONE = re.compile(rb"\$[WX][0-9a-f]{2}(;process:[0-9a-f]+)?#")
LEAVES = ("D", "k", "vKill", "R0", "Qblink16.watch")
"""With these a client leaves, or gives its machine up: most are not sent, or it would do little."""
MAX_MEMORY = 2 << 30
HISTORY = "16M"
_SERVE = "from blink16.cli.main import server_main; raise SystemExit(server_main())"


@dataclass(slots=True)
class Siege:
    """What has come of it."""

    packets: int = 0
    connections: int = 0
    requests: int = 0
    """What the other client has asked."""
    p99: float = 0.0
    worst: float = 0.0
    """Seconds, of those of the other client's."""
    idle_worst: float = 0.0
    """Seconds that an idle process beside it took at most: the computer's own doing."""
    memory: int = 0
    """Bytes of the server's, at most."""
    faults: list[str] = field(default_factory=list)


@contextmanager
def besieged(random: Random) -> Iterator[tuple[int, subprocess.Popen[str], list[str]]]:
    """Start a server with machines of all kinds of programs, of some processor and adapter; give
    its port, and what it says.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = ["--port", "0", "--console", "none", "--history-memory", HISTORY]
        words += ["--cpu", random.choice(("8086", "8088", "80186", "80286"))]
        words += ["--display", random.choice(("cga", "mda", "hercules", "ega", "vga"))]
        for kind in ("com", "exe", "elks", "boot"):
            (folder / f"prog.{kind}").write_bytes(image_of(kind))
            words += ["--machine", str(folder / f"prog.{kind}")] * 3
        started = subprocess.Popen(
            [sys.executable, "-c", _SERVE, *words, str(folder / "prog.com")],
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
        )
        said: list[str] = []
        try:
            assert started.stderr is not None
            while not said or not said[-1].startswith("Listening on"):
                said.append(started.stderr.readline())
                if not said[-1]:
                    raise ConnectionError(f"the server did not start: {''.join(said)}")
            port = int(said.pop().rpartition(":")[2])
            listener = threading.Thread(target=lambda: said.extend(started.stderr or ()))
            listener.daemon = True
            listener.start()
            yield port, started, said
        finally:
            started.terminate()
            started.wait(PATIENCE)


def attack(port: int, seed: str, over: Any, packets: Any, connections: Any, faults: Any) -> None:
    """Attack until told to stop; what must not be is put into ``faults``."""
    random = Random(seed)
    while not over.is_set():
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as wire:
                with connections.get_lock():
                    connections.value += 1
                wire.sendall(frame(b"QStartNoAckMode") + b"+" + frame(b"!"))
                while not over.is_set() and random.random() > 0.1:
                    sent = _volley(wire, random)
                    with packets.get_lock():
                        packets.value += sent
                if random.random() < 0.5:  # hang up in the middle of something
                    wire.sendall(frame(packet(random).encode("latin-1", "replace"))[:-2])
        except TimeoutError:
            if not over.is_set():
                faults.put(f"attacker {seed}: nothing was answered for {PATIENCE:.0f} s")
        except OSError:  # it was told to go, which is right
            time.sleep(0.01)


def _volley(wire: socket.socket, random: Random) -> int:
    """Send packets, and wait until all were dealt with; return how many."""
    data, count, text = b"", 0, ""
    while count < PACKETS and not text.startswith(RESUMES):
        count += 1
        text = packet(random)
        while text.startswith(LEAVES) and random.random() < 0.98:
            text = packet(random)
        body = text.encode("latin-1", "replace").replace(b"$", b"").replace(b"#", b"")
        data += (b"\x03" if random.random() < 0.05 else b"") + frame(body)
    sender = threading.Thread(target=_send, args=(wire, data + b"\x03" + frame(MARK)), daemon=True)
    sender.start()
    received, until = b"", time.monotonic() + PATIENCE
    again = time.monotonic() + AGAIN
    wire.settimeout(NUDGE)
    while MARKED not in received:
        try:
            more = wire.recv(1 << 16)
            received = (received + more)[-4096:]
            if not more or GONE.search(received):  # whose program has ended holds no machine
                raise ConnectionError
        except TimeoutError:
            if time.monotonic() > until:
                raise
            if not sender.is_alive():
                wire.sendall(b"\x03")
                if time.monotonic() > again:  # it may have been refused while a machine ran
                    again = time.monotonic() + AGAIN
                    wire.sendall(frame(MARK))
    wire.settimeout(PATIENCE)
    sender.join()
    return count


def _send(wire: socket.socket, data: bytes) -> None:
    with suppress(OSError):
        rest = memoryview(data)
        until = time.monotonic() + PATIENCE
        while rest and time.monotonic() < until:
            with suppress(TimeoutError):
                rest = rest[wire.send(rest) :]


def besiege(seconds: float, clients: int, seed: str) -> Siege:
    """Attack a server for so long, and measure what another client notices."""
    found = Siege()
    fork = multiprocessing.get_context("fork")
    over, faults = fork.Event(), fork.Queue()
    packets, connections = fork.Value("q", 0), fork.Value("q", 0)
    with besieged(Random(seed)) as (port, server, said):
        prober, bystander = Client(port), Bystander()
        attackers = [
            fork.Process(
                target=attack,
                args=(port, f"{seed}/{number}", over, packets, connections, faults),
                daemon=True,
            )
            for number in range(clients)
        ]
        for attacker in attackers:
            attacker.start()
        taken, idle = _probe(prober, bystander, seconds, server, found)
        over.set()
        for attacker in attackers:
            attacker.join(PATIENCE + 10)
            if attacker.is_alive():
                found.faults.append(f"{attacker.name} still waits for an answer")
        found.memory = max(found.memory, memory_in_use(server.pid))
        bystander.close()
    found.packets, found.connections, found.requests = packets.value, connections.value, len(taken)
    while not faults.empty():
        found.faults.append(faults.get())
    if taken:
        found.p99, found.worst = taken[int(len(taken) * 0.99)], taken[-1]
        found.idle_worst = idle[-1]
    if found.worst > WORST + found.idle_worst:
        found.faults.append(f"another client waited for {1000 * found.worst:.0f} ms")
    if found.memory > MAX_MEMORY:
        found.faults.append(f"the server has grown to {found.memory >> 20} MiB")
    wrong = [line for line in said if "report this" in line or "Traceback" in line]
    found.faults += ["the server said: " + "".join(said)[:4000]] if wrong else []
    return found


def _probe(
    prober: Client, bystander: Bystander, seconds: float, server: Any, found: Siege
) -> tuple[list[float], list[float]]:
    """Return how long each small request took, and an idle process' echo, sorted."""
    taken, idle = [], []
    request = b"qRcmd," + b"icount".hex().encode()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.perf_counter()
        try:
            prober.ask(request)
        except OSError as error:
            found.faults.append(f"another client lost its connection: {error}")
            break
        taken.append(time.perf_counter() - began)
        time.sleep(INTERVAL)
        began = time.perf_counter()
        bystander.ask()
        idle.append(time.perf_counter() - began)
        if len(taken) % 20 == 0:
            found.memory = max(found.memory, memory_in_use(server.pid))
        if server.poll() is not None:
            found.faults.append(f"the server has ended with status {server.returncode}")
            break
    return sorted(taken), sorted(idle)


def main() -> int:
    """Besiege a server, and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.siege", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--json", action="store_true")
    parsed = parser.parse_args()
    found = besiege(parsed.seconds, parsed.clients, parsed.seed)
    if parsed.json:
        print(json.dumps(asdict(found)))
    else:
        print(
            f"{found.packets} packets in {found.connections} connections; another client: "
            f"{found.requests} requests, p99 {1000 * found.p99:.1f} ms, worst "
            f"{1000 * found.worst:.1f} ms (an idle process: {1000 * found.idle_worst:.1f});"
            f" the server had {found.memory >> 20} MiB at most"
        )
        for fault in found.faults:
            print(f"BROKEN: {fault}")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
