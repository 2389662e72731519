"""A run that can be asked: its history, the names of its addresses, and how it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace

from blink16.history.timeline import Timeline
from blink16.questions.asking import Answer, Asking, Source, ask, ask_here
from blink16.questions.dataflow import ProgramFile
from blink16.questions.needs import FOREVER, Need
from blink16.symbolfiles import DebugInformation
from blink16.symbols import SymbolTable

SEGMENT = 1 << 16
"""Bytes; what lies farther behind a symbol without a size is none of its."""


@dataclass(frozen=True)
class Run:
    """A run."""

    source: Source
    symbols: SymbolTable
    how: Asking = Asking()  # noqa: RUF009 - frozen
    debug: tuple[DebugInformation, ...] = ()
    span: range = range(FOREVER)
    """The instants that its user wants to know of, where a question says nothing else."""
    damage: str | None = None
    """Why not all of it is there."""
    program: ProgramFile | None = None
    """What was loaded before the run."""
    elsewhere: Callable[[Timeline, Need, Asking], Answer] | None = None
    """Asks this run, whose history is given, on other computers."""
    open_other: Callable[[str], Run] | None = None
    """Opens another recording by its path, to be compared; QuestionError if it can't be read.

    None: there are no others to whoever asks."""
    line_20: bool = False
    """Whether its processor has address line 20, so that addresses have 21 bits."""
    live: bool = False
    """Whether it is the history of a machine that somebody debugs, to be asked in this thread."""
    is_stopped: Callable[[], bool] = lambda: False
    """Whether a long answer is to end, with Interrupted."""

    def ask(self, need: Need) -> Answer:
        """Return the tables of a need, within the span; QuestionError if they can't be."""
        wanted = range(max(need.span.start, self.span.start), min(need.span.stop, self.span.stop))
        need = replace(need, span=wanted)
        if self.live:
            answer = ask_here(self.source(), need, self.how)
        elif self.elsewhere is not None:
            answer = self.elsewhere(self.source(), need, self.how)
        else:
            answer = ask(self.source, need, self.how)
        if self.damage is not None:
            answer.partial.insert(0, f"the recording is damaged and ends early: {self.damage}")
        return answer

    @property
    def moment(self) -> int:
        """The instant that questions about one are asked of: where a live machine stands, or else
        the end of the span, which may lie behind the end of the run.
        """
        return self.source().now if self.live else self.span.stop

    @contextmanager
    def at(self, icount: int) -> Iterator[Timeline]:
        """Show the machine at an instant, or at the end of the run if that comes before."""
        timeline = self.source()
        with timeline.excursion() if self.live else nullcontext():
            timeline.seek(min(max(timeline.start, icount), timeline.end))
            yield timeline

    def name_of(self, address: int) -> str:
        """Return what a linear address is called, like ``main+12h``; its digits if nothing."""
        found = self.symbols.find(address)
        if found is None:
            return f"{address:05X}"
        symbol, offset = found
        if offset >= (symbol.size or SEGMENT):
            return f"{address:05X}"
        return f"{symbol.name}+{offset:X}h" if offset else symbol.name
