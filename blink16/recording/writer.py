"""Writes a recording as the history grows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import BinaryIO

from blink16.assembly import Snapshot
from blink16.history.inputs import Input
from blink16.history.terms import KeptState
from blink16.history.timeline import Timeline
from blink16.hostfs.hostfolder import HostAnswers, HostEntry
from blink16.memory import PAGE_COUNT, PAGE_SHIFT, PAGE_SIZE
from blink16.recording.launching import RecordedLaunch, launch_records
from blink16.recording.plain import PlainError
from blink16.recording.records import (
    HEADER,
    VERSION,
    Record,
    RecordingError,
    RecordKind,
    build_batch,
    input_record,
)

CHECKPOINT_SECONDS = 0.25
"""Running between two checkpoints in the file."""
OVERHEAD = 20
"""A checkpoint may cost one part in so many of that."""
INPUTS_AT_ONCE = 1000
FLUSH_SECONDS = 0.05
"""The least between two flushes that bring nothing but progress."""


class Recorder:
    """Appends to a file what happens on a timeline (`history.timeline.Observer`).

    If the file can't be written any more, recording ends with a line to ``on_notice``, and the
    session goes on without.
    """

    def __init__(
        self,
        path: Path,
        launch: RecordedLaunch,
        timeline: Timeline,
        answers: HostAnswers,
    ) -> None:
        """Begin a recording of a timeline whose history begins here.

        ``answers``: what the host's file system has said and will say (`HostFolder.answers`).
        RecordingError if the file exists or can't be written.
        """
        self.path = path
        self._timeline = timeline
        self._answers = answers
        self._known_answers = 0
        self.on_notice: Callable[[str], None] = lambda text: None
        """Told in one line if the recording ends because it can't be written."""
        self.bookmarks: Callable[[], Iterable[tuple[int, str]]] = list
        """Tells the bookmarks, which are written with whatever else there is."""
        self._bookmarks: tuple[tuple[int, str], ...] = ()
        self._pending: list[Record] = []
        self._urgent = False
        self._start_ram = self._ram = bytes(timeline.machine.memory.whole)
        self._base = self._first = timeline.now
        self._reached = timeline.now
        self._last_flush = self._last_checkpoint = perf_counter()
        self._checkpoint_seconds = 0.0
        self._file: BinaryIO | None = _new(path)
        try:
            self._begin(launch, timeline.machine.save())
        except (OSError, PlainError, RecordingError) as error:
            self._file.close()
            path.unlink(missing_ok=True)
            raise RecordingError(f"{path}: can't record: {_reason(error)}") from None
        timeline.observer = self

    def _begin(self, launch: RecordedLaunch, start: Snapshot) -> None:
        assert self._file is not None
        self._file.write(HEADER.build({"version": VERSION, "reserved": 0}))
        for record in launch_records(launch):
            self._write([record])
        self._write([(RecordKind.START, start.registers, start.components, self._ram)])

    def adopt(self, inputs: Sequence[Input], kept: Sequence[KeptState]) -> None:
        """Write down a history that the timeline has taken over from another recording."""
        for first in range(0, len(inputs), INPUTS_AT_ONCE):
            self._append(*map(input_record, inputs[first : first + INPUTS_AT_ONCE]))
        with suppress(PlainError):  # too large, as below; the next ones need it
            for state in kept:
                self._append(_checkpoint(state))
        self.flush()

    # -- what the timeline tells -------------------------------------------------------------

    def happened(self, entry: Input) -> None:
        """An input was logged."""
        self._pending.append(input_record(entry))
        self._urgent = True

    def dropped(self, icount: int, inputs: int) -> None:
        """The history now ends at ``icount``, with so many inputs."""
        self._pending.append((RecordKind.CUT, icount, inputs))
        self._urgent = True
        self._reached = min(self._reached, icount)
        if self._base > icount:  # the checkpoint that the next one was to build upon
            self._base, self._ram = self._first, self._start_ram

    def kept(self, icount: int, inputs: int, snapshot: Snapshot) -> None:
        """A checkpoint was made at the end of the history."""
        started = perf_counter()
        enough = max(CHECKPOINT_SECONDS, OVERHEAD * self._checkpoint_seconds)
        if self._file is None or started - self._last_checkpoint < enough or icount <= self._base:
            return
        ram = bytes(self._timeline.machine.memory.whole)
        pages = {
            page: new
            for page in range(PAGE_COUNT)
            if (new := _page(ram, page)) != _page(self._ram, page)
        }
        self.flush()
        with suppress(PlainError):  # too large: a disk with much that is new; do without
            self._append(_checkpoint(KeptState(icount, snapshot, inputs, self._base, pages)))
            self._base, self._ram = icount, ram
        self._last_checkpoint = perf_counter()
        self._checkpoint_seconds = self._last_checkpoint - started

    def reached(self, icount: int) -> None:
        """A run has ended at the end of the history."""
        if self._urgent or perf_counter() - self._last_flush > FLUSH_SECONDS:
            self.flush()

    # -- writing -----------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what has gathered."""
        end = self._timeline.end
        self._pending += self._new_answers()
        if end != self._reached:
            self._pending.append((RecordKind.REACHED, end))
            self._reached = end
        marks = tuple(self.bookmarks())
        if marks != self._bookmarks:
            self._pending.append((RecordKind.BOOKMARKS, marks))
            self._bookmarks = marks
        if self._pending:
            try:
                self._append(*self._pending)
            except PlainError as error:
                self._give_up(error)
        self._pending = []
        self._urgent = False
        self._last_flush = perf_counter()

    def close(self) -> None:
        """Write what has gathered and end the recording."""
        self.flush()
        self._timeline.observer = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _new_answers(self) -> list[Record]:
        new = list(islice(self._answers.items(), self._known_answers, None))
        self._known_answers += len(new)
        records: list[Record] = []
        for (question, path), answer in new:
            plain = tuple(answer) if isinstance(answer, HostEntry) else answer
            names = tuple(sorted(answer)) if isinstance(answer, frozenset) else plain
            records.append((RecordKind.HOST, question.value, path, names))
        return records

    def _append(self, *records: Record) -> None:
        """Write a batch, if that still can be; PlainError if it isn't plain."""
        if self._file is None:
            return
        try:
            self._write(list(records))
        except OSError as error:
            self._give_up(error)

    def _write(self, records: list[Record]) -> None:
        assert self._file is not None
        self._file.write(build_batch(records))
        self._file.flush()

    def _give_up(self, error: Exception) -> None:
        assert self._file is not None
        file, self._file = self._file, None
        with suppress(OSError):  # what could not be written is told below
            file.close()
        self.on_notice(f"{self.path}: the recording ends here: {_reason(error)}")


def _new(path: Path) -> BinaryIO:
    try:
        return path.open("xb")
    except FileExistsError:
        raise RecordingError(f"{path}: it exists already, and recordings never overwrite") from None
    except OSError as error:
        raise RecordingError(f"{path}: can't record: {_reason(error)}") from None


def _checkpoint(kept: KeptState) -> Record:
    state = (kept.snapshot.registers, kept.snapshot.components)
    return RecordKind.CHECKPOINT, kept.icount, kept.inputs, kept.base, *state, kept.pages


def _page(ram: bytes, page: int) -> bytes:
    return ram[page << PAGE_SHIFT : (page << PAGE_SHIFT) + PAGE_SIZE]


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
