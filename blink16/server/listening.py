"""Where debuggers come in: TCP ports, socket files, and our own standard streams."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import trio

from blink16 import socketfile
from blink16.server.sources import Say

KEEPALIVE_IDLE = 30
"""Seconds of silence after which the network is asked whether a client is still there."""
BACKLOG = 64


class ListenError(Exception):
    """An address that can't be listened on, and why."""


@dataclass(frozen=True, slots=True)
class TcpPort:
    """A TCP port; 0 is any free one."""

    address: str
    port: int

    def __str__(self) -> str:
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address}:{self.port}"


@dataclass(frozen=True, slots=True)
class SocketFile:
    """A Unix domain socket."""

    path: Path

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class StandardStreams:
    """Our standard input and output: one debugger, which started us, and with which we end."""

    beside: SocketFile | None = None
    """Where others may come to meanwhile, to watch."""


Endpoint = TcpPort | SocketFile | StandardStreams


@asynccontextmanager
async def listeners(endpoint: TcpPort | SocketFile) -> AsyncIterator[list[trio.SocketListener]]:
    """Listen on an endpoint; afterwards, leave nothing behind.  ListenError if that can't be."""
    if isinstance(endpoint, SocketFile):
        with _socket_file(endpoint) as listener:
            yield [listener]
        return
    found = await _tcp(endpoint)
    try:
        yield found
    finally:
        for listener in found:
            listener.socket.close()


def announce(
    endpoint: TcpPort | SocketFile, found: list[trio.SocketListener], say: Say, tell: Say
) -> None:
    """Tell where debuggers find us, with the port that was chosen; say what is to be minded."""
    if isinstance(endpoint, SocketFile):
        tell(f"Listening on {endpoint}")
        return
    for listener in found:
        address, port = listener.socket.getsockname()[:2]
        if not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
            say(
                f"warning: listening on {address}, not only on this computer: whoever reaches it "
                "controls the program and sees the files under --root"
            )
        tell(f"Listening on {TcpPort(address, port)}")


def standard_streams() -> trio.abc.HalfCloseableStream:
    """Return our standard streams as one stream; ListenError if they can't be that."""
    if not hasattr(trio.lowlevel, "FdStream"):
        raise ListenError("can't talk on standard input and output on this system: use --port")
    try:
        receiving = trio.lowlevel.FdStream(os.dup(0))
        return trio.StapledStream(trio.lowlevel.FdStream(os.dup(1)), receiving)
    except OSError as error:
        raise ListenError(f"can't talk on standard input and output: {error.strerror}") from None


def keep_alive(stream: trio.SocketStream) -> None:
    """Have the network notice when a client's computer is gone."""
    with suppress(OSError):  # it may be gone already, or no network at all
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)


async def _tcp(endpoint: TcpPort) -> list[trio.SocketListener]:
    try:
        return list(await trio.open_tcp_listeners(endpoint.port, host=endpoint.address))
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "this is no host name"
        raise ListenError(f"can't listen on {endpoint}: {reason}{_remedy(error)}") from None


def _remedy(error: OSError | UnicodeError) -> str:
    match getattr(error, "errno", None):
        case errno.EADDRINUSE:
            return " (--port takes another port, --port 0 any that is free)"
        case errno.EACCES:
            return " (ports below 1024 are the system's: take another by --port)"
    return ""


# -- socket files ----------------------------------------------------------------------------


@contextmanager
def _socket_file(endpoint: SocketFile) -> Iterator[trio.SocketListener]:
    """Listen on a socket file, and remove it afterwards."""
    try:
        made = socketfile.BoundSocket(endpoint.path, BACKLOG)
    except OSError as error:  # "AF_UNIX path too long" has no errno
        raise ListenError(f"can't listen on {endpoint}: {error.strerror or error}") from None
    listening = trio.socket.from_stdlib_socket(made.socket)
    try:
        yield trio.SocketListener(listening)
    finally:
        made.remove()
        listening.close()
