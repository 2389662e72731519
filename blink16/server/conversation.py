"""One client's conversation: its session, its stream, and the threads that run its machines."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial

import trio

from blink16.debugger import Event, Resume
from blink16.gdbstub.orders import (
    Close,
    Fate,
    Interrupt,
    LetGo,
    Order,
    Release,
    Renew,
    Send,
    Start,
    Take,
    TakeNew,
    WantControl,
    Work,
    WorkDone,
)
from blink16.gdbstub.session import Session
from blink16.nurseries import open_nursery
from blink16.server import threads
from blink16.server.client_stream import DISCONNECTED, ClientStream
from blink16.server.lookout import SAMPLE_INTERVAL
from blink16.server.machines import Machines, RefusalError
from blink16.server.slots import Slot
from blink16.server.speaker import Speaker
from blink16.setup.loader import LoadError

PATIENCE = 0.8
"""Seconds after which a client that waits for words hears that there are none yet: gdb is patient
for two."""
Message = Callable[[], list[Order]]
"""A call of one of the session's methods, to be made in the event loop."""


class Conversation:
    """One client's session, its stream, and the threads in which its commands run machines.

    What comes from the client is dealt with by the task that reads it, and the end of a run by
    the task that waited for it, one at a time (`_take`): nothing changes hands on the way.
    """

    def __init__(
        self,
        machines: Machines,
        slot: Slot,
        stream: ClientStream,
        session: Session,
        unread: Iterable[Message] = (),
    ) -> None:
        """Begin with a machine that is held for this client, and messages for its session."""
        self._machines = machines
        self.unread = deque(unread)
        """Messages that the session has not taken yet."""
        self._watches: Slot | None = None
        """What the client goes on watching when it has let it go."""
        self._stream = stream
        self._held = {slot.process: slot}
        self._busy: set[int] = set()
        """The processes whose threads are at work."""
        self.session = session
        self._turn = trio.Lock()
        """Held by the task whose message the session takes."""
        self._fate: Fate | None = None
        """What becomes of the machines, once the conversation is over."""
        self._speaker = Speaker(self.session)
        self._connect(slot)

    def _connect(self, slot: Slot) -> None:
        """Let what a machine says come to the client, and that its program was built anew."""
        slot.connect(self._speaker, partial(self._renewal, slot.process))

    async def _renewal(self, process: int) -> None:
        await self._take(partial(self.session.renew, process))

    async def hold(self) -> Observation | None:
        """Talk until one side closes, then release the machines.

        If the client wants to watch on, return how it does.
        """
        try:
            async with open_nursery() as self._runs:  # ends when all machines stand still
                try:
                    async with open_nursery() as self._network:
                        self._network.start_soon(self._listen)
                        self._network.start_soon(
                            self._speaker.run, partial(self._take, self.session.speak)
                        )
                finally:
                    self._fate = self._fate or Fate.LEAVE
                    self._speaker.end()
                    self._halt()
        finally:
            for slot in self._held.values():
                await self._machines.release(slot, self._fate or Fate.LEAVE)
        return None if self._watches is None else self._watch_on(self._watches)

    def _watch_on(self, slot: Slot) -> Observation:
        begin: Message = partial(self.session.watch, slot.watched(), slot.is_running)
        unread = [begin, *self.unread]
        return Observation(self._machines, slot, self._stream, self.session, unread)

    async def _listen(self) -> None:
        """Take what comes from the client, until the conversation is over."""
        while self._fate is None:
            if not self.unread:
                self.unread.append(self._converse() or await self._next_message())
            if await self._take(self.unread[0]):
                self.unread.popleft()  # else it is for who goes on with this conversation

    async def _next_message(self) -> Message:
        with suppress(*DISCONNECTED):
            if data := await self._stream.receive():
                return partial(self.session.receive, data)
        return _hang_up

    def _converse(self) -> Message | None:
        """Answer a client that asks one thing after another, as long as none of it has to wait.

        That is what debuggers do most of the time, and no task is switched for it.  Return what
        is to go on where something has to wait.
        """
        session = self.session
        try:
            while not self._busy and not self._turn.locked():
                data = self._stream.receive_soon()
                if data is None:
                    return None
                if not data:
                    return _hang_up
                orders = self._follow(partial(session.receive, data))
                if orders or session.has_more:
                    return partial(list, orders)
        except DISCONNECTED:
            return _hang_up
        return None

    async def _take(self, message: Message) -> bool:
        """Do what follows from a message, in its turn; False if the conversation is over."""
        try:
            self._turn.acquire_nowait()
        except trio.WouldBlock:
            await self._turn.acquire()
        try:
            if self._fate is not None:
                return False
            fate = await self._carry_out(message)
            while fate is None and self.session.has_more:
                async with self._machines.backlog:  # who asks for little has his turn between
                    await trio.lowlevel.checkpoint()
                fate = await self._carry_out(self.session.go_on)
        except DISCONNECTED:
            fate = Fate.LEAVE
        finally:
            self._turn.release()
        if fate is not None:
            self._fate = fate
            self._network.cancel_scope.cancel()
        return True

    async def _carry_out(self, message: Message) -> Fate | None:
        """Do what follows from a message; return the machines' fate if that's the end."""
        orders = self._follow(message)
        while orders:
            order = orders.popleft()
            match order:
                case Close(fate):
                    return fate
                case LetGo(process):
                    self._watches = self._held[process]
                    return Fate.LEAVE
                case Send(data):
                    await self._stream.send(data)
                case Release(process, fate):
                    await self._machines.release(self._held.pop(process), fate)
            self._obey(orders)
        self._speaker.said()
        return None

    def _follow(self, message: Message) -> deque[Order]:
        """Do what follows from a message; return the orders from the first on that has to wait."""
        orders = deque(self._speaker.orders())  # what was there before the answer is said before it
        orders += message()
        orders += self._speaker.orders()
        self._obey(orders)
        if not orders:
            self._speaker.said()
        return orders

    def _obey(self, orders: deque[Order]) -> None:
        """Carry out orders, and what they lead to, up to one that has to wait."""
        while orders:
            match orders[0]:
                case Send(data):
                    if rest := self._stream.send_now(data):
                        orders[0] = Send(rest)
                        return
                case Start() as start:
                    orders += self._start(start)
                case Work(process=process, computes=True) as work:
                    self._busy.add(process)
                    self._runs.start_soon(self._compute, self._held[process], work.run)
                case Work(run, process, patiently=patiently):
                    self._runs.start_soon(self._work, self._begin(process), run, patiently)
                case Interrupt():
                    self._halt()
                case Take(process):
                    self._runs.start_soon(self._get, partial(self._machines.take, process))
                case TakeNew(name, arguments, like):
                    launch = partial(self._machines.launch, name, arguments, like)
                    self._runs.start_soon(self._get, launch)
                case Renew(process):
                    self._runs.start_soon(self._renew, self._held[process])
                case _:
                    return
            orders.popleft()

    def _start(self, start: Start) -> list[Order]:
        """Resume a machine: here and now if that is brief, else in a thread."""
        slot, how = self._held[start.process], start.how
        outcome = slot.hosted.resume_briefly(how)
        if isinstance(outcome, Event):
            return [*self.session.stopped(outcome, start.process), *self._speaker.orders()]
        self._runs.start_soon(self._run, self._begin(start.process), how)
        return []

    # -- machines ----------------------------------------------------------------------------

    async def _get(self, take: Callable[[], Awaitable[Slot]]) -> None:
        try:
            slot = await take()
        except RefusalError as refusal:
            await self._take(partial(self.session.refused, str(refusal)))
            return
        self._held[slot.process] = slot
        await self._take(partial(self._took, slot))

    def _took(self, slot: Slot) -> list[Order]:
        self._connect(slot)
        return self.session.took(slot.taken())

    async def _renew(self, slot: Slot) -> None:
        """Put a fresh machine in the place of one; where that can't be, that one stays."""
        try:
            await slot.renew()
        except LoadError as error:
            reason = f"the program can't be loaded again: {error}"
            await self._take(partial(self.session.refused, reason))
            return
        await self._take(lambda: self.session.took(slot.taken()))

    # -- machines' threads -------------------------------------------------------------------

    def _begin(self, process: int) -> Slot:
        slot = self._held[process]
        self._busy.add(process)
        slot.lookout.begin(slot.hosted)
        slot.hosted.runs = True
        return slot

    async def _run(self, slot: Slot, how: Resume) -> None:
        # Abandoned only when the whole server ends, which waits for no guest.
        drive = partial(slot.hosted.move, partial(slot.hosted.drive, how))
        event = await threads.run_machine(drive)
        await self._finish(slot, partial(self.session.stopped, event, slot.process))

    async def _work(self, slot: Slot, run: Callable[[], WorkDone], patiently: bool) -> None:
        done = trio.Event()
        async with open_nursery() as company:
            if patiently:
                company.start_soon(self._reassure, done)
            text = await threads.run_machine(partial(slot.hosted.move, run))
            done.set()
        await self._finish(slot, partial(self.session.finished, text))

    async def _reassure(self, done: trio.Event) -> None:
        """Let the client know now and then that there is something to wait for."""
        while not done.is_set():
            with trio.move_on_after(PATIENCE):
                await done.wait()
                return
            await self._take(self.session.still_working)

    async def _compute(self, slot: Slot, run: Callable[[], WorkDone]) -> None:
        text = await threads.compute(run)
        await self._finish(slot, partial(self.session.finished, text))

    async def _finish(self, slot: Slot, message: Message) -> None:
        self._busy.remove(slot.process)
        slot.hosted.runs = False
        slot.debugger.forget_interrupt()  # one that came when it had stopped already
        await self._take(message)

    def _halt(self) -> None:
        """Stop what runs, or waits for input."""
        for process in self._busy:
            self._held[process].debugger.interrupt()


class Observation:
    """A client that looks at a machine which another client may hold, and touches nothing."""

    def __init__(
        self,
        machines: Machines,
        slot: Slot,
        stream: ClientStream,
        session: Session,
        unread: Iterable[Message] = (),
    ) -> None:
        """Begin with a machine to watch, and messages for the session of who watches it."""
        self._machines = machines
        self._slot = slot
        self._stream = stream
        self._watched = slot.hosted
        self.session = session
        self._unread = list(unread)
        self._taken: Message | None = None
        """The message that is taken now, or was last."""
        self._has_heard = True
        """Whether the client has asked for anything since it was told of a change."""
        self._turn = trio.Lock()
        self._next: Conversation | None = None

    async def hold(self) -> Conversation | None:
        """Answer until one side closes, or it is to hold the machine: then return how it goes on.

        Clients other than our own are left alone when there is another machine in its place.
        """
        lookout = self._slot.lookout
        lookout.watchers += 1
        try:
            await self._watch()
        finally:
            lookout.watchers -= 1
        return self._next

    async def _watch(self) -> None:
        with suppress(*DISCONNECTED):
            async with open_nursery() as self._tasks:
                await self._look()
                for message in self._unread:
                    if not await self._take(message):
                        break
                else:
                    self._tasks.start_soon(self._tell_changes)
                    await self._read()
                self._tasks.cancel_scope.cancel()

    async def _read(self) -> None:
        while data := await self._receive():
            message = partial(self.session.receive, data)
            self._has_heard = True
            try:
                await self._look()
                done = not await self._take(message)
            except trio.Cancelled:
                if self._next is not None and message is not self._taken:
                    self._next.unread.append(message)
                raise
            if done:
                return

    async def _look(self) -> None:
        """Have what a client of our own sees of a machine that runs be of now."""
        if self.session.is_ours:
            await self._slot.lookout.refresh(self._slot.hosted)

    async def _receive(self) -> bytes:
        soon = self._stream.receive_soon()
        return await self._stream.receive() if soon is None else soon

    async def _take(self, message: Message) -> bool:
        """Do what follows from a message; False if that's the end."""
        async with self._turn:
            self._taken = message
            if self._slot.hosted is not self._watched and not self._watch_anew():
                return False
            orders = deque(message())
            while orders or self.session.has_more:
                if not orders:
                    await trio.lowlevel.checkpoint()
                    orders.extend(self.session.go_on())
                elif not await self._do(orders.popleft(), orders):
                    return False
        return True

    async def _do(self, order: Order, orders: deque[Order]) -> bool:
        """Carry out an order, which may lead to more; False if the client wants to leave."""
        match order:
            case Send(data):
                await self._stream.send(data)
            case Work(run, computes=True):
                orders.extend(self.session.finished(await threads.compute(run)))
            case WantControl():
                self._tasks.start_soon(self._await_control)
            case _:
                return False
        return True

    def _watch_anew(self) -> bool:
        """Watch the machine that has come in the place of ours, if the client can do that."""
        if not self.session.is_ours:
            return False
        self._watched = self._slot.hosted
        self.session.watch(self._slot.watched(), self._slot.is_running)
        return True

    async def _tell_changes(self) -> None:
        """Tell of changes, so often at most, and not of the next before the client has looked."""
        told, due = -1, trio.current_time()
        while True:
            if self._has_heard and self.session.is_ours and self.session.tells_changes:
                generation = self._slot.generation
                if generation != told:
                    self._has_heard = False
                    await self._take(partial(self.session.changed, generation))
                    told = generation
            due = max(due + SAMPLE_INTERVAL, trio.current_time())
            await trio.sleep_until(due)

    async def _await_control(self) -> None:
        """Wait until the machine is free, and go on as the one who holds it."""
        try:
            slot = await self._machines.take_in_turn(self._slot)
        except RefusalError:
            return
        async with self._turn:
            begin = partial(self.session.hold, slot.taken())
            self._next = Conversation(self._machines, slot, self._stream, self.session, [begin])
            self._tasks.cancel_scope.cancel()


def begin_to_hold(
    machines: Machines, slot: Slot, stream: ClientStream, first: bytes = b""
) -> Conversation:
    """Return the conversation of a new client that got a machine.  ``first``: what it has said."""
    session = Session(slot.taken(), machines.processes, **machines.told)
    return Conversation(machines, slot, stream, session, [partial(session.receive, first)])


def begin_to_watch(
    machines: Machines, slot: Slot, stream: ClientStream, first: bytes = b""
) -> Observation:
    """Return the same for a new client that only watches."""
    observed = slot.is_running
    session = Session(slot.watched(), machines.processes, observed=observed, **machines.told)
    return Observation(machines, slot, stream, session, [partial(session.receive, first)])


def _hang_up() -> list[Order]:
    return [Close(Fate.LEAVE, "the client has gone")]
