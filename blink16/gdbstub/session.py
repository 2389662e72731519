"""One client's conversation as a state machine: bytes in, orders out, no I/O.

**The contract with the server.**  A `Session` is made for each client that connects, with the
machine that the client got (`Taken`).  All its methods but `note` and `output` are called in one
thread (the event loop's), never two at a time, and each returns the orders to carry out, in
order:

- ``receive(data)``: bytes came from the client, at most `RECEIVE_SIZE` at a time.  A few packets
  are handled; ``go_on()`` handles some more as long as ``has_more`` (each may call for a reply of
  64 KiB, so this bounds the memory of a flood, and the time for which others wait);
- ``stopped(event, process)``: the ``debugger.drive`` that a `Start` asked for has returned
  ``event``;
- ``finished(done)``: the ``run()`` that a `Work` asked for has returned ``done``;
- ``took(machine)`` or ``refused(reason)``: what a `Take`, `TakeNew` or `Renew` has come to;
- ``renew(process)``: somebody has built that machine's program anew;
- ``speak()``: the notices and the output collected while a machine runs or a work is on its way.
  Optional: ``stopped`` and ``finished`` say them too, only later.

``note(text)`` collects a line for the user, ``output(data)`` what a program prints; both may be
called from any thread.  The server lets the hooks of the machines that are taken call them.
Between a `Start`, `Work` or `Take` and its end the session touches nothing of the machines;
packets that come in that time wait, 0x03 becomes `Interrupt`.  When several machines run, the
first event is the client's, and the others are interrupted.

`Close` ends the session: its `Fate` says what becomes of the machines, and the session has
already removed its breakpoints unless one runs.  When the client vanishes instead, the server
interrupts what runs and calls ``debugger.remove_all()``; the machines stay as they are.  After an
EXITED or KILLED event (``debugger.last_event()``) the program is gone, and the next client needs
a fresh machine; stock gdb hangs up by itself then, or stays in extended mode.

What leads where is a table (`states`); a call that it does not foresee is a `WrongCallError`.

**Its parts.**  `intake` says what is looked at when, `custody` how machines come and go,
`resuming` how they run, `works` what takes its time, `outgoing` what is said; they share a
`dialogue`.  What is here is who does what about a command.

An observer's session (``observed``) changes nothing and asks for nothing but `Send` and `Close`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import assert_never

from blink16.debugger import Event
from blink16.gdbstub import commands, observing, replies, stops, works
from blink16.gdbstub.commands import points, processes
from blink16.gdbstub.commands.fields import PROCESS_BASE
from blink16.gdbstub.custody import Custody
from blink16.gdbstub.dialogue import Dialogue
from blink16.gdbstub.features import supported
from blink16.gdbstub.inferiors import Inferior, Inferiors
from blink16.gdbstub.intake import MAX_WAITING, Intake, Letter
from blink16.gdbstub.orders import (
    FIRST,
    Fate,
    ListedProcess,
    Order,
    Taken,
    WantControl,
    Work,
    WorkDone,
)
from blink16.gdbstub.reading import command_in
from blink16.gdbstub.replies import KILLED, OK, SILENCE, Client, RefusedError
from blink16.gdbstub.resuming import Runs
from blink16.gdbstub.states import SessionInput, SessionState
from blink16.packets import ARCHITECTURE, PACKET_SIZE

__all__ = ["MAX_WAITING", "RECEIVE_SIZE", "Session", "SessionState"]

RECEIVE_SIZE = 4096
"""Bytes that a server should read from a client at a time."""
TURN_ITEMS = 32
TURN_SIZE = PACKET_SIZE
"""After so many items, or bytes of answers, the next client has its turn."""
YIELD = "yield"
"""The monitor command that lets a machine go and watches it."""
RESTART = "restart"
"""The monitor command that has a fresh machine put in the place of one."""


class Session:
    """One client's conversation about its machines; see the module for the contract."""

    def __init__(
        self,
        machine: Taken,
        listing: Callable[[], Sequence[ListedProcess]] = tuple,
        *,
        observed: Callable[[], bool] | None = None,
        architecture: str = ARCHITECTURE,
    ) -> None:
        """Begin.

        ``listing``: returns all machines of the server.  ``observed``: given for an observer;
        returns whether the machine runs.  ``architecture``: see `description.target_xml`.
        """
        self._inferiors = Inferiors(listing, architecture)
        self._may_be_raw = architecture == ARCHITECTURE
        """Whether clients that say nothing of themselves are taken for tools of DOSBox-X: those
        for which an architecture was named are not (IDA 6 names no features)."""
        self._dialogue = Dialogue(self._inferiors, observed)
        self._out = self._dialogue.out
        self._intake = Intake(self._dialogue)
        self._custody = Custody(self._dialogue, machine)
        self._runs = Runs(self._dialogue, self._custody)
        self._first_words = machine.first_words
        self.tells_changes = False
        """Whether the client wants to be told of changes (`changed`)."""

    @property
    def state(self) -> SessionState:
        """Where the conversation stands."""
        return self._dialogue.standing.state

    @property
    def is_ours(self) -> bool:
        """Whether the client is our own, and knows how to watch a machine that runs."""
        return self._dialogue.client.ours

    # -- what the server calls ---------------------------------------------------------------

    def receive(self, data: bytes) -> list[Order]:
        """Take bytes from the client."""
        alone = self._intake.command_alone(data)
        if alone is not None:  # so it is nearly always
            self._obey(alone)
            return self._out.take_orders()
        self._intake.feed(data)
        return self.go_on()

    @property
    def has_more(self) -> bool:
        """Whether there is something left for `go_on`."""
        return self._intake.has_more

    def go_on(self) -> list[Order]:
        """Handle some of what has come from the client, so that others have their turn too."""
        for _ in range(TURN_ITEMS):
            if not self.has_more or self._out.size >= TURN_SIZE:
                break
            letter = self._intake.take()
            if letter is not None:
                self._handle(letter)
        return self._out.take_orders()

    def stopped(self, event: Event, process: int = FIRST) -> list[Order]:
        """Take the event that ended a `Start`."""
        self._runs.stopped(event, process)
        return self._out.take_orders()

    def forget(self) -> None:
        """Know no machine any more: the conversation is over, and they go on without it."""
        self._inferiors.forget()

    def took(self, machine: Taken) -> list[Order]:
        """Take the machine that a `Take` or `TakeNew` asked for."""
        self._custody.took(machine)
        return self._out.take_orders()

    def refused(self, reason: str) -> list[Order]:
        """Take the reason why there is no machine."""
        self._custody.refused(reason)
        return self._out.take_orders()

    def renew(self, process: int) -> list[Order]:
        """Ask for a fresh machine in the place of one, if it stands and is ours to move."""
        if self.state is SessionState.STANDING and self._dialogue.observed is None:
            self._custody.renew(self._inferiors.held(process), asked=False)
        return self._out.take_orders()

    def finished(self, done: WorkDone) -> list[Order]:
        """Take what a `Work` returned."""
        if self._dialogue.standing.lead(SessionInput.FINISHED):
            self._out.say_collected()
            self._out.add(done.said)
            match done.reply:
                case RefusedError() as refusal:
                    self._out.reply(replies.error(refusal, self._dialogue.client))
                case bytes(body):
                    self._out.reply(body)
        return self._out.take_orders()

    def still_working(self) -> list[Order]:
        """Say nothing to the user, in a packet, while a `Work` goes on that is done patiently."""
        if self.state is SessionState.WORKING:
            self._out.reply(SILENCE)
        return self._out.take_orders()

    def note(self, text: str) -> None:
        """Collect a line for the user; from any thread."""
        self._out.notices.append(text)

    def output(self, data: bytes) -> None:
        """Collect what the program prints, to be shown by the client; from any thread.

        It isn't bounded here: whoever calls this waits when there is much unsaid.
        """
        self._out.program_output.append(data)

    def speak(self) -> list[Order]:
        """Say notices and output now, if this is a moment when the client listens."""
        if self._dialogue.standing.rule.stoppable or self._out.notifies:
            self._out.say_collected()
        return self._out.take_orders()

    def watch(self, machine: Taken, runs: Callable[[], bool]) -> list[Order]:
        """Watch a machine from now on, after a `LetGo`, or since another is in its place.

        ``runs``: returns whether it does.
        """
        self._custody.mean_only(machine, runs)
        return self._out.take_orders()

    def hold(self, machine: Taken) -> list[Order]:
        """Hold a machine from now on, after a `WantControl`."""
        self._custody.mean_only(machine, None)
        self._out.notify(b"control", b"")
        return self._out.take_orders()

    def changed(self, generation: int) -> list[Order]:
        """Take note that a machine which is watched has changed."""
        self._out.notify(b"change", b"%d" % generation)
        return self._out.take_orders()

    # -- commands ----------------------------------------------------------------------------

    def _handle(self, letter: Letter) -> None:
        try:
            command = command_in(letter)
        except RefusedError as refusal:
            self._out.reply(replies.error(refusal, self._dialogue.client))
        else:
            self._obey(command)

    def _obey(self, command: commands.Command) -> None:
        dialogue = self._dialogue
        try:
            if dialogue.observed is not None:
                observing.check(command, runs=dialogue.observed() and not dialogue.client.ours)
            if commands.is_question(command):
                self._answer(command)
            else:
                self._carry_out(command)
            if dialogue.early_break and self._shows_standing(command):
                dialogue.early_break = False
        except RefusedError as refusal:
            self._refuse(command, refusal)

    def _refuse(self, command: commands.Command, refusal: RefusedError) -> None:
        client = self._dialogue.client
        if isinstance(command, commands.Monitor) and not client.ours:
            # gdb 13 shows no error of these, only text
            self._out.say(f"{refusal}\n")
            self._out.reply(OK)
            return
        told = isinstance(command, _TOLD)
        self._out.reply(replies.error(refusal, client, told=told))

    def _shows_standing(self, command: commands.Command) -> bool:
        """Whether a command shows that the client is not about to resume, nor on a user's step.

        On the way of `next` gdb looks for frames between its resumptions.
        """
        reads = isinstance(command, _READS) and self._dialogue.client.steps_over
        return not (reads or isinstance(command, _PREPARATIONS))

    def _answer(self, question: commands.Question) -> None:
        if isinstance(question, commands.ReadObject) and works.has_to_search(question):
            inferior = self._inferiors.current
            self._work(inferior, partial(works.search, inferior.reporter, question))
        elif self._inferiors.takes_long(question):
            run = partial(works.ponder, self._inferiors, question)
            self._work(self._inferiors.current, run, computes=True)
        else:
            self._out.reply(self._inferiors.answer(question))

    def _carry_out(self, command: commands.SessionCommand) -> None:
        dialogue, out = self._dialogue, self._out
        match command:
            case commands.Run() | commands.RunEach():
                self._runs.begin(command)
            case commands.QueryHalt():
                out.reply(stops.halt_reason(self._inferiors, dialogue.client))
            case commands.InterruptCommand():
                dialogue.interrupt()
                out.reply(OK)
            case commands.Monitor(line):
                self._monitor(line)
            case processes.Attach() | processes.Launch() | processes.RestartProgram():
                self._custody.ask_for(command)
            case processes.Detach(process) if self._custody.leaves_relative(process):
                out.reply(OK)
            case processes.Detach(process):
                meant = self._custody.meant(process)
                out.reply(OK)
                self._custody.let_go(meant, Fate.LEAVE, "the client detached")
            case processes.Kill(process, answered):
                meant = self._custody.meant(process)
                if answered:
                    out.reply(OK)
                elif dialogue.client.list_threads:
                    out.reply(KILLED)
                self._custody.let_go(meant, Fate.RESTART, "the client killed the program")
            case commands.Watch():
                out.reply(OK)
                if dialogue.observed is None:
                    self._custody.start_to_watch()
            case commands.AskControl():
                if dialogue.observed is None:
                    raise RefusedError("you hold the machine already")
                out.reply(OK)
                out.order(WantControl())
            case commands.QuerySupported(features):
                client = Client.of(features)
                self._agree(replace(client, raw=client.raw and self._may_be_raw))
            case _:
                self._note_wish(command)

    def _agree(self, client: Client) -> None:
        """Talk from now on as the client says it understands."""
        self._dialogue.client = client
        self._out.notifies = client.ours
        self._out.hushed = client.raw
        self._inferiors.multiprocess = client.multiprocess
        self._inferiors.show_offsets(client.raw)
        self._inferiors.number_from(PROCESS_BASE if client.gdb else 0)
        self._out.reply(supported(client))
        if client.ours:  # to others' users the server has said it on its own terminal
            for text in self._first_words:
                self._out.mention(f"{text}\n")
        if client.watches and self._dialogue.observed is None:
            self._custody.start_to_watch()

    def _note_wish(self, wish: _Wish) -> None:
        """Do from now on what the client wants done."""
        dialogue = self._dialogue
        self._out.reply(OK)
        match wish:
            case commands.StartNoAckMode():
                self._intake.acknowledging = False
            case processes.ExtendedMode():
                dialogue.extended = True
            case commands.TellChanges():
                self.tells_changes = True
            case commands.EnableErrorStrings():
                dialogue.client = replace(dialogue.client, error_strings=True)
            case commands.ListThreads():  # so it is an LLDB
                dialogue.client = replace(dialogue.client, list_threads=True, raw=False)
                self._out.hushed = False
                self._inferiors.align_frames()
                self._inferiors.show_offsets(False)
            case _:
                assert_never(wish)

    def _monitor(self, line: str) -> None:
        """Carry out a monitor command: two of them are about who holds what, the rest are works."""
        what = line.strip()
        if what == YIELD:
            self._out.say("you watch from now on; attach again to hold a machine\n")
            self._out.reply(OK)
            self._custody.start_to_watch()
            return
        if not len(self._inferiors) and self._dialogue.client.hides_errors:
            self._custody.explain()
            return
        inferior = self._inferiors.current
        if what == RESTART:
            self._custody.renew(inferior, asked=True)
            return
        if len(self._inferiors) > 1:  # gdb tells late which one its user means
            self._out.say(f"process {inferior.called}:\n")
        ours = self._dialogue.client.ours
        run = partial(works.monitor, inferior, line, tells_errors=ours)
        self._work(inferior, run, patiently=not ours)

    def _work(
        self,
        inferior: Inferior,
        run: Callable[[], WorkDone],
        *,
        computes: bool = False,
        patiently: bool = False,
    ) -> None:
        """Have something done in a worker thread."""
        self._dialogue.standing.lead(SessionInput.WORK)
        self._out.order(Work(run, inferior.process, computes, patiently))


_Wish = (
    commands.StartNoAckMode
    | processes.ExtendedMode
    | commands.TellChanges
    | commands.EnableErrorStrings
    | commands.ListThreads
)
_PREPARATIONS = (
    commands.QueryActions,
    processes.SelectThread,
    points.InsertPoint,
    points.RemovePoint,
)
"""What gdb sends just before a packet that resumes."""
_READS = (commands.ReadMemory, commands.ReadRegisters, commands.ReadRegister)
_TOLD = (
    commands.WriteRegister,
    commands.WriteRegisters,
    commands.WriteMemory,
    commands.Run,
    commands.RunEach,
)
"""gdb 13 shows the reply to these when it is an error."""
