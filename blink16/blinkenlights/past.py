"""What a run holds beside its present: asked piece by piece, while nobody wants anything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from blink16.blinkenlights.output import Output
from blink16.client import DeniedError, Target, UnsupportedError
from blink16.reports.activity import ActivityQuery, ActivityReport
from blink16.reports.history import HistoryReport
from blink16.reports.printed import PrintedQuery, PrintedReport
from blink16.reports.state import PointRole

BUCKETS = 400
"""Parts of the run that a layer tells apart, when it is asked for as a whole."""
MAX_PARTS = 4 * BUCKETS
"""Beyond, a layer is asked for as a whole again."""
NOT_READY = 0.5
"""Seconds until it is worth to ask again for what the server can't count yet."""


class LayerKind(StrEnum):
    """What a layer of the time bar shows."""

    CALLS = "calls of"
    WRITES = "writes to"


_ROLES = {LayerKind.CALLS: PointRole.EXECUTE, LayerKind.WRITES: PointRole.WRITE}


@dataclass(frozen=True, slots=True)
class LayerWish:
    """A layer that the user wants."""

    kind: LayerKind
    address: int
    """Linear."""
    name: str

    @property
    def title(self) -> str:
        """What it is called."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Layer:
    """How often something happened, in each part of the run that is known."""

    wish: LayerWish
    parts: tuple[tuple[int, int], ...] = ()
    """Where parts begin (instruction counts), and how often it happened in each."""
    known: int = 0
    """Up to this instant."""

    @property
    def count(self) -> int:
        """How often it happened, as far as that is known."""
        return sum(count for _, count in self.parts)

    def until(self, end: int) -> Layer:
        """Return what is still known when the run ends at an instant, or has grown much."""
        if self.known > end or len(self.parts) > MAX_PARTS:
            return Layer(self.wish)
        return self

    def with_more(self, report: ActivityReport) -> Layer:
        """Return it with another piece of the run."""
        if not report.edges or not report.counts:
            return replace(self, known=report.high) if not report.buckets else self
        new = zip(report.edges, report.counts, strict=False)
        parts = (*self.parts, *((start, count) for start, count in new if count))
        return Layer(self.wish, parts, report.edges[len(report.counts)])


@dataclass
class PastKnown:
    """What is known so far of the recorded run."""

    output: Output = field(default_factory=Output)
    layers: tuple[Layer, ...] = ()
    wait: float = 0.0
    """Seconds until it is worth to ask again."""
    _unknown: set[type] = field(default_factory=set)
    """Reports that the server can't make."""

    def want(self, wishes: Sequence[LayerWish]) -> None:
        """Keep the layers that are wanted, and begin the new ones."""
        known = {layer.wish: layer for layer in self.layers}
        self.layers = tuple(known.get(wish, Layer(wish)) for wish in wishes)

    def end(self, history: HistoryReport) -> None:
        """Mind where the run ends: it may be another than before."""
        self.output.end(history.end)
        self.layers = tuple(layer.until(history.end) for layer in self.layers)

    def ask(self, target: Target, history: HistoryReport) -> bool:
        """Ask for one piece that is missing; return whether there was one.

        What is known least far comes first: a layer need not wait until all output is known.
        """
        self.wait = 0.0
        if not target.is_ours or target.only_watches:
            return False
        end = history.end
        layers = [] if ActivityReport in self._unknown else self.layers
        missing = min(
            (layer for layer in layers if layer.known < end),
            key=lambda layer: layer.known,
            default=None,
        )
        known = end if PrintedReport in self._unknown else self.output.known
        if known < end and (missing is None or known <= missing.known):
            return self._tried(PrintedReport, lambda: self._ask_output(target))
        if missing is None:
            return False
        return self._tried(ActivityReport, lambda: self._ask_layer(target, missing, history))

    def _tried(self, shape: type, ask: Callable[[], None]) -> bool:
        try:
            ask()
        except (UnsupportedError, DeniedError):
            self._unknown.add(shape)
        return True

    def _ask_output(self, target: Target) -> None:
        report = target.report(PrintedReport, PrintedQuery(self.output.known))
        # what an instruction prints has come when the next one is there
        pieces = [(piece.icount + 1, piece.data) for piece in report.pieces]
        self.output.correct(max(report.until, self.output.known + 1), pieces)

    def _ask_layer(self, target: Target, layer: Layer, history: HistoryReport) -> None:
        wish = layer.wish
        low = max(layer.known, history.start)
        query = ActivityQuery(
            _ROLES[wish.kind], wish.address, low=low, high=history.end, buckets=BUCKETS
        )
        more = layer.with_more(target.report(ActivityReport, query))
        if more.known <= layer.known:
            self.wait = NOT_READY
        self.layers = tuple(more if one is layer else one for one in self.layers)
