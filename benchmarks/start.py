"""The very first start: how soon native code executes, with nothing in the cache, and with all.

A guest prints a dot for each thousand rounds of a loop.  The reference engine prints some fifty a
second, native code thousands: we look at when the dots come.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

from benchmarks.contestants import TIMEOUT

DOTS = bytes.fromhex("b9e803 e2fe b22e b402 cd21 ebf3")
"""again: mov cx, 1000 / loop $ / mov dl, '.' / mov ah, 2 / int 21h / jmp again."""
MANY, SOON = 20, 0.02
"""So many dots in so many seconds are five times what the reference engine prints."""
KEPT = 3
"""Files in the cache once the good interpreter is there, too: both, and the stamp."""
PAUSE = 0.02
RUN = "from blink16.cli import run_main; run_main()"


def start(cache: Path, program: Path) -> tuple[float, float, float]:
    """Start ``blink16``; return after how many seconds the guest printed, native code executed,
    and the good interpreter was in the cache.
    """
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", RUN, str(program)],
        stdout=subprocess.PIPE,
        env=os.environ | {"XDG_CACHE_HOME": str(cache)},
    ) as process:
        assert process.stdout is not None
        try:
            first, native = _dots(process.stdout.fileno(), began)
            while len(list(cache.rglob("*.bin"))) < KEPT:
                _in_time(began)
                os.read(process.stdout.fileno(), 1 << 16)
                time.sleep(PAUSE)
            return first, native, time.perf_counter() - began
        finally:
            process.kill()


def _dots(handle: int, began: float) -> tuple[float, float]:
    """Return after how many seconds the first dot came, and after how many they came fast."""
    times: deque[float] = deque(maxlen=MANY)
    first = 0.0
    while True:
        dots = len(os.read(handle, 1 << 16))
        now = time.perf_counter() - began
        _in_time(began)
        first = first or now
        times.extend([now] * min(dots, MANY))
        if len(times) == MANY and now - times[0] < SOON:
            return first, times[0]


def _in_time(began: float) -> None:
    if time.perf_counter() - began > TIMEOUT:
        raise RuntimeError("there is no native code")


def report(times: int) -> None:
    """Print medians of ``times`` starts without native code, and with it."""
    empty, full = [], []
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "dots.com")
        program.write_bytes(DOTS)
        for number in range(times):
            cache = Path(folder, str(number))
            empty.append(start(cache, program))
            full.append(start(cache, program))
    for name, runs in (("empty", empty), ("full", full)):
        first, native, good = (statistics.median(column) for column in zip(*runs, strict=True))
        later = f", the good interpreter is there after {good:.1f} s" if name == "empty" else ""
        print(f"cache {name}: the guest prints after {first:.2f} s, natively after ", end="")
        print(f"{native:.2f} s{later}")
