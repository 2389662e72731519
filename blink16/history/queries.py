"""Questions about the past.  Each leaves the machine where it is.

All raise Interrupted if a request to stop comes.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat

from blink16.breakpoints import Point, PointKind, Points
from blink16.cpu.registers import Registers
from blink16.history.inputs import MemoryWritten
from blink16.history.scouts import Scouts
from blink16.history.search import last_hit
from blink16.history.timeline import Timeline

MAX_CODE = 16
"""Bytes of code to show for an instruction; more are prefixes without use."""
NAMES = ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp", "cs", "ds", "es", "ss", "flags")
CALLS_SPAN = 100_000
"""Instructions that `calls` looks back first; more, if it finds too few."""
SAMPLES = 20_000
"""Instants that `profile` looks at; all, if there are fewer."""
_GOLDEN = 0.6180339887498949


@dataclass(frozen=True, slots=True)
class Moment:
    """The instruction about to be executed at an instant."""

    icount: int
    cs: int
    ip: int
    code: bytes
    address: int
    """The linear address of the instruction."""


@dataclass(frozen=True, slots=True)
class Touch:
    """Who touched some bytes last."""

    moment: Moment | None
    """The instruction that did; None: the debugger did, at `icount`."""
    icount: int
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class Executions:
    """How often an instruction was executed, and when: instruction counts, 0 for never."""

    count: int
    first: int
    last: int
    chosen: int | None
    """When it was the time that was asked for; None if it wasn't executed that often."""


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """An instruction that was executed, and the registers that it changed."""

    moment: Moment
    changed: tuple[tuple[str, int], ...]


def moment(timeline: Timeline) -> Moment:
    """Return where the machine stands."""
    r = timeline.machine.registers
    memory = timeline.machine.memory
    code = bytes(memory.whole[memory.linear(r.cs, r.ip + n)] for n in range(MAX_CODE))
    return Moment(timeline.now, r.cs, r.ip, code, memory.linear(r.cs, r.ip))


def last_touch(
    timeline: Timeline, points: Points, point: Point, scouts: Scouts | None = None
) -> Touch | None:
    """Return who touched what a point marks last before now; None if nobody did.

    ``points``: the user's own, to be put aside meanwhile.  ``scouts``: theirs.
    """
    with timeline.excursion(), points.replaced([point]):
        written = _last_written(timeline, point)
        low = timeline.start if written is None else written.icount
        hit = last_hit(timeline, low, scouts=scouts)
        if hit is None:
            return written
        timeline.seek(hit.icount)
        where, before = moment(timeline), _content(timeline, point)
        timeline.seek(hit.icount + 1)
        return Touch(where, hit.icount, before, _content(timeline, point))


def _last_written(timeline: Timeline, point: Point) -> Touch | None:
    """Return the last time the debugger itself wrote there, if it did."""
    mine = point.addresses()
    for entry in reversed(timeline.inputs()):
        if not isinstance(entry, MemoryWritten) or entry.icount > timeline.now:
            continue
        if entry.address < mine.stop and mine.start < entry.address + len(entry.data):
            return Touch(None, entry.icount, b"", entry.data)
    return None


def _content(timeline: Timeline, point: Point) -> bytes:
    addresses = point.addresses()
    return timeline.machine.memory[addresses.start : addresses.stop]


def executions(timeline: Timeline, points: Points, address: int, wanted: int) -> Executions:
    """Return how often the instruction at an address was executed before now.

    ``wanted``: which of these times is asked for, from 1 on, or from -1 back.
    """
    high = timeline.now
    count = first = last = 0
    recent: deque[int] = deque(maxlen=max(1, -wanted))
    chosen = None
    with timeline.excursion(), points.replaced([Point(PointKind.EXECUTE, address)]):
        timeline.seek(timeline.start)
        for hit in timeline.hits(high):
            count += 1
            last = hit.icount
            first = first if count > 1 else last
            recent.append(last)
            if count == wanted:
                chosen = last
        if wanted < 0 and len(recent) == -wanted:
            chosen = recent[0]
    return Executions(count, first, last, chosen)


def trace(timeline: Timeline, count: int) -> list[TraceEntry]:
    """Return the last ``count`` instructions before now, oldest first."""
    high = timeline.now
    entries = []
    with timeline.excursion():
        timeline.seek(max(timeline.start, high - count))
        registers = timeline.machine.registers
        here, before = moment(timeline), _values(registers)
        for _ in timeline.thread.in_turns(timeline.walk(high, repeat(1))):
            if timeline.now != here.icount:
                entries.append(_entry(here, before, registers))
                here, before = moment(timeline), _values(registers)
        if timeline.now != here.icount:
            entries.append(_entry(here, before, registers))
    return entries


def calls(timeline: Timeline, count: int, farthest: int | None = None) -> list[tuple[int, str]]:
    """Return the last ``count`` calls of the guest's system before now, oldest first: when each
    was done, in instructions, and the call with its result.

    ``farthest``: how many instructions to look back at most, about.
    """
    high, machine = timeline.now, timeline.machine
    before, span = machine.on_call, CALLS_SPAN
    found: deque[tuple[int, str]] = deque(maxlen=count)
    with timeline.excursion():
        while True:
            start = max(timeline.start, high - span)
            found.clear()
            timeline.seek(start)
            machine.on_call = lambda text: found.append((machine.icount, text))
            try:
                for _ in timeline.walk(high, repeat(CALLS_SPAN)):
                    pass
            finally:
                machine.on_call = before
            far = farthest is not None and span >= farthest
            if len(found) == count or start == timeline.start or far:
                return list(found)
            span *= 8


def _entry(where: Moment, before: Sequence[int], registers: Registers) -> TraceEntry:
    after = _values(registers)
    changes = zip(NAMES, before, after, strict=True)
    return TraceEntry(where, tuple((name, new) for name, old, new in changes if old != new))


def _values(registers: Registers) -> list[int]:
    return [getattr(registers, name) for name in NAMES]


def profile(timeline: Timeline, count: int) -> Counter[int]:
    """Return how often pc stood where, by linear address, in the last ``count`` instructions.

    Of many instructions, a sample is looked at: `SAMPLES` instants, evenly but irregularly
    spread, so that no loop keeps step with them.
    """
    high = timeline.now
    seen: Counter[int] = Counter()
    with timeline.excursion():
        timeline.seek(max(timeline.start, high - count))
        span = high - timeline.now
        strides: Iterable[int] = repeat(1) if span <= SAMPLES else _uneven(span / SAMPLES)
        for _ in timeline.thread.in_turns(timeline.walk(high, strides)):
            seen[timeline.machine.pc] += 1
    return seen


def _uneven(mean: float) -> Iterator[int]:
    """Yield strides that average to ``mean`` and never fall into a rhythm."""
    phase = 0.0
    while True:
        phase = (phase + _GOLDEN) % 1
        yield max(1, round(mean * (0.5 + phase)))
