"""Asks the intervals of a run, at once in several threads, and puts together what they give."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from threading import Lock, Thread
from time import perf_counter
from types import TracebackType

import numpy as np
import pyarrow as pa

from blink16.cpu import engines
from blink16.cpu.probes import COUNTS, Tape
from blink16.history.checkpoints import DEFAULT_LIMIT
from blink16.history.terms import STUMBLES, Interrupted, ReplayError
from blink16.history.timeline import Timeline
from blink16.questions.columns import EVENTS, Events
from blink16.questions.gathering import Gatherer, Hold, Piece, Rows, TableRows, usual_bound
from blink16.questions.intervals import LEAST, Interval, cut
from blink16.questions.needs import FOREVER, Need, QuestionError
from blink16.questions.probed import probed
from blink16.questions.screens_seen import ScreensSeen
from blink16.questions.services_seen import ServicesSeen
from blink16.questions.tables import executed

LOG = logging.getLogger("blink16")
HISTORY = 4 * DEFAULT_LIMIT
"""Bytes of checkpoints that each machine holds which replays a recording to be asked."""
STRIDE = 4_000_000
"""Instructions between two looks whether to go on."""

Source = Callable[[], Timeline]
"""Makes the run's history, anew for each thread; all are alike."""
Progress = Callable[[int, int], None]
"""Told the instructions that have been asked, and how many there are; from any thread."""


def ignore(done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How a run is asked."""

    threads: int = 0
    """0: as many as there are processors."""
    engine: str = engines.DEFAULT
    bound: int = field(default_factory=usual_bound)
    """Bytes of rows in memory; more go to disk meanwhile."""
    least: int = LEAST
    """Instructions that are not worth an interval of their own."""
    progress: Progress = ignore


@dataclass(slots=True)
class Answer:
    """The tables of a run; a context, since some rows may be in files that go with it."""

    tables: dict[str, TableRows]
    span: range
    """The instructions that were asked."""
    partial: list[str] = field(default_factory=list)
    """Why something is missing, a line each; empty: nothing is."""
    seconds: float = 0.0
    _folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Answer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def folder(self) -> Path | None:
        """Where the files are."""
        return None if self._folder is None else Path(self._folder.name)

    def table(self, name: str) -> pa.Table:
        """Return a table's rows, in memory."""
        return self.tables[name].table()


def ask(source: Source, need: Need, how: Asking | None = None) -> Answer:
    """Ask a run.  Nothing is missing but what `Answer.partial` says.

    QuestionError if the span is outside of the run.  KeyboardInterrupt stops all threads.
    """
    how = how or Asking()
    threads, first = how.threads or os.cpu_count() or 1, source()

    def carry(pool: Pool) -> None:
        workers = [
            Thread(target=pool.work, args=(source, first if n == 0 else None), name=f"ask-{n}")
            for n in range(min(threads, len(pool.intervals)))
        ]
        pool.run(workers)

    return ask_by(carry, first, need, how, threads)


def ask_by(
    carry: Callable[[Pool], None], first: Timeline, need: Need, how: Asking, hands: int
) -> Answer:
    """Ask a run, whose history is ``first``, by so many hands: ``carry`` lets a pool be emptied."""
    span = _span_of(first, need.span)
    intervals = cut(first.icounts(), span, hands, how.least)
    return _answered(carry, lambda folder: Pool(need, how, intervals, first, folder), span)


def ask_here(timeline: Timeline, need: Need, how: Asking | None = None) -> Answer:
    """Ask the history of a machine that somebody debugs, in this thread; it stays where it is.

    Nobody's points may be in the machine.  Raises Interrupted if a request to stop came.
    """
    how = how or Asking()
    span = _span_of(timeline, need.span)
    whole = [Interval(0, *_edges(span))]

    def carry(pool: Pool) -> None:
        with timeline.excursion():
            pool.work_here(timeline)

    return _answered(carry, lambda folder: Pool(need, how, whole, timeline, folder), span)


def _answered(
    carry: Callable[[Pool], None], pool_in: Callable[[Path], Pool], span: range
) -> Answer:
    """Have a pool emptied, whose files lie in a folder that goes with the answer."""
    started = perf_counter()
    folder = tempfile.TemporaryDirectory(prefix="blink16-ask-")
    try:
        pool = pool_in(Path(folder.name))
        carry(pool)
        answer = pool.answer(span)
    except BaseException:
        folder.cleanup()
        raise
    answer._folder = folder
    answer.seconds = perf_counter() - started
    return answer


def _edges(span: range) -> tuple[int, int]:
    return span.start, span.stop


def _span_of(timeline: Timeline, wanted: range) -> range:
    """Return the part of the run that is asked."""
    low, high = max(timeline.start, wanted.start), min(timeline.end, wanted.stop)
    if low > high:
        whole = f"{timeline.start:,}..{timeline.end:,}"
        last = f"{wanted.stop:,}" if wanted.stop < FOREVER else ""
        asked = f"{wanted.start:,}..{last}"
        raise QuestionError(f"the run has the instants {whole}, and {asked} is outside of it")
    return range(low, high)


def _reason(error: Exception) -> str:
    """Return why a worker has died, in a line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "there is no memory for it" if isinstance(error, MemoryError) else f"{error!r:.100}"


class Pool:
    """Hands intervals out and takes what they give."""

    def __init__(
        self, need: Need, how: Asking, intervals: Sequence[Interval], first: Timeline, folder: Path
    ) -> None:
        self.need, self._how = need.of_machine(first.machine), how
        self._waiting = list(reversed(intervals))
        self.intervals = intervals
        span = range(intervals[0].low, intervals[-1].high)
        self.span = range(span.start, span.stop + (span.stop == first.end))
        self._hold = Hold(how.bound, folder)
        self._rows: dict[int, Rows] = {}
        self._counts = np.zeros(COUNTS, np.uint64)
        self._partial: list[str] = []
        self._errors: list[BaseException] = []
        self._running: list[Timeline] = []
        self._stopped = False
        self._done = 0
        self._lock = Lock()

    # -- threads -----------------------------------------------------------------------------

    def run(self, threads: Sequence[Thread]) -> None:
        """Let threads work until all is asked."""
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.2)
        except BaseException:
            self.stop()
            for thread in threads:
                thread.join()
            raise
        if self._errors:
            raise self._errors[0]

    def stop(self) -> None:
        """Let all threads end soon."""
        with self._lock:
            self._stopped = True
            for timeline in self._running:
                timeline.interrupt()

    def work(self, source: Source, timeline: Timeline | None) -> None:
        """Ask intervals until there are no more."""
        try:
            timeline = timeline or source()
            with self._lock:
                self._running.append(timeline)
            self.work_here(timeline)
        except Interrupted:
            pass
        except BaseException as error:
            self._errors.append(error)
            self.stop()

    def work_here(self, timeline: Timeline) -> None:
        """Ask intervals in this thread."""
        worker = Worker(timeline, self.need, self._how, self._hold, self.span)
        try:
            while (interval := self._next()) is not None:
                try:
                    rows = worker.ask(interval, self._moved)
                except ReplayError as error:
                    self.fail(interval, str(error))
                    worker.forget()
                    continue
                except STUMBLES as error:
                    self.fail(interval, f"the replay stumbles: {error!r:.100}")
                    worker.forget()
                    continue
                except Interrupted:
                    raise
                except Exception as error:  # a full disk, no memory: the rest is worth having
                    LOG.info("an interval can't be asked", exc_info=True)
                    self.fail(interval, _reason(error))
                    worker.forget()
                    continue
                with self._lock:
                    self._rows[interval.number] = rows
        finally:
            worker.close()
            with self._lock:
                self._counts += worker.counts

    def _next(self) -> Interval | None:
        with self._lock:
            return self._waiting.pop() if self._waiting and not self._stopped else None

    def take(self, interval: Interval, rows: Rows, counts: Events) -> None:
        """Take what was given elsewhere of an interval; what is too much in memory goes to disk."""
        for name, pieces in rows.pieces.items():
            rows.pieces[name] = [self._hold.put(name, piece) for piece in pieces]
        with self._lock:
            self._rows[interval.number] = rows
            self._counts += counts
        self._moved(interval.high - interval.low)

    def fail(self, interval: Interval, reason: str) -> None:
        """Note that an interval is missing, and why."""
        with self._lock:
            self._partial.append(
                f"instructions {interval.low:,} to {interval.high:,} are missing: {reason}"
            )

    def _moved(self, instructions: int) -> None:
        with self._lock:
            self._done += instructions
            done = self._done
        self._how.progress(done, self.intervals[-1].high - self.intervals[0].low)

    # -- the whole ---------------------------------------------------------------------------

    def answer(self, span: range) -> Answer:
        """Put together what all intervals gave."""
        missing = [i for i in self.intervals if i.number not in self._rows]
        told = len(self._partial)
        if len(missing) > told:
            lost = [i for i in missing if not any(f" {i.low:,} to" in p for p in self._partial)]
            self._partial += [f"instructions {i.low:,} to {i.high:,} are missing" for i in lost]
        ordered = [self._rows[number] for number in sorted(self._rows)]
        tables: dict[str, TableRows] = {}
        for name in sorted(self.need.tables):
            pieces: list[Piece]
            if name == "executed":
                firsts = [events for rows in ordered for events in rows.firsts]
                whole = np.concatenate([np.empty(0, EVENTS), *firsts])
                pieces = [executed(self._counts, whole, line_20=self.need.line_20)]
            else:
                pieces = [p for rows in ordered for p in rows.pieces.get(name, ())]
            tables[name] = TableRows(name, pieces)
        return Answer(tables, span, self._partial)


class Worker:
    """One thread's machine, which goes through intervals with probes in it."""

    def __init__(
        self, timeline: Timeline, need: Need, how: Asking, hold: Hold, span: range
    ) -> None:
        self._timeline = timeline
        self._how = how
        machine = timeline.machine
        self._screens = ScreensSeen(machine, span) if "screens" in need.tables else None
        self._gatherer = Gatherer(hold, need, span, self._screens)
        self._tape = Tape(need.probes(), self._gatherer.take)
        self._counts: Events = np.frombuffer(self._tape.counts, np.uint64)
        self.counts: Events = np.zeros(COUNTS, np.uint64)
        """How often what was executed, in the intervals that were asked whole."""
        self._services = ServicesSeen(machine, span) if "services" in need.tables else None
        self._context = ExitStack()
        self._inside = False

    def ask(self, interval: Interval, moved: Callable[[int], None]) -> Rows:
        """Go through an interval and return what it gave."""
        self._go_to(interval)
        timeline = self._timeline
        before = timeline.now
        for _ in timeline.walk(interval.high, repeat(STRIDE)):
            moved(timeline.now - before)
            before = timeline.now
        moved(timeline.now - before)
        self._tape.flush()
        rows = self._gatherer.end()
        if self._services is not None:
            rows.pieces.setdefault("services", []).append(self._services.take())
        np.copyto(self.counts, self._counts)
        return rows

    def _go_to(self, interval: Interval) -> None:
        """Stand at the beginning of an interval with probes in the machine.

        What happened at its first instant before the instruction there (an input, an interrupt)
        belongs to the interval before; the first of all has it itself.
        """
        timeline, low = self._timeline, interval.low
        if self._inside and timeline.now == low:
            return
        if self._inside and low in timeline.icounts():
            self._deafly(lambda: timeline.seek(low))
            return
        self.close()
        if interval.number or low == timeline.start:
            timeline.seek(low)
            self._enter()
            return
        timeline.seek(low - 1)
        self._enter()
        for _ in timeline.walk(low, repeat(1)):
            pass
        self._tape.flush()
        self._counts.fill(0)

    def _enter(self) -> None:
        machine = self._timeline.machine
        self._context.enter_context(probed(machine, self._tape, self._how.engine))
        if self._services is not None:
            self._services.attach()
            self._context.callback(self._services.detach)
        if self._screens is not None:
            self._screens.attach()
            self._context.callback(self._screens.detach)
        self._inside = True

    def _deafly(self, move: Callable[[], None]) -> None:
        """Do something of which nothing is to be noted."""
        self._gatherer.deaf = True
        try:
            move()
            self._tape.flush()
        finally:
            self._gatherer.deaf = False
        if self._screens is not None:
            self._screens.begin()

    def forget(self) -> None:
        """Drop what an interval has given that came to no good end."""
        self.close()
        self._gatherer.end()
        np.copyto(self._counts, self.counts)
        if self._services is not None:
            self._services.take()

    def close(self) -> None:
        """Take the probes out of the machine."""
        if self._inside:
            self._inside = False
            self._context.close()
