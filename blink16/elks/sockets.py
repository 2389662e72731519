"""ELKS' sockets as the kernel remembers them: TCP, and nothing but loopback.

Source: ELKS' net/socket.c and net/ipv4/af_inet.c.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

from blink16.elks.netlink import Address, Link

MAX_SOCKETS = 64
"""Sockets in the system, those counted that nobody has accepted yet."""


class SocketState(IntEnum):
    """How far a socket is."""

    UNCONNECTED = 0
    CONNECTING = 1
    CONNECTED = 2
    DISCONNECTING = 3


class Socket(NamedTuple):
    """A socket; open files refer to it by its number."""

    link: Link
    state: int = SocketState.UNCONNECTED
    listens: bool = False
    reuses: bool = False
    resets: bool = False
    """Its connection is to be broken when it is closed."""
    local: Address = Address()
    remote: Address = Address()
    asks: bool = False
    """The host was asked to bind or connect it, and has not answered yet."""
    error: int = 0
    """What it answered last: an errno, or 0."""
    data: bytes = b""
    """What has come and was not read yet."""
    ended: bool = False
    """Nothing more will come."""
    unsent: int = 0
    """Bytes that were written and have not left the host yet."""
    arrived: tuple[int, ...] = ()
    """Of a listening one: the sockets that were connected to it and not accepted yet."""

    @classmethod
    def of(cls, fields: Any) -> Socket:
        """Return what `tuple` has made plain."""
        socket = cls(*fields)
        return socket._replace(
            link=Link(*socket.link),
            local=Address(*socket.local),
            remote=Address(*socket.remote),
            arrived=tuple(socket.arrived),
        )
