"""What going back costs: in a long run of ours, beside QEMU's record and replay.

Times are those of the server side: of a `Debugger` in this process, without sockets or gdb.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from subprocess import SubprocessError
from threading import Thread

from benchmarks import qemu_replay
from benchmarks.guests import LOAD_ADDRESS, Guest
from blink16.assembly import FOREVER
from blink16.breakpoints import Point, PointKind
from blink16.cpu.native.engine import NativeEngine
from blink16.debugger import Debugger, EventKind, Resume
from blink16.devices.hot import BOARD
from blink16.history import Timeline
from blink16.history.pace import Pace
from blink16.history.terms import HistorySize, Interrupted
from blink16.machine import Machine

MILLION = 1_000_000
GUESTS = {"mixed": "typical code", "pages": "stores to 512 KiB"}
WARM_UP = 50 * MILLION
BEFORE_MARK, AFTER_MARK = 600 * MILLION, 500 * MILLION
ROUNDS = (1 << 32) - 1
"""More than are ever done."""
STUB, MARK, UNTOUCHED = 0x500, 0x4F0, 0x4F8
MARKING = bytes((0x2E, 0xA3, *MARK.to_bytes(2, "little"), 0xE9))
"""mov cs:[MARK], ax; jmp (where the guest begins)."""
STEPS, SEEKS, STEPS_AFTER = 200, 50, 10
INTERRUPTS = 12
QEMU_INSTRUCTIONS, QEMU_STEPS = 400 * MILLION, 9
STEP_BACK = Resume(backward=True, count=1)
SEED = 8086


@dataclass(frozen=True)
class Travel:
    """What was measured with one guest; times in seconds."""

    name: str
    without: float
    """Million instructions a second, no history."""
    recording: float
    """The same with one."""
    near: tuple[float, ...]
    """Steps back near now."""
    seeks: tuple[float, ...]
    """Seeks to random instants."""
    firsts: tuple[float, ...]
    """The first steps back there."""
    following: tuple[float, ...]
    """The steps back after these."""
    searched: int
    """Instructions from now back to the only hit of a watchpoint."""
    search_seconds: float
    helped_seconds: float
    """The same with scouts, on all processors."""
    scale: float
    """How much faster as many machines replay at the same time than one."""
    size: HistorySize
    """At the end."""
    search_interrupts: tuple[float, ...]
    """From a request to stop in the midst of a search backward to its end."""
    seek_interrupts: tuple[float, ...]
    """The same in the midst of long seeks."""

    @property
    def overhead(self) -> float:
        """The part of the speed that the history takes."""
        return 1 - self.recording / self.without


def measure(name: str, times: int, scale: float) -> Travel:
    """Measure with one guest."""
    choose = random.Random(SEED)
    before, after = int(BEFORE_MARK * scale), int(AFTER_MARK * scale)
    without, recording = [], []
    for _ in range(times):
        without.append(_speed_without(name, before + after))
        debugger, speed = _record(name, before, after)
        recording.append(speed)
    near = _steps_back(debugger, STEPS)
    seeks, firsts, following = _wander(debugger, choose)
    searched, seconds = _search(debugger)
    debugger.send_scouts(partial(_machine, name))
    for _ in range(2):  # the scouts are made, and warm
        _search(debugger)
    _, helped = _search(debugger)
    return Travel(
        GUESTS[name],
        statistics.median(without),
        statistics.median(recording),
        near,
        seeks,
        firsts,
        following,
        searched,
        seconds,
        helped,
        _scale(name, debugger.timeline),
        debugger.timeline.size(),
        _interrupt_searches(debugger, choose),
        _interrupt_seeks(name, before + after, choose),
    )


def _machine(name: str) -> Machine:
    """Return a machine with the guest, natively warm, and with what marks an instant."""
    machine = Machine.bare("reference")
    machine.engine = NativeEngine(
        machine.model, machine.registers, machine.memory, machine.bus, BOARD, wait=True
    )
    distance = LOAD_ADDRESS - (STUB + len(MARKING) + 2)
    stub = MARKING + distance.to_bytes(2, "little")
    machine.memory[STUB : STUB + len(stub)] = stub
    Guest(name).start(machine, ROUNDS)
    return machine


def _speed_without(name: str, count: int) -> float:
    machine = _machine(name)
    machine.run(WARM_UP)
    return count / _seconds(lambda: machine.run(count)) / MILLION


def _record(name: str, before: int, after: int) -> tuple[Debugger, float]:
    """Run with a history.  In its midst the guest begins anew, by way of the marking stub."""
    debugger = Debugger(_machine(name))
    debugger.resume(Resume(count=WARM_UP))
    seconds = _seconds(lambda: debugger.resume(Resume(count=before)))
    debugger.write_register("ip", STUB)
    seconds += _seconds(lambda: debugger.resume(Resume(count=after)))
    return debugger, (before + after) / seconds / MILLION


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _steps_back(debugger: Debugger, count: int) -> tuple[float, ...]:
    return tuple(_seconds(lambda: debugger.resume(STEP_BACK)) for _ in range(count))


def _wander(
    debugger: Debugger, choose: random.Random
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """Return the times of seeks to random instants, of a step back there, and of more."""
    timeline = debugger.timeline
    seeks: list[float] = []
    firsts: list[float] = []
    following: list[float] = []
    for _ in range(SEEKS):
        goal = choose.randint(timeline.start + STEPS_AFTER + 1, timeline.end)
        seeks.append(_seconds(partial(debugger.seek, goal)))
        firsts += _steps_back(debugger, 1)
        following += _steps_back(debugger, STEPS_AFTER)
    return tuple(seeks), tuple(firsts), tuple(following)


def _search(debugger: Debugger) -> tuple[int, float]:
    """Go back to the only hit of a watchpoint; return the way and how long it took."""
    timeline = debugger.timeline
    debugger.seek(timeline.end)
    point = Point(PointKind.WRITE, MARK, 2)
    debugger.insert(point)
    began = time.perf_counter()
    event = debugger.drive(Resume(backward=True))
    seconds = time.perf_counter() - began
    debugger.remove(point)
    assert event.kind is EventKind.WATCHPOINT
    return timeline.end - timeline.now, seconds


def _scale(name: str, timeline: Timeline) -> float:
    """Return how many times as much as one machine as many replay as there are processors."""
    span = timeline.start, timeline.end
    others = [Timeline(_machine(name)) for _ in range(os.cpu_count() or 1)]
    for other in others:
        other.follow(timeline.history())
        _replay(other, *span)  # it is warm
    alone = _seconds(partial(_replay, others[0], *span))
    threads = [Thread(target=_replay, args=(other, *span)) for other in others]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return alone * len(others) / (time.perf_counter() - began)


def _replay(timeline: Timeline, low: int, high: int) -> None:
    timeline.begin_at(low)
    for _ in timeline.hits(high):
        pass


# -- Ctrl-C -------------------------------------------------------------------------------------


def _interrupt_searches(debugger: Debugger, choose: random.Random) -> tuple[float, ...]:
    """Interrupt searches for what never happened."""
    point = Point(PointKind.WRITE, UNTOUCHED, 2)
    debugger.insert(point)
    found: list[float] = []
    for _ in range(INTERRUPTS):
        debugger.seek(debugger.timeline.end)
        found += _interrupted(debugger, choose, partial(_is_search_interrupted, debugger))
    debugger.remove(point)
    return tuple(found)


class Sparse(Pace):
    """No checkpoints on the way, so that seeks are long."""

    def _settle(self) -> None:
        super()._settle()
        self.interval = FOREVER


def _interrupt_seeks(name: str, count: int, choose: random.Random) -> tuple[float, ...]:
    """Interrupt seeks through a history without checkpoints."""
    machine = _machine(name)
    debugger = Debugger(machine, timeline=Timeline(machine, pace=Sparse()))
    debugger.resume(Resume(count=count))
    found: list[float] = []
    for _ in range(INTERRUPTS):
        debugger.seek(0)
        goal = choose.randint(count // 2, count - 1)
        found += _interrupted(debugger, choose, partial(_is_seek_interrupted, debugger, goal))
    return tuple(found)


def _is_search_interrupted(debugger: Debugger) -> bool:
    return debugger.drive(Resume(backward=True)).kind is EventKind.INTERRUPTED


def _is_seek_interrupted(debugger: Debugger, goal: int) -> bool:
    try:
        debugger.seek(goal)
    except Interrupted:
        return True
    return False


def _interrupted(
    debugger: Debugger, choose: random.Random, act: Callable[[], bool]
) -> tuple[float, ...]:
    """Ask ``act`` to stop while it goes on; return how long that took, unless it was over."""
    was_interrupted: list[bool] = []
    thread = Thread(target=lambda: was_interrupted.append(act()))
    thread.start()
    time.sleep(choose.uniform(0.02, 0.15))
    began = time.perf_counter()
    debugger.interrupt()
    thread.join()
    seconds = time.perf_counter() - began
    debugger.timeline.forget_interrupt()
    return (seconds,) if was_interrupted == [True] else ()


# -- reporting ----------------------------------------------------------------------------------


def _milliseconds(seconds: Sequence[float], worst: bool = False) -> str:
    if not seconds:
        return "not measured"
    value = max(seconds) if worst else statistics.median(seconds)
    return f"{value * 1000:.3g} ms"


def _column(travel: Travel) -> list[str]:
    there = [seek + first for seek, first in zip(travel.seeks, travel.firsts, strict=True)]
    size = travel.size
    return [
        travel.name,
        "---:",
        f"{(size.end - size.start) / MILLION:.0f} M",
        f"{travel.without:.0f} MIPS",
        f"{travel.recording:.0f} MIPS",
        f"{travel.overhead:.1%}",
        _milliseconds(travel.near),
        _milliseconds(there),
        _milliseconds(there, worst=True),
        _milliseconds(travel.following),
        f"{travel.searched / travel.search_seconds / MILLION:.0f} M/s",
        f"{travel.searched / travel.helped_seconds / MILLION:.0f} M/s"
        f" (x{travel.search_seconds / travel.helped_seconds:.2f};"
        f" replays x{travel.scale:.2f})",
        f"{size.used / (1 << 20):.1f} of {size.limit >> 20} MiB",
        _milliseconds(travel.search_interrupts, worst=True),
        _milliseconds(travel.seek_interrupts, worst=True),
    ]


ROWS = [
    "time travel",
    "---",
    "instructions in the history",
    "speed without history",
    "speed with history",
    "overhead",
    "`bs` near now, median",
    "seek to a random instant and `bs`, median",
    "the same, worst",
    "each `bs` after that, median",
    "reverse-continue, instructions scanned",
    "the same on all processors",
    "memory of the history",
    "Ctrl-C in a search, worst",
    "Ctrl-C in a long seek, worst",
]


def _qemu_column(replay: qemu_replay.Replay) -> list[str]:
    column = [""] * len(ROWS)
    column[0] = f"QEMU, {replay.distance / MILLION:.0f} M after its snapshot"
    column[1] = "---:"
    column[ROWS.index("`bs` near now, median")] = _milliseconds(replay.steps)
    search = f"not back in {qemu_replay.ANSWER_TIMEOUT:.0f} s"
    if replay.search_seconds is not None:
        search = f"{replay.searched / replay.search_seconds / MILLION:.0f} M/s"
    column[ROWS.index("reverse-continue, instructions scanned")] = search
    return column


def table(travels: Sequence[Travel], replay: qemu_replay.Replay | None) -> str:
    """Return what was measured as Markdown."""
    columns = [ROWS, *map(_column, travels)]
    if replay is not None:
        columns.append(_qemu_column(replay))
    rows = zip(*columns, strict=True)
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def chart(travels: Sequence[Travel], replay: qemu_replay.Replay | None, path: Path) -> None:
    """Draw the distributions of steps back into a PNG."""
    from matplotlib import pyplot

    series: dict[str, Sequence[float]] = {}
    for travel in travels:
        there = [seek + first for seek, first in zip(travel.seeks, travel.firsts, strict=True)]
        series[f"{travel.name}:\nnear now"] = travel.near
        series[f"{travel.name}:\nseek and first"] = there
        series[f"{travel.name}:\nfollowing"] = travel.following
    if replay is not None:
        series["QEMU"] = replay.steps
    figure, axes = pyplot.subplots(figsize=(10, 5), layout="constrained")
    milliseconds = [[second * 1000 for second in seconds] for seconds in series.values()]
    axes.boxplot(milliseconds, whis=(0, 100))
    axes.set_xticks(range(1, len(series) + 1), list(series), fontsize="small")
    axes.set_yscale("log")
    axes.set_ylabel("a step back, milliseconds")
    figure.savefig(path, dpi=120)


def report(times: int, scale: float, path: Path | None) -> None:
    """Measure everything, print the table and draw the chart."""
    travels = []
    for name in GUESTS:
        print(f"{name}: {times} runs with a history, and as many without …", file=sys.stderr)
        travels.append(measure(name, times, scale))
    replay = None
    if qemu_replay.is_here():
        try:
            replay = qemu_replay.measure(Guest("mixed"), QEMU_INSTRUCTIONS, QEMU_STEPS)
        except (OSError, RuntimeError, SubprocessError) as error:
            print(f"QEMU's record and replay could not be measured: {error}", file=sys.stderr)
    print(table(travels, replay))
    if path:
        chart(travels, replay, path)
