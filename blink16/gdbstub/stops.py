"""How a client is told that a machine has stopped, or how it stands."""

from __future__ import annotations

from blink16.debugger import STEPPED, Event, EventKind
from blink16.gdbstub import births, hostio, replies
from blink16.gdbstub.commands.points import GdbKind
from blink16.gdbstub.inferiors import Inferior, Inferiors
from blink16.gdbstub.replies import Client

NO_PROGRAM = b"W00"
"""What is said of how things stand where the client holds nothing."""


def reply(inferiors: Inferiors, inferior: Inferior, event: Event, client: Client) -> bytes:
    """Return the stop reply for an event; the client then means the machine that it is about."""
    ended = replies.gone(event, inferior.called, client)
    if ended:
        return ended
    inferiors.choose(inferior)
    arrived = event.kind is EventKind.BREAKPOINT
    thread, other = None, ""
    if event.kind in births.KINDS:
        inferior.answers.thread = thread = event.parent
        inferior.births.tell(event)
        other = inferiors.newborn_id(inferior, event.child)
    elif event.kind is EventKind.EXECUTED:
        table = inferior.debugger.machine.process_table
        programs = table.programs() if table is not None else ()
        inferior.births.program = programs[-1].name if programs else hostio.BOARD
        inferior.answers.shelf.untell()
        other = (hostio.TARGET + inferior.births.program).encode("utf-8", "replace").hex()
    return replies.stop(
        event,
        inferiors.thread_id(inferior, thread).encode("ascii"),
        other.encode("ascii"),
        inferiors.thread_ids().encode("ascii") if client.list_threads else b"",
        _title(inferior, thread) if client.list_threads else "",
        inferior.answers.expedited(),
        inferior.answers.breakpoint_kind() if arrived else GdbKind.SOFTWARE,
        client,
    )


def standing(inferiors: Inferiors, inferior: Inferior, client: Client) -> bytes:
    """Return the same for how a machine stands since its last event.

    Of that only a signal is told: any other reason may be another client's breakpoint.
    """
    last = inferior.debugger.last_event()
    if last is not None and replies.gone(last, inferior.called, client):
        return reply(inferiors, inferior, last, client)
    signalled = last is not None and last.kind is EventKind.SIGNALLED
    return reply(inferiors, inferior, last if last and signalled else STEPPED, client)


def halt_reason(inferiors: Inferiors, client: Client) -> bytes:
    """Return the answer to ``?``."""
    return standing(inferiors, inferiors.current, client) if len(inferiors) else NO_PROGRAM


def vfork_done(inferiors: Inferiors, inferior: Inferior, parent: int) -> bytes:
    """Return what lets gdb set breakpoints in a parent again, a thread: vfork() is over."""
    inferiors.choose(inferior)
    inferior.answers.thread = parent
    thread = inferiors.thread_id(inferior, parent).encode("ascii")
    return replies.vfork_done(thread, inferior.answers.expedited())


def _title(inferior: Inferior, thread: int | None) -> str:
    process = inferior.answers.process(thread)
    return process.title if process is not None else ""


def announcement(inferiors: Inferiors, inferior: Inferior) -> bytes:
    """Return what lets gdb read the list of libraries, which has changed, before it resumes."""
    inferiors.choose(inferior)
    thread = inferiors.thread_id(inferior).encode("ascii")
    return replies.libraries_changed(thread, inferior.answers.expedited())
