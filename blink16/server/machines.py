"""The machines that a server hosts, and who may have which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, repeat
from pathlib import PurePosixPath
from typing import TypedDict

import trio

from blink16.consoles import ConsoleError
from blink16.gdbstub.orders import Fate, ListedProcess
from blink16.packets import ARCHITECTURE
from blink16.server import garbage, threads
from blink16.server.consoles import HostConsole
from blink16.server.hosted import Names
from blink16.server.slots import PLAIN, Fittings, Slot
from blink16.server.sources import MachineSource, Say
from blink16.setup.loader import LoadError

PATIENCE = 1.0
"""Seconds that a client waits for a machine that another one holds."""
MAX_MACHINES = 16
"""Machines of one server, each with a megabyte and a history."""


class RefusalError(Exception):
    """A machine that a client can't have, and why, in one line."""


class Told(TypedDict):
    """What sessions are made with (`Session`)."""

    architecture: str


class Machines:
    """The directory of a server's machines, by the numbers of their processes."""

    def __init__(
        self,
        sources: Sequence[MachineSource],
        console: HostConsole,
        say: Say,
        *,
        fittings: Sequence[Fittings] = (),
        architecture: str = ARCHITECTURE,
    ) -> None:
        """Load a machine from each source.  LoadError, ConsoleError if that can't be.

        ``fittings``: of each machine; those without, and those that debuggers launch beside
        them, have none.  ``architecture``: of their clients' (see `Session`).
        """
        self.told = Told(architecture=architecture)
        """What clients are told of all machines."""
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
        self.backlog = trio.Lock()
        """Lets one client a turn of the event loop go on with what it has asked for at once."""

    def slot(self, process: int) -> Slot:
        """Return the machine of a number; RefusalError if there is none."""
        if process not in self._slots:
            raise RefusalError(f"there is no process {process}; `info os processes` lists all")
        return self._slots[process]

    def processes(self) -> list[ListedProcess]:
        """List the machines."""
        return [ListedProcess(slot.process, slot.hosted.command, slot.state) for slot in self]

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
                free = next((slot for slot in candidates() if slot.is_free), None)
                if free is not None:
                    break
                await self._released.wait()
        if free is None:
            raise RefusalError(complaint)
        free.held = True
        if free.is_spent or free.hosted.is_outdated:
            await self._load(free, free.source.arguments)
        return free

    async def take_in_turn(self, slot: Slot) -> Slot:
        """Return a machine, now held, once who holds it lets it go and it is our turn.

        RefusalError if its program can't be loaded again.
        """
        ticket = object()
        slot.wanted.append(ticket)
        slot.note("another client asks to hold this machine: `monitor yield` lets it")
        try:
            while slot.held or slot.wanted[0] is not ticket:
                await self._released.wait()
            slot.held = True
        finally:
            slot.wanted.remove(ticket)
            self._stir()
        if slot.is_spent:
            await self._load(slot, slot.source.arguments)
        return slot

    async def launch(self, name: str, arguments: Sequence[str], like: int) -> Slot:
        """Return a machine that runs a program afresh, now held.

        ``name``: of one of the server's programs; empty for that of the process ``like``.
        ``arguments``: empty for the program's own, which gdb's `run` means that was never told
        any; one empty argument, `run ""`, for none.  RefusalError if that can't be.
        """
        source = self._source(name, like)
        wanted = () if tuple(arguments) == ("",) else tuple(arguments) or source.arguments
        used = (slot for slot in self if slot.source is source and slot.is_free)
        free = next((h for h in used if h.is_spent or h.hosted.is_untouched), None)
        if free is None:
            return await self._add(source, wanted)
        free.held = True
        if free.is_spent or free.hosted.is_outdated or wanted != source.arguments:
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
            slot = await threads.load(make)
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
            raise RefusalError(f"the program can't be loaded again: {error}") from None

    async def renew(self, slot: Slot) -> None:
        """Put a fresh machine in the place of one that nobody holds, if its program can be loaded,
        and say what came of it.
        """
        slot.held = True
        try:
            await slot.renew()
            self.say(f"{slot.source.name} was read again")
        except LoadError as error:
            self.say(str(error))
        finally:
            self._let_go(slot)

    def _source(self, name: str, like: int) -> MachineSource:
        if not name:
            return self._slots[like].source if like in self._slots else self._sources[0]
        wanted = PurePosixPath(name).name
        source = next((source for source in self._sources if source.name == wanted), None)
        if source is None:
            known = ", ".join(dict.fromkeys(source.name for source in self._sources))
            raise RefusalError(f"no program {wanted[:40]!r} here; this server has {known}")
        return source

    async def release(self, slot: Slot, fate: Fate) -> None:
        """Take back a machine that stands."""
        slot.leave(fate)
        self._names[slot.source] = slot.hosted.names
        if slot.is_spent and slot.hosted.is_uncommitted:
            with trio.CancelScope(shield=True):
                await threads.load(slot.commit)  # the next machine is to find it
        if slot.launched and slot.is_spent:
            del self._slots[slot.process]
            garbage.machine_gone(slot.hosted)
        self._let_go(slot)

    def _let_go(self, slot: Slot) -> None:
        slot.held = False
        self._stir()

    def _stir(self) -> None:
        """Let those look who wait for a machine."""
        self._released.set()
        self._released = trio.Event()
