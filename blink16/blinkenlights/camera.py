"""Takes pictures of a machine: in two round trips, however many panels there are."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from blink16.blinkenlights.accesses import accesses
from blink16.blinkenlights.code_place import CodePlace
from blink16.blinkenlights.past import PastKnown
from blink16.blinkenlights.picture import AccessedMemory, MemoryWish, Picture, Stretch, Wanted
from blink16.blinkenlights.source_text import SourceText
from blink16.client import CodeReader, DeniedError, Target, UnsupportedError
from blink16.memory import MAX_INSTRUCTION
from blink16.reports.history import HistoryReport
from blink16.reports.registry import of_shape
from blink16.reports.screen import ScreenReport
from blink16.reports.state import RegisterValues, StateReport

ALL = 1 << 62
"""An instant behind all others: what comes from a machine that runs may be newer than a sample."""
SHOWN = (StateReport, HistoryReport, ScreenReport)
"""What each picture needs."""
SELDOM, SELDOM_AT_MOST = 4, 80
"""One in so many pictures of a machine that runs has anew what has to be computed; of what is slow,
one in more.
"""
SLOW = 0.005
"""Seconds for which a picture may wait for what has to be computed; what takes longer comes later.
"""


class _Since(NamedTuple):
    """What a picture has of the one before."""

    stands: bool
    """Whether the machine stands where it stood; its registers may have been changed."""
    registers: RegisterValues | None = None
    """Those before the last instruction, or before whatever else has come between."""
    touched: tuple[AccessedMemory, ...] | None = None
    """What the last instruction has touched, where that is known."""
    came_from: int | None = None

    @classmethod
    def of(cls, before: Picture | None, state: StateReport) -> _Since:
        """Compare a machine's state with the last picture."""
        if before is None:
            return cls(stands=False)
        stands = state.icount == before.state.icount
        if stands and state.registers == before.registers:  # of other size, or other panels
            return cls(stands, before.before, before.touched, before.came_from)
        if state.icount == before.state.icount + 1:
            return cls(stands, before.registers, before.next_touches, before.registers.pc)
        return cls(stands, before.registers)


class _Seen(NamedTuple):
    """What was read of a machine's memory."""

    code: bytes
    memory: dict[str, Stretch]
    touched: tuple[AccessedMemory, ...]
    next_touches: tuple[AccessedMemory, ...]


class Camera:
    """Takes one picture after another; each knows what changed since the one before."""

    def __init__(self) -> None:
        self.past = PastKnown()
        self.sources: SourceText | None = None
        self._last: Picture | None = None
        self._taken = 0
        self._took: dict[type, float] = {}
        """Seconds that it took to have what is computed, the last time."""
        self.owed: tuple[type, ...] = ()
        """Reports that the last picture has of another instant, because they take long."""
        self._searched: object = None
        """Of what the reports that search through the past were made last."""

    def take(
        self,
        target: Target,
        wanted: Wanted,
        told: str = "",
        printed: bytes = b"",
    ) -> Picture:
        """Look at a machine; what takes longer comes later (`look_back`).

        ``printed``: what its program has printed since the last picture.
        """
        (state, history, screen), reports = self._reports(target, wanted)
        since = _Since.of(self._last, state)
        decoder, registers = target.decoder(), state.registers
        code_at = wanted.code_at if since.stands else None
        place = CodePlace.at(registers, code_at)
        span = place.span(decoder.symbols, wanted.code_rows, state.memory_end)
        seen = self._look_at_memory(target, decoder, wanted, state, span, since.touched)
        near = since.came_from if code_at is None else registers.pc
        past = self.past
        past.end(history)
        if state.doing == "runs" or not past.output.is_known(history.end):
            past.output.add(printed, state.icount)  # else it is a late message of what is known
        past.want(wanted.layers)
        self._taken += 1
        self._last = Picture(
            state=state,
            code=place.lines(decoder, span[0], seen.code, wanted.code_rows, wanted.syntax, near),
            history=history,
            memory=seen.memory,
            points=target.points,
            decoder=decoder,
            screen=screen,
            before=since.registers,
            touched=seen.touched,
            next_touches=seen.next_touches,
            came_from=since.came_from,
            code_at=code_at,
            told=told,
            running=state.doing == "runs",
            output=past.output.until(ALL if state.doing == "runs" else state.icount),
            output_start=past.output.start,
            printed_at=past.output.instants,
            layers=past.layers,
            sources=self.sources,
            reports=reports,
            bookmarks={mark.name: mark.icount for mark in history.bookmarks},
        )
        return self._last

    def look_back(self, target: Target, wanted: Wanted) -> Picture | None:
        """Ask for something that takes longer; return the last picture with that, if any was left.

        Each takes some milliseconds at most, or is one report.
        """
        last = self._last
        if last is None:
            return None
        searched = tuple(shape for shape in wanted.reports if of_shape(shape).searches)
        reports = dict(last.reports)
        self.past.want(wanted.layers)
        owed, self.owed = self.owed, ()
        searches = bool(searched) and (last.state.generation, searched) != self._searched
        if owed:
            reports |= {type(report): report for report in self._computed(target, owed)}
            searches = False
        elif searches:
            reports |= {type(report): report for report in _those_possible(target, searched)}
        elif not self.past.ask(target, last.history):
            return None
        output, state = self.past.output, target.state()
        if state.icount != last.state.icount:
            return None  # it was moved meanwhile
        if searches:
            self._searched = state.generation, searched  # a search may count as a change
        self._last = replace(
            last,
            state=state,
            reports=reports,
            output=output.until(last.state.icount),
            output_start=output.start,
            printed_at=output.instants,
            layers=self.past.layers,
            again=True,
        )
        return self._last

    def forget(self) -> None:
        """Begin anew, with a machine that was loaded afresh."""
        self.past = PastKnown()
        self._last = self._searched = None
        self.owed = ()

    def _reports(self, target: Target, wanted: Wanted) -> tuple[list[Any], dict[type, object]]:
        """Return what each picture needs, and what of the rest is known or can be had.

        What searches is kept as it was, and so is what takes long to compute.
        """
        last = self._last
        kept = {} if last is None else last.reports
        shapes = [shape for shape in wanted.reports if not of_shape(shape).searches]
        late = [shape for shape in shapes if shape in kept and self._may_be_late(target, shape)]
        asked = [shape for shape in shapes if shape not in late]
        began = time.perf_counter()
        try:
            found = target.reports(*SHOWN, *asked)
        except DeniedError:
            found = [*target.reports(*SHOWN), *_those_possible(target, asked)]
        self._mind(asked, time.perf_counter() - began)
        shown, more = found[: len(SHOWN)], found[len(SHOWN) :]
        stands = shown[0].doing != "runs"
        if late and stands and last is not None and (last.running or target.only_watches):
            more += self._computed(target, late)
            asked, late = shapes, []
        self.owed = tuple(late) if stands else ()
        reports = {one: kept[one] for one in wanted.reports if one in kept and one not in asked}
        return shown, reports | {type(report): report for report in more}

    def _may_be_late(self, target: Target, shape: type) -> bool:
        """Whether a report need not be of this picture's instant."""
        if not of_shape(shape).computes:
            return False
        slowness = self._took.get(shape, 0.0) / SLOW
        if self._last is not None and self._last.running:
            return self._taken % min(SELDOM * (1 + int(slowness)), SELDOM_AT_MOST) != 0
        return slowness > 1

    def _computed(self, target: Target, shapes: Iterable[type]) -> list[Any]:
        """Return those reports that can be made, and mind how long each took."""
        found = []
        for shape in shapes:
            began = time.perf_counter()
            found += _those_possible(target, [shape])
            self._mind([shape], time.perf_counter() - began)
        return found

    def _mind(self, shapes: Iterable[type], seconds: float) -> None:
        self._took |= {shape: seconds for shape in shapes if of_shape(shape).computes}

    # -- memory ------------------------------------------------------------------------------

    def _look_at_memory(
        self,
        target: Target,
        decoder: CodeReader,
        wanted: Wanted,
        state: StateReport,
        span: tuple[int, int],
        touched: tuple[AccessedMemory, ...] | None,
    ) -> _Seen:
        """Read the code and what the panels show, in one round trip where they stay.

        ``span``: of the code.  ``touched``: what the last instruction has; None if that is not
        known, and what the next one will is the best guess.
        """
        registers, wishes = state.registers, wanted.memories
        pc = (registers.pc, min(MAX_INSTRUCTION, state.memory_end - registers.pc))
        likely = [self._place(wish, state, touched or ()) for wish in wishes]
        coming, code, *data = target.read_memories([pc, span, *likely])
        line = decoder.line(registers.cs, registers.ip, coming, line_20=registers.line_20)
        next_touches = accesses(line, registers)
        shown = next_touches if touched is None else touched
        places = [self._place(wish, state, shown or next_touches) for wish in wishes]
        others = [at for at, place in enumerate(places) if place != likely[at]]
        if others:
            more = target.read_memories([places[at] for at in others])
            for at, content in zip(others, more, strict=True):
                data[at] = content
        memory = {
            wish.name: Stretch(place[0], content)
            for wish, place, content in zip(wishes, places, data, strict=True)
        }
        return _Seen(code, memory, shown, next_touches)

    def _place(
        self, wish: MemoryWish, state: StateReport, touched: Sequence[AccessedMemory]
    ) -> tuple[int, int]:
        """Return where a memory panel looks, and how many bytes it shows."""
        what = wish.what
        address = what if isinstance(what, int) else self._followed(what, state.registers, touched)
        length = min(wish.length, state.memory_end)
        start = min(address - address % wish.step, state.memory_end - length)
        return max(0, start), length

    def _followed(
        self, what: str, registers: RegisterValues, touched: Sequence[AccessedMemory]
    ) -> int:
        if what == "code":
            return registers.pc
        if what == "stack":
            return registers.stack
        for access in reversed(touched):
            if access.writes is (what == "write"):
                return access.address
        last = self._last.memory.get(what.upper()) if self._last else None
        return last.address if last else registers.linear(registers.ds, 0)


def _those_possible(target: Target, shapes: Iterable[type]) -> list[Any]:
    """Return those reports that can be made."""
    found: list[Any] = []
    for shape in shapes:
        try:
            found.append(target.report(shape))
        except (DeniedError, UnsupportedError):
            continue
    return found
