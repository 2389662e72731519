"""Carries bytes between debuggers and machines until a signal ends it."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from functools import partial

import trio

from blink16.endings import ending_signals
from blink16.gdbstub.orders import FIRST
from blink16.gdbstub.session import RECEIVE_SIZE
from blink16.nurseries import open_nursery, until_signal
from blink16.packets import frame
from blink16.server.client_stream import DISCONNECTED, ClientStream
from blink16.server.conversation import (
    Conversation,
    Observation,
    begin_to_hold,
    begin_to_watch,
)
from blink16.server.garbage import collected_rarely
from blink16.server.listening import (
    Endpoint,
    StandardStreams,
    announce,
    keep_alive,
    listeners,
    standard_streams,
)
from blink16.server.machines import Machines, RefusalError
from blink16.server.rebuilds import Rebuilds
from blink16.server.sources import Say

REFUSAL_TIMEOUT = 1.0
"""Seconds that a refusal may take."""
FIRST_WORDS_TIMEOUT = 0.5
"""Seconds in which a client that only wants to watch says so, where all machines are held."""
WATCH = b"blink16.watch+"
"""What it says in its qSupported."""
SWITCH_SECONDS = 0.00025
"""After so long, a thread that computes in Python lets the event loop have its turn.  An answer
takes some ten of them, since each wait for something outside is one."""
MAX_CLIENTS = 32
"""Clients that are connected at a time; any beyond are refused at once."""


class Server:
    """Gives each client a machine and lets them talk, or refuses the client with a reason."""

    def __init__(self, machines: Machines, *, observers: bool = False) -> None:
        """Serve these machines; ``observers``: who gets none may watch one that stands."""
        self._machines = machines
        self._observers = observers
        self._clients = 0

    async def serve_client(self, stream: trio.abc.HalfCloseableStream) -> None:
        """Hold a conversation with one client, from its first byte to its last."""
        self._clients += 1
        try:
            async with stream:
                with suppress(*DISCONNECTED):
                    await self._serve(stream)
        except Exception as error:
            # A mistake of ours, wherever it is, costs this client its conversation and nobody else.
            self._machines.say("a conversation has failed; please report this:")
            self._machines.say("".join(traceback.format_exception(error)).rstrip())
        finally:
            self._clients -= 1

    async def _serve(self, stream: trio.abc.HalfCloseableStream) -> None:
        if self._clients > MAX_CLIENTS:
            await _refuse(stream, "too many debuggers are connected")
            return
        turn: Conversation | Observation | None = await self._begin(stream)
        session = None if turn is None else turn.session
        try:
            while turn is not None:  # who holds may watch, and who watches may hold
                turn = await turn.hold()
        finally:
            if session is not None:
                session.forget()

    async def _begin(
        self, stream: trio.abc.HalfCloseableStream
    ) -> Conversation | Observation | None:
        """Return how a client's conversation begins; None if it is refused."""
        machines = self._machines
        first = b""
        if not any(slot.is_free for slot in machines):
            first = await _first_words(stream)
        if WATCH in first:
            held = (slot for slot in machines if slot.held)
            slot = next(held, machines.slot(FIRST))
            return begin_to_watch(machines, slot, self._as_client(stream), first)
        try:
            slot = await machines.take_any()
        except RefusalError as refusal:
            return await self._observe_or_refuse(stream, str(refusal), first)
        return begin_to_hold(machines, slot, self._as_client(stream), first)

    def _as_client(self, stream: trio.abc.Stream) -> ClientStream:
        return ClientStream(stream, lambda: self._clients)

    async def _observe_or_refuse(
        self, stream: trio.abc.HalfCloseableStream, reason: str, first: bytes
    ) -> Observation | None:
        """Let a client watch the first machine that is held, or refuse it with a reason."""
        slot = next((slot for slot in self._machines if slot.held), None)
        if not self._observers or slot is None:
            await _refuse(stream, reason)
        elif slot.hosted.runs:
            await _refuse(stream, "the machine to watch runs now: try again when it stands")
        else:
            return begin_to_watch(self._machines, slot, self._as_client(stream), first)
        return None


def run(
    make: Callable[[], Machines],
    endpoint: Endpoint,
    say: Say,
    *,
    observers: bool = False,
    rebuilds: bool = False,
    tell: Say,
) -> None:
    """Serve machines until a signal ends it; on standard streams, until the client leaves.

    ``make`` is called once we listen; what it raises ends this.  ``observers``: see `Server`.
    ``rebuilds``: whether machines are renewed as their programs are built.
    ``tell`` is told where we listen, once that has come about.
    Raises ListenError.
    """
    if hasattr(signal, "SIGTTIN"):  # in the background: no input, rather than standing still
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)
    sys.setswitchinterval(SWITCH_SECONDS)
    trio.run(_run, make, endpoint, say, observers, rebuilds, tell)


Serve = Callable[[], Awaitable[object]]


async def _run(
    make: Callable[[], Machines],
    endpoint: Endpoint,
    say: Say,
    observers: bool,
    rebuilds: bool,
    tell: Say,
) -> None:
    with trio.open_signal_receiver(*ending_signals()) as signals:
        if isinstance(endpoint, StandardStreams):
            async with _beside(endpoint) as found:
                with collected_rarely(), closing(make()) as machines:
                    server = Server(machines, observers=observers)
                    serve: Serve = partial(_serve_starter, server, found)
                    await until_signal(partial(_beside_builds, machines, rebuilds, serve), signals)
        else:
            async with listeners(endpoint) as found:
                with collected_rarely(), closing(make()) as machines:
                    announce(endpoint, found, say, tell)
                    accept = partial(_accept, Server(machines, observers=observers))
                    serve = partial(trio.serve_listeners, accept, found)
                    await until_signal(partial(_beside_builds, machines, rebuilds, serve), signals)


@asynccontextmanager
async def _beside(endpoint: StandardStreams) -> AsyncIterator[list[trio.SocketListener]]:
    """Listen where others than who started us may come to, if that is anywhere."""
    if endpoint.beside is None:
        yield []
        return
    async with listeners(endpoint.beside) as found:
        yield found


async def _serve_starter(server: Server, beside: list[trio.SocketListener]) -> None:
    """Serve who started us, until he leaves, and whoever else comes meanwhile."""
    async with open_nursery() as nursery:
        if beside:
            nursery.start_soon(trio.serve_listeners, partial(_accept, server), beside)
        await server.serve_client(standard_streams())
        nursery.cancel_scope.cancel()


async def _beside_builds(machines: Machines, rebuilds: bool, serve: Serve) -> None:
    """Serve, and renew machines meanwhile, if that is wanted."""
    async with open_nursery() as nursery:
        if rebuilds:
            nursery.start_soon(Rebuilds(machines).run)
        await serve()
        nursery.cancel_scope.cancel()


async def _accept(service: Server, stream: trio.SocketStream) -> None:
    keep_alive(stream)
    await service.serve_client(stream)


async def _first_words(stream: trio.abc.Stream) -> bytes:
    """Return what a client says first, if it says something at once."""
    with trio.move_on_after(FIRST_WORDS_TIMEOUT):
        return bytes(await stream.receive_some(RECEIVE_SIZE))
    return b""


async def _refuse(stream: trio.abc.HalfCloseableStream, reason: str) -> None:
    """Answer a client's first packet with an error, which gdb shows, and hang up."""
    with trio.move_on_after(REFUSAL_TIMEOUT):
        await stream.send_all(b"+" + frame(b"E." + reason.encode("ascii", "replace")))
        await stream.send_eof()
        while await stream.receive_some(RECEIVE_SIZE):
            pass  # closing with bytes unread would reset the connection and lose our answer
