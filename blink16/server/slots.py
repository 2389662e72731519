"""A slot: the number that clients know, the machine in it at the time, and who holds it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from blink16.console import Console
from blink16.consoles import ConsolePlace, Lines, ScreenPlace, Side
from blink16.debugger import Debugger
from blink16.devices.video import Video
from blink16.gdbstub.orders import Fate, Taken
from blink16.gdbstub.replies import RefusedError
from blink16.reports import Circumstances, Doing, Generation, Holder
from blink16.reports.sample import Sample
from blink16.screens.input import TerminalInput
from blink16.screens.viewer import Viewer
from blink16.server import garbage, threads
from blink16.server.consoles import HostConsole
from blink16.server.folder import ServerFolder
from blink16.server.hosted import HostedMachine, Names
from blink16.server.lookout import Lookout
from blink16.server.sources import Edition, MachineSource, Say
from blink16.setup.loader import LoadError


@dataclass(frozen=True, slots=True)
class Fittings:
    """What a machine has on this computer, beside its program."""

    places: Mapping[str, ConsolePlace] = field(default_factory=dict)
    """Where channels lead that have lines of their own: ``console``, ``com1``, ``com2``."""
    real_time: bool = False
    """Whether its clock goes no faster than ours."""
    keyboard: bool = False
    """Whether a person types on its console, key by key; else its input comes as from a pipe."""
    output_to_debugger: bool = False
    """Whether what it prints is shown by the debugger that runs it."""
    trace: Callable[[str], None] | None = None
    """Told the calls of its system as they are done, each in one line."""
    breakpoints: tuple[str, ...] = ()
    """Places, as their user wrote them, at which front ends begin with a breakpoint."""


PLAIN = Fittings()


class Hearer(Protocol):
    """A client that holds a machine, and is told what it says, in the thread that runs it."""

    def note(self, text: str) -> None:
        """Take a line for the user."""

    def put_out(self, data: bytes) -> None:
        """Take what the machine prints; may wait."""


class Slot:
    """A place for one machine, with its lines, and whether a client holds it.

    All that a machine says comes through here: its words to who holds it, or to the server's
    user; its output to its lines, to its holder, or to the server's console (`hosted.Hooks`).

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
        self.fittings = fittings
        self.held = False
        self.launched = arguments is not None
        """Whether a client asked for it: then it ends with its program."""
        self._hearer: Hearer | None = None
        self.on_built: Callable[[], Awaitable[None]] | None = None
        """Tells the client that holds it that its program was built anew."""
        self._console = console
        self._folder = ServerFolder()
        self._terminal_input = TerminalInput()
        self._generation = Generation()
        self.lookout = Lookout()
        """Where those look from who only watch."""
        self.wanted: list[object] = []
        """Who waits to hold it, in order."""
        self._fresh_wanted = False
        self.refused: Edition | None = None
        """What could not be loaded in place of this machine."""
        self.hosted = self._make(source.arguments if arguments is None else arguments, names)
        picture = self._picture if self.hosted.has(Video.COMPONENT) else None
        side = Side(
            lambda channel: self.hosted.has(channel),
            self._deliver,
            lambda channel: self.hosted.has_room(channel),
            picture,
        )
        self._lines = Lines(fittings.places, side, say)

    @property
    def debugger(self) -> Debugger:
        """That of the machine that is here now."""
        return self.hosted.debugger

    @property
    def is_spent(self) -> bool:
        """Whether its program is gone, so that the next client gets a fresh one."""
        return self._fresh_wanted or self.hosted.has_ended

    @property
    def is_free(self) -> bool:
        """Whether nobody holds it, or waits to."""
        return not self.held and not self.wanted

    def is_running(self) -> bool:
        """Whether the machine's thread is at work."""
        return self.hosted.runs

    @property
    def condition(self) -> str:
        """What the machine does, for those who look at its screen."""
        if self.hosted.is_travelling:
            return "moves through its past"
        if self.hosted.runs:
            return "runs"
        past = "" if self.debugger.timeline.live else " in its past"
        return f"stands{past}, stopped by the debugger" if self.held else f"stands{past}"

    @property
    def state(self) -> str:
        """The same in a word, for lists of processes."""
        if self.hosted.runs:
            return "running"
        if self.held:
            return "held"
        return "ended" if self.is_spent else "free"

    # -- who holds it ------------------------------------------------------------------------

    def taken(self) -> Taken:
        """Return the machine for the client that now holds it."""
        hosted = self.hosted
        return Taken(
            self.process,
            hosted.debugger,
            hosted.program,
            self.launched,
            self.circumstances,
            self._folder,
            first_words=hosted.first_words,
        )

    def watched(self) -> Taken:
        """Return the machine for a client that only watches it."""
        hosted = self.hosted
        return replace(
            self.taken(),
            circumstances=partial(self._seen_circumstances, hosted),
            sample=partial(self._sample, hosted),
        )

    def _sample(self, hosted: HostedMachine) -> Sample | None:
        """Return the latest sample of a machine; None if it stands, and can be looked at itself."""
        if not hosted.runs:
            return None
        sample = self.lookout.sample(hosted)
        if sample is None:
            raise RefusedError("the machine can't be looked at now: it searches its past")
        return sample

    def connect(self, hearer: Hearer, on_built: Callable[[], Awaitable[None]]) -> None:
        """Let what the machine says, and is said of it, come to the client that holds it."""
        self._hearer, self.on_built = hearer, on_built

    def circumstances(self) -> Circumstances:
        """Return what reports say about the machine beside itself, for who holds it."""
        doing = Doing.ENDED if self.is_spent else Doing.STANDS
        return Circumstances(
            process=self.process,
            command=self.hosted.command,
            doing=doing,
            wanted=bool(self.wanted),
            generation=self.generation,
        )

    @property
    def generation(self) -> int:
        """A number that moves with all that can be seen of the machine."""
        runs = self.hosted.runs
        return self._generation.of(self.debugger, self.held, runs, len(self.wanted))

    def _seen_circumstances(self, hosted: HostedMachine) -> Circumstances:
        """Return the same for who watches."""
        holder = Holder.ANOTHER if self.held else Holder.NOBODY
        seen = replace(self.circumstances(), holder=holder, command=hosted.command)
        if hosted.runs:
            return replace(seen, doing=Doing.TRAVELS if hosted.is_travelling else Doing.RUNS)
        return seen

    def leave(self, fate: Fate) -> None:
        """Let the machine stand as its client leaves it, without the client's breakpoints."""
        self._hearer = self.on_built = None
        self.debugger.remove_all()
        self._fresh_wanted = fate is Fate.RESTART

    # -- the machine in it -------------------------------------------------------------------

    async def load(self, arguments: Sequence[str]) -> None:
        """Put a fresh machine in place of this one.  LoadError if that can't be."""
        before = self.hosted
        self.hosted = await threads.load(lambda: self._make_anew(arguments))
        before.unplug()
        garbage.machine_gone(before)
        self._fresh_wanted = False

    async def renew(self) -> None:
        """Put a fresh machine, with the same arguments, in place of this one.  LoadError as above;
        then this one stays.
        """
        try:
            await self.load(self.hosted.arguments)
        except LoadError:
            self.refused = self.source.edition()
            raise

    def _make_anew(self, arguments: Sequence[str]) -> HostedMachine:
        self.commit()
        return self._make(arguments, self.hosted.names)

    def _make(self, arguments: Sequence[str], names: Names | None) -> HostedMachine:
        made = HostedMachine(
            self.source,
            arguments,
            self,
            real_time=self.fittings.real_time,
            keyboard=self.fittings.keyboard,
        )
        made.trace_calls(self.fittings.trace)
        made.debugger.wanted_breakpoints = self.fittings.breakpoints
        if names is not None:
            made.names = names
        return made

    def commit(self) -> bool:
        """Write changed disks back, once, if that is wanted; whether nothing is lost."""
        return self.hosted.commit(self.say)

    def close(self) -> bool:
        """Hang up the lines and stop the machine; whether it stands."""
        self._lines.close()
        return self.hosted.close()

    # -- what it says ------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """Take a line for the user."""
        hearer = self._hearer
        (self.say if hearer is None else hearer.note)(text)

    def put_out(self, data: bytes) -> None:
        """Take what the actions of breakpoints print."""
        if self._hearer is not None:
            with self.debugger.timeline.thread.out_of_turn():
                self._hearer.put_out(data)

    def show(self, channel: str, data: bytes) -> None:
        """Take the program's output."""
        hearer = self._hearer if self.fittings.output_to_debugger else None
        with self.debugger.timeline.thread.out_of_turn():
            if channel in self._lines:
                self._lines.show(channel, data)
            elif hearer is not None:
                hearer.put_out(data)
            else:
                self._console.show(self.process, channel, data)

    def starve(self) -> None:
        """Get input for the console."""
        if Console.CHANNEL not in self._lines:
            self._console.want(self.process, self.type)

    def type(self, data: bytes) -> None:
        """Take input for the console, in any thread (`HostedMachine.receive`)."""
        self.hosted.receive(Console.CHANNEL, data)

    def type_on_terminal(self, data: bytes) -> None:
        """Take what comes from a terminal that shows its screen, in any thread."""
        keys, events = self._terminal_input.take(data)
        for mouse, event in events.items():
            if self.hosted.has(mouse):
                self.hosted.receive(mouse, event)
        if keys:
            self.type(keys)

    def _deliver(self, channel: str, data: bytes) -> None:
        """Take what comes on one of its lines."""
        if isinstance(self.fittings.places[channel], ScreenPlace):
            self.type_on_terminal(data)
        else:
            self.hosted.receive(channel, data)

    def _picture(self) -> Viewer:
        """Begin a picture of its screen for somebody who connects."""
        return Viewer(
            lambda: self.debugger.machine,
            is_travelling=lambda: self.hosted.is_travelling,
            status=lambda: f" {self.condition}",
            keeps_cursor=True,
        )
