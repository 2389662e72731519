"""The machine's side of the view: one thread that asks, so that the picture never waits.

The user interface hands it commands (functions of a `Target`); after each, and as often as a
machine that runs can be sampled, it takes a `Picture` and hands it over.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from blink16.blinkenlights.accesses import accesses
from blink16.blinkenlights.picture import Picture, Stretch, Wanted
from blink16.client import ClientError, CodeLine, StopEvent, StopKind, Target, UnsupportedError
from blink16.memory import ADDRESS_MASK, MEMORY_SIZE, linear
from blink16.reports.history import HistoryReport
from blink16.reports.screen import ScreenReport
from blink16.reports.state import StateReport

FRAME_SECONDS = 1 / 60
MAX_OUTPUT = 1 << 16
"""Bytes of the program's output that are kept."""
FUNCTION_REACH = 400
"""Bytes back within which a function's start tells where instructions begin."""
MAX_RETRY = 24

Command = Callable[[Target], StopEvent | str | None]


class Driver:
    """Keeps a thread that drives a machine and takes its pictures."""

    def __init__(
        self,
        open_target: Callable[[], Target],
        show: Callable[[Picture], None],
        fail: Callable[[str, bool], None],
    ) -> None:
        """``show`` takes pictures, ``fail`` errors (and whether the machine is lost)."""
        self._open = open_target
        self._show = show
        self._fail = fail
        self._commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="blinkenlights", daemon=True)
        self._stop_animation = threading.Event()
        self.shown = threading.Event()
        """Set by the user interface when it has drawn the last picture."""
        self.wanted = Wanted()
        self.steps_a_frame = 1
        self.seconds_a_frame = FRAME_SECONDS
        self._target: Target | None = None
        self._last: Picture | None = None
        self._output = b""
        self._output_at: list[tuple[int, int]] = []

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Let the machine go."""
        self._stop_animation.set()
        self._commands.put(None)
        if self._target is not None and self._target.is_running:
            self._target.interrupt()
        if self._thread.is_alive():
            self._thread.join(5)

    def do(self, command: Command) -> None:
        """Carry out a command, after those before it, and show what came of it."""
        self._commands.put(command)

    def refresh(self) -> None:
        """Take a picture for what is wanted now."""
        self._commands.put(lambda target: None)

    def interrupt(self) -> None:
        """Stop what goes on."""
        self._stop_animation.set()
        target = self._target
        if target is not None and target.is_running:
            target.interrupt()

    def animate(self, *, backward: bool = False) -> None:
        """Run so that one can watch, forward or backward, until something happens."""
        self._stop_animation.clear()
        self._commands.put(lambda target: self._animate(target, backward=backward))

    # -- the thread --------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._target = self._open()
        except (ClientError, OSError) as error:
            self._fail(str(error), True)
            return
        with self._target as target:
            self._picture(target, "")
            while (command := self._commands.get()) is not None:
                try:
                    told = _text(command(target))
                    if self._commands.empty():
                        self._picture(target, told)
                except (ClientError, ValueError) as error:
                    lost = type(error).__name__ in ("ConnectionLostError", "TimedOutError")
                    self._fail(str(error), lost)
                    if lost:
                        return

    def _animate(self, target: Target, *, backward: bool) -> StopEvent | None:
        event: StopEvent | None = None
        while not self._stop_animation.is_set() and self._commands.empty():
            began = time.perf_counter()
            move = target.step_back if backward else target.step
            event = move(self.steps_a_frame)
            if event.kind is not StopKind.STEPPED:
                return event
            self.shown.clear()
            self._picture(target, "")
            self.shown.wait(1)
            left = self.seconds_a_frame - (time.perf_counter() - began)
            if left > 0:
                self._stop_animation.wait(left)
        return None

    def _picture(self, target: Target, told: str) -> None:
        wanted = self.wanted
        state, history = target.reports(StateReport, HistoryReport)
        before = self._last
        symbols = target.read_symbol_table()
        lines = self._code(target, state, wanted)
        at_pc = next((line for line in lines if line.address == state.registers.pc), None)
        upcoming = accesses(at_pc, state.registers) if at_pc else ()
        touched = before.next_touches if before and _is_next(before.state, state) else upcoming
        panels = self._panels(wanted, state, touched or upcoming)
        data = target.read_memories(list(panels.values()))
        self._collect(target, state)
        try:
            screen: ScreenReport | None = target.screen()
        except (UnsupportedError, ClientError):
            screen = None
        self._last = Picture(
            state=state,
            code=lines,
            frames=target.frames(40),
            history=history,
            memory={
                name: Stretch(where[0], content)
                for (name, where), content in zip(panels.items(), data, strict=True)
            },
            points=target.points,
            symbols=symbols,
            screen=screen,
            before=before.registers if before else None,
            touched=touched,
            next_touches=upcoming,
            told=told,
            output=self._output,
            bookmarks={mark.name: mark.icount for mark in history.bookmarks},
        )
        self._show(self._last)

    def _collect(self, target: Target, state: StateReport) -> None:
        """Keep what the program has printed up to this instant."""
        new = target.read_output()
        if new:
            self._output = (self._output + new)[-MAX_OUTPUT:]
            self._output_at.append((state.icount, len(self._output)))

    def _panels(
        self, wanted: Wanted, state: StateReport, touched: tuple[object, ...]
    ) -> dict[str, tuple[int, int]]:
        """Return where each memory panel looks, and how many bytes it shows."""
        found = {}
        for name, what in wanted.panels:
            address = what if isinstance(what, int) else self._followed(what, state, touched)
            size = wanted.memory_bytes
            start = max(0, min(address & ~0x3F, MEMORY_SIZE - size))
            found[name] = (start, size)
        return found

    def _followed(self, what: str, state: StateReport, touched: tuple[object, ...]) -> int:
        registers = state.registers
        if what == "code":
            return registers.pc
        if what == "stack":
            return registers.stack
        for access in reversed(touched):
            if getattr(access, "writes", None) is (what == "write"):
                return int(getattr(access, "address", 0))
        last = self._last.memory.get(what.upper()) if self._last else None
        return last.address if last else linear(registers.ds, 0)

    # -- code --------------------------------------------------------------------------------

    def _code(self, target: Target, state: StateReport, wanted: Wanted) -> tuple[CodeLine, ...]:
        """Return the instructions around the next one, or where the user has scrolled to."""
        registers = state.registers
        pc = registers.pc if wanted.code_top is None else wanted.code_top
        above = wanted.code_rows // 3
        start = self._start(target, pc, above)
        base = linear(registers.cs, 0)
        offset = (start - base) & ADDRESS_MASK
        where = (registers.cs, offset) if offset <= 0xFFFF else (start >> 4, start & 0xF)
        lines = target.disassemble(where, wanted.code_rows * 2)
        at = next((i for i, line in enumerate(lines) if line.address >= pc), 0)
        first = max(0, at - above)
        return tuple(lines[first : first + wanted.code_rows])

    def _start(self, target: Target, pc: int, rows: int) -> int:
        """Return an address before ``pc`` from which instructions lead to it."""
        found = target.read_symbol_table().find(pc)
        if found is not None and found[1] < FUNCTION_REACH:
            function = found[0].address
            if pc - function > rows * 2 or function == 0:
                return function
            before = target.read_symbol_table().find(max(function - 1, 0))
            return before[0].address if before and before[1] < FUNCTION_REACH else function
        return self._synchronised(target, pc)

    def _synchronised(self, target: Target, pc: int) -> int:
        for start in range(max(pc - MAX_RETRY, 0), pc):
            lines = target.disassemble(start, MAX_RETRY)
            if any(line.address == pc for line in lines):
                return start
        return pc


def _is_next(before: StateReport, now: StateReport) -> bool:
    return now.icount == before.icount + 1


def _text(outcome: StopEvent | str | None) -> str:
    if outcome is None:
        return ""
    if isinstance(outcome, str):
        return outcome.strip()
    if outcome.kind is StopKind.STEPPED:
        return ""
    return outcome.text or str(outcome)


def without(wanted: Wanted, **changes: object) -> Wanted:
    """Return what is wanted with some of it changed."""
    return replace(wanted, **changes)  # type: ignore[arg-type]
