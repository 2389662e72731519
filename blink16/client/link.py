"""A wire on a trio stream: questions from any task, each answered in its turn or in vain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import trio

from blink16.client.errors import (
    ClientError,
    ConnectionLostError,
    LaunchError,
    ProtocolError,
    TimedOutError,
)
from blink16.client.streams import ProcessStream
from blink16.client.wire import Expected, Notice, ProgramOutput, Ticket, Wire, WireAnswer

RECEIVE_SIZE = 1 << 16
DEFAULT_TIMEOUT = 30.0
"""Seconds in which a server has to answer, unless it has to run a machine or to search."""
MAX_SAID = 8 << 20
"""Bytes that a command of the server's may say."""
WORK_TIMEOUT = 600.0
"""Seconds that a search, or another work of the server's, may take; then it is interrupted."""
STOP_TIMEOUT = 30.0
"""Seconds in which a machine that runs, or searches, has to stop once it is interrupted."""
_BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError)


@dataclass(eq=False, slots=True)
class Pending:
    """An answer that is to come."""

    ticket: Ticket
    behind: Pending | None
    """What may take any time and is answered before."""
    done: trio.Event = field(default_factory=trio.Event)
    body: bytes | None = None
    said: bytearray = field(default_factory=bytearray)
    """What came before it, while the server worked."""


def _ignore(data: bytes) -> None:
    pass


class Link:
    """One connection to a server."""

    def __init__(self, stream: trio.abc.Stream, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        self._stream = stream
        self.timeout = timeout
        """Seconds in which an answer has to come that needs no running and no search."""
        self._wire = Wire()
        self._pending: dict[Ticket, Pending] = {}
        self._last_long: Pending | None = None
        self._sending = trio.Lock()
        self._turn = trio.Lock()
        self._failure: ClientError | None = None
        self._lost = trio.Event()
        self.on_output: Callable[[bytes], None] = _ignore
        """Called with what the program prints."""
        self.on_notice: Callable[[bytes], None] = _ignore
        """Called with the bodies of notifications."""

    @property
    def is_open(self) -> bool:
        """Whether questions can be asked."""
        return self._failure is None

    async def lost(self) -> None:
        """Wait until the connection is given up, and raise why."""
        await self._lost.wait()
        assert self._failure is not None
        raise _again(self._failure)

    @property
    def pipelines(self) -> bool:
        """Whether questions go out before earlier ones are answered."""
        return not self._wire.acknowledging

    def stop_acknowledging(self) -> None:
        """Take note that the server wants no acknowledgements any more."""
        self._wire.acknowledging = False

    # -- the connection ----------------------------------------------------------------------

    async def listen(self) -> None:
        """Read what the server sends, until the connection ends."""
        try:
            while self.is_open and (data := await self._stream.receive_some(RECEIVE_SIZE)):
                for incoming in self._wire.receive(bytes(data)):
                    match incoming:
                        case WireAnswer(ticket, body):
                            self._answered(ticket, body)
                        case ProgramOutput(said, ticket):
                            self._said(ticket, said)
                        case Notice(body):
                            self.on_notice(body)
                if self._wire.acknowledging:
                    await self._flush()
            await self._fail(ConnectionLostError("the server has closed the connection"))
        except _BROKEN:
            await self._fail(ConnectionLostError("the connection is broken"))
        except ProtocolError as error:
            await self._fail(error)

    def _said(self, ticket: Ticket, data: bytes) -> None:
        if ticket.expects is Expected.STOP:
            self.on_output(data)
            return
        pending = self._pending.get(ticket)
        if pending is None:
            return
        pending.said += data
        if len(pending.said) > MAX_SAID:
            raise ProtocolError(f"the server says more than {MAX_SAID} bytes")

    def _answered(self, ticket: Ticket, body: bytes) -> None:
        pending = self._pending.pop(ticket, None)
        if pending is None:  # given up already
            return
        pending.body = body
        pending.done.set()
        if self._last_long is pending:
            self._last_long = None

    async def _fail(self, error: ClientError) -> None:
        if self._failure is None:
            if isinstance(self._stream, ProcessStream) and isinstance(error, ConnectionLostError):
                said = await self._stream.last_words()
                error = LaunchError(said) if said else error
            self.give_up(error)

    def give_up(self, error: ClientError) -> None:
        """Let every question fail from now on, and those that wait."""
        if self._failure is None:
            self._failure = error
            self._lost.set()
        for pending in self._pending.values():
            pending.done.set()
        self._pending.clear()

    async def _flush(self) -> None:
        async with self._sending:
            data = self._wire.take_outgoing()
            if data:
                await self._put(data)

    async def _put(self, data: bytes) -> None:
        """Send bytes, whole: nobody may cancel it midway."""
        shield = trio.CancelScope(shield=True)
        # whoever listens learns of a broken stream too, and says why
        with shield, trio.move_on_after(self.timeout) as scope, suppress(*_BROKEN):
            await self._stream.send_all(data)
        if scope.cancelled_caught:
            self.give_up(TimedOutError("the server does not read what it is sent"))

    # -- questions ---------------------------------------------------------------------------

    async def send(self, *tickets: Ticket) -> list[Pending]:
        """Send packets in one go; the answers are to come."""
        async with self._sending:
            if self._failure is not None:
                raise _again(self._failure)
            sent = []
            for ticket in tickets:
                self._wire.send(ticket)
                pending = Pending(ticket, self._last_long)
                self._pending[ticket] = pending
                if ticket.expects is not Expected.ANSWER:
                    self._last_long = pending
                sent.append(pending)
            await self._put(self._wire.take_outgoing())
        return sent

    async def wait(self, pending: Pending) -> bytes:
        """Return an answer; TimedOutError, and the end of the connection, if it does not come."""
        if pending.behind is not None:
            await pending.behind.done.wait()
        expects, timeout = pending.ticket.expects, self.timeout
        if expects is Expected.STOP:
            await pending.done.wait()  # whoever waits says for how long
        elif expects is Expected.WORK:
            timeout = STOP_TIMEOUT
            with trio.move_on_after(WORK_TIMEOUT) as scope:
                await pending.done.wait()
            if scope.cancelled_caught:
                await self.interrupt()
        with trio.move_on_after(timeout):
            await pending.done.wait()
        if pending.body is None:
            if self._failure is None:
                self.give_up(TimedOutError(f"the server has not answered in {timeout:g} seconds"))
            assert self._failure is not None
            raise _again(self._failure)
        return pending.body

    async def ask(self, body: bytes, expected: Expected = Expected.ANSWER) -> bytes:
        """Send a packet and return its answer."""
        return (await self.ask_all([Ticket(body, expected)]))[0]

    async def ask_all(self, tickets: Sequence[Ticket]) -> list[bytes]:
        """Send packets and return their answers, in one round trip if the server can do that."""
        if self.pipelines:
            return [await self.wait(pending) for pending in await self.send(*tickets)]
        answers = []
        async with self._turn:
            for ticket in tickets:
                (pending,) = await self.send(ticket)
                # the next may go out only when this one is answered, whoever wants to stop
                with trio.CancelScope(shield=True):
                    answers.append(await self.wait(pending))
                await trio.lowlevel.checkpoint_if_cancelled()
        return answers

    async def send_unanswered(self, body: bytes) -> None:
        """Send a packet that has no answer."""
        self._wire.send_unanswered(body)
        await self._flush()

    async def interrupt(self) -> None:
        """Ask what runs, or works, to stop."""
        self._wire.interrupt()
        await self._flush()


def _again(error: ClientError) -> ClientError:
    """Return an error anew: one that is raised twice would collect both tracebacks."""
    return type(error)(*error.args)
