"""Packets a second through one connection to ourselves and to QEMU's stub, side by side.

Both hold the same boot sector, which stands in a loop of one-byte instructions; a client asks one
thing after another and waits for each answer, as debuggers do.  Ours does without
acknowledgements, as gdb asks it to; QEMU's stub can't.
"""

from __future__ import annotations

import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path

from benchmarks import gdb_commands, watching
from benchmarks.contestants import QEMU, TIMEOUT
from benchmarks.our_server import serving
from blink16.packets import Decoder, Packet, Peer, frame

# cli / xor ax, ax / mov ds, ax / mov es, ax / mov ss, ax / mov sp, 6000h / cld / again: nop /
# inc ax, cx, dx, bx / dec bx, dx, cx, ax / jmp again
_SECTOR = "fa 31c0 8ed8 8ec0 8ed0 bc0060 fc 90 40 41 42 43 4b 4a 49 48 ebf5"
_LOOP = 0x7C0D
DISK_SIZE = 1_474_560
FEATURES = b"qSupported:multiprocess+;swbreak+;hwbreak+;vContSupported+;xmlRegisters=i386"
REQUESTS = {"g": b"g", "m, 64 bytes": b"m7c00,40", "vCont;s": b"vCont;s:p1.1"}
MEASUREMENTS = 5
"""For each of the runs that are asked for."""
ROUND = 1000
"""Requests in one measurement."""
WARM_SECONDS = 1.0
"""In which the native engine of ours is loaded."""
TARGETS = {"g": 1.0, "m, 64 bytes": 1.0, "vCont;s": 1.5}
"""What is wanted of ours, by QEMU's."""


class Asker:
    """A client that asks one thing at a time."""

    def __init__(self, port: int) -> None:
        """Connect and agree on features; stand in the loop."""
        self._socket = _connected(port)
        self._decoder = Decoder(Peer.SERVER)
        self._acknowledging = True
        if b"QStartNoAckMode+" in self.ask(FEATURES):
            self.ask(b"QStartNoAckMode")
            self._acknowledging = False
        self.ask(b"?")
        self.ask(b"Z0,%x,1" % _LOOP)
        self.ask(b"vCont;c")
        self.ask(b"z0,%x,1" % _LOOP)

    def ask(self, body: bytes) -> bytes:
        """Return the body of the answer."""
        self._socket.sendall(frame(body))
        while True:
            data = self._socket.recv(1 << 16)
            if not data:
                raise RuntimeError("the stub has hung up")
            for item in self._decoder.feed(data):
                if isinstance(item, Packet):
                    if self._acknowledging:
                        self._socket.sendall(b"+")
                    return item.body

    def rate(self, body: bytes) -> float:
        """Return how many such answers come in a second."""
        began = time.perf_counter()
        for _ in range(ROUND):
            self.ask(body)
        return ROUND / (time.perf_counter() - began)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def _connected(port: int) -> socket.socket:
    end = time.monotonic() + TIMEOUT
    while True:
        try:
            made = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return made


@contextmanager
def _qemu(disk: str) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [QEMU, "-display", "none", "-accel", "tcg", "-boot", "a", "-net", "none", "-S"]
    command += ["-drive", f"file={disk},format=raw,if=floppy", "-gdb", f"tcp:127.0.0.1:{port}"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            yield port
        finally:
            process.kill()


Stub = Callable[[str], AbstractContextManager[int]]
STUBS: dict[str, Stub] = {"blink16": serving, "QEMU": _qemu}


def measure(times: int) -> dict[str, dict[str, float]]:
    """Return by request and stub the median of requests a second, measured in turns."""
    stubs = {name: stub for name, stub in STUBS.items() if name != "QEMU" or shutil.which(QEMU)}
    found: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in REQUESTS}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        disk = Path(folder, "loop.img")
        sector = bytes.fromhex(_SECTOR).ljust(510, b"\0") + b"\x55\xaa"
        disk.write_bytes(sector.ljust(DISK_SIZE, b"\0"))
        askers = {
            name: stack.enter_context(closing(Asker(stack.enter_context(stub(str(disk))))))
            for name, stub in stubs.items()
        }
        time.sleep(WARM_SECONDS)
        for _ in range(times):
            for name, body in REQUESTS.items():
                for stub, asker in askers.items():
                    found[name][stub].append(asker.rate(body))
    return {name: {s: statistics.median(r) for s, r in by.items()} for name, by in found.items()}


def report(times: int) -> None:
    """Print tables: requests a second, what gdb takes for its commands, what watchers cost."""
    print("| a second | " + " | ".join(STUBS) + " | ratio | wanted |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, rates in measure(times * MEASUREMENTS).items():
        cells = [f"{rates[stub]:,.0f}" if stub in rates else "" for stub in STUBS]
        ratio = f"{rates['blink16'] / rates['QEMU']:.2f}" if "QEMU" in rates else ""
        print(f"| {name} | " + " | ".join([*cells, ratio, f"{TARGETS[name]}"]) + " |", flush=True)
    print()
    gdb_commands.report(times)
    print()
    watching.report(times)
