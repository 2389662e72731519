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

An observer's session (``observed``) changes nothing and asks for nothing but `Send` and `Close`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import assert_never

from blink16.debugger import Event, EventKind
from blink16.gdbstub import commands, observing, registers, replies, resuming, stops, works
from blink16.gdbstub.commands import points, processes
from blink16.gdbstub.commands.fields import PROCESS_BASE
from blink16.gdbstub.features import supported
from blink16.gdbstub.inferiors import RENEWED, Inferior, Inferiors
from blink16.gdbstub.orders import (
    FIRST,
    Close,
    Fate,
    Interrupt,
    LetGo,
    ListedProcess,
    Order,
    Release,
    Renew,
    Start,
    Take,
    Taken,
    TakeNew,
    WantControl,
    Work,
    WorkDone,
)
from blink16.gdbstub.outgoing import Outgoing
from blink16.gdbstub.reading import command_in
from blink16.gdbstub.replies import OK, SILENCE, Client, RefusedError
from blink16.gdbstub.states import PacketRule, SessionInput, SessionState, Standing, WrongCallError
from blink16.packets import ARCHITECTURE, PACKET_SIZE, BadPacket, Control, Decoder, Item, Packet

__all__ = ["RECEIVE_SIZE", "Session", "SessionState"]

RECEIVE_SIZE = 4096
"""Bytes that a server should read from a client at a time."""
TURN_ITEMS = 32
TURN_SIZE = PACKET_SIZE
"""After so many items, or bytes of answers, the next client has its turn."""
YIELD = "yield"
"""The monitor command that lets a machine go and watches it."""
RESTART = "restart"
"""The monitor command that has a fresh machine put in the place of one."""
MAX_WAITING = 64
"""Packets that may wait while a machine runs; a client that sends more is cut off."""


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
        self._observed = observed
        self._decoder = Decoder()
        self._client = Client()
        self._acknowledging = True
        self._extended = False
        self._standing = Standing()
        self._running: set[int] = set()
        self._first: tuple[Inferior, Event] | None = None
        """The event that is to be told when all machines stand."""
        self._answers_taking = False
        self._called: int | None = None
        """How the client calls the machine that is on its way, if it has said so."""
        self._renews = False
        """Whether the machine that is on its way takes the place of one that is held."""
        self.tells_changes = False
        """Whether the client wants to be told of changes (`changed`)."""
        self._last_process = machine.process
        self._arrived: deque[Item] = deque()
        """What has come and was not looked at yet."""
        self._waiting: deque[Packet | BadPacket | Control] = deque()
        """What was, and waits until the machine stands."""
        self._out = Outgoing()
        self._greeting: Packet | None = None
        """The packet just answered, if the client may say it again for want of an answer."""
        self._early_break = False
        """Whether 03h came while gdb prepares to resume: so it sends a Ctrl-C that was typed
        between its "Continuing." and the packet that resumes, and waits for the stop."""
        self._inferiors.add(machine)

    @property
    def state(self) -> SessionState:
        """Where the conversation stands."""
        return self._standing.state

    @property
    def is_ours(self) -> bool:
        """Whether the client is our own, and knows how to watch a machine that runs."""
        return self._client.ours

    # -- what the server calls ---------------------------------------------------------------

    def receive(self, data: bytes) -> list[Order]:
        """Take bytes from the client."""
        self._arrived.extend(self._decoder.feed(data))
        return self.go_on()

    @property
    def has_more(self) -> bool:
        """Whether there is something left for `go_on`."""
        rule = self._standing.rule.packets
        if rule is PacketRule.ANSWERED:
            return bool(self._arrived or self._waiting)
        return rule is PacketRule.KEPT and bool(self._arrived)

    def go_on(self) -> list[Order]:
        """Handle some of what has come from the client, so that others have their turn too."""
        for _ in range(TURN_ITEMS):
            if not self.has_more or self._out.size >= TURN_SIZE:
                break
            if self._waiting and self._standing.rule.packets is PacketRule.ANSWERED:
                self._handle(self._waiting.popleft())
            else:
                self._arrive(self._arrived.popleft())
        return self._out.take_orders()

    def stopped(self, event: Event, process: int = FIRST) -> list[Order]:
        """Take the event that ended a `Start`."""
        if process not in self._running:
            raise WrongCallError(f"process {process} was not started")
        self._running.discard(process)
        last = not self._running
        goes_on = self._standing.lead(SessionInput.ALL_STOPPED if last else SessionInput.STOPPED)
        if goes_on:
            inferior = self._inferiors.held(process)
            if self._first is None:
                self._first = inferior, event
                if not last:
                    self._out.order(Interrupt())
            else:
                inferior.miss(event)
            if last:
                self._tell(*self._first)
        return self._out.take_orders()

    def took(self, machine: Taken) -> list[Order]:
        """Take the machine that a `Take` or `TakeNew` asked for."""
        renews, self._renews = self._renews, False
        if self._standing.lead(SessionInput.TAKEN):
            if renews:
                self._inferiors.renew(machine)
                self._tell_renewal(f"{RENEWED}\n")
                return self._out.take_orders()
            inferior = self._inferiors.add(machine, self._called)
            if self._answers_taking:
                self._out.reply(stops.standing(self._inferiors, inferior, self._client))
        return self._out.take_orders()

    def refused(self, reason: str) -> list[Order]:
        """Take the reason why there is no machine."""
        renews, self._renews = self._renews, False
        goes_on = self._standing.lead(SessionInput.TAKEN)
        if goes_on and renews and not self._client.ours:
            self._tell_renewal(f"{reason}\n")
        elif goes_on and self._answers_taking:
            self._out.reply(replies.error(RefusedError(reason), self._client))
        return self._out.take_orders()

    def renew(self, process: int) -> list[Order]:
        """Ask for a fresh machine in the place of one, if it stands and is ours to move."""
        if self.state is SessionState.STANDING and self._observed is None:
            self._renew(self._inferiors.held(process), asked=False)
        return self._out.take_orders()

    def finished(self, done: WorkDone) -> list[Order]:
        """Take what a `Work` returned."""
        if self._standing.lead(SessionInput.FINISHED):
            self._out.say_collected()
            self._out.add(done.said)
            match done.reply:
                case RefusedError() as refusal:
                    self._out.reply(replies.error(refusal, self._client))
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
        if self._standing.rule.stoppable or self._out.notifies:
            self._out.say_collected()
        return self._out.take_orders()

    # -- who holds the machine ---------------------------------------------------------------

    def watch(self, machine: Taken, runs: Callable[[], bool]) -> list[Order]:
        """Watch a machine from now on, after a `LetGo`, or since another is in its place.

        ``runs``: returns whether it does.
        """
        self._observed = runs
        self._mean_only(machine)
        return self._out.take_orders()

    def hold(self, machine: Taken) -> list[Order]:
        """Hold a machine from now on, after a `WantControl`."""
        self._observed = None
        self._mean_only(machine)
        self._out.notify(b"control", b"")
        return self._out.take_orders()

    def changed(self, generation: int) -> list[Order]:
        """Take note that a machine which is watched has changed."""
        self._out.notify(b"change", b"%d" % generation)
        return self._out.take_orders()

    def _mean_only(self, machine: Taken) -> None:
        for inferior in list(self._inferiors):
            self._inferiors.drop(inferior)
        self._inferiors.add(machine)
        if self.state is SessionState.TAKING:
            self._standing.lead(SessionInput.TAKEN)

    def _start_to_watch(self) -> None:
        if len(self._inferiors) != 1:
            raise RefusedError("several machines can't be watched at a time: detach from others")
        inferior = self._inferiors.current
        inferior.leave()
        self._standing.lead(SessionInput.TAKE)
        self._out.order(LetGo(inferior.process))

    # -- input -------------------------------------------------------------------------------

    def _arrive(self, item: Item) -> None:
        match item:
            case Packet():
                self._take(item)
            case Control.ACK:
                self._greeting = None
                self._out.arrived()
            case Control.NAK if self._acknowledging:
                self._out.resend()
            case Control.NAK:
                pass
            case Control.BREAK:
                self._interrupt()
            case Control.DAMAGED if self._acknowledging:
                self._out.acknowledge(b"-")
            case _:
                self._take(item)

    def _take(self, item: Packet | BadPacket | Control) -> None:
        """Acknowledge a packet, and handle it now or when the machine stands again."""
        if self._acknowledging:
            self._out.acknowledge(b"+")
            if item == self._greeting:
                return  # sent again, since we had to be started before we could answer
            self._greeting = item if isinstance(item, Packet) and _greets(item) else None
        if self._standing.rule.packets is PacketRule.ANSWERED or item == _INTERRUPT_PACKET:
            self._handle(item)
        elif self._client.raw and item == _HALT_PACKET:
            self._interrupt()  # and the stop is its answer, as in DOSBox-X
        elif len(self._waiting) >= MAX_WAITING:
            self._close(Fate.LEAVE, "too many packets while the machine runs")
        else:
            self._waiting.append(item)
            if isinstance(item, Packet) and item.body[:1] in (b"k", b"D"):
                self._interrupt()  # who wants to leave does not want to wait

    def _interrupt(self) -> None:
        if self._standing.rule.stoppable:
            self._out.order(Interrupt())
        else:
            self._early_break = True

    def _handle(self, item: Packet | BadPacket | Control) -> None:
        command: commands.Command | None = None
        try:
            command = command_in(item)
            if self._observed is not None:
                observing.check(command, runs=self._observed() and not self._client.ours)
            self._carry_out(command)
            if not isinstance(command, _PREPARATIONS):
                self._early_break = False
        except RefusedError as refusal:
            told = isinstance(command, _TOLD)
            self._out.reply(replies.error(refusal, self._client, told=told))

    def _carry_out(self, command: commands.Command) -> None:
        if commands.is_question(command):
            self._answer(command)
            return
        match command:
            case commands.Run() | commands.RunEach():
                self._run(command)
            case commands.QueryHalt():
                self._out.reply(stops.halt_reason(self._inferiors, self._client))
            case commands.QuerySupported(features):
                self._client = Client.of(features)
                self._out.notifies = self._client.ours
                self._inferiors.multiprocess = self._client.multiprocess
                self._inferiors.show_offsets(self._client.raw)
                self._inferiors.number_from(PROCESS_BASE if self._client.gdb else 0)
                self._out.hushed = self._client.raw
                self._out.reply(supported(self._client))
                if self._client.watches and self._observed is None:
                    self._start_to_watch()
            case commands.Watch():
                self._out.reply(OK)
                if self._observed is None:
                    self._start_to_watch()
            case commands.AskControl():
                if self._observed is None:
                    raise RefusedError("you hold the machine already")
                self._out.reply(OK)
                self._out.order(WantControl())
            case commands.TellChanges():
                self.tells_changes = True
                self._out.reply(OK)
            case commands.Monitor(line) if line.strip() == YIELD and self._observed is None:
                self._out.say("you watch from now on; attach again to hold a machine\n")
                self._out.reply(OK)
                self._start_to_watch()
            case commands.Monitor(line) if line.strip() == RESTART and self._observed is None:
                self._renew(self._inferiors.current, asked=True)
            case commands.StartNoAckMode():
                self._out.reply(OK)
                self._acknowledging = False
            case commands.EnableErrorStrings():
                self._client = replace(self._client, error_strings=True)
                self._out.reply(OK)
            case commands.ListThreads():
                self._client = replace(self._client, list_threads=True, raw=False)
                self._inferiors.align_frames()
                self._inferiors.show_offsets(False)
                self._out.hushed = False
                self._out.reply(OK)
            case commands.InterruptCommand():
                self._interrupt()
                self._out.reply(OK)
            case commands.Monitor(line):
                inferior = self._inferiors.current
                if len(self._inferiors) > 1:  # gdb tells late which one its user means
                    self._out.say(f"process {inferior.called}:\n")
                ours = self._client.ours
                run = partial(works.monitor, inferior, line, tells_errors=ours)
                self._work(inferior, run, patiently=not ours)
            case processes.ExtendedMode():
                self._extended = True
                self._out.reply(OK)
            case processes.Attach() | processes.Launch() | processes.RestartProgram():
                self._ask_for(command)
            case processes.Detach(process) if self._leaves_relative(process):
                self._out.reply(OK)
            case processes.Detach(process):
                meant = self._meant(process)
                self._out.reply(OK)
                self._let_go(meant, Fate.LEAVE, "the client detached")
            case processes.Kill(process, answered):
                meant = self._meant(process)
                if answered:
                    self._out.reply(OK)
                self._let_go(meant, Fate.RESTART, "the client killed the program")
            case _:
                assert_never(command)

    def _answer(self, question: commands.Question) -> None:
        if isinstance(question, commands.ReadObject) and works.has_to_search(question):
            inferior = self._inferiors.current
            self._work(inferior, partial(works.search, inferior.reporter, question))
        elif self._inferiors.takes_long(question):
            self._work(
                self._inferiors.current,
                partial(works.ponder, self._inferiors, question),
                computes=True,
            )
        else:
            self._out.reply(self._inferiors.answer(question))

    def _work(
        self,
        inferior: Inferior,
        run: Callable[[], WorkDone],
        *,
        computes: bool = False,
        patiently: bool = False,
    ) -> None:
        """Have something done in a worker thread."""
        self._standing.lead(SessionInput.WORK)
        self._out.order(Work(run, inferior.process, computes, patiently))

    # -- machines ----------------------------------------------------------------------------

    def _ask_for(
        self, command: processes.Attach | processes.Launch | processes.RestartProgram
    ) -> None:
        if not self._extended:
            raise RefusedError("that needs target extended-remote")
        restart = isinstance(command, processes.RestartProgram)
        self._called = None
        if len(self._inferiors) and not self._client.multiprocess and not restart:
            raise RefusedError("this client can't hold two programs: detach first")
        match command:
            case processes.Attach(process, called):
                self._called = called
                if any(inferior.process == process for inferior in self._inferiors):
                    raise RefusedError(f"process {process} is debugged here already")
                order: Take | TakeNew = Take(process)
            case processes.Launch(name, arguments):
                order = TakeNew(name, arguments, self._last_process)
            case processes.RestartProgram():
                inferior = self._inferiors.current
                self._let_go([inferior], Fate.RESTART, "")
                order = Take(inferior.process)
        self._answers_taking = not restart
        self._standing.lead(SessionInput.TAKE)
        self._out.order(order)

    def _renew(self, inferior: Inferior, *, asked: bool) -> None:
        inferior.answers.settle()
        self._renews, self._answers_taking = True, asked
        self._standing.lead(SessionInput.TAKE)
        self._out.order(Renew(inferior.process))

    def _tell_renewal(self, text: str) -> None:
        """Say what a renewal has come to: as a reply if the user has asked, or when he listens."""
        if self._answers_taking:
            self._out.say_collected()
            self._out.say(text)
            self._out.reply(OK)
        else:
            self._out.notices.append(text.rstrip())

    def _meant(self, process: int | None) -> list[Inferior]:
        """Return the inferiors that D or k are about: all, unless it names one."""
        return list(self._inferiors) if process is None else [self._inferiors.named(process)]

    def _leaves_relative(self, process: int | None) -> bool:
        """Whether a client detaches only from one of the two processes that a fork has made."""
        if process is None or self._observed is not None:
            return False
        return self._inferiors.named(process).births.leaves(process)

    def _let_go(self, those: list[Inferior], fate: Fate, reason: str) -> None:
        if not self._extended or self._observed is not None:  # the one that there is
            self._close(fate, reason)
            return
        for inferior in those:
            inferior.leave()
            self._last_process = inferior.process
            self._inferiors.drop(inferior)
            self._out.order(Release(inferior.process, fate))

    # -- running -----------------------------------------------------------------------------

    def _run(self, command: commands.Run | commands.RunEach) -> None:
        chosen = resuming.chosen(self._inferiors, command)
        untold = resuming.overdue(chosen, self._client)
        if untold is None:
            if isinstance(command, commands.Run) and command.address is not None:
                registers.write_pc(self._inferiors.current.debugger, command.address)
            untold = resuming.missed(chosen)
        if untold is not None:
            self._tell(*untold)
            return
        self._standing.lead(SessionInput.RUN)
        self._first = None
        self._running = {inferior.process for inferior in chosen}
        self._out.say_collected()
        for inferior, how in chosen.items():
            inferior.start()
            inferior.debugger.tells = resuming.told(inferior, self._client)
            self._out.order(Start(how, inferior.process))
        if self._early_break:
            self._out.order(Interrupt())

    def _tell(self, inferior: Inferior, event: Event) -> None:
        """Tell the client how a run has ended."""
        self._out.say_collected()
        if event.kind is EventKind.LOADED:
            self._out.reply(stops.announcement(self._inferiors, inferior))
            return
        if event.kind is EventKind.VFORKED and not event.child:
            self._out.reply(stops.vfork_done(self._inferiors, inferior, event.parent))
            return
        self._out.mention(replies.say(event, inferior.debugger.machine.icount))
        self._out.reply(stops.reply(self._inferiors, inferior, event, self._client))
        if self._extended and replies.gone(event, inferior.called, self._client):
            self._let_go([inferior], Fate.LEAVE, "")

    def _close(self, fate: Fate, reason: str) -> None:
        if self._standing.rule.packets is PacketRule.ANSWERED and self._observed is None:
            for inferior in self._inferiors:
                inferior.leave()
        self._out.order(Close(fate, reason))
        self._standing.lead(SessionInput.CLOSE)
        self._waiting.clear()


def _greets(packet: Packet) -> bool:
    """Whether a client begins with that: gdb sends it again after two seconds without answer."""
    return packet.body.startswith(b"qSupported")


_PREPARATIONS = (
    commands.QueryActions,
    processes.SelectThread,
    points.InsertPoint,
    points.RemovePoint,
)
"""What gdb sends just before a packet that resumes; anything else shows that it stands."""
_TOLD = (
    commands.WriteRegister,
    commands.WriteRegisters,
    commands.WriteMemory,
    commands.Run,
    commands.RunEach,
)
"""gdb 13 shows the reply to these when it is an error."""
_INTERRUPT_PACKET = Packet(b"vCtrlC")
_HALT_PACKET = Packet(b"?")
