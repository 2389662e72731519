"""Reads a recording and makes a timeline of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from construct import ConstructError

from blink16.assembly import Snapshot
from blink16.cpu.models import MODELS
from blink16.cpu.registers import ARCHITECTURE
from blink16.debugger import WRITABLE
from blink16.history.bookmarks import BookmarkError, Bookmarks
from blink16.history.inputs import Input, MemoryWritten, Received, RegisterWritten
from blink16.history.terms import STUMBLES, KeptState, TimelineError
from blink16.history.timeline import Timeline
from blink16.hostfs.hostfolder import FileKind, HostAnswer, HostAnswers, HostEntry, HostQuestion
from blink16.machine import Machine
from blink16.memory import MEMORY_SIZE, PAGE_COUNT, PAGE_SIZE, RAM_SIZE
from blink16.recording import plain
from blink16.recording.launching import RecordedLaunch, parse_launch
from blink16.recording.records import (
    BATCH,
    HEADER,
    MAX_BATCH,
    VERSION,
    RecordingError,
    RecordKind,
    parse_batch,
)
from blink16.recording.shapes import alone, check, shaped, strings

MAX_ICOUNT = 1 << 62
MAX_CYCLES = 1 << 60
"""Clock cycles up to a state: `assembly.FOREVER`, at which nothing runs on, is far beyond."""


@dataclass
class Recording:
    """A recording's content."""

    launch: RecordedLaunch
    start: Snapshot
    ram: bytes
    first: int
    """The instruction count of the start."""
    end: int
    inputs: list[Input] = field(default_factory=list)
    checkpoints: list[KeptState] = field(default_factory=list)
    answers: HostAnswers = field(default_factory=dict)
    bookmarks: list[tuple[int, str]] = field(default_factory=list)
    damage: str | None = None
    """Why it could not be read to its end; None if it could."""

    def play(self, machine: Machine, *, limit: int) -> Timeline:
        """Return the recorded history, on a machine made from `launch` and `answers`.

        ``limit``: of the history's memory, bytes; TimelineError if that's too few.
        RecordingError if it is no such machine.
        """
        try:
            machine.memory.store(0, self.ram)
            model = machine.save()
            start = _shaped_like(self.start, model)
            machine.restore(start)
            self._look_for_receivers(machine)
            timeline = Timeline(machine, limit=limit)
            kept = [replace(c, snapshot=_shaped_like(c.snapshot, model)) for c in self.checkpoints]
            for checkpoint in kept:
                machine.restore(checkpoint.snapshot)
            machine.restore(start)
            timeline.adopt(self.inputs, kept, self.end)
        except TimelineError:
            raise
        except STUMBLES as error:
            raise RecordingError(f"the recording doesn't fit this program: {error}") from None
        return timeline

    def _look_for_receivers(self, machine: Machine) -> None:
        """LookupError if there is input for what the machine hasn't got."""
        channels = {entry.channel for entry in self.inputs if isinstance(entry, Received)}
        for channel in channels:
            if not hasattr(machine.component(channel), "receive"):
                raise LookupError(f"nothing takes input for {channel[:40]!r}")


def open_recording(path: Path) -> Recording:
    """Read a recording up to its end or damage.

    RecordingError if it can't be read, is none, is of a newer version, or is damaged so early
    that nothing is left to show.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except OSError as error:
        raise RecordingError(f"{path}: can't read it: {error.strerror}") from None
    except RecordingError as error:
        raise RecordingError(f"{path}: {error}") from None


def _read(file: BinaryIO) -> Recording:
    _check_header(file.read(HEADER.sizeof()))
    batches = _batches(file)
    recording = _begin(batches)
    try:
        for records in batches:
            for record in records:
                _take(recording, record)
    except RecordingError as error:
        recording.damage = str(error)
    _drop_unreachable(recording)
    return recording


def _check_header(data: bytes) -> None:
    try:
        header = HEADER.parse(data)
    except ConstructError:
        raise RecordingError("this is no recording of blink16") from None
    if header.version < VERSION:
        raise RecordingError(
            f"its format is {header.version}, of an older blink16, whose machines did not "
            "do quite the same: it has to be recorded anew"
        )
    if header.version > VERSION:
        raise RecordingError(
            f"its format is {header.version}, of a newer blink16; this one reads {VERSION}"
        )


def _batches(file: BinaryIO) -> Iterator[tuple[object, ...]]:
    while front := file.read(BATCH.sizeof()):
        if len(front) < BATCH.sizeof():
            raise RecordingError("its end is missing: it was cut off, or is still being written")
        length = BATCH.parse(front).length
        if length > MAX_BATCH:
            raise RecordingError("a length is wrong")
        data = file.read(length)
        if len(data) < length:
            raise RecordingError("its end is missing: it was cut off, or is still being written")
        yield parse_batch(front, data)


def _begin(batches: Iterator[tuple[object, ...]]) -> Recording:
    """Read the batches without which nothing can be shown."""
    launch = parse_launch(batches)
    registers, components, ram = shaped(
        alone(next(batches, ()), RecordKind.START), bytes, tuple, bytes
    )
    if len(ram) != RAM_SIZE:
        raise RecordingError(f"the start has no {RAM_SIZE:,} bytes of RAM")
    start = Snapshot(registers, _components(components))
    first = _icount_of(registers)
    return Recording(launch, start, ram, first, first)


# -- records ---------------------------------------------------------------------------------


def _take(recording: Recording, record: object) -> None:
    if not isinstance(record, tuple) or not record or not isinstance(record[0], int):
        raise RecordingError("there is an unknown record")
    take = _TAKERS.get(record[0])
    if take is None:
        raise RecordingError("there is an unknown record")
    take(recording, record[1:])


def _take_received(recording: Recording, fields: tuple[Any, ...]) -> None:
    _log(recording, Received(*shaped(fields, int, str, bytes)))


def _take_memory(recording: Recording, fields: tuple[Any, ...]) -> None:
    icount, address, data = shaped(fields, int, int, bytes)
    end = RAM_SIZE if MODELS[recording.launch.cpu].reaches_high else MEMORY_SIZE
    if not 0 <= address <= address + len(data) <= end:
        raise RecordingError("an address is outside of memory")
    _log(recording, MemoryWritten(icount, address, data))


def _take_register(recording: Recording, fields: tuple[Any, ...]) -> None:
    icount, name, value = shaped(fields, int, str, int)
    if name not in WRITABLE or not 0 <= value <= 0xFFFF:
        raise RecordingError("there is an unknown register")
    _log(recording, RegisterWritten(icount, name, value))


def _log(recording: Recording, entry: Input) -> None:
    last = recording.inputs[-1].icount if recording.inputs else recording.first
    check(last <= entry.icount <= MAX_ICOUNT, "inputs are out of order")
    recording.inputs.append(entry)
    recording.end = max(recording.end, entry.icount)


def _take_cut(recording: Recording, fields: tuple[Any, ...]) -> None:
    icount, inputs = shaped(fields, int, int)
    check(recording.first <= icount <= recording.end, "a cut is out of place")
    check(0 <= inputs <= len(recording.inputs), "a cut is out of place")
    del recording.inputs[inputs:]
    recording.checkpoints = [c for c in recording.checkpoints if c.icount <= icount]
    recording.end = icount


def _take_host(recording: Recording, fields: tuple[Any, ...]) -> None:
    question, path, answer = shaped(fields, str, tuple, object)
    try:
        recording.answers[HostQuestion(question), strings(path)] = _answer(
            HostQuestion(question), answer
        )
    except ValueError:
        raise RecordingError("an answer of the host is damaged") from None


def _answer(question: HostQuestion, answer: Any) -> HostAnswer:
    if isinstance(answer, int):
        return answer
    if question is HostQuestion.NAMES:
        return frozenset(strings(answer))
    if question is HostQuestion.CONTENT:
        return bytes(shaped((answer,), bytes)[0])
    kind, *rest = shaped(answer, int, int, int, int, str)
    return HostEntry(FileKind(kind), *rest)


def _take_checkpoint(recording: Recording, fields: tuple[Any, ...]) -> None:
    icount, inputs, base, registers, components, pages = shaped(
        fields, int, int, int, bytes, tuple, dict
    )
    last = recording.checkpoints[-1] if recording.checkpoints else None
    check(base in (recording.first, last and last.icount), "a checkpoint has no base")
    check(icount > (last.icount if last else recording.first), "checkpoints are out of order")
    check(0 <= inputs <= len(recording.inputs), "a checkpoint has seen too much")
    check(icount == _icount_of(registers), "a checkpoint is of another instant")
    for page, content in pages.items():
        page_is_there = isinstance(page, int) and 0 <= page < PAGE_COUNT
        check(page_is_there and isinstance(content, bytes), "a page is damaged")
        check(len(content) == PAGE_SIZE, "a page is damaged")
    snapshot = Snapshot(registers, _components(components))
    recording.checkpoints.append(KeptState(icount, snapshot, inputs, base, pages))
    recording.end = max(recording.end, icount)


def _take_reached(recording: Recording, fields: tuple[Any, ...]) -> None:
    (icount,) = shaped(fields, int)
    check(recording.end <= icount <= MAX_ICOUNT, "the end is out of order")
    recording.end = icount


def _take_bookmarks(recording: Recording, fields: tuple[Any, ...]) -> None:
    (entries,) = shaped(fields, tuple)
    marks = Bookmarks()
    try:
        for icount, name in (shaped(entry, int, str) for entry in entries):
            marks.set(icount, name)
    except BookmarkError as error:
        raise RecordingError(str(error)) from None
    recording.bookmarks = marks.all()


_TAKERS: dict[object, Callable[[Recording, tuple[Any, ...]], None]] = {
    RecordKind.RECEIVED: _take_received,
    RecordKind.MEMORY: _take_memory,
    RecordKind.REGISTER: _take_register,
    RecordKind.CUT: _take_cut,
    RecordKind.HOST: _take_host,
    RecordKind.CHECKPOINT: _take_checkpoint,
    RecordKind.REACHED: _take_reached,
    RecordKind.BOOKMARKS: _take_bookmarks,
}


def _drop_unreachable(recording: Recording) -> None:
    """Let checkpoints and bookmarks go that damage has left without their instant."""
    count = len(recording.inputs)
    recording.checkpoints = [c for c in recording.checkpoints if c.inputs <= count]
    span = range(recording.first, recording.end + 1)
    recording.bookmarks = [mark for mark in recording.bookmarks if mark[0] in span]


# -- states ----------------------------------------------------------------------------------


def _components(value: tuple[Any, ...]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, state) for name, state in (shaped(c, str, object) for c in value))


def _shaped_like(state: Snapshot, model: Snapshot) -> Snapshot:
    """Return a state as the components of this program save it."""
    models = dict(model.components)
    components = tuple(
        (name, plain.shaped_like(value, models[name])) for name, value in state.components
    )
    return replace(state, components=components)


def _icount_of(registers: bytes) -> int:
    """Return the instruction count in a processor's saved state."""
    try:
        state = ARCHITECTURE.parse(registers)
    except ConstructError:
        raise RecordingError("a processor's state is damaged") from None
    check(state.cycles <= MAX_CYCLES, "a processor's state is of an impossible time")
    return int(state.icount)
