"""What those who only watch cost a machine that another client runs at full speed.

Two machines of one server run the same program in turns, in short periods one after the other;
only the first is watched.  Each period is counted in three ways: instructions in real time (which
tells everything, and is disturbed by whatever else this computer does), instructions in processor
time of the machine's thread (what the looks cost there), and the processor time that the server's
other threads take meanwhile.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import blink16
from benchmarks.our_server import running
from blink16.client import ConnectionLostError, Target
from blink16.reports import Doing

WATCHERS = 2
SECONDS, PAIRS = 0.5, 20
"""Of each period, and how many pairs of them, with and without who watches, make a measurement."""
REST = 0.1
"""Seconds between two periods, for what still has to be drawn."""
_COUNT = bytes.fromhex("40 a3 0005 89c3 ebf8")
"""again: inc ax / mov [500h], ax / mov bx, ax / jmp again."""
Watch = Callable[[int], AbstractContextManager[object]]
"""Who watches the first machine of the server at a port, as long as the block lasts."""


@dataclass(frozen=True)
class Period:
    """What a server did while one of its machines ran."""

    instructions: int
    seconds: float
    own: float
    """Seconds of processor time that the machine's thread took."""
    others: float
    """The same of all other threads of the server."""


@dataclass(frozen=True)
class Quartiles:
    """The lower quartile, the median and the upper quartile of parts of one."""

    low: float
    middle: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.middle:.1f} % ({100 * self.low:.1f} to {100 * self.high:.1f})"


@dataclass(frozen=True)
class Cost:
    """What watching a machine costs it, each as parts of one."""

    loss: Quartiles
    """Of its speed in real time."""
    own: Quartiles
    """Of its speed in processor time of its thread."""
    others: Quartiles
    """Of a processor, which the server's other threads take more."""

    @classmethod
    def of(cls, pairs: list[tuple[Period, Period]]) -> Cost:
        """Compare what is watched with what is not, pair by pair."""

        def quartiles(of: Callable[[Period, Period], float]) -> Quartiles:
            return Quartiles(*statistics.quantiles((of(*pair) for pair in pairs), n=4))

        return cls(
            quartiles(lambda a, b: 1 - a.instructions / a.seconds / b.instructions * b.seconds),
            quartiles(lambda a, b: 1 - a.instructions / a.own / b.instructions * b.own),
            quartiles(lambda a, b: a.others / a.seconds - b.others / b.seconds),
        )


def measure(watch: Watch) -> Cost:
    """Measure what ``watch`` costs a machine."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "count.com")
        program.write_bytes(_COUNT)
        with running("--machine", str(program), "--machine", str(program)) as (port, process):
            place = f"127.0.0.1:{port}"
            with blink16.connect(place) as first, blink16.connect(place) as second:
                for holder in (first, second):
                    _run(holder, process)  # so that all is compiled
                with watch(port):
                    _run(first, process)
                    pairs = [(_run(first, process), _run(second, process)) for _ in range(PAIRS)]
    return Cost.of(pairs)


def _run(holder: Target, server: int) -> Period:
    """Let a machine run for a while."""
    time.sleep(REST)
    start, spent, began = holder.icount, _spent(server), time.perf_counter()
    timer = threading.Timer(SECONDS, holder.interrupt)
    timer.start()
    end = holder.run().icount
    seconds = time.perf_counter() - began
    times = {thread: more - spent.get(thread, 0.0) for thread, more in _spent(server).items()}
    own = max(times.values())
    return Period(end - start, seconds, own, sum(times.values()) - own)


def _spent(server: int) -> dict[str, float]:
    """Return the seconds of processor time that each thread of a process has taken."""
    spent = {}
    for file in Path(f"/proc/{server}/task").glob("*/schedstat"):
        with suppress(OSError):  # it has just ended
            spent[file.parent.name] = int(file.read_text().split()[0]) / 1e9
    return spent


class _Watcher:
    """A client that takes each change in, with registers, as a view does."""

    def __init__(self, port: int) -> None:
        self.rate = 0.0
        """Samples in a second of the machine's running."""
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
        samples, seconds, before = 0, 0.0, 0.0
        with (
            suppress(ConnectionLostError),  # the server ends while the machine stands
            blink16.connect(f"127.0.0.1:{self._port}", watch=True) as target,
        ):
            target.state()
            self._ready.set()
            while not self._over:
                runs, now = target.wait_change().doing is Doing.RUNS, time.perf_counter()
                if runs and before:
                    samples, seconds = samples + 1, seconds + now - before
                    self.rate = samples / seconds
                before = now if runs else 0.0


@contextmanager
def _watchers(port: int) -> Iterator[list[_Watcher]]:
    watchers = [_Watcher(port) for _ in range(WATCHERS)]
    for watcher in watchers:
        watcher.start()
    try:
        yield watchers
    finally:
        for watcher in watchers:
            watcher.stop()


def report(times: int) -> None:
    """Print a table."""
    rates: list[float] = []

    @contextmanager
    def watch(port: int) -> Iterator[None]:
        with _watchers(port) as watchers:
            yield
            rates.extend(watcher.rate for watcher in watchers)

    costs = [measure(watch) for _ in range(times)]
    print(f"| {WATCHERS} watchers of a machine at full speed | measured | wanted |")
    print("| --- | ---: | ---: |")
    print(f"| samples of each a second | {statistics.median(rates):.1f} | 30 |")
    for one in costs:
        print(f"| the guest's loss | {one.loss} | 3 % |")
        print(f"| the guest's loss in its thread's processor time | {one.own} | |")
        print(f"| more of a processor for the server | {one.others} | |", flush=True)
