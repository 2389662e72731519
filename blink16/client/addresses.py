"""Where servers are, and streams to them: TCP, socket files, a process of our own on its stdio."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import trio
from trio.lowlevel import open_process

from blink16.client.errors import ConnectionLostError

CONNECT_TIMEOUT = 10.0
"""Seconds that a connection may take to come about."""
END_TIMEOUT = 3.0
"""Seconds that a process of our own may take to end once its input has."""
MAX_LAST_WORDS = 1 << 16
"""Bytes of a process's standard error that are kept: the last ones."""
UNIX = "unix:"
_TCP = re.compile(r"(?:tcp:)?(\[[^\]]+\]|[^:]*):([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class TcpServer:
    """A server on a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixServer:
    """A server on a socket file."""

    path: str

    def __str__(self) -> str:
        return f"{UNIX}{self.path}"


@dataclass(frozen=True, slots=True)
class OwnServer:
    """A process to start, which talks on its standard input and output."""

    command: tuple[str, ...]
    watched_at: UnixServer | None = None
    """Where others may come to watch, as long as it is there."""

    def __str__(self) -> str:
        return self.command[0]


ServerAddress = TcpServer | UnixServer | OwnServer


def parse(text: str) -> TcpServer | UnixServer:
    """Read ``HOST:PORT``, ``:PORT`` or ``unix:PATH``; ValueError if it is none of these."""
    if text.startswith(UNIX) and len(text) > len(UNIX):
        return UnixServer(text.removeprefix(UNIX))
    match = _TCP.fullmatch(text)
    if match is None or int(match[2]) > 0xFFFF:
        raise ValueError(f"{text!r} is no address of a server: HOST:PORT or unix:PATH")
    return TcpServer(match[1].strip("[]") or "127.0.0.1", int(match[2]))


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
                case OwnServer(command):
                    return await ProcessStream.start(command)
    except (OSError, RuntimeError, UnicodeError) as error:  # RuntimeError: no AF_UNIX here
        reason = error.strerror if isinstance(error, OSError) else None
        raise ConnectionLostError(f"can't reach {address}: {reason or error}") from None
    except trio.TooSlowError:
        raise ConnectionLostError(f"can't reach {address}: it does not answer") from None


class ProcessStream(trio.abc.Stream):
    """A process of our own: what it reads and writes is the stream, and it ends with it."""

    def __init__(self, process: trio.Process) -> None:
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

    async def last_words(self) -> str:
        """Return what it wrote to its standard error, if it is about to end or has ended."""
        with trio.move_on_after(END_TIMEOUT):
            await self._process.wait()
            await trio.sleep(0.05)  # for what is still in the pipe
        return self._said.decode("utf-8", "replace").strip()

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
