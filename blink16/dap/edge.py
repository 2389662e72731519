"""Where the adapter meets the world: standard input and output, or a TCP port."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

import trio

from blink16.dap import requests as _requests
from blink16.dap.conversation import Conversation
from blink16.endings import ending_signals
from blink16.nurseries import open_nursery, until_signal

_ = _requests  # importing them registers them
LOG = logging.getLogger("blink16")
RECEIVE_SIZE = 1 << 16
MAX_OUTGOING = 64 << 20
"""Bytes that wait for a client that does not read; more end the session."""
LAST_WORDS_TIMEOUT = 5.0
"""Seconds in which a client has to take what is still to be said at the end."""
_BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError, OSError)


async def converse(
    receive: Callable[[int], Awaitable[bytes]], send: Callable[[bytes], Awaitable[None]]
) -> None:
    """Hold one session over two functions that read and write bytes."""
    outgoing = bytearray()
    more, written = trio.Event(), trio.Event()
    is_over = False

    def put_out(data: bytes) -> None:
        outgoing.extend(data)
        if len(outgoing) > MAX_OUTGOING:
            session.close()
        more.set()

    session = Conversation(put_out)

    async def write() -> None:
        nonlocal more
        with suppress(*_BROKEN):
            while outgoing or not is_over:
                if not outgoing:
                    more = trio.Event()
                    await more.wait()
                data = bytes(outgoing)
                outgoing.clear()
                await send(data)
        written.set()
        session.close()

    async def read() -> None:
        with suppress(*_BROKEN):
            while data := await receive(RECEIVE_SIZE):
                session.receive(bytes(data))
        session.close()

    async with open_nursery() as nursery:
        nursery.start_soon(write)
        nursery.start_soon(read)
        await session.serve()
        is_over = True
        more.set()
        with trio.move_on_after(LAST_WORDS_TIMEOUT):
            await written.wait()
        nursery.cancel_scope.cancel()


async def until_ended(serve: Callable[[], Awaitable[None]]) -> int | None:
    """Serve until a signal ends us, whose number is returned: each session lets its machine go."""
    with trio.open_signal_receiver(*ending_signals()) as signals:
        return await until_signal(serve, signals)


async def serve_stdio() -> None:
    """Talk to the client that has started us, on standard input and output."""
    # nobody else may write there: what is printed by accident goes to standard error
    output = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    if hasattr(trio.lowlevel, "FdStream"):
        stdin, stdout = trio.lowlevel.FdStream(os.dup(0)), trio.lowlevel.FdStream(output)
        async with stdin, stdout:
            await converse(stdin.receive_some, stdout.send_all)
        return
    with open(0, "rb", 0) as reader, open(output, "wb", 0) as writer:  # noqa: PTH123

        async def receive(size: int) -> bytes:
            return bytes(await trio.to_thread.run_sync(reader.read, size, abandon_on_cancel=True))

        async def send(data: bytes) -> None:
            await trio.to_thread.run_sync(writer.write, data)

        await converse(receive, send)


async def serve_port(host: str, port: int, say: Callable[[str], None]) -> None:
    """Let clients come to a TCP port, each to a session of its own."""

    async def session(stream: trio.SocketStream) -> None:
        try:
            async with stream:
                await converse(stream.receive_some, stream.send_all)
        except Exception:  # a mistake of ours costs this client its session, and nobody else
            LOG.exception("a session has failed; please report this:")

    async with open_nursery() as nursery:
        listeners = await nursery.start(
            lambda task_status=trio.TASK_STATUS_IGNORED: trio.serve_tcp(
                session, port, host=host, task_status=task_status
            )
        )
        place = listeners[0].socket.getsockname()
        say(f"Listening on {place[0]}:{place[1]}")
