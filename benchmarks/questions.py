"""How fast a whole run is asked: coverage, writes to a range, all calls, rows to Parquet."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from benchmarks.guests import GUESTS, Guest
from blink16.history.terms import KeptState
from blink16.history.timeline import Timeline
from blink16.machine import Machine
from blink16.memory import PAGE_COUNT, PAGE_SHIFT, PAGE_SIZE
from blink16.questions.asking import Asking, Source, ask
from blink16.questions.needs import Need
from blink16.questions.printing import Format, write

MILLION = 1_000_000
INSTRUCTIONS = 1000 * MILLION
PIECES = 16
"""Intervals between checkpoints."""
RANGE = range(0x20000, 0x21000)
"""Where `mixed` has its tables: one instruction in eleven writes there."""
ROWS = 10 * MILLION
CALLS_INSTRUCTIONS = 200 * MILLION


def played(guest: Guest, instructions: int) -> Source:
    """Run a guest and return what plays that, with checkpoints."""
    machine = Machine.bare("native")
    guest.start(machine, guest.rounds(2 * instructions))
    start = bytes(machine.memory.whole)
    kept = []
    for _ in range(PIECES):
        machine.run(instructions // PIECES)
        now = bytes(machine.memory.whole)
        pages = {
            page: new
            for page in range(PAGE_COUNT)
            if (new := _page(now, page)) != _page(start, page)
        }
        kept.append(KeptState(machine.icount, machine.save(), 0, 0, pages))

    def source() -> Timeline:
        again = Machine.bare("native")
        guest.start(again, guest.rounds(2 * instructions))
        timeline = Timeline(again, limit=1 << 30)
        timeline.adopt([], kept, kept[-1].icount)
        return timeline

    return source


def _page(ram: bytes, page: int) -> bytes:
    return ram[page << PAGE_SHIFT : (page << PAGE_SHIFT) + PAGE_SIZE]


def report(times: int, scale: float) -> None:
    """Measure and print a table of medians."""
    guests = {guest.name: guest for guest in GUESTS}
    instructions = int(INSTRUCTIONS * scale)
    mixed = played(guests["mixed"], instructions)
    calls = played(guests["calls"], int(CALLS_INSTRUCTIONS * scale))
    coverage, ranged = Need.of("executed"), Need.of("writes", writes=[RANGE])
    lines = {
        "nothing but the replay": lambda n: speed(mixed, Need.of(), n),
        "coverage": lambda n: speed(mixed, coverage, n),
        "writes to 4 KiB": lambda n: speed(mixed, ranged, n),
        "all calls": lambda n: speed(calls, Need.of("calls"), n),
    }
    print("| million instructions a second | one thread | two | ratio |")
    print("| --- | ---: | ---: | ---: |")
    for name, measure in lines.items():
        one, two = (median(times, measure, threads) for threads in (1, 2))
        print(f"| {name} | {one:,.0f} | {two:,.0f} | {two / one:.2f} |")
    rows, seconds = parquet(calls)
    print(f"\n{rows:,} rows to Parquet in {seconds:.1f} s ({seconds * ROWS / rows:.1f} s for 10⁷)")


def median(times: int, measure: Callable[[int], float], threads: int) -> float:
    """Return the median of some measurements."""
    return statistics.median(measure(threads) for _ in range(times))


def speed(source: Source, need: Need, threads: int) -> float:
    """Return million instructions a second."""
    with ask(source, need, Asking(threads=threads, engine="native")) as answer:
        assert not answer.partial
        return len(answer.span) / answer.seconds / MILLION


def parquet(source: Source) -> tuple[int, float]:
    """Return how many calls were written to a file, and the seconds that took."""
    with (
        ask(source, Need.of("calls"), Asking(engine="native", bound=1 << 32)) as answer,
        tempfile.TemporaryDirectory() as folder,
    ):
        started = perf_counter()
        with (Path(folder) / "calls.parquet").open("wb") as file:
            rows = write(answer.tables["calls"].tables(), Format.PARQUET, file)
        return rows, perf_counter() - started
