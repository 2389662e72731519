"""A machine that a server hosts: its debugger, its program, and how it is moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from sys import getrefcount
from threading import Lock
from time import monotonic
from typing import Protocol, TypeVar

from blink16 import elks
from blink16.bios.program_keys import Keys
from blink16.board import ProgramFacts
from blink16.console import Console
from blink16.debugger import Event, EventKind, Pause, Resume
from blink16.governor import Governor
from blink16.server import threads
from blink16.server.sources import MachineSource, Say
from blink16.setup import hostnetwork, pc
from blink16.symbolfiles import DebugInformation
from blink16.symbols import SymbolTable

STANDSTILL_SECONDS = 2.0
"""How long a machine may take to stop at the server's end."""
GONE = (EventKind.EXITED, EventKind.KILLED)
"""Events after which there is no program any more."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Names:
    """What users have said about a program while it ran, which its next run is to know too."""

    symbols: SymbolTable
    debug: tuple[DebugInformation, ...]


class Hooks(Protocol):
    """Who hears what a machine says.  Called in the thread that runs it; they may wait."""

    def note(self, text: str) -> None:
        """Take a line for the user."""

    def put_out(self, data: bytes) -> None:
        """Take what the actions of breakpoints print."""

    def show(self, channel: str, data: bytes) -> None:
        """Take what the guest puts out."""

    def starve(self) -> None:
        """Get input for the console, if there is any: the guest looks for some.  Often."""


class HostedMachine:
    """One machine, from its program's first instruction to the end of the server or of the slot.

    Whoever moves it does so in `move`, and sets `runs` as long as a thread of its own does.
    """

    def __init__(
        self,
        source: MachineSource,
        arguments: Sequence[str],
        hooks: Hooks,
        *,
        real_time: bool,
        keyboard: bool,
    ) -> None:
        """Make it.  LoadError if that can't be.  ``real_time``, ``keyboard``: see `Fittings`."""
        self.runs = False
        """Whether its thread is at work."""
        self.made_at = monotonic()
        self.arguments = tuple(arguments)
        self.command = " ".join([source.name, *arguments])
        self._source, self.edition = source, source.edition()
        loaded, self.debugger = source.make(arguments)
        self.debugger.names.program_debug = loaded.debug
        self.program = ProgramFacts.of(loaded.machine, loaded.symbols, loaded.debug)
        self._uncommitted: tuple[Path, ...] = source.images
        """The images of disks that were not written back."""
        self._moves = Lock()
        self._hooks = hooks
        self._held: list[tuple[str, bytes]] = []
        """What it has put out since `resume_briefly`, if that is not shown yet."""
        self._outcome: Event | Pause | None = None
        """What has come of that."""
        loaded.machine.on_output = hooks.show
        loaded.console.on_starved = hooks.starve
        self.debugger.on_notice = hooks.note
        self.first_words = loaded.notices
        """Lines for the user about how it was made."""
        for text in loaded.notices:
            hooks.note(text)
        self.debugger.on_print = hooks.put_out
        if keyboard and loaded.machine.find(Keys) is not None:
            self.debugger.typed_channel = Keys.CHANNEL
            self.debugger.receive(Keys.CHANNEL, b"")  # which attaches the keyboard
        self.debugger.timeline.thread.turns = threads.TURNS
        self.debugger.timeline.thread.looks = threads.LOOKS
        self._inner = getrefcount(self.debugger)
        """How many within the machine know its debugger."""
        news = partial(self.debugger.receive, elks.NETWORK)
        self._network = hostnetwork.connect(loaded, news, hooks.note)
        if real_time:
            loaded.machine.idle_after = 0
            governor = Governor(loaded.machine.clock_hz)
            self.debugger.timeline.governor = governor

    def trace_calls(self, tell: Callable[[str], None] | None) -> None:
        """Tell the calls of its system, as they are done for the first time."""
        machine = self.debugger.machine
        if tell is not None:
            machine.on_call = lambda text: None if machine.replaying else tell(text)

    @property
    def names(self) -> Names:
        """The names that users have added while it ran."""
        own = {*self.program.symbols}
        added = SymbolTable(symbol for symbol in self.debugger.names.symbols if symbol not in own)
        return Names(added, self.debugger.names.debug)

    @names.setter
    def names(self, names: Names) -> None:
        self.debugger.names.symbols = SymbolTable([*self.program.symbols, *names.symbols])
        self.debugger.names.debug = names.debug

    @property
    def has_ended(self) -> bool:
        """Whether its program is gone."""
        last = self.debugger.last_event()
        return last is not None and last.kind in GONE

    @property
    def is_uncommitted(self) -> bool:
        """Whether `commit` has something to do."""
        return bool(self._uncommitted)

    @property
    def is_untouched(self) -> bool:
        """Whether nothing has happened to it yet."""
        timeline = self.debugger.timeline
        return timeline.now == timeline.end == timeline.began and not timeline.inputs()

    @property
    def is_outdated(self) -> bool:
        """Whether somebody has built its program anew, and it has not begun."""
        return self.is_untouched and self.edition != self._source.edition()

    @property
    def is_over(self) -> bool:
        """Whether it stands where its program has ended, or asks to."""
        last, timeline = self.debugger.last_event(), self.debugger.timeline
        ending = last is not None and last.kind is EventKind.EXITING
        return self.has_ended or (ending and timeline.now == timeline.end)

    @property
    def is_travelling(self) -> bool:
        """Whether it moves through its past, so that its memory is not to be shown."""
        return self.runs and self.debugger.machine.replaying

    def has(self, channel: str) -> bool:
        """Whether it has such a channel, or component."""
        return self.debugger.machine.component(channel) is not None

    @property
    def is_program(self) -> bool:
        """Whether it is a PC around a program, whose screen may be used for printing alone."""
        return self.has(Keys.CHANNEL)

    def receive(self, channel: str, data: bytes) -> None:
        """Take input, in any thread, for when it next runs live.

        What comes beyond `inbox.MAX_QUEUED` bytes until then is lost.
        """
        self.debugger.receive(self._taker(channel), data)

    def has_room(self, channel: str) -> bool:
        """Whether a line may read on, from its thread; else its peer waits for the guest."""
        taker, queued = self._taker(channel), self.debugger.timeline.inbox.queued
        return pc.has_room(self.debugger.machine, taker, queued)

    def _taker(self, channel: str) -> str:
        return self.debugger.typed_channel if channel == Console.CHANNEL else channel

    def move(self, act: Callable[[], T]) -> T:
        """Do what moves the machine, in the thread of the caller."""
        with self._moves:
            return act()

    def unplug(self) -> None:
        """Close what it has open on the network."""
        if self._network is not None:
            self._network.close()
            self._network = None

    def is_forgotten(self) -> bool:
        """Whether nobody can ask it any more: no session and no look at it."""
        return not self.runs and getrefcount(self.debugger) <= self._inner

    def take_apart(self) -> None:
        """Free all that it consists of, without a collection of garbage.  Nobody asks it again."""
        debugger = self.debugger
        for part in (debugger.timeline, debugger.machine, debugger):
            vars(part).clear()

    def resume_briefly(self, how: Resume) -> Event | Pause | None:
        """Resume it in the event loop's thread, as far as that takes no time.

        Anything but an event: some of it is left, and so it is where something was put out, which
        may have to wait: `drive` is to go on with that.
        """
        machine = self.debugger.machine
        machine.on_output = lambda channel, data: self._held.append((channel, data))
        self.runs = True  # for those in other threads who show its screen
        try:
            outcome = self.debugger.resume_briefly(how)
        finally:
            machine.on_output = self._hooks.show
            self.runs = False
        if not self._held:
            return outcome
        self._outcome = outcome
        return None

    def drive(self, how: Resume) -> Event:
        """Resume it to the end, in a thread of its own."""
        outcome, self._outcome = self._outcome, None
        for channel, data in self._held:
            self._hooks.show(channel, data)
        self._held.clear()
        return outcome if isinstance(outcome, Event) else self.debugger.drive(how)

    def close(self) -> bool:
        """Stop it for good; whether it stands."""
        self.unplug()
        self.debugger.interrupt()
        return self._moves.acquire(timeout=STANDSTILL_SECONDS)

    def commit(self, say: Say) -> bool:
        """Write what the guest changed on its disks into their images, if that is wanted and not
        yet done, and say what was written; whether nothing is lost.
        """
        images, self._uncommitted = self._uncommitted, ()
        if not images:
            return True
        try:
            for line in pc.commit_all(self.debugger.machine, images, say):
                say(line)
        except pc.CommitError as error:
            say(str(error))
            return False
        return True
