"""The chain of instants through which a value came to be what it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from blink16.cpu import engines
from blink16.cpu.flow import FLAGS, OF_COPROCESSOR, Location, LocationKind, in_memory
from blink16.history.inputs import MemoryWritten
from blink16.history.timeline import Timeline
from blink16.machine import Machine
from blink16.memory import PAGE_SHIFT, PageState
from blink16.questions.dataflow.deliveries import Delivered, placed
from blink16.questions.dataflow.search import Searcher
from blink16.questions.dataflow.writings import Writer, Writing

MAX_STEPS = 1000
"""Steps of one chain."""
MAX_LIVE = 4096
"""Bytes that are followed at a time."""


class End(StrEnum):
    """What a value is from, where it can be followed no farther."""

    CONSTANT = "constant"  # in the instruction
    PORT = "port"
    COPROCESSOR = "8087"  # what it has computed, which isn't followed
    SERVICE = "service"  # what DOS, the BIOS or ELKS has answered
    FILE = "file"  # a byte of a file or a disk
    DEVICE = "device"
    DEBUGGER = "debugger"
    START = "start"  # it was there when the history began
    CHANGED = "changed"  # not by a store: other memory was mapped there


@dataclass(frozen=True, slots=True)
class ProgramFile:
    """A program as its file has it."""

    name: str
    image: bytes


@dataclass(frozen=True, slots=True)
class Step:
    """An instant at which a part of the value was written, or where it ends."""

    writer: Writer | None
    """None: nobody, as far as the history reaches."""
    icount: int
    """Instructions retired before; seeking there shows the machine before it."""
    cs: int
    ip: int
    code: bytes
    """The instruction, if it was one."""
    writes: Mapping[Location, int]
    """What was written, of what matters: bytes by their places."""
    sources: frozenset[Location]
    """What that was made of, and is followed."""
    ends: tuple[tuple[End, str], ...] = ()
    """From what else it is, and which: a port, bytes of a file."""
    call: str = ""
    """What the service was asked, decoded."""
    times: int = 1
    """In a row: a loop that counts is one step, at its last round."""
    since: int | None = None
    """When it was the first time, if it was more than once."""

    def repeats(self, later: Step) -> bool:
        """Return whether it is the same instruction, on the same places, as a later one."""
        return (
            bool(self.code)
            and (self.cs, self.ip, self.code) == (later.cs, later.ip, later.code)
            and self.writes.keys() == later.writes.keys()
            and self.sources == later.sources == self.writes.keys()
            and self.ends == later.ends
        )


@dataclass(slots=True)
class Chain:
    """The steps back from a value, the latest first."""

    steps: list[Step] = field(default_factory=list)
    cut: bool = False
    """Whether there are more than `MAX_STEPS`."""

    def add(self, step: Step) -> None:
        """Add an earlier step."""
        last = self.steps[-1] if self.steps else None
        if last is not None and step.repeats(last):
            self.steps[-1] = replace(last, times=last.times + 1, since=step.icount)
        else:
            self.steps.append(step)


def origin(
    timeline: Timeline,
    places: Iterable[Location],
    engine: str = engines.DEFAULT,
    program: ProgramFile | None = None,
) -> Chain:
    """Return where the bytes that some places hold now are from; the machine stays here.

    ``program``: what was loaded before the history began.  Followed is what a value was computed
    from, not the addresses and conditions by which.  Nobody's points may be in the machine.
    Interrupted if a request to stop came.
    """
    chain = Chain()
    now = timeline.now
    live = {place: _content(timeline.machine, place) for place in places}
    with timeline.excursion():
        wanted = set(live)
        for writing in Searcher(timeline, engine).backward(wanted, now):
            if len(chain.steps) >= MAX_STEPS or len(wanted) > MAX_LIVE:
                chain.cut = True
                return chain
            step = _step(writing, live)
            chain.add(step)
            _follow(writing, live, step)
            wanted.clear()
            wanted.update(live)
        if wanted:
            timeline.seek(timeline.start)
            chain.steps += _at_the_start(timeline, live, program)
    return chain


def _content(machine: Machine, place: Location) -> int | None:
    """Return the byte in a place, None if there is more than one (an EGA's planes)."""
    if place.kind is LocationKind.REGISTER:
        return machine.registers.state[place.at] if place.at < FLAGS else None
    if machine.memory.pages[place.at >> PAGE_SHIFT] & PageState.PLANAR:
        return None
    return machine.memory.whole[place.at]


def _step(writing: Writing, live: Mapping[Location, int | None]) -> Step:
    """Return the step that a writing is for the live places."""
    mine = {place: made for place, made in sorted(writing.writes.items()) if place in live}
    ends: set[End] = set()
    ports: set[int] = set()
    files: list[Delivered] = []
    sources: set[Location] = set()
    for place, made in mine.items():
        if live[place] not in (None, made.byte):
            ends.add(End.CHANGED)
        elif writing.writer in (Writer.SERVICE, Writer.DEVICE) and (
            found := writing.deliveries.source_of(place.at)
            if place.kind is LocationKind.MEMORY
            else None
        ):
            files.append(found)
        elif not made.sources:
            ends.add(_ENDS[writing.writer])
        else:
            if made.sources == OF_COPROCESSOR:
                ends.add(End.COPROCESSOR)
            ports |= {source.at for source in made.sources if source.kind is LocationKind.PORT}
            sources |= {source for source in made.sources if source.kind in _FOLLOWED}
    told = [(end, "") for end in sorted(ends)]
    told += [(End.PORT, f"port {port:03X}h") for port in sorted(ports)]
    told += [(End.FILE, text) for text in _spelled(files)]
    return Step(
        writing.writer,
        writing.icount,
        writing.cs,
        writing.ip,
        writing.code,
        {place: made.byte for place, made in mine.items()},
        frozenset(sources),
        tuple(told),
        writing.text,
    )


_FOLLOWED = (LocationKind.REGISTER, LocationKind.MEMORY)
_ENDS = {
    Writer.INSTRUCTION: End.CONSTANT,
    Writer.INTERRUPT: End.CONSTANT,
    Writer.DEBUGGER: End.DEBUGGER,
    Writer.SERVICE: End.SERVICE,
    Writer.DEVICE: End.DEVICE,
}


def _spelled(files: Iterable[Delivered]) -> Iterator[str]:
    """Yield bytes of files in words, those beside each other together."""
    first: Delivered | None = None
    last: Delivered | None = None
    for found in sorted(set(files)):
        if first is None or last is None or found != (last.source, last.offset + 1):
            if first is not None and last is not None:
                yield _stretch(first, last)
            first = found
        last = found
    if first is not None and last is not None:
        yield _stretch(first, last)


def _stretch(first: Delivered, last: Delivered) -> str:
    if first == last:
        return f"byte {first.offset:,} of {first.source}"
    return f"bytes {first.offset:,} to {last.offset:,} of {first.source}"


def _follow(writing: Writing, live: dict[Location, int | None], step: Step) -> None:
    """Make the sources of what was written live in its place."""
    for place in step.writes:
        del live[place]
    for source in step.sources:
        live[source] = writing.read.get(source)


def _at_the_start(
    timeline: Timeline, live: Mapping[Location, int | None], program: ProgramFile | None
) -> list[Step]:
    """Return the steps of what was there when the history began."""
    start, memory = timeline.start, timeline.machine.memory
    written = {
        in_memory(entry.address + n)
        for entry in timeline.inputs()
        if isinstance(entry, MemoryWritten) and entry.icount == start
        for n in range(len(entry.data))
    }
    found: dict[End, dict[Location, int]] = {}
    files: list[Delivered] = []
    for place, byte in sorted(live.items()):
        content = _content(timeline.machine, place)
        end, at = End.START, None
        if content is not None and byte not in (None, content):
            end = End.CHANGED
        elif place in written:
            end = End.DEBUGGER
        elif program is not None and place.kind is LocationKind.MEMORY and start == timeline.began:
            at = placed(program.image, memory.whole, place.at)
        if program is not None and at is not None:
            end = End.FILE
            files.append(Delivered(program.name, at))
        found.setdefault(end, {})[place] = content or 0
    return [
        Step(
            None,
            start,
            0,
            0,
            b"",
            values,
            frozenset(),
            tuple((end, text) for text in _spelled(files)) if end is End.FILE else ((end, ""),),
        )
        for end, values in found.items()
    ]
