"""Where servers are: at a TCP port, a socket file, or on the standard streams of our own process.

Needs no trio, which takes long to import: `streams` leads there.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field

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
    process: subprocess.Popen[bytes] | None = field(default=None, compare=False)
    """It, where it has been started already (`launching.started`)."""

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
