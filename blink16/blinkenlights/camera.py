"""Takes pictures of a machine: in two round trips, however many panels there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from blink16.blinkenlights.accesses import accesses
from blink16.blinkenlights.code_place import CodePlace
from blink16.blinkenlights.past import PastKnown
from blink16.blinkenlights.picture import AccessedMemory, MemoryWish, Picture, Stretch, Wanted
from blink16.blinkenlights.source_text import SourceText
from blink16.client import CodeReader, DeniedError, Target, UnsupportedError
from blink16.reports.frames import FramesReport
from blink16.reports.history import HistoryReport
from blink16.reports.registry import of_shape
from blink16.reports.screen import ScreenReport
from blink16.reports.state import RegisterValues, StateReport

ALL = 1 << 62
"""An instant behind all others: what comes from a machine that runs may be newer than a sample."""
SHOWN = (HistoryReport, FramesReport, ScreenReport)
"""What each picture needs, beside the state."""


class Camera:
    """Takes one picture after another; each knows what changed since the one before."""

    def __init__(self) -> None:
        self.past = PastKnown()
        self.sources: SourceText | None = None
        self._last: Picture | None = None
        self._searched: object = None
        """Of what the reports that search through the past were made last."""

    def take(
        self,
        target: Target,
        wanted: Wanted,
        told: str = "",
        printed: bytes = b"",
        state: StateReport | None = None,
    ) -> Picture:
        """Look at a machine; what searches through its past comes later (`look_back`).

        ``printed``: what its program has printed since the last picture.  ``state``: as it was told
        with a change, of a machine that is watched; to ask for it again would take another sample.
        """
        if state is None:
            state = target.state()
        history, frames, screen, *more = self._reports(target, wanted)
        decoder, before, registers = target.decoder(), self._last, state.registers
        end = state.memory_end
        stands = before is not None and state.icount == before.state.icount
        code_at = wanted.code_at if stands else None
        place = CodePlace.at(registers, code_at)
        span = place.span(decoder.symbols, wanted.code_rows, end)
        pc = (registers.pc, min(16, end - registers.pc))
        upcoming = self._upcoming(decoder, registers, target.read_memory(*pc))
        same = stands and before is not None and registers == before.registers
        is_next = before is not None and state.icount == before.state.icount + 1
        touched = before.next_touches if before and is_next else upcoming
        if before and same:  # a picture of other size, or of other panels
            touched = before.touched
        came_from = before.registers.pc if before and is_next else None
        if before and same:
            came_from = before.came_from
        near = came_from if code_at is None else registers.pc
        places = [self._place(wish, state, touched or upcoming) for wish in wanted.memories]
        data = target.read_memories([span, *places])
        past = self.past
        past.end(history)
        if state.doing == "runs" or not past.output.is_known(history.end):
            past.output.add(printed, state.icount)  # else it is a late message of what is known
        past.want(wanted.layers)
        searched = [shape for shape in wanted.reports if of_shape(shape).searches]
        kept = {shape: found for shape, found in self._kept_reports() if shape in searched}
        self._last = Picture(
            state=state,
            code=place.lines(decoder, span[0], data[0], wanted.code_rows, wanted.syntax, near),
            frames=frames.frames,
            history=history,
            memory={
                wish.name: Stretch(place[0], content)
                for wish, place, content in zip(wanted.memories, places, data[1:], strict=True)
            },
            points=target.points,
            decoder=decoder,
            screen=screen,
            before=before.before if before and same else before.registers if before else None,
            touched=touched,
            next_touches=upcoming,
            came_from=came_from,
            code_at=code_at,
            told=told,
            running=state.doing == "runs",
            output=past.output.until(ALL if state.doing == "runs" else state.icount),
            output_start=past.output.start,
            printed_at=past.output.instants,
            layers=past.layers,
            sources=self.sources,
            reports={**kept, **{type(report): report for report in more}},
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
        searches = bool(searched) and (last.state.generation, searched) != self._searched
        if searches:
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

    def _kept_reports(self) -> Iterable[tuple[type, object]]:
        return self._last.reports.items() if self._last else ()

    def forget(self) -> None:
        """Begin anew, with a machine that was loaded afresh."""
        self.past = PastKnown()
        self._last = self._searched = None

    @staticmethod
    def _reports(target: Target, wanted: Wanted) -> list[Any]:
        """Return what each picture needs, and what of the rest can be had."""
        shapes = [shape for shape in wanted.reports if not of_shape(shape).searches]
        try:
            return target.reports(*SHOWN, *shapes)
        except DeniedError:
            return [*target.reports(*SHOWN), *_those_possible(target, shapes)]

    @staticmethod
    def _upcoming(
        decoder: CodeReader, registers: RegisterValues, code: bytes
    ) -> tuple[AccessedMemory, ...]:
        return accesses(
            decoder.line(registers.cs, registers.ip, code, line_20=registers.line_20), registers
        )

    # -- memory ------------------------------------------------------------------------------

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
