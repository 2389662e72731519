"""Backward through all that was written to some places.

Registers are looked for instruction by instruction, since most were written a moment ago.  What
lies farther back is searched natively: stores with watchpoints, registers with breakpoints at
those instructions, of all that were executed, that may write them.
"""

from __future__ import annotations

from collections.abc import Iterator

from blink16.breakpoints import Point, PointKind, Points
from blink16.cpu import effects, engines
from blink16.cpu.flow import CODE, Location, LocationKind, in_memory
from blink16.cpu.probes import EVENT_LAYOUT, Probe, ProbeEvent, Probes, Tape
from blink16.history.inputs import MemoryWritten, RegisterWritten
from blink16.history.search import last_hit
from blink16.history.timeline import Timeline
from blink16.machine import Machine
from blink16.memory import RAM_SIZE, Attribute, linear
from blink16.questions.dataflow.writings import Writing, writings
from blink16.questions.probed import probed

WALK = 64
"""Instructions that are looked at one by one first; then four times as many, and so on."""
MAX_WALK = 5000
SPAN = 5_000_000
"""Instructions that are searched natively first; then eight times as many, and so on."""


class Searcher:
    """Searches the past of a machine in which nobody has points."""

    def __init__(self, timeline: Timeline, engine: str = engines.DEFAULT) -> None:
        self._timeline = timeline
        self._engine = engine
        self._points = Points(timeline.machine.memory)

    def backward(self, live: set[Location], before: int) -> Iterator[Writing]:
        """Yield what has written any of the live places, the latest first.

        ``live`` may be changed between; what is added is looked for before what was yielded last.
        ``before``: an instant, of which the places' content is that is looked for.
        """
        timeline, high, span = self._timeline, before, WALK
        while live and high > timeline.start:
            low, behind = max(timeline.start, high - span), high
            if span > MAX_WALK or all(place.kind is LocationKind.MEMORY for place in live):
                found = self._jump(live, high)
                if found is None:
                    return
                (low, behind), span = found, WALK // 4
            hits = 0
            for writing in reversed(writings(timeline, low, behind)):
                if not live.isdisjoint(writing.writes):
                    hits += 1
                    yield writing
            high = low
            span = min(span * 4, MAX_WALK) if hits else span * 4

    # -- farther back ------------------------------------------------------------------------

    def _jump(self, live: set[Location], high: int) -> tuple[int, int] | None:
        """Return the latest instants between which a live place may have been written."""
        timeline = self._timeline
        watches = [
            Point(PointKind.WRITE, place.at)
            for place in live
            if place.kind is LocationKind.MEMORY and place.at < RAM_SIZE
        ]
        registers = {place.at for place in live if place.kind is LocationKind.REGISTER}
        told = self._last_input(live, high)
        floor = max(timeline.start, -1 if told is None else told)
        span = SPAN if registers else high - floor
        while high > floor:
            low = max(floor, high - span)
            points = list(watches)
            if registers:
                points += [
                    Point(PointKind.EXECUTE, at) for at in self._writers(registers, low, high)
                ]
            if points:
                timeline.seek(high)
                with self._points.replaced(points):
                    hit = last_hit(timeline, low)
                if hit is not None:
                    margin = WALK if registers else 0  # an entry comes before the breakpoint
                    return max(floor, hit.icount - margin), min(high, hit.icount + 1)
            high, span = low, span * 8
        return None if told is None else (told, min(told + 1, high))

    def _last_input(self, live: set[Location], high: int) -> int | None:
        """Return the instant before the last at which a debugger may have written a live place."""
        for entry in reversed(self._timeline.inputs()):
            if not self._timeline.start < entry.icount <= high:
                continue
            if isinstance(entry, RegisterWritten) or (
                isinstance(entry, MemoryWritten)
                and any(in_memory(entry.address + n) in live for n in range(len(entry.data)))
            ):
                return entry.icount - 1
        return None

    def _writers(self, registers: set[int], low: int, high: int) -> set[int]:
        """Return the addresses of the executed instructions that may have written registers.

        What code looked like is known of both ends: what stood there only between is overlooked.
        """
        timeline, machine = self._timeline, self._timeline.machine
        places: set[tuple[int, int]] = set()
        entered: set[int] = set()

        def take(events: memoryview) -> None:
            for _, kind, _, cs, ip, target, _, _, _ in EVENT_LAYOUT.iter_unpack(events):
                if kind == ProbeEvent.FIRST:
                    places.add((cs, ip))
                else:
                    entered.update(_addresses(machine, target >> 16, target & 0xFFFF))

        timeline.seek(low)
        by_entry = not registers.isdisjoint(effects.INTERRUPT_ENTRY)
        tape = Tape(Probes(Probe.EXECUTED | (Probe.INTERRUPTS if by_entry else 0)), take)
        found = set()
        with probed(machine, tape, self._engine):
            for _ in timeline.walk(high, [high - low]):
                pass
            tape.flush()
        for instant in (high, low):
            timeline.seek(instant)
            found |= {
                at
                for place in places
                for at in _addresses(machine, *place)
                if _may_write(machine, at, registers)
            }
        return found | entered


def _addresses(machine: Machine, cs: int, ip: int) -> set[int]:
    """Return where an instruction may have been, with address line 20 closed or open."""
    return {linear(cs, ip), linear(cs, ip, machine.has_a20)}


def _may_write(machine: Machine, at: int, registers: set[int]) -> bool:
    if machine.memory.attributes[at] & Attribute.SERVICE:
        return True
    code = bytes(machine.memory.whole[at : at + CODE])
    return not registers.isdisjoint(effects.written_registers(machine.model, code))
