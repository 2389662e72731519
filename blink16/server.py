"""Carries bytes between debuggers and a machine: sockets, threads, signals, the host's console.

The protocol lives in `gdbstub`, which does no I/O; here is nothing but I/O.  The machine runs
in a worker thread, so that the event loop answers at any time.  One client after another holds
the machine; what a client may expect to find is said at `Host`.
"""

from __future__ import annotations

import ipaddress
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import trio

from blink16 import terminal
from blink16.console import Console
from blink16.debugger import Debugger, Event, EventKind, Resume
from blink16.gdbstub.actions import Action, Close, Fate, Interrupt, Send, Start, Work
from blink16.gdbstub.board import Program
from blink16.gdbstub.packets import frame
from blink16.gdbstub.session import RECEIVE_SIZE, Session
from blink16.loader import Loaded, LoadError

SEND_TIMEOUT = 30.0
"""Seconds that a client may leave our bytes unread before it counts as gone."""
PATIENCE = 1.0
"""Seconds that a client waits for the one before it to be gone, and that a refusal may take."""
KEEPALIVE_IDLE = 30
"""Seconds of silence after which the network is asked whether the client is still there."""
QUEUED_MESSAGES = 16

Say = Callable[[str], None]
Message = Callable[[], list[Action]]
"""A call of one of the session's methods, to be made in the event loop."""

GONE = (EventKind.EXITED, EventKind.KILLED)
"""Events after which there is no program any more."""
BUSY = b"E.another debugger holds this machine"
DISCONNECTED = (trio.BrokenResourceError, trio.ClosedResourceError)


class ListenError(Exception):
    """An address that can't be listened on, and why."""


class Host:
    """A machine, and whichever client holds it.

    A client that detaches or vanishes leaves the machine as it is, without its breakpoints.
    After a client has killed the program, or the program has ended, the next client finds a
    fresh machine before its first instruction.
    """

    def __init__(self, make: Callable[[], Loaded], say: Say) -> None:
        """Load a machine.  ``make`` may raise LoadError."""
        self.say = say
        self.input_arrived = trio.Event()
        self._make = make
        self._seat = trio.Lock()
        self._token: trio.lowlevel.TrioToken | None = None
        self._input = terminal.InputReader(self._deliver)
        self._mute = False
        self._fresh_wanted = False
        self._put_in(make())

    async def serve_client(self, stream: trio.abc.HalfCloseableStream) -> None:
        """Hold a conversation with one client, from its first byte to its last."""
        self._token = trio.lowlevel.current_trio_token()
        async with stream:
            with suppress(*DISCONNECTED):
                if not await self._take_seat():
                    await _refuse(stream, BUSY)
                    return
                try:
                    await self._converse(stream)
                finally:
                    self._seat.release()

    async def _take_seat(self) -> bool:
        with trio.move_on_after(PATIENCE):
            await self._seat.acquire()
            return True
        return False

    async def _converse(self, stream: trio.abc.HalfCloseableStream) -> None:
        try:
            await self._freshen()
        except LoadError as error:
            self.say(str(error))
            await _refuse(stream, b"E.the program can't be loaded again")
            return
        fate = Fate.LEAVE
        try:
            fate = await Conversation(self, stream).hold()
        finally:
            self.debugger.on_notice = self.say
            self._fresh_wanted = fate is Fate.RESTART

    async def _freshen(self) -> None:
        last = self.debugger.last_event()
        if self._fresh_wanted or (last is not None and last.kind in GONE):
            self._put_in(await trio.to_thread.run_sync(self._make))
            self._fresh_wanted = False

    def _put_in(self, loaded: Loaded) -> None:
        loaded.machine.on_output = self._show
        loaded.console.on_starved = self._input.want
        self.program = Program.of(loaded.machine, loaded.symbols)
        self.symbols = loaded.symbols
        self.debugger = Debugger(loaded.machine)
        self.debugger.symbols = loaded.symbols
        self.debugger.on_notice = self.say

    # -- the host's console ------------------------------------------------------------------

    def _show(self, channel: str, data: bytes) -> None:
        """Write the program's output, in the thread that runs it."""
        if self._mute:
            return
        try:
            terminal.show(channel, data)
        except terminal.OutputError as error:  # debugging goes on without
            self._mute = True
            self.say(str(error))

    def _deliver(self, data: bytes) -> None:
        """Take input from the thread that reads it."""
        assert self._token is not None  # nobody reads before a client has let the guest run
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._receive, data)

    def _receive(self, data: bytes) -> None:
        self.debugger.receive(Console.CHANNEL, data)
        self.input_arrived.set()
        self.input_arrived = trio.Event()


class Conversation:
    """One client's session, its socket, and the thread in which its commands run the machine."""

    def __init__(self, host: Host, stream: trio.abc.Stream) -> None:
        self._host = host
        self._debugger = host.debugger
        self._stream = stream
        self._session = Session(host.debugger, host.program)
        self._debugger.on_notice = self._note
        self._token = trio.lowlevel.current_trio_token()
        self._outbox, self._inbox = trio.open_memory_channel[Message](QUEUED_MESSAGES)
        self._woken = trio.Event()
        """Set when a guest that waits for input is to be resumed all the same."""
        self._busy = False

    async def hold(self) -> Fate:
        """Talk until one side closes; return what is to become of the machine."""
        # The outer nursery ends when the machine stands still.
        async with trio.open_nursery() as self._runs, trio.open_nursery() as network:
            network.start_soon(self._read)
            try:
                fate = await self._talk()
            finally:
                self._inbox.close()
                self._halt()
                network.cancel_scope.cancel()
        self._debugger.remove_all()
        return fate

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
                for action in message():
                    if isinstance(action, Close):
                        return action.fate
                    await self._do(action)
        except DISCONNECTED:
            return Fate.LEAVE

    async def _do(self, action: Send | Start | Interrupt | Work) -> None:
        match action:
            case Send(data):
                await self._send(data)
            case Start(how):
                self._busy, self._woken = True, trio.Event()
                self._runs.start_soon(self._run, how)
            case Work(run):
                self._busy = True
                self._runs.start_soon(self._work, run)
            case Interrupt():
                self._halt()

    async def _send(self, data: bytes) -> None:
        """Send, waiting for slow readers: while we wait, nothing else is read or answered."""
        with trio.move_on_after(SEND_TIMEOUT):
            await self._stream.send_all(data)
            return
        raise trio.BrokenResourceError("the client doesn't read")

    # -- the machine's thread ----------------------------------------------------------------

    async def _run(self, how: Resume) -> None:
        while True:
            arrival = self._host.input_arrived  # input may arrive before we know that it's missed
            event = await self._resume(how)
            if event.kind is not EventKind.WAITING:
                break
            await _either(arrival, self._woken)
        await self._finish(partial(self._session.stopped, event))

    async def _resume(self, how: Resume) -> Event:
        # Abandoned only when the whole server ends, which waits for no guest.
        return await trio.to_thread.run_sync(self._debugger.resume, how, abandon_on_cancel=True)

    async def _work(self, run: Callable[[], str]) -> None:
        text = await trio.to_thread.run_sync(run, abandon_on_cancel=True)
        await self._finish(partial(self._session.finished, text))

    async def _finish(self, message: Message) -> None:
        self._busy = False
        with suppress(trio.BrokenResourceError):  # the conversation is over
            await self._outbox.send(message)

    def _halt(self) -> None:
        """Stop the machine if it runs; a guest that waits for input is resumed to be stopped."""
        if self._busy:
            self._debugger.interrupt()
            self._woken.set()

    def _note(self, text: str) -> None:
        """Take a line for the user, perhaps from the machine's thread."""
        self._session.note(text)
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._say_notes)

    def _say_notes(self) -> None:
        with suppress(trio.WouldBlock, trio.BrokenResourceError):  # the next stop says them
            self._outbox.send_nowait(self._session.speak)


async def _either(*events: trio.Event) -> None:
    """Wait until one of the events is set."""
    async with trio.open_nursery() as nursery:

        async def wait(event: trio.Event) -> None:
            await event.wait()
            nursery.cancel_scope.cancel()

        for event in events:
            nursery.start_soon(wait, event)


def run(make: Callable[[], Loaded], address: str, port: int, say: Say) -> None:
    """Serve machines that ``make`` loads, until SIGINT or SIGTERM.

    Raises ListenError, and the LoadError of the first ``make``.
    """
    if hasattr(signal, "SIGTTIN"):  # in the background: no input, rather than standing still
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)
    host = Host(make, say)
    trio.run(_serve, host, address, port)


async def _serve(host: Host, address: str, port: int) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        listeners = await _listen(address, port)
        async with trio.open_nursery() as nursery:
            for listener in listeners:
                _announce(listener, host.say)
            nursery.start_soon(trio.serve_listeners, partial(_accept, host), listeners)
            async for _ in signals:
                nursery.cancel_scope.cancel()


async def _listen(address: str, port: int) -> list[trio.SocketListener]:
    try:
        return list(await trio.open_tcp_listeners(port, host=address))
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "this is no host name"
        raise ListenError(f"can't listen on {_name(address, port)}: {reason}") from None


async def _accept(host: Host, stream: trio.SocketStream) -> None:
    with suppress(OSError):  # it may be gone already
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)
    await host.serve_client(stream)


async def _refuse(stream: trio.abc.HalfCloseableStream, reason: bytes) -> None:
    """Answer a client's first packet with an error, which gdb shows, and hang up."""
    with trio.move_on_after(PATIENCE):
        await stream.send_all(b"+" + frame(reason))
        await stream.send_eof()
        while await stream.receive_some(RECEIVE_SIZE):
            pass  # closing with bytes unread would reset the connection and lose our answer


def _announce(listener: trio.SocketListener, say: Say) -> None:
    address, port = listener.socket.getsockname()[:2]
    if not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        say(
            f"warning: listening on {address}, not only on this computer: whoever reaches it "
            "controls the program and sees the files under --root"
        )
    print(f"Listening on {_name(address, port)}", file=sys.stderr, flush=True)


def _name(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _hang_up() -> list[Action]:
    return [Close(Fate.LEAVE, "the client has gone")]
