"""A client's bytes, in and out, past the event loop where that saves the client's time.

A debugger asks one thing after another and waits for each answer; a trip through the event loop
takes longer than most answers do.  So what is to be sent goes out at once, as far as the system
takes it.  And where a client has been asking in quick succession, its next packet is waited for
right here, so that question and answer follow each other without a switch of tasks.  That keeps
others waiting for `TURN_SECONDS` at most, which the clients share; in a crowd nobody is waited for.

To fall asleep and be woken takes longer still (20 us on a virtual machine, whose processor goes
idle meanwhile).  So for a moment the packet is looked for again and again, and whoever else wants
this processor has it in between: often that is the client.  Only for who is alone we then sleep,
a millisecond at most.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from time import perf_counter

import trio

from blink16.gdbstub.session import RECEIVE_SIZE

SEND_TIMEOUT = 30.0
"""Seconds that a client may leave our bytes unread before it counts as gone."""
LINGER_MS = 1
"""So long the next packet is waited for before the event loop goes on."""
LOOK_SECONDS = 0.0001
"""So long of that without sleep."""
TURN_SECONDS = 0.004
"""So long clients that ask without a pause keep the event loop from all others."""
CROWD = 5
"""So many clients that their shares of that are too small to be worth it."""
QUICK_SECONDS = 0.0005
"""A client that asks again within this is quick."""
QUICK_ANSWERS = 4
"""So many times in a row it has been quick before it is waited for."""

DISCONNECTED = (trio.BrokenResourceError, trio.ClosedResourceError)


class ClientStream:
    """A stream that one task reads, and one at a time writes."""

    def __init__(self, stream: trio.abc.Stream, clients: Callable[[], int]) -> None:
        """``clients``: returns how many are connected, this one among them."""
        self._stream = stream
        self._clients = clients
        self._receiving, self._sending = _descriptors(stream)
        self._poll = None if self._receiving is None else _poll(self._receiving)
        self._quick = 0
        """How many times in a row the client has been quick."""
        self._turn_began = 0.0

    async def receive(self) -> bytes:
        """Return some bytes from the client; none at their end.  BrokenResourceError."""
        began = perf_counter()
        data = bytes(await self._stream.receive_some(RECEIVE_SIZE))
        now = perf_counter()
        self._quick = self._quick + 1 if now - began < QUICK_SECONDS else 0
        self._turn_began = now
        return data

    def receive_soon(self) -> bytes | None:
        """Return what a quick client says within a moment of its last answer.

        None if that is nothing, or if others are to be heard: then `receive` is to wait for it.
        BrokenResourceError.
        """
        if self._quick < QUICK_ANSWERS or self._poll is None or self._receiving is None:
            return None
        clients, now = self._clients(), perf_counter()
        if clients >= CROWD or now > self._turn_began + TURN_SECONDS / clients:
            return None
        try:
            data = _look(self._receiving, now + LOOK_SECONDS)
            if data is not None or clients > 1:
                return data
            if self._poll.poll(LINGER_MS):
                return os.read(self._receiving, RECEIVE_SIZE)
        except BlockingIOError:
            pass
        except OSError as error:
            raise trio.BrokenResourceError from error
        self._quick = 0
        return None

    async def send(self, data: bytes) -> None:
        """Send, waiting for slow readers; BrokenResourceError if the client doesn't read."""
        rest = self.send_now(data)
        if not rest:
            return
        with trio.move_on_after(SEND_TIMEOUT):
            await self._stream.send_all(rest)
            return
        raise trio.BrokenResourceError("the client doesn't read")

    def send_now(self, data: bytes) -> bytes:
        """Send what the system takes at once; return the rest.  BrokenResourceError."""
        if self._sending is None:
            return data
        try:
            return data[os.write(self._sending, data) :]
        except BlockingIOError:
            return data
        except OSError as error:
            raise trio.BrokenResourceError from error


def _descriptors(stream: trio.abc.Stream) -> tuple[int | None, int | None]:
    """Return the file descriptors that a stream reads and writes, if it has such."""
    if os.name != "posix":
        return None, None
    match stream:
        case trio.SocketStream(socket=socket):
            return socket.fileno(), socket.fileno()
        case trio.StapledStream(
            receive_stream=trio.lowlevel.FdStream() as receiving,
            send_stream=trio.lowlevel.FdStream() as sending,
        ):
            return receiving.fileno(), sending.fileno()
    return None, None


def _look(descriptor: int, until: float) -> bytes | None:
    """Return what comes up to a time (of `perf_counter`); None if that is nothing.  OSError."""
    while True:
        try:
            return os.read(descriptor, RECEIVE_SIZE)
        except BlockingIOError:
            if perf_counter() > until:
                return None
        os.sched_yield()


def _poll(descriptor: int) -> select.poll:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return poll
