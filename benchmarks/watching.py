"""What those who only watch cost a machine that another client runs at full speed."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from pathlib import Path

import blink16
from benchmarks.our_server import serving
from blink16.client import Target
from blink16.reports import Doing

WATCHERS = 2
SECONDS = 2.0
"""Of each measurement."""
_COUNT = bytes.fromhex("40 a3 0005 89c3 ebf8")
"""again: inc ax / mov [500h], ax / mov bx, ax / jmp again."""


def _instructions(holder: Target) -> int:
    """Let the machine run for a while; return how many instructions it retired."""
    before, runs = holder.icount, threading.Thread(target=holder.run)
    runs.start()
    time.sleep(SECONDS)
    while runs.is_alive():
        holder.interrupt()
        runs.join(0.05)
    return holder.icount - before


class _Watcher:
    """A client that takes each change in, with registers, as a view does."""

    def __init__(self, port: int) -> None:
        self.samples = 0
        self._port = port
        self._over = False
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        self._over = True

    def _watch(self) -> None:
        with blink16.connect(f"127.0.0.1:{self._port}", watch=True) as target:
            target.state()
            self._ready.set()
            while not self._over:
                if target.wait_change().doing is Doing.RUNS:
                    self.samples += 1


def measure(times: int) -> tuple[float, float]:
    """Return the samples of a watcher in a second, and the guest's loss as a part of one."""
    losses, rates = [], []
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "count.com")
        program.write_bytes(_COUNT)
        for _ in range(times):
            with serving(str(program)) as port, blink16.connect(f"127.0.0.1:{port}") as holder:
                _instructions(holder)  # so that all is compiled
                alone = _instructions(holder)
                watchers = [_Watcher(port) for _ in range(WATCHERS)]
                for watcher in watchers:
                    watcher.start()
                watched = _instructions(holder)
                for watcher in watchers:
                    watcher.stop()
                rates += [watcher.samples / SECONDS for watcher in watchers]
                losses.append(1 - watched / ((alone + _instructions(holder)) / 2))
    return statistics.median(rates), statistics.median(losses)


def report(times: int) -> None:
    """Print a table."""
    rate, loss = measure(times)
    print(f"| {WATCHERS} watchers of a machine at full speed | measured | wanted |")
    print("| --- | ---: | ---: |")
    print(f"| samples of each a second | {rate:.1f} | 30 |")
    print(f"| the guest's loss | {loss:.1%} | 3 % |", flush=True)
