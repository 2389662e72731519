"""One client's conversation: its session, its stream, and the threads that run its machines."""

from __future__ import annotations

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
    WorkDone,
)
from blink16.gdbstub.session import RECEIVE_SIZE, Session
from blink16.server import threads
from blink16.server.machines import Machines, RefusalError
from blink16.server.slots import Slot
from blink16.server.speaker import Speaker

SEND_TIMEOUT = 30.0
"""Seconds that a client may leave our bytes unread before it counts as gone."""
QUEUED_MESSAGES = 16

Message = Callable[[], list[Order]]
"""A call of one of the session's methods, to be made in the event loop."""

DISCONNECTED = (trio.BrokenResourceError, trio.ClosedResourceError)


class Conversation:
    """One client's session, its stream, and the threads in which its commands run machines."""

    def __init__(self, machines: Machines, slot: Slot, stream: trio.abc.Stream) -> None:
        """Begin with a machine that is held for this client."""
        self._machines = machines
        self._stream = stream
        self._outbox, self._inbox = trio.open_memory_channel[Message](QUEUED_MESSAGES)
        self._held = {slot.process: slot}
        self._busy: set[int] = set()
        """The processes whose threads are at work."""
        self._session = Session(slot.taken(), machines.processes)
        self._speaker = Speaker(self._session)
        slot.connect(self._speaker)

    async def hold(self) -> None:
        """Talk until one side closes, then release the machines."""
        fate = Fate.LEAVE
        try:
            # The outer nursery ends when all machines stand still.
            async with trio.open_nursery() as self._runs, trio.open_nursery() as self._network:
                self._network.start_soon(self._read)
                self._network.start_soon(self._speaker.run, partial(self._tell, _nothing))
                try:
                    fate = await self._talk()
                finally:
                    self._inbox.close()
                    self._speaker.end()
                    self._halt()
                    self._network.cancel_scope.cancel()
        finally:
            for slot in self._held.values():
                await self._machines.release(slot, fate)

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
                fate = await self._carry_out(message)
                while fate is None and self._session.has_more:
                    async with self._machines.backlog:  # who asks for little has his turn between
                        await trio.lowlevel.checkpoint()
                    fate = await self._carry_out(self._session.go_on)
                if fate is not None:
                    return fate
        except DISCONNECTED:
            return Fate.LEAVE

    async def _carry_out(self, message: Message) -> Fate | None:
        """Do what follows from a message; return the machines' fate if that's the end."""
        orders = deque((*message(), *self._session.speak()))
        while orders:
            order = orders.popleft()
            if isinstance(order, Close):
                return order.fate
            if isinstance(order, Start):
                orders.extend(self._start(order))
            else:
                await self._do(order)
        self._speaker.said()
        return None

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
            case Work(process=process, computes=True):
                self._busy.add(process)
                self._runs.start_soon(self._compute, self._held[process], order.run)
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
                await self._machines.release(self._held.pop(process), fate)

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
        slot.connect(self._speaker)
        return self._session.took(slot.taken())

    # -- machines' threads -------------------------------------------------------------------

    def _begin(self, process: int) -> Slot:
        slot = self._held[process]
        self._busy.add(process)
        slot.hosted.runs = True
        return slot

    async def _run(self, slot: Slot, how: Resume) -> None:
        # Abandoned only when the whole server ends, which waits for no guest.
        drive = partial(slot.hosted.move, partial(slot.debugger.drive, how))
        event = await threads.run_machine(drive)
        await self._finish(slot, partial(self._session.stopped, event, slot.process))

    async def _work(self, slot: Slot, run: Callable[[], WorkDone]) -> None:
        text = await threads.run_machine(partial(slot.hosted.move, run))
        await self._finish(slot, partial(self._session.finished, text))

    async def _compute(self, slot: Slot, run: Callable[[], WorkDone]) -> None:
        text = await threads.compute(run)
        await self._finish(slot, partial(self._session.finished, text))

    async def _finish(self, slot: Slot, message: Message) -> None:
        self._busy.remove(slot.process)
        slot.hosted.runs = False
        slot.debugger.forget_interrupt()  # one that came when it had stopped already
        await self._tell(message)

    async def _tell(self, message: Message) -> None:
        with suppress(trio.BrokenResourceError):  # the conversation is over
            await self._outbox.send(message)

    def _halt(self) -> None:
        """Stop what runs, or waits for input."""
        for process in self._busy:
            self._held[process].debugger.interrupt()


class Observation:
    """A client that looks at a machine which another client holds, and touches nothing."""

    def __init__(self, machines: Machines, slot: Slot, stream: trio.abc.Stream) -> None:
        self._slot = slot
        self._stream = stream
        self._session = Session(slot.taken(), machines.processes, observed=lambda: slot.hosted.runs)

    async def hold(self) -> None:
        """Answer until one side closes, or until there is another machine in its place."""
        watched = self._slot.debugger
        with suppress(*DISCONNECTED):
            while data := await self._stream.receive_some(RECEIVE_SIZE):
                if self._slot.debugger is not watched:
                    return
                orders = deque(self._session.receive(bytes(data)))
                while orders or self._session.has_more:
                    if not orders:
                        await trio.lowlevel.checkpoint()
                        orders.extend(self._session.go_on())
                    elif not await self._do(orders.popleft(), orders):
                        return

    async def _do(self, order: Order, orders: deque[Order]) -> bool:
        """Carry out an order, which may lead to more; False if the client wants to leave."""
        if isinstance(order, Send):
            await _send(self._stream, order.data)
        elif isinstance(order, Work) and order.computes:
            orders.extend(self._session.finished(await threads.compute(order.run)))
        else:
            return False
        return True


async def _send(stream: trio.abc.Stream, data: bytes) -> None:
    """Send, waiting for slow readers: while we wait, nothing else is read or answered."""
    with trio.move_on_after(SEND_TIMEOUT):
        await stream.send_all(data)
        return
    raise trio.BrokenResourceError("the client doesn't read")


def _nothing() -> list[Order]:
    return []


def _hang_up() -> list[Order]:
    return [Close(Fate.LEAVE, "the client has gone")]
