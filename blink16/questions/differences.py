"""Where two runs part: the first and the last instant at which their machines differ, and in what.

A machine is a pure function of its start and its inputs.  So two equal machines of the same make
stay equal until their inputs differ, and what is asked can be found by halving.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from blink16.cpu.opcodes import WORD_NAMES
from blink16.cpu.registers import ARCHITECTURE
from blink16.history.inputs import Input
from blink16.history.timeline import Timeline
from blink16.hostfs.files import FileTree
from blink16.machine import Machine
from blink16.questions.needs import Need, QuestionError
from blink16.questions.run import Run

MAX_RANGES = 200
"""Ranges of memory that are told of an instant."""
GAP = 8
"""Equal bytes between two that differ which make no new range."""
CHUNK = 1_000_000
"""Instructions whose jumps are compared first; then twice as many, up to `MAX_CHUNK`."""
MAX_CHUNK = 16_000_000
WAYS = ("branches", "calls", "returns", "interrupts")
_SEGMENTS = ("es", "cs", "ss", "ds")
_SYSTEM = ("msw", "gdt", "gdt_base", "gdt_high", "idt", "idt_base", "idt_high", "a20")


class Differing(NamedTuple):
    """Something that is not the same in two machines."""

    kind: str
    """``register``, ``memory`` or ``component``."""
    name: str
    """A register's or a component's."""
    address: int | None
    """Linear; of memory."""
    a: bytes | int | None
    b: bytes | int | None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two histories that are moved together."""

    a: Timeline
    b: Timeline

    @property
    def start(self) -> int:
        """The first instant that both have."""
        return max(self.a.start, self.b.start)

    @property
    def end(self) -> int:
        """The last instant that both have."""
        return min(self.a.end, self.b.end)

    def seek(self, icount: int) -> None:
        """Go to an instant in both."""
        self.a.seek(icount)
        self.b.seek(icount)

    def equal(self, icount: int) -> bool:
        """Return whether the machines are the same at an instant.

        The host's files make no difference before the guest has read them.
        """
        self.seek(icount)
        one, other = self.a.machine, self.b.machine
        return one.memory.whole == other.memory.whole and _state(one) == _state(other)

    def inputs(self) -> Iterator[tuple[Input | None, Input | None]]:
        """Yield the inputs of both, one beside the other."""
        return zip_longest(self.a.inputs(), self.b.inputs())


def _state(machine: Machine) -> tuple[object, ...]:
    saved = machine.save()
    components = (
        (name, state)
        for name, state in saved.components
        if not isinstance(machine.component(name), FileTree)
    )
    return saved.registers, *components


def first_input(pair: Pair) -> int | None:
    """Return the instant of the first input that is not the same; None if all are."""
    for one, other in pair.inputs():
        if one != other:
            return min(entry.icount for entry in (one, other) if entry is not None)
    return None


def last_input(pair: Pair) -> int:
    """Return the instant of the last input that is not the same; -1 if all are."""
    a, b = pair.a.inputs(), pair.b.inputs()
    while a and b and a[-1] == b[-1]:
        a.pop()
        b.pop()
    return max((entry.icount for entry in (*a[-1:], *b[-1:])), default=-1)


def first_difference(pair: Pair) -> int | None:
    """Return the first instant at which the machines differ; None if there is none."""
    if pair.start > pair.end:
        raise QuestionError("the runs have no instant in common: what is left of one is too late")
    low, high = pair.start, pair.end
    if not pair.equal(low):
        return low
    told = first_input(pair)
    if told is not None and low < told <= high:
        if not pair.equal(told):
            high = told
        else:
            low = told
    return None if pair.equal(high) else _boundary(low, high, lambda at: not pair.equal(at))


def last_difference(pair: Pair, first: int) -> int:
    """Return the last common instant at which the machines differ; they do at ``first``."""
    low, high, told = first, pair.end, last_input(pair)
    if not pair.equal(high):
        return high
    return _boundary(low, high, lambda at: at > told and pair.equal(at)) - 1


def _boundary(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return where something begins to hold that holds at ``high``, and not at ``low``."""
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle
    return high


def differing(pair: Pair, icount: int) -> list[Differing]:
    """Return what is not the same at an instant; `MAX_RANGES` of memory at most."""
    pair.seek(icount)
    one, other = pair.a.machine, pair.b.machine
    found = list(_registers(one.registers.save(), other.registers.save()))
    found += _memory(bytes(one.memory.whole), bytes(other.memory.whole))
    a, b = dict(one.save().components), dict(other.save().components)
    for name in sorted(a.keys() | b.keys()):
        if a.get(name) != b.get(name):
            found.append(Differing("component", name, None, None, None))
    return found


def _registers(a: bytes, b: bytes) -> Iterator[Differing]:
    one, other = ARCHITECTURE.parse(a), ARCHITECTURE.parse(b)
    rows = [
        *zip(WORD_NAMES, one.general, other.general, strict=True),
        *zip(_SEGMENTS, one.segments, other.segments, strict=True),
        *((name, one[name], other[name]) for name in ("ip", "flags", "halted")),
        *zip(_SYSTEM, one.system, other.system, strict=True),
        ("cycles", one.cycles, other.cycles),
    ]
    return (Differing("register", name, None, x, y) for name, x, y in rows if x != y)


def _memory(a: bytes, b: bytes) -> Iterator[Differing]:
    size = min(len(a), len(b))
    mine, theirs = np.frombuffer(a, np.uint8, size), np.frombuffer(b, np.uint8, size)
    where = np.flatnonzero(mine != theirs)
    if not len(where):
        return
    cuts = np.flatnonzero(np.diff(where) > GAP)
    starts = where[np.concatenate(([0], cuts + 1))].tolist()
    ends = where[np.concatenate((cuts, [len(where) - 1]))].tolist()
    for start, end in list(zip(starts, ends, strict=True))[:MAX_RANGES]:
        yield Differing("memory", "", start, a[start : end + 1], b[start : end + 1])


def count_ranges(pair: Pair) -> int:
    """Return how many ranges of memory differ where the machines stand."""
    a, b = (np.frombuffer(bytes(t.machine.memory.whole), np.uint8) for t in (pair.a, pair.b))
    size = min(len(a), len(b))
    where = np.flatnonzero(a[:size] != b[:size])
    return int((np.diff(where) > GAP).sum()) + 1 if len(where) else 0


# -- where they went -------------------------------------------------------------------------------


def parting(a: Run, b: Run, span: range) -> int | None:
    """Return the instant of the first jump, call, return or interrupt that is not the same.

    None if there is none in the span.  QuestionError if a part of a run can't be asked.
    """
    low, size = span.start, CHUNK
    while low < span.stop:
        here = range(low, min(low + size, span.stop))
        rows = [_jumps(run, here) for run in (a, b)]
        instants = [
            at for one, other in zip(*rows, strict=True) if (at := _first(one, other)) is not None
        ]
        if instants:
            return min(instants)
        low, size = here.stop, min(2 * size, MAX_CHUNK)
    return None


def _jumps(run: Run, span: range) -> list[np.ndarray[tuple[int, int], np.dtype[np.int64]]]:
    with run.ask(Need.of(*WAYS, span=span)) as answer:
        if answer.partial:
            raise QuestionError("; ".join(answer.partial))
        tables = [answer.table(name) for name in WAYS]
    columns = ("icount", "target_cs", "target_ip")
    return [
        np.array([np.asarray(table.column(name), np.int64) for name in columns]) for table in tables
    ]


def _first(
    a: np.ndarray[tuple[int, int], np.dtype[np.int64]],
    b: np.ndarray[tuple[int, int], np.dtype[np.int64]],
) -> int | None:
    """Return the instant of the first event that is not the same."""
    size = min(a.shape[1], b.shape[1])
    unequal = np.flatnonzero((a[:, :size] != b[:, :size]).any(axis=0))
    at = int(unequal[0]) if len(unequal) else size
    instants = [int(rows[0, at]) for rows in (a, b) if at < rows.shape[1]]
    return min(instants, default=None)
