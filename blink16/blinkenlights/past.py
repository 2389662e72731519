"""What a run holds beside its present: asked piece by piece, while nobody wants anything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from blink16.blinkenlights.output import Output
from blink16.client import DeniedError, Target, UnsupportedError
from blink16.reports.history import HistoryReport
from blink16.reports.instants import InstantsQuery, InstantsReport, PrintedQuery, PrintedReport
from blink16.reports.state import PointRole

MOST = 20_000
"""Instants of a layer; there it ends."""


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
    """When something happened, as far as that is known."""

    wish: LayerWish
    instants: tuple[int, ...] = ()
    known: int = 0
    """Up to this instant."""

    @property
    def is_full(self) -> bool:
        """Whether it takes no more."""
        return len(self.instants) >= MOST


@dataclass
class PastKnown:
    """What is known so far of the recorded run."""

    output: Output = field(default_factory=Output)
    layers: tuple[Layer, ...] = ()
    _refused: bool = False
    """Whether the server can't tell."""

    def want(self, wishes: Sequence[LayerWish]) -> None:
        """Keep the layers that are wanted, and begin the new ones."""
        known = {layer.wish: layer for layer in self.layers}
        self.layers = tuple(known.get(wish, Layer(wish)) for wish in wishes)

    def end(self, history: HistoryReport) -> None:
        """Mind where the run ends: it may be another than before."""
        self.output.end(history.end)
        self.layers = tuple(
            Layer(
                layer.wish,
                tuple(at for at in layer.instants if at < history.end),
                min(layer.known, history.end),
            )
            if layer.known > history.end
            else layer
            for layer in self.layers
        )

    def ask(self, target: Target, history: HistoryReport) -> bool:
        """Ask for one piece that is missing; return whether there was one."""
        if self._refused or not target.is_ours or target.only_watches:
            return False
        try:
            if self.output.known < history.end:
                self._ask_output(target)
                return True
            for layer in self.layers:
                if layer.known < history.end and not layer.is_full:
                    self._ask_layer(target, layer)
                    return True
        except UnsupportedError:
            self._refused = True
        except DeniedError:
            return False
        return False

    def _ask_output(self, target: Target) -> None:
        report = target.report(PrintedReport, PrintedQuery(self.output.known))
        # what an instruction prints has come when the next one is there
        pieces = [(piece.icount + 1, piece.data) for piece in report.pieces]
        self.output.correct(max(report.until, self.output.known + 1), pieces)

    def _ask_layer(self, target: Target, layer: Layer) -> None:
        wish = layer.wish
        query = InstantsQuery(_ROLES[wish.kind], wish.address, after=layer.known)
        report = target.report(InstantsReport, query)
        new = tuple(at for at in report.instants if at >= layer.known)
        more = Layer(wish, layer.instants + new, max(report.until, layer.known + 1))
        self.layers = tuple(more if one is layer else one for one in self.layers)
