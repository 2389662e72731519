"""Streams to servers: TCP, socket files, a process of our own on its standard streams."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Protocol

import trio
from trio.lowlevel import open_process

from blink16.client.addresses import OwnServer, ServerAddress, TcpServer, UnixServer
from blink16.client.errors import ConnectionLostError
from blink16.client.launching import MAX_LAST_WORDS

CONNECT_TIMEOUT = 10.0
"""Seconds that a connection may take to come about."""
END_TIMEOUT = 3.0
"""Seconds that a process of our own may take to end once its input has."""


async def open_stream(address: ServerAddress) -> trio.abc.Stream:
    """Connect to a server, or start it; ConnectionLostError if that can't be."""
    try:
        with trio.fail_after(CONNECT_TIMEOUT):
            match address:
                case TcpServer(host, port):
                    stream = await trio.open_tcp_stream(host, port)
                    with suppress(OSError):
                        stream.setsockopt(6, 1, 1)  # TCP_NODELAY: packets are small
                    return stream
                case UnixServer(path):
                    return await trio.open_unix_socket(path)
                case OwnServer(command, _, process):
                    early = process and ProcessStream(EarlyProcess(process))
                    return early or await ProcessStream.start(command)
    except (OSError, RuntimeError, UnicodeError) as error:  # RuntimeError: no AF_UNIX here
        reason = error.strerror if isinstance(error, OSError) else None
        raise ConnectionLostError(f"can't reach {address}: {reason or error}") from None
    except trio.TooSlowError:
        raise ConnectionLostError(f"can't reach {address}: it does not answer") from None


class Process(Protocol):
    """A process, as far as its stream needs it; trio's is one."""

    stdin: trio.abc.SendStream | None
    stdout: trio.abc.ReceiveStream | None
    stderr: trio.abc.ReceiveStream | None

    @property
    def returncode(self) -> int | None:
        """Its exit status; None while it is there."""

    async def wait(self) -> int:
        """Wait for its end."""

    def kill(self) -> None:
        """End it by force."""


class EarlyProcess:
    """A process that began before there was an event loop (POSIX)."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.stdin: trio.abc.SendStream | None = _stream_of(process.stdin)
        self.stdout: trio.abc.ReceiveStream | None = _stream_of(process.stdout)
        self.stderr: trio.abc.ReceiveStream | None = _stream_of(process.stderr)

    @property
    def returncode(self) -> int | None:
        """Its exit status; None while it is there."""
        return self._process.poll()

    async def wait(self) -> int:
        """Wait for its end."""
        return await trio.to_thread.run_sync(self._process.wait, abandon_on_cancel=True)

    def kill(self) -> None:
        """End it by force."""
        self._process.kill()


def _stream_of(pipe: IO[bytes] | None) -> trio.lowlevel.FdStream | None:
    """Take over a pipe."""
    if pipe is None:
        return None
    with pipe:
        return trio.lowlevel.FdStream(os.dup(pipe.fileno()))


class ProcessStream(trio.abc.Stream):
    """A process of our own: what it reads and writes is the stream, and it ends with it."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._stdin, self._stdout = process.stdin, process.stdout
        self._said = bytearray()

    @classmethod
    async def start(cls, command: Sequence[str]) -> ProcessStream:
        """Start a process; OSError if there is no such program."""
        pipe = subprocess.PIPE
        return cls(await open_process(command, stdin=pipe, stdout=pipe, stderr=pipe))

    async def listen(self) -> None:
        """Take what it writes to its standard error, up to its end."""
        if self._process.stderr is None:
            return
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for data in self._process.stderr:
                self._said += data
                del self._said[:-MAX_LAST_WORDS]

    @property
    def said(self) -> str:
        """What it wrote to its standard error so far."""
        return self._said.decode("utf-8", "replace")

    async def last_words(self) -> str:
        """Return what it wrote to its standard error, if it is about to end or has ended."""
        with trio.move_on_after(END_TIMEOUT):
            await self._process.wait()
            await trio.sleep(0.05)  # for what is still in the pipe
        return self.said.strip()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Write to its standard input."""
        await self._stdin.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until it reads."""
        await self._stdin.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Read from its standard output."""
        return bytes(await self._stdout.receive_some(max_bytes))

    async def aclose(self) -> None:
        """End it: first by the end of its input, and if that does not help, by force."""
        with trio.CancelScope(shield=True):
            await self._stdin.aclose()
            with trio.move_on_after(END_TIMEOUT):
                await self._process.wait()
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()
            await self._stdout.aclose()
            if self._process.stderr is not None:
                await self._process.stderr.aclose()
