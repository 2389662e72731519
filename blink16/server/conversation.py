"""One client's conversation: its session, its stream, and the threads that run its machines."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import trio

from blink16.debugger import Event, Resume
from blink16.gdbstub.orders import (
    Close,
    Fate,
    Interrupt,
    Order,
    Release,
    Send,
    Start,
    Take,
    TakeNew,
    Work,
)
from blink16.gdbstub.session import RECEIVE_SIZE, Session
from blink16.server.machines import Machines, RefusalError, Slot

SEND_TIMEOUT = 30.0
"""Seconds that a client may leave our bytes unread before it counts as gone."""
QUEUED_MESSAGES = 16
SPEAK_INTERVAL = 0.02
"""Seconds between two tellings of what a running program prints: gdb takes some milliseconds for
each packet, however little is in it."""
MAX_UNSAID = 1 << 16
"""Bytes of a program's output that may wait for the client; then the program waits."""

Message = Callable[[], list[Order]]
"""A call of one of the session's methods, to be made in the event loop."""

DISCONNECTED = (trio.BrokenResourceError, trio.ClosedResourceError)


class Conversation:
    """One client's session, its stream, and the threads in which its commands run machines."""

    def __init__(self, machines: Machines, slot: Slot, stream: trio.abc.Stream) -> None:
        """Begin with a machine that is held for this client."""
        self._machines = machines
        self._stream = stream
        self._unsaid = _Unsaid()
        self._may_speak = False
        """Whether there is a conversation, and the last telling was long enough ago."""
        self._token = trio.lowlevel.current_trio_token()
        self._outbox, self._inbox = trio.open_memory_channel[Message](QUEUED_MESSAGES)
        self._held = {slot.process: slot}
        self._busy: set[int] = set()
        """The processes whose threads are at work."""
        self._session = Session(slot.taken(), machines.processes)
        self._connect(slot)

    async def hold(self) -> None:
        """Talk until one side closes, then release the machines."""
        fate = Fate.LEAVE
        try:
            # The outer nursery ends when all machines stand still.
            async with trio.open_nursery() as self._runs, trio.open_nursery() as self._network:
                self._network.start_soon(self._read)
                self._may_speak = True
                try:
                    fate = await self._talk()
                finally:
                    self._inbox.close()
                    self._unsaid.end()
                    self._halt()
                    self._network.cancel_scope.cancel()
        finally:
            for slot in self._held.values():
                slot.debugger.remove_all()
                self._machines.release(slot, fate)

    def _connect(self, slot: Slot) -> None:
        """Let a machine's words come to this client."""
        slot.debugger.on_notice = self._note
        slot.debugger.on_print = self._put_out
        if slot.fittings.output_to_debugger:
            slot.to_debugger = self._put_out

    async def _read(self) -> None:
        """Pass on what comes from the client; no more than the session keeps up with."""
        with suppress(*DISCONNECTED):
            while data := await self._stream.receive_some(RECEIVE_SIZE):
                await self._outbox.send(partial(self._session.receive, bytes(data)))
        await self._outbox.send(_hang_up)

    async def _talk(self) -> Fate:
        try:
            while True:
                message = await self._inbox.receive()
                orders = deque((*message(), *self._session.speak()))
                while orders:
                    order = orders.popleft()
                    if isinstance(order, Close):
                        return order.fate
                    if isinstance(order, Start):
                        orders.extend(self._start(order))
                    else:
                        await self._do(order)
                self._unsaid.said()
        except DISCONNECTED:
            return Fate.LEAVE

    def _start(self, start: Start) -> list[Order]:
        """Resume a machine: here and now if that is brief, else in a thread."""
        slot, how = self._held[start.process], start.how
        if slot.debugger.is_brief(how):
            outcome = slot.debugger.resume(how)
            if isinstance(outcome, Event):
                return [*self._session.stopped(outcome, start.process), *self._session.speak()]
        self._runs.start_soon(self._run, self._begin(start.process), how)
        return []

    async def _do(self, order: Send | Interrupt | Work | Take | TakeNew | Release) -> None:
        match order:
            case Send(data):
                await _send(self._stream, data)
            case Work(run, process):
                self._runs.start_soon(self._work, self._begin(process), run)
            case Interrupt():
                self._halt()
            case Take(process):
                self._runs.start_soon(self._get, partial(self._machines.take, process))
            case TakeNew(name, arguments, like):
                launch = partial(self._machines.launch, name, arguments, like)
                self._runs.start_soon(self._get, launch)
            case Release(process, fate):
                self._machines.release(self._held.pop(process), fate)

    # -- machines ----------------------------------------------------------------------------

    async def _get(self, take: Callable[[], Awaitable[Slot]]) -> None:
        try:
            slot = await take()
        except RefusalError as refusal:
            await self._tell(partial(self._session.refused, str(refusal)))
            return
        self._held[slot.process] = slot
        await self._tell(partial(self._took, slot))

    def _took(self, slot: Slot) -> list[Order]:
        orders = self._session.took(slot.taken())
        self._connect(slot)
        return orders

    # -- machines' threads -------------------------------------------------------------------

    def _begin(self, process: int) -> Slot:
        slot = self._held[process]
        self._busy.add(process)
        slot.runs = True
        return slot

    async def _run(self, slot: Slot, how: Resume) -> None:
        # Abandoned only when the whole server ends, which waits for no guest.
        event = await trio.to_thread.run_sync(
            slot.move, partial(slot.debugger.drive, how), abandon_on_cancel=True
        )
        await self._finish(slot, partial(self._session.stopped, event, slot.process))

    async def _work(self, slot: Slot, run: Callable[[], str]) -> None:
        text = await trio.to_thread.run_sync(slot.move, run, abandon_on_cancel=True)
        await self._finish(slot, partial(self._session.finished, text))

    async def _finish(self, slot: Slot, message: Message) -> None:
        self._busy.remove(slot.process)
        slot.runs = False
        slot.debugger.forget_interrupt()  # one that came when it had stopped already
        await self._tell(message)

    async def _tell(self, message: Message) -> None:
        with suppress(trio.BrokenResourceError):  # the conversation is over
            await self._outbox.send(message)

    def _halt(self) -> None:
        """Stop what runs, or waits for input."""
        for process in self._busy:
            self._held[process].debugger.interrupt()

    # -- words for the client, from the machine's thread ---------------------------------------

    def _note(self, text: str) -> None:
        """Take a line for the user."""
        self._session.note(text)
        self._wake()

    def _put_out(self, data: bytes) -> None:
        """Take the program's output, once there is room for it."""
        if self._unsaid.wait_for_room(len(data)):
            self._session.output(data)
            self._wake()

    def _wake(self) -> None:
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._have_it_said, idempotent=True)

    def _have_it_said(self) -> None:
        if self._may_speak and not self._network.cancel_scope.cancel_called:
            self._may_speak = False
            self._network.start_soon(self._speak)

    async def _speak(self) -> None:
        self._say()
        await trio.sleep(SPEAK_INTERVAL)
        self._may_speak = True
        self._say()  # what has come meanwhile

    def _say(self) -> None:
        # whoever takes a message speaks too: if there is no room for ours, others are there
        with suppress(trio.WouldBlock, trio.BrokenResourceError, trio.ClosedResourceError):
            self._outbox.send_nowait(_nothing)


class Observation:
    """A client that looks at a machine which another client holds, and touches nothing."""

    def __init__(self, machines: Machines, slot: Slot, stream: trio.abc.Stream) -> None:
        self._slot = slot
        self._stream = stream
        self._session = Session(slot.taken(), machines.processes, observed=lambda: slot.runs)

    async def hold(self) -> None:
        """Answer until one side closes, or until there is another machine in its place."""
        watched = self._slot.debugger
        with suppress(*DISCONNECTED):
            while data := await self._stream.receive_some(RECEIVE_SIZE):
                if self._slot.debugger is not watched:
                    return
                for order in self._session.receive(bytes(data)):
                    if not isinstance(order, Send):  # it wants to close
                        return
                    await _send(self._stream, order.data)


async def _send(stream: trio.abc.Stream, data: bytes) -> None:
    """Send, waiting for slow readers: while we wait, nothing else is read or answered."""
    with trio.move_on_after(SEND_TIMEOUT):
        await stream.send_all(data)
        return
    raise trio.BrokenResourceError("the client doesn't read")


class _Unsaid:
    """How much of the program's output waits to be said; makes the program wait if too much."""

    def __init__(self) -> None:
        self._size = 0
        self._over = False
        self._changed = threading.Condition()

    def wait_for_room(self, size: int) -> bool:
        """Wait until more output may come; False if there is nobody to tell any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._size < MAX_UNSAID)
            self._size += size
            return not self._over

    def said(self) -> None:
        """All output that has come was said."""
        with self._changed:
            self._size = 0
            self._changed.notify_all()

    def end(self) -> None:
        """Nothing more will be said."""
        with self._changed:
            self._over = True
            self._changed.notify_all()


def _nothing() -> list[Order]:
    return []


def _hang_up() -> list[Order]:
    return [Close(Fate.LEAVE, "the client has gone")]
