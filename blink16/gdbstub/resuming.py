"""Which machines are to run, what the client is told before they do, and how their run ended."""

from __future__ import annotations

from collections.abc import Iterable

from blink16.debugger import Event, EventKind, Resume
from blink16.gdbstub import commands, registers, replies, stops
from blink16.gdbstub.custody import Custody
from blink16.gdbstub.dialogue import Dialogue
from blink16.gdbstub.inferiors import Inferior, Inferiors
from blink16.gdbstub.orders import Fate, Interrupt, Start
from blink16.gdbstub.replies import Client, RefusedError
from blink16.gdbstub.states import SessionInput, WrongCallError

MOVED, LOADED = Event(EventKind.MOVED), Event(EventKind.LOADED)
INTERRUPTED = Event(EventKind.INTERRUPTED)
LEAVING = Event(EventKind.LEAVING)


class Runs:
    """The runs of one client's machines: when several run, the first event is the client's."""

    def __init__(self, dialogue: Dialogue, custody: Custody) -> None:
        self._dialogue = dialogue
        self._custody = custody
        self._running: set[int] = set()
        """The processes that run."""
        self._first: tuple[Inferior, Event] | None = None
        """The event that is to be told when all machines stand."""

    def begin(self, command: commands.Run | commands.RunEach) -> None:
        """Let machines run, unless the client has to be told of something first."""
        dialogue = self._dialogue
        meant = chosen(dialogue.inferiors, command)
        untold = overdue(meant, dialogue.client)
        if untold is None:
            if isinstance(command, commands.Run) and command.address is not None:
                registers.write_pc(dialogue.inferiors.current.debugger, command.address)
            untold = missed(meant)
            if untold is None and dialogue.client.steps_over:
                untold = arrived(meant) or leaving(meant)
        if untold is None and dialogue.early_break:
            untold = next(iter(meant)), INTERRUPTED
        if untold is not None:
            self._tell(*untold)
            return
        dialogue.standing.lead(SessionInput.RUN)
        self._first = None
        self._running = {inferior.process for inferior in meant}
        dialogue.out.say_collected()
        for inferior, how in meant.items():
            inferior.start()
            inferior.debugger.tell_of(told(inferior, dialogue.client))
            dialogue.out.order(Start(how, inferior.process))

    def stopped(self, event: Event, process: int) -> None:
        """Take the event that ended a run; WrongCallError if there was none."""
        if process not in self._running:
            raise WrongCallError(f"process {process} was not started")
        dialogue = self._dialogue
        self._running.discard(process)
        last = not self._running
        if not dialogue.standing.lead(SessionInput.ALL_STOPPED if last else SessionInput.STOPPED):
            return
        inferior = dialogue.inferiors.held(process)
        if self._first is None:
            self._first = inferior, event
            if not last:
                dialogue.out.order(Interrupt())
        else:
            inferior.miss(event)
        if last:
            self._tell(*self._first)

    def _tell(self, inferior: Inferior, event: Event) -> None:
        """Tell the client how a run has ended."""
        dialogue, out = self._dialogue, self._dialogue.out
        out.say_collected()
        if event.kind is EventKind.LOADED:
            out.reply(stops.announcement(dialogue.inferiors, inferior))
            return
        if event.kind is EventKind.VFORKED and not event.child:
            out.reply(stops.vfork_done(dialogue.inferiors, inferior, event.parent))
            return
        out.mention(replies.say(event, inferior.debugger.machine.icount))
        out.reply(stops.reply(dialogue.inferiors, inferior, event, dialogue.client))
        if dialogue.extended and replies.gone(event, inferior.called, dialogue.client):
            self._custody.let_go([inferior], Fate.LEAVE, "")


def chosen(
    inferiors: Inferiors, command: commands.Run | commands.RunEach
) -> dict[Inferior, Resume]:
    """Return which machines are to run, and how: a `Resume` of its own for each.

    RefusedError if there are none.
    """
    if isinstance(command, commands.Run):
        return {inferior: command.how.anew() for inferior in inferiors.to_resume()}
    found: dict[Inferior, Resume] = {}
    for how, thread in command.actions:
        for inferior in inferiors if thread is None else inferiors.matching(thread):
            if thread is not None:
                inferior.births.resume(thread.process)
            if inferior not in found:  # the leftmost that fits counts
                found[inferior] = inferior.answers.of_thread(how, thread)
    if not found:
        raise RefusedError("no thread to run")
    return found


def overdue(those: Iterable[Inferior], client: Client) -> tuple[Inferior, Event] | None:
    """Return what the client has not been told of machines that it wants to run, first of all."""
    for inferior in those:
        last = inferior.debugger.last_event()
        if last and replies.gone(last, inferior.called, client):
            return inferior, last
    for inferior in those:
        if parent := inferior.births.take_done():  # without a child: it is over
            return inferior, Event(EventKind.VFORKED, parent=parent)
    for inferior in those:
        if inferior.answers.shelf.has_news and not client.list_threads:
            inferior.answers.forget_frames()
            return inferior, LOADED
    for inferior in those:
        if inferior.moved and not client.ours:
            inferior.show()
            return inferior, MOVED
    return None


def missed(those: Iterable[Inferior]) -> tuple[Inferior, Event] | None:
    """Return an event that could not be told when it came, once."""
    for inferior in those:
        event = inferior.missed()
        if event is not None:
            return inferior, event
    return None


def arrived(meant: dict[Inferior, Resume]) -> tuple[Inferior, Event] | None:
    """Return a stop at a breakpoint to which gdb has sent a machine (`jump`), or has just set it.

    gdb steps over a breakpoint where it saw a machine stop, and sets it after that: one that is
    there when the machine goes on is to be hit at once.
    """
    for inferior, how in meant.items():
        goes_on = how == Resume(thread=how.thread) and not inferior.leaves
        if inferior.answers.take_arrival() and goes_on:
            inferior.answers.settle()
            event = inferior.debugger.event_here()
            if event is not None:
                return inferior, event
    return None


def leaving(meant: dict[Inferior, Resume]) -> tuple[Inferior, Event] | None:
    """Return a stop before the first step that would let a program go, which has ended.

    A gdb whose program goes within its step over a breakpoint (`break int21`) believes for ever
    that it steps, and ends itself when it attaches next.  At a signal that it neither stops at nor
    shows it gives that step up, puts its breakpoints back and goes on.
    """
    for inferior, how in meant.items():
        steps = not how.backward and how != Resume(thread=how.thread)
        if steps and inferior.debugger.is_at_end and not inferior.leaves:
            inferior.leaves = True
            return inferior, LEAVING
    return None


def told(inferior: Inferior, client: Client) -> frozenset[EventKind]:
    """Return what its processes do that ends a run, since the client wants to know."""
    wanted = {
        EventKind.LOADED: inferior.answers.shelf.is_told and not client.list_threads,
        EventKind.EXECUTED: client.executions,
        EventKind.FORKED: client.forks,
        EventKind.VFORKED: client.vforks,
    }
    return frozenset(kind for kind, whether in wanted.items() if whether)
