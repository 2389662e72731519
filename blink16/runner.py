"""Run a program to its end without a debugger."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from blink16 import elks
from blink16.assembly import FOREVER
from blink16.bios.program_keys import Keys
from blink16.bios.typist import Typist
from blink16.console import Console
from blink16.consoles import (
    PICTURE_SECONDS,
    ConsolePlace,
    Lines,
    NoPlace,
    ScreenPlace,
    Side,
    Streams,
)
from blink16.cpu.engine import Stop, StopReason
from blink16.cpu.registers import IF
from blink16.debugger import IDLE, ONWARD, WAITING, Pause, drive
from blink16.endings import SIGNAL_STATUS
from blink16.governor import Governor
from blink16.inbox import Inbox
from blink16.machine import Machine
from blink16.screens.input import TerminalInput
from blink16.screens.teletype import Teletype
from blink16.screens.viewer import Viewer
from blink16.setup import hostnetwork, pc
from blink16.setup.loader import Loaded
from blink16.terminals import terminal
from blink16.timekeeping import IDLE_SECONDS
from blink16.words.texts import counted

SLICE = 2_000_000
"""Instructions between two looks at signals, which wait while an engine runs native code."""
FIRST_PICTURE_SLICE = 10_000
DRAWING_SHARE = 4
"""Of our time a picture takes a quarter at most, however long it takes to draw one."""
QUIT_HINT = " Ctrl-] ends this PC"
"""Shown where there is a line to spare."""


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended: exit status, and a sentence where the status alone isn't enough."""

    status: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Stats:
    """How much a run did."""

    instructions: int
    seconds: float
    engine: str

    def __str__(self) -> str:
        mips = self.instructions / self.seconds / 1e6 if self.seconds else 0.0
        return (
            f"instructions={self.instructions} seconds={self.seconds:.3f} "
            f"mips={mips:.3f} engine={self.engine}"
        )


class Runner:
    """One program on the host's console.

    A PC on a terminal large enough is interactive: keys go to it one by one, and the terminal
    shows its screen; that of a DOS program only once the program uses it for more than printing.
    Elsewhere the console shows what the guest prints.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        real_time: bool = False,
        keys: bool = False,
        places: Mapping[str, ConsolePlace] | None = None,
        say: Callable[[str], None] = lambda text: None,
        trace: Callable[[str], None] | None = None,
    ) -> None:
        """``real_time``: let the machine's clock go no faster than ours.

        ``keys``: an ELKS program gets our terminal's keys one by one; its system edits lines.
        ``places``: where channels lead (``console``, ``com1``, ``com2``), if not to our streams;
        ``say`` is told where one can connect, and notices; ``trace`` is told the calls of the
        program's system.  ConsoleError if a place is of no use.
        """
        places = dict(places or {})
        place = places.get(Console.CHANNEL, Streams())
        self._machine = loaded.machine
        self._console = loaded.console
        self._say = say
        self._told: list[str] = []
        """Notices for when the terminal shows no picture any more."""
        self._is_pc = loaded.machine.find(Typist) is not None
        is_program = loaded.machine.find(Keys) is not None
        streams = isinstance(place, Streams)
        self._interactive = self._is_pc and streams and terminal.is_interactive()
        self._raw = self._interactive or keys
        """Whether our terminal gives us keys, unchanged."""
        prints = self._interactive and is_program
        self._teletype = Teletype(self._machine) if prints else None
        self._viewer = self._new_viewer() if self._interactive and not prints else None
        self._listen(loaded, trace)
        self._inbox = Inbox()
        painted = self._interactive or isinstance(place, ScreenPlace)
        self._terminal_input = TerminalInput() if painted else None
        """Who takes apart what is typed, where that is on a terminal that shows the screen."""
        self._typed = Console.CHANNEL
        """Where what is typed goes to."""
        if is_program and (self._interactive or not isinstance(place, Streams | NoPlace)):
            self._typed = Keys.CHANNEL
            self._machine.receive(Keys.CHANNEL, b"")
        self._reader = terminal.InputReader(self._type)
        if streams:
            self._console.on_starved = self._reader.want
        self._lines = Lines(places, self._side(), say)
        news = partial(self._put, elks.NETWORK)
        self._network = hostnetwork.connect(loaded, news, self._tell)
        self._governor = Governor(self._machine.clock_hz) if real_time else None
        if real_time:
            self._machine.idle_after = 0
        self._begin_drawing()

    def _begin_drawing(self) -> None:
        """Have drawn nothing yet, and run for no time."""
        self._slice = FIRST_PICTURE_SLICE if self._viewer else SLICE
        self._began = self._drawn = time.perf_counter()
        self._until_next = PICTURE_SECONDS
        self._seconds = 0.0

    def _listen(self, loaded: Loaded, trace: Callable[[str], None] | None) -> None:
        """Hear what the machine says from now on, and tell what was said when it was made."""
        self._machine.on_call = trace
        self._machine.on_output = self._show
        self._machine.on_notice = self._tell
        for text in loaded.notices:
            self._say(text)

    def _side(self) -> Side:
        """Return how lines to the outside reach the machine."""
        picture = partial(Viewer, lambda: self._machine, keeps_cursor=True)
        return Side(self._has, self._deliver, self._has_room, picture if self._is_pc else None)

    def _new_viewer(self) -> Viewer:
        return Viewer(lambda: self._machine, status=lambda: QUIT_HINT, colors=terminal.colors())

    def run(self) -> End:
        """Run until the program ends.  Raises OutputError."""
        self._began = time.perf_counter()
        try:
            if not self._raw:
                return self._run()
            if not self._is_pc:
                terminal.on_resize(self._resized)
            with terminal.raw():
                return self._run()
        finally:
            self._seconds += time.perf_counter() - self._began
            for text in self._told:
                self._say(text)

    def stats(self) -> Stats:
        """Tell how much was done so far."""
        machine = self._machine
        return Stats(machine.icount, self._seconds, machine.engine.name)

    def _run(self) -> End:
        try:
            if self._governor is not None:
                self._governor.start(self._machine.time)
            return drive(self._turn, self._inbox.wait)
        finally:
            self._lines.close()
            if self._network is not None:
                self._network.close()
            self._draw(at_once=True)
            if self._viewer:
                terminal.write(terminal.STDOUT, self._viewer.end().encode())

    def _turn(self) -> End | Pause:
        """Give the machine what has come, let it run for a while, and show what it did."""
        while (arrived := self._inbox.take()) is not None:
            channel, data = arrived
            if self._raw and channel == self._typed and terminal.QUIT_KEY in data:
                return End(0)
            if self._interactive and channel == Keys.CHANNEL and not data:  # the terminal is gone
                return End(SIGNAL_STATUS + signal.SIGHUP)
            self._machine.receive(channel, data)
        if self._raw:
            self._reader.want()
        stop = self._machine.run(self._slice, until=self._limit())
        self._draw()
        return self._end(stop) or self._pause(stop)

    # -- pace --------------------------------------------------------------------------------

    def _limit(self) -> int:
        """Return up to which machine time to run."""
        return FOREVER if self._governor is None else self._governor.limit(self._machine.time)

    def _pause(self, stop: Stop) -> Pause:
        """Return how long to wait for input."""
        if stop.reason in (StopReason.IDLE, StopReason.WAITING) and not self._console.ended:
            self._console.on_starved()
        if stop.reason is StopReason.WAITING:
            return WAITING
        if self._governor is not None:
            return Pause(self._governor.ahead(self._machine.time))
        may_come = not self._console.ended or self._network is not None or self._lines.live
        return IDLE if stop.reason is StopReason.IDLE and may_come else ONWARD

    # -- console -----------------------------------------------------------------------------

    def _has(self, channel: str) -> bool:
        return self._machine.component(channel) is not None

    def _show(self, channel: str, data: bytes) -> None:
        if channel in self._lines:
            self._lines.show(channel, data)
        elif self._teletype is not None:
            self._teletype.show(data)
            terminal.write(terminal.STDOUT, data.decode("cp437").encode())
        elif self._viewer is None:
            terminal.show(channel, data)
        elif channel != Console.CHANNEL:
            terminal.show_beside_picture(data)

    def _draw(self, *, at_once: bool = False) -> None:
        """Draw a PC's screen, now and then, and choose how long to run until the next time."""
        now = time.perf_counter()
        passed = now - self._drawn
        if self._teletype is not None and (at_once or passed >= PICTURE_SECONDS):
            self._drawn = now
            if not self._teletype.is_enough():
                self._teletype, self._viewer = None, self._new_viewer()
        if self._viewer is None or not (at_once or passed >= self._until_next):
            self._slice = min(SLICE, self._slice * 2)
            return
        if passed > 2 * self._until_next:
            self._slice = max(FIRST_PICTURE_SLICE, self._slice // 2)
        self._drawn = now
        painted = self._viewer.paint(terminal.size())
        terminal.write(terminal.STDOUT, painted.encode())
        took = time.perf_counter() - now
        self._until_next = max(PICTURE_SECONDS, took * DRAWING_SHARE)

    def _tell(self, text: str) -> None:
        """Tell the user a line, after the picture if there is one."""
        if self._interactive:
            self._told.append(text)
        else:
            self._say(text)

    def _resized(self, rows: int, columns: int) -> None:
        """Tell an ELKS terminal its new size."""
        size = elks.WINDOW.build({"rows": rows, "columns": columns})
        self._deliver(elks.WindowSize.CHANNEL, size)

    def _type(self, data: bytes) -> None:
        """Take what is typed, in its reader's thread."""
        self._deliver(Console.CHANNEL, data)

    def _deliver(self, channel: str, data: bytes) -> None:
        """Take input in a reader's thread; it goes in between two instructions."""
        if channel == Console.CHANNEL and self._terminal_input is not None and data:
            data, events = self._terminal_input.take(data)
            for mouse, event in events.items():
                if self._has(mouse):
                    self._put(mouse, event)
            if not data:  # half a character, which is not the end of the input
                return
        self._put(self._typed if channel == Console.CHANNEL else channel, data)

    def _put(self, channel: str, data: bytes) -> None:
        self._inbox.put(channel, data)
        self._machine.interrupt()

    def _has_room(self, channel: str) -> bool:
        """Whether a line may read on, from its thread; else its peer waits for the guest."""
        channel = self._typed if channel == Console.CHANNEL else channel
        return pc.has_room(self._machine, channel, self._inbox.queued)

    def _input_has_ended(self, stop: Stop) -> bool:
        """Whether an idle guest waits in vain: nothing can come any more, typed or on a line."""
        if not self._is_pc or not self._console.ended or self._console.waiting or self._lines.live:
            return False
        patience = IDLE_SECONDS * self._machine.clock_hz
        return stop.reason is StopReason.WAITING or self._machine.quiet >= patience

    def _passes_trap(self) -> bool:
        """Go on from a trap that its system passes by, like INT 3; False if it can't be."""
        before = self._machine.icount
        self._machine.run(1, through_traps=True)
        return self._machine.icount != before

    # -- the end -----------------------------------------------------------------------------

    def _end(self, stop: Stop) -> End | None:
        match stop.reason:
            case StopReason.EXITED:
                return End(stop.status & 0xFF, stop.text)
            case StopReason.TRAPPED if self._passes_trap():
                self._tell(stop.text if stop.passes else f"{stop.text}; the program goes on")
                return None
            case StopReason.TRAPPED:
                name = _signal_name(stop.status)
                text = stop.text if name in stop.text else f"{stop.text} ({name})"
                return End(SIGNAL_STATUS + stop.status, text)
            case StopReason.HALT:
                off = "masked" if self._machine.registers.flags & IF else "off"
                return End(0, f"halted with interrupts {off} {_where(self._machine)}")
            case StopReason.LOCKUP:
                return End(1, f"locked up in endless prefixes {_where(self._machine)}")
            case StopReason.LACKS | StopReason.LACKED:
                return End(1, stop.text)
            case StopReason.IDLE | StopReason.WAITING if self._input_has_ended(stop):
                return End(0, f"{_ENDED}, {_where(self._machine)}")
            case _:
                return None


_ENDED = (
    f"the input has ended, and the machine has been idle for {IDLE_SECONDS} seconds of its time"
)


def _where(machine: Machine) -> str:
    registers = machine.registers
    return (
        f"at {registers.cs:04X}:{registers.ip:04X} after {counted(machine.icount, 'instruction')}"
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
