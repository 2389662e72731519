"""The machines that a server hosts, and who may have which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, repeat
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import TypeVar

import trio

from blink16 import pc
from blink16.board import ProgramFacts
from blink16.console import Console
from blink16.consoles import ConsoleError, ConsolePlace, Lines, Side
from blink16.debugger import EventKind
from blink16.devices.video import Video
from blink16.gdbstub.orders import Fate, ListedProcess, Taken
from blink16.governor import Governor
from blink16.loader import LoadError
from blink16.reports import Circumstances, Doing, Generation
from blink16.server.consoles import Deliver, HostConsole
from blink16.server.sources import MachineSource, Say
from blink16.symbolfiles import DebugInformation
from blink16.symbols import SymbolTable
from blink16.viewer import Viewer

PATIENCE = 1.0
"""Seconds that a client waits for a machine that another one holds."""
MAX_MACHINES = 16
"""Machines of one server, each with a megabyte and a history."""
STANDSTILL_SECONDS = 2.0
"""How long a machine may take to stop at the server's end."""
GONE = (EventKind.EXITED, EventKind.KILLED)
"""Events after which there is no program any more."""


T = TypeVar("T")


class RefusalError(Exception):
    """A machine that a client can't have, and why, in one line."""


@dataclass(frozen=True, slots=True)
class Names:
    """What users have said about a program while it ran, which its next run is to know too."""

    symbols: SymbolTable
    debug: tuple[DebugInformation, ...]


@dataclass(frozen=True, slots=True)
class Fittings:
    """What a machine has on this computer, beside its program."""

    places: Mapping[str, ConsolePlace] = field(default_factory=dict)
    """Where channels lead that have lines of their own: ``console``, ``com1``, ``com2``."""
    real_time: bool = False
    """Whether its clock goes no faster than ours."""
    output_to_debugger: bool = False
    """Whether what it prints is shown by the debugger that runs it."""


PLAIN = Fittings()


class Slot:
    """One machine with its console, and whether a client holds it.

    A client that detaches or vanishes leaves the machine as it is, without its breakpoints.
    After a client has killed the program, or the program has ended, the next client finds a
    fresh machine before its first instruction, with the disks that the old one left in their
    images (`commit`).
    """

    def __init__(
        self,
        process: int,
        source: MachineSource,
        console: HostConsole,
        say: Say,
        *,
        arguments: Sequence[str] | None = None,
        names: Names | None = None,
        fittings: Fittings = PLAIN,
    ) -> None:
        """Load a machine, by default with its source's arguments.  LoadError if that can't be.

        ConsoleError if one of its lines can't be.  ``names``: what is known of the program from
        an earlier machine.
        """
        self.process = process
        self.source = source
        self.say = say
        self.held = False
        self.launched = arguments is not None
        """Whether a client asked for it: then it ends with its program."""
        self.runs = False
        """Whether its thread is at work."""
        self.to_debugger: Deliver | None = None
        """Takes the program's output instead of the console, in the thread that runs it."""
        self.fittings = fittings
        self._moves = Lock()
        self._generation = Generation()
        self._console = console
        self._fresh_wanted = False
        self._uncommitted: tuple[Path, ...] = ()
        """The images of disks that were not written back: none before there is a machine."""
        self._put_in(source.arguments if arguments is None else arguments, names)
        picture = self._picture if self._has(Video.COMPONENT) else None
        side = Side(self._has, self._deliver_on, self._has_room, picture)
        self._lines = Lines(fittings.places, side, say)

    @property
    def is_spent(self) -> bool:
        """Whether its program is gone, so that the next client gets a fresh one."""
        last = self.debugger.last_event()
        return self._fresh_wanted or (last is not None and last.kind in GONE)

    @property
    def is_untouched(self) -> bool:
        """Whether nothing has happened to it yet."""
        timeline = self.debugger.timeline
        return timeline.now == timeline.end == timeline.began and not timeline.inputs()

    @property
    def is_travelling(self) -> bool:
        """Whether it moves through its past, so that its memory is not to be shown."""
        return self.runs and self.debugger.machine.replaying

    @property
    def condition(self) -> str:
        """What it does, for those who look at its screen."""
        if self.is_travelling:
            return "moves through its past"
        if self.runs:
            return "runs"
        past = "" if self.debugger.timeline.live else " in its past"
        return f"stands{past}, stopped by the debugger" if self.held else f"stands{past}"

    async def load(self, arguments: Sequence[str]) -> None:
        """Put a fresh machine in place of this one.  LoadError if that can't be."""
        await trio.to_thread.run_sync(self._put_in, arguments, self.names)
        self._fresh_wanted = False

    def taken(self) -> Taken:
        """Return the machine for the client that now holds it."""
        return Taken(self.process, self.debugger, self.program, self.launched, self.circumstances)

    def circumstances(self) -> Circumstances:
        """Return what reports say about the machine beside itself, for who holds it."""
        doing = Doing.ENDED if self.is_spent else Doing.STANDS
        return Circumstances(
            process=self.process,
            command=self.command,
            doing=doing,
            generation=self._generation.of(self.debugger, self.held, self.runs),
        )

    def leave(self, fate: Fate) -> None:
        """Let the machine stand as its client leaves it."""
        self.debugger.on_notice = self.say
        self.to_debugger = None
        self._fresh_wanted = fate is Fate.RESTART

    @property
    def names(self) -> Names:
        """The program's names, with those that users have added while it ran."""
        return Names(self.debugger.symbols, self.debugger.debug)

    def move(self, act: Callable[[], T]) -> T:
        """Do what moves the machine, in the thread of the caller."""
        with self._moves:
            return act()

    def close(self) -> bool:
        """Hang up its lines and stop it; whether it stands."""
        self._lines.close()
        self.debugger.interrupt()
        return self._moves.acquire(timeout=STANDSTILL_SECONDS)

    def commit(self) -> bool:
        """Write what the guest changed on its disks into their images, if that is wanted and not
        yet done, and say what was written; whether nothing is lost.
        """
        images, self._uncommitted = self._uncommitted, ()
        if not images:
            return True
        try:
            for line in pc.commit_all(self.debugger.machine, images):
                self.say(line)
        except pc.CommitError as error:
            self.say(str(error))
            return False
        return True

    def _put_in(self, arguments: Sequence[str], names: Names | None) -> None:
        self.commit()
        loaded, debugger = self.source.make(arguments)
        self._uncommitted = self.source.images
        loaded.machine.on_output = self._show
        if self.fittings.real_time:
            loaded.machine.idle_after = 0
            debugger.timeline.governor = Governor(loaded.machine.clock_hz)
        loaded.console.on_starved = self._starve
        debugger.on_notice = self.say
        self.command = " ".join([self.source.name, *arguments])
        self.program = ProgramFacts.of(loaded.machine, loaded.symbols, loaded.debug)
        self.debugger = debugger
        if names is not None:
            debugger.symbols, debugger.debug = names.symbols, names.debug

    # -- the machine's console ---------------------------------------------------------------

    def _show(self, channel: str, data: bytes) -> None:
        """Take the program's output, in the thread that runs it."""
        if channel in self._lines:
            self._lines.show(channel, data)
        elif self.to_debugger is not None:
            self.to_debugger(data)
        else:
            self._console.show(self.process, channel, data)

    def _has(self, channel: str) -> bool:
        return self.debugger.machine.component(channel) is not None

    def _has_room(self, channel: str) -> bool:
        """Whether a line may read on, from its thread; else its peer waits for the guest."""
        return pc.has_room(self.debugger.machine, channel, self.debugger.timeline.inbox.queued)

    def _picture(self) -> Viewer:
        """Begin a picture of its screen for somebody who connects."""
        return Viewer(
            lambda: self.debugger.machine,
            is_travelling=lambda: self.is_travelling,
            status=lambda: f" {self.condition}",
            keeps_cursor=True,
        )

    def _starve(self) -> None:
        if Console.CHANNEL not in self._lines:
            self._console.want(self.process, self.type)

    def type(self, data: bytes) -> None:
        """Take input for the console, in any thread.

        The machine gets it when it next runs live; what comes beyond `inbox.MAX_QUEUED` bytes
        until then is lost.
        """
        self._deliver_on(Console.CHANNEL, data)

    def _deliver_on(self, channel: str, data: bytes) -> None:
        self.debugger.receive(channel, data)


class Machines:
    """The directory of a server's machines, by the numbers of their processes."""

    def __init__(
        self,
        sources: Sequence[MachineSource],
        console: HostConsole,
        say: Say,
        *,
        fittings: Sequence[Fittings] = (),
    ) -> None:
        """Load a machine from each source.  LoadError, ConsoleError if that can't be.

        ``fittings``: of each machine; those without, and those that debuggers launch beside
        them, have none.
        """
        self.say = say
        self._sources = tuple(sources)
        self._console = console
        self._slots: dict[int, Slot] = {}
        pairs = zip(sources, chain(fittings, repeat(PLAIN)), strict=False)
        try:
            for number, (source, fitting) in enumerate(pairs, 1):
                self._slots[number] = Slot(number, source, console, say, fittings=fitting)
        except ConsoleError:
            self.close()
            raise
        self._last = len(self._slots)
        self._names: dict[MachineSource, Names] = {}
        """By the source of a machine that is gone, what was known of it."""
        self._released = trio.Event()

    def slot(self, process: int) -> Slot:
        """Return the machine of a number; RefusalError if there is none."""
        if process not in self._slots:
            raise RefusalError(f"there is no process {process}; `info os processes` lists all")
        return self._slots[process]

    def processes(self) -> list[ListedProcess]:
        """List the machines."""
        return [ListedProcess(slot.process, slot.command, _state(slot)) for slot in self]

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._slots.values())

    def close(self) -> None:
        """Stop the machines and end what they write down."""
        for slot in self:
            if not slot.close():
                self.say(f"process {slot.process} did not stop")
        self._console.close()
        for source in self._sources:
            source.close()

    def commit(self) -> bool:
        """Write what guests changed on disks into their images, where that is wanted; whether
        nothing is lost.
        """
        done = [slot.commit() for slot in self]
        return all(done)

    # -- taking and releasing ----------------------------------------------------------------

    async def take_any(self) -> Slot:
        """Return the first machine that nobody holds, now held.

        RefusalError if there is none for a while, or if its program can't be loaded again.
        """
        return await self._take(lambda: iter(self), "another debugger holds this machine")

    async def take(self, process: int) -> Slot:
        """Return the machine of a number, now held.  RefusalError as above."""
        held = f"another debugger holds process {process}"
        return await self._take(lambda: iter([self.slot(process)]), held)

    async def _take(self, candidates: Callable[[], Iterator[Slot]], complaint: str) -> Slot:
        with trio.move_on_after(PATIENCE):
            while True:
                free = next((slot for slot in candidates() if not slot.held), None)
                if free is not None:
                    break
                await self._released.wait()
        if free is None:
            raise RefusalError(complaint)
        free.held = True
        if free.is_spent:
            await self._load(free, free.source.arguments)
        return free

    async def launch(self, name: str, arguments: Sequence[str], like: int) -> Slot:
        """Return a machine that runs a program afresh, now held.

        ``name``: of one of the server's programs; empty for that of the process ``like``.
        ``arguments``: empty for the program's own, which gdb's `run` means that was never told
        any; one empty argument, `run ""`, for none.  RefusalError if that can't be.
        """
        source = self._source(name, like)
        wanted = () if tuple(arguments) == ("",) else tuple(arguments) or source.arguments
        used = (h for h in self if h.source is source and not h.held)
        free = next((h for h in used if h.is_spent or h.is_untouched), None)
        if free is None:
            return await self._add(source, wanted)
        free.held = True
        if free.is_spent or wanted != source.arguments:
            await self._load(free, wanted)
        return free

    async def _add(self, source: MachineSource, arguments: Sequence[str]) -> Slot:
        if len(self._slots) >= MAX_MACHINES:
            raise RefusalError(f"this server has {MAX_MACHINES} machines already")
        self._last += 1
        make = partial(
            Slot,
            self._last,
            source,
            self._console,
            self.say,
            arguments=arguments,
            names=self._names.get(source),
        )
        try:
            slot = await trio.to_thread.run_sync(make)
        except LoadError as error:
            raise RefusalError(str(error)) from None
        slot.held = True
        self._slots[slot.process] = slot
        return slot

    async def _load(self, slot: Slot, arguments: Sequence[str]) -> None:
        """Load a held machine afresh; let it go if that can't be."""
        try:
            await slot.load(arguments)
        except LoadError as error:
            self.say(str(error))
            self._let_go(slot)
            raise RefusalError("the program can't be loaded again") from None

    def _source(self, name: str, like: int) -> MachineSource:
        if not name:
            return self._slots[like].source if like in self._slots else self._sources[0]
        wanted = PurePosixPath(name).name
        source = next((source for source in self._sources if source.name == wanted), None)
        if source is None:
            known = ", ".join(dict.fromkeys(source.name for source in self._sources))
            raise RefusalError(f"no program {wanted[:40]!r} here; this server has {known}")
        return source

    def release(self, slot: Slot, fate: Fate) -> None:
        """Take back a machine that stands."""
        slot.leave(fate)
        self._names[slot.source] = slot.names
        if slot.is_spent:
            slot.commit()  # here, in the event loop: the next machine is to find it
        if slot.launched and slot.is_spent:
            del self._slots[slot.process]
        self._let_go(slot)

    def _let_go(self, slot: Slot) -> None:
        slot.held = False
        self._released.set()
        self._released = trio.Event()


def _state(slot: Slot) -> str:
    if slot.runs:
        return "running"
    if slot.held:
        return "held"
    return "ended" if slot.is_spent else "free"
