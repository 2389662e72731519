"""Booting operating systems: from power-on to the prompt, ours beside QEMU on the same image.

QEMU's screen is looked at through its monitor, ours in memory.  QEMU works on a copy of the
image, ours never writes to it.
"""

from __future__ import annotations

import json
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contestants import QEMU, TIMEOUT
from blink16.cpu.engine import StopReason
from blink16.setup import loader

SCREEN, SCREEN_SIZE = 0xB8000, 80 * 25 * 2
"""The CGA's text: a character and an attribute for each place."""
SLICE = 50_000
"""Instructions between two looks at our screen."""
_GOING_ON = (StopReason.BUDGET, StopReason.IDLE)
QEMU_PAUSE = 0.005
"""Seconds between two looks at QEMU's."""


@dataclass(frozen=True)
class System:
    """A disk that boots by itself."""

    name: str
    file: str
    prompt: bytes
    """What then stands on the screen."""


SYSTEMS = (System("ELKS", "fd1440.img", b"# "), System("FreeDOS", "freedos.img", b"A:\\>"))
ENGINES = ("reference", "native")


def ours(image: Path, prompt: bytes, engine: str) -> float:
    """Boot on an engine of ours; return seconds.  RuntimeError if the prompt never comes."""
    began = time.perf_counter()
    machine = loader.load(loader.read(str(image)), [], loader.Options(engine=engine)).machine
    while prompt not in bytes(machine.memory.ram[SCREEN : SCREEN + SCREEN_SIZE : 2]):
        stop = machine.run(SLICE)
        if stop.reason not in _GOING_ON or time.perf_counter() - began > TIMEOUT:
            raise RuntimeError(f"{image.name} does not get to its prompt: {stop.reason.name}")
    return time.perf_counter() - began


def qemu(image: Path, prompt: bytes) -> float:
    """Boot a copy in QEMU; return seconds.  RuntimeError if the prompt never comes."""
    with tempfile.TemporaryDirectory() as folder:
        copy, dump = Path(folder, "disk.img"), Path(folder, "screen")
        shutil.copy(image, copy)
        began = time.perf_counter()
        with _monitor(copy, Path(folder, "monitor")) as monitor:
            while time.perf_counter() - began < TIMEOUT:
                monitor.ask("pmemsave", val=SCREEN, size=SCREEN_SIZE, filename=str(dump))
                if prompt in dump.read_bytes()[::2]:
                    return time.perf_counter() - began
                time.sleep(QEMU_PAUSE)
    raise RuntimeError(f"{image.name} does not get to its prompt in QEMU")


class Monitor:
    """A connection to QEMU's monitor protocol."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("rb")
        self._lines.readline()  # its greeting
        self.ask("qmp_capabilities")

    def ask(self, command: str, **arguments: Any) -> None:
        """Have a command carried out.  RuntimeError if it isn't."""
        message = {"execute": command, "arguments": arguments}
        self._connection.sendall(json.dumps(message).encode() + b"\n")
        while True:
            answer = json.loads(self._lines.readline() or b'{"error": "QEMU has gone"}')
            if "error" in answer:
                raise RuntimeError(f"{command}: {answer['error']}")
            if "return" in answer:  # all else are events
                return


@contextmanager
def _monitor(disk: Path, place: Path) -> Iterator[Monitor]:
    """Start QEMU and connect to its monitor."""
    command = [QEMU, "-display", "none", "-accel", "tcg", "-boot", "a", "-nic", "none"]
    command += ["-drive", f"file={disk},format=raw,if=floppy"]
    command += ["-qmp", f"unix:{place},server=on,wait=on"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIMEOUT)
            while connection.connect_ex(str(place)):
                if process.poll() is not None:
                    raise RuntimeError(f"QEMU failed: {process.communicate()[1].decode().strip()}")
                time.sleep(QEMU_PAUSE)
            yield Monitor(connection)
    finally:
        process.kill()
        process.communicate()


def report(times: int, folder: Path) -> None:
    """Boot each system on everything that is here, ``times`` over; print a table of medians."""
    systems = [system for system in SYSTEMS if (folder / system.file).is_file()]
    for system in SYSTEMS:
        if system not in systems:
            print(f"{system.name} is left out: there is no {system.file} in {folder}")
    with_qemu = shutil.which(QEMU) is not None
    if not with_qemu:
        print(f"QEMU is left out: there is no {QEMU}")
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(times):
        for system in systems:
            image, name = folder / system.file, system.name
            for engine in ENGINES:
                seconds[engine, name].append(ours(image, system.prompt, engine))
            if with_qemu:
                seconds["QEMU TCG", name].append(qemu(image, system.prompt))
    if systems:
        print(_table(seconds))


def _table(seconds: dict[tuple[str, str], list[float]]) -> str:
    """Return medians, and how many times as fast as QEMU, as Markdown."""
    systems = list(dict.fromkeys(name for _, name in seconds))
    medians = {key: statistics.median(values) for key, values in seconds.items()}
    lines = [
        ["seconds to the prompt (× QEMU's speed)", *systems],
        ["---", *("---:" for _ in systems)],
    ]
    for contestant in dict.fromkeys(name for name, _ in seconds):
        cells = []
        for system in systems:
            taken, base = medians[contestant, system], medians.get(("QEMU TCG", system))
            cells.append(f"{taken:.2f}" + (f" ({base / taken:.1f})" if base else ""))
        lines.append([contestant, *cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
