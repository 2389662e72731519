"""What the host's news change in the kernel's sockets, and how the past is cut.

All that the host says is input of the machine, and so are its answers; what it is asked to do is
output.  So the past is replayed without anybody outside.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import partial
from typing import Any

from blink16.elks import netlink
from blink16.elks.kernel import Kernel
from blink16.elks.netlink import Link, NetMessage, News, Order
from blink16.elks.sockets import MAX_SOCKETS, Socket, SocketState

MAX_ERRNO = 0x7FFF


class NetworkInput:
    """Takes the host's news (`services.Receiver`); the sockets are in the kernel's state."""

    CHANNEL = netlink.CHANNEL

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.on_broken: Callable[[bytes], object] = lambda news: None
        """Takes news of our own for the machine.  No state."""
        self._used: dict[Link, int] = {}
        """When the host's sockets were used last, as far as the world knows.  No state."""
        kernel.on_order = partial(self._note, later=1)

    @property
    def is_on(self) -> bool:
        """Whether there are sockets."""
        return self._kernel.has_network

    def receive(self, data: bytes) -> None:
        """Take a piece of news; what is about no socket of ours is no news."""
        message = netlink.parse(data)
        if message is None:
            return
        self._kernel.journal.begin()
        for number, socket in self._kernel.state.sockets.items():
            if socket.link == message.link:
                self._hear(number, socket, message)
                return

    def _hear(self, number: int, socket: Socket, message: NetMessage) -> None:
        if not socket.listens:
            self._note(message.link)
        match message.kind:
            case News.LINKED:
                socket = _linked(socket, message)
            case News.ACCEPTED:
                socket = self._accepted(socket, message)
            case News.DATA:
                socket = socket._replace(data=socket.data + message.data)
            case News.SENT:
                socket = socket._replace(unsent=max(0, socket.unsent - message.value))
            case News.ENDED:
                socket = socket._replace(ended=True, state=SocketState.DISCONNECTING, asks=False)
                socket = socket._replace(error=message.value & MAX_ERRNO)
        self._kernel.put_socket(number, socket)

    def _accepted(self, socket: Socket, message: NetMessage) -> Socket:
        link = Link(message.value, 0)
        if not socket.listens or len(self._kernel.state.sockets) >= MAX_SOCKETS:
            self._kernel.order(Order.CLOSE, link, 1)
            return socket
        self._note(link)
        new = Socket(link, SocketState.CONNECTED, local=socket.local, remote=message.address)
        return socket._replace(arrived=(*socket.arrived, self._kernel.add_socket(new)))

    # -- the past ----------------------------------------------------------------------------

    def _note(self, link: Link, *, later: int = 0) -> None:
        """Note that a host socket is used now, when that happens for the first time.

        ``later``: instructions until the machine has it: one where a call is still to retire.
        """
        now = self._kernel.chassis.registers.icount + later
        self._kernel.chassis.effect(partial(self._used.__setitem__, link, now))

    def undo_after(self, instant: int) -> str:
        """Break the connections that a dropped future has used: their peers have heard it.

        Returns what to tell the user, a clause; empty if there are none.
        """
        used = [link for link, time in self._used.items() if time > instant]
        sockets = {socket.link: socket for socket in self._kernel.state.sockets.values()}
        told = []
        for link in used:
            self._kernel.order(Order.CLOSE, link, 1)
            del self._used[link]
            socket = sockets.get(link)
            if socket is not None:
                told.append(f"{_written(socket)}")
                broken = NetMessage(News.ENDED, link, errno.ECONNRESET)
                self.on_broken(netlink.build(broken))
        if not told:
            return ""
        return f"connections that that future has used are broken: {', '.join(told)}"

    def save(self) -> tuple[()]:
        """Return nothing: the kernel has it."""
        return ()

    def restore(self, state: Any) -> None:
        """Take nothing."""


def _written(socket: Socket) -> str:
    address = socket.remote if socket.remote.port else socket.local
    return f"{'.'.join(map(str, address.host))}:{address.port}"


def _linked(socket: Socket, message: NetMessage) -> Socket:
    socket = socket._replace(asks=False, error=message.value & MAX_ERRNO)
    if socket.error:
        failed = socket.state == SocketState.CONNECTING
        return socket._replace(state=SocketState.UNCONNECTED) if failed else socket
    if socket.state == SocketState.CONNECTING:
        socket = socket._replace(state=SocketState.CONNECTED)
    return socket._replace(local=message.address)
