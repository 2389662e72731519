"""How often something happened in each of many short parts of a run: what a time bar shows.

It needs none of the packages of ``blink16[ask]``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from blink16.cpu.probes import EVENT_SIZE, Probe, Probes, Tape
from blink16.history.timeline import Timeline
from blink16.memory import MEMORY_SIZE
from blink16.questions.probed import probed


@dataclass(slots=True)
class _Buckets:
    """Counts events, which come in the order of their instants, by the buckets in which they lie.

    Bucket n holds the instants from edge n up to, and without, edge n + 1.
    """

    edges: Sequence[int]
    counts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.edges) - 1)

    def take(self, events: memoryview) -> None:
        """Count events of a tape."""
        instants = events.cast("Q")[:: EVENT_SIZE // 8]
        places = (bisect_left(instants, edge) for edge in self.edges)
        for number, (first, behind) in enumerate(pairwise(places)):
            self.counts[number] += behind - first


def accesses(
    timeline: Timeline, wanted: Probe, where: range, edges: Sequence[int], engine: str
) -> list[int]:
    """Return how often memory was written, read or both (``wanted``) in each bucket.

    ``where``: linear addresses.  ``edges``: ascending instruction counts in the history; bucket n
    lies between edge n and the next.  A word is one access, also where half of it lies in
    ``where``; what services of the host do counts by bytes.  The machine stays where it is, and
    nobody's points may be in it.  Interrupted if a request to stop came.
    """
    assert wanted in (Probe.WRITES, Probe.READS, Probe.WRITES | Probe.READS)
    buckets = _Buckets(edges)
    tape = Tape(Probes(wanted, (where,), (where,)), buckets.take)
    with timeline.excursion():
        # What happens at an instant before its instruction, an input, comes on the way there.
        timeline.seek(max(timeline.start, edges[0] - 1))
        with probed(timeline.machine, tape, engine):
            for _ in timeline.walk(edges[-1], _strides(timeline, edges)):
                pass
            tape.flush()
    return buckets.counts


def executions(timeline: Timeline, address: int, edges: Sequence[int], engine: str) -> list[int]:
    """Return how often the instruction at a linear address was executed in each bucket.

    ``edges``, the machine and Interrupted: see `accesses`.
    """
    tape = Tape(Probes(Probe.EXECUTED), lambda events: None)
    reached: list[int] = []
    line_20 = timeline.machine.has_a20
    with timeline.excursion():
        timeline.seek(edges[0])
        with probed(timeline.machine, tape, engine):
            for _ in timeline.walk(edges[-1], _strides(timeline, edges)):
                reached.append(_count(tape, address, line_20))
            reached.append(_count(tape, address, line_20))
    return [later - earlier for earlier, later in pairwise(reached)]


def _strides(timeline: Timeline, edges: Sequence[int]) -> Iterator[int]:
    """Yield the ways to each edge from where the machine stands."""
    for edge in edges[1:]:
        yield edge - timeline.now


def _count(tape: Tape, address: int, line_20: bool) -> int:
    """Return how often an instruction was executed, also where its address wrapped at 1 MiB.

    ``line_20``: the processor has that line, and what lies there is other memory.
    """
    alias = len(tape.counts) if line_20 else address + MEMORY_SIZE
    return tape.counts[address] + (tape.counts[alias] if alias < len(tape.counts) else 0)
