"""How a run is cut into intervals that can be asked at once."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

PER_THREAD = 4
"""So many intervals a thread, where checkpoints allow it, so that all end at about one time."""
LEAST = 20_000_000
"""Instructions that are not worth an interval of their own."""


class Interval(NamedTuple):
    """A part of the run, in instruction counts; a checkpoint lies at `low`, or it is the first."""

    number: int
    low: int
    high: int


def cut(icounts: Sequence[int], span: range, threads: int, least: int = LEAST) -> list[Interval]:
    """Cut a span at checkpoints (``icounts``, ascending)."""
    size = max(least, len(span) // (PER_THREAD * threads))
    edges = [span.start]
    for icount in icounts:
        if icount - edges[-1] >= size and icount < span.stop:
            edges.append(icount)
    if len(edges) > 1 and span.stop - edges[-1] < size // 2:
        edges.pop()
    edges.append(span.stop)
    return [
        Interval(number, low, high) for number, (low, high) in enumerate(itertools.pairwise(edges))
    ]
