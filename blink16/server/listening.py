"""Where debuggers come in: TCP ports, socket files, and our own standard streams."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import trio

from blink16.server.sources import Say

KEEPALIVE_IDLE = 30
"""Seconds of silence after which the network is asked whether a client is still there."""
BACKLOG = 64
SOCKET_MODE = 0o600
"""Who may connect to a socket file: its owner."""


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
    """Our standard input and output: one debugger, which started us."""


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


def to_standard_error(text: str) -> None:
    """Tell a line as scripts look for it."""
    print(text, file=sys.stderr, flush=True)


def standard_streams() -> trio.abc.HalfCloseableStream:
    """Return our standard streams as one stream; ListenError if they can't be that."""
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
        raise ListenError(f"can't listen on {endpoint}: {reason}") from None


# -- socket files ----------------------------------------------------------------------------


@contextmanager
def _socket_file(endpoint: SocketFile) -> Iterator[trio.SocketListener]:
    """Listen on a socket file, and remove it afterwards."""
    path = endpoint.path
    listening = trio.socket.from_stdlib_socket(_bound(endpoint))
    made = path.lstat()
    try:
        yield trio.SocketListener(listening)
    finally:
        listening.close()
        with suppress(OSError):  # somebody has removed it, or put another one there
            if os.path.samestat(path.lstat(), made):
                path.unlink()


def _bound(endpoint: SocketFile) -> socket.socket:
    """Return a socket that listens on a file of its own."""
    path = endpoint.path
    try:
        _clear_away(path)
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    except (OSError, AttributeError) as error:  # no AF_UNIX: not on this system
        raise ListenError(f"can't listen on {endpoint}: {_reason(error)}") from None
    before = os.umask(0o777 & ~SOCKET_MODE)  # nobody else connects before the mode is set
    try:
        bound.bind(str(path))
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise ListenError(f"can't listen on {endpoint}: {_reason(error)}") from None
    finally:
        os.umask(before)
    return bound


def _clear_away(path: Path) -> None:
    """Remove a socket file that a server left behind; OSError if it is something else."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(errno.EEXIST, "there is a file that is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:  # somebody listens, and is busy
            pass
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _reason(error: OSError | AttributeError) -> str:
    if isinstance(error, AttributeError):
        return "this system has no socket files"
    return error.strerror or str(error)  # "AF_UNIX path too long" has no errno
