"""Which machines are to run, and what the client is to be told before they do."""

from __future__ import annotations

from collections.abc import Iterable

from blink16.debugger import Event, EventKind, Resume
from blink16.gdbstub import commands, replies
from blink16.gdbstub.inferiors import Inferior, Inferiors
from blink16.gdbstub.replies import Client, RefusedError

MOVED, LOADED = Event(EventKind.MOVED), Event(EventKind.LOADED)


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
            return inferior, LOADED
    for inferior in those:
        if inferior.moved and not client.ours:
            inferior.moved = False
            return inferior, MOVED
    return None


def missed(those: Iterable[Inferior]) -> tuple[Inferior, Event] | None:
    """Return an event that could not be told when it came, once."""
    for inferior in those:
        event = inferior.missed()
        if event is not None:
            return inferior, event
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
