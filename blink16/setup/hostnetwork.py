"""The host's side of a guest's sockets: TCP on the loopback interface, and nowhere else.

Orders come from the thread that runs the machine and never wait; a thread of our own does the
rest, and what happens goes to the machine as input.  `elks.netlink` has the messages.
"""

from __future__ import annotations

import errno
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from blink16.elks import netlink
from blink16.elks.netlink import ANYWHERE, LOOPBACK, WINDOW, Address, Link, NetMessage, News, Order
from blink16.elks.network import NetworkInput
from blink16.setup.loader import Loaded

TakeNews = Callable[[bytes], object]
"""Takes news for the machine, in any thread."""
IN, OUT = selectors.EVENT_READ, selectors.EVENT_WRITE
FIRST_INCOMING = 1 << 31
"""Where the numbers of connections begin that came from outside."""
ACCEPT_PAUSE = 0.05
"""Seconds between two tries to take a connection while the host has no sockets."""
_NO_MORE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
RESET = (1).to_bytes(4, "little") + bytes(4)
"""SO_LINGER's value by which a connection is broken when it is closed."""


@dataclass(eq=False, slots=True)
class HostSocket:
    """A host socket."""

    link: Link
    socket: socket.socket
    listens: bool = False
    connects: bool = False
    """It is about to be connected."""
    reads: bool = False
    """Whether more may come from the peer."""
    port: int = 0
    """The port that the guest has bound it to."""
    credit: int = WINDOW
    """Bytes, or connections, that the guest still takes."""
    unsent: bytearray = field(default_factory=bytearray)
    closes: bool = False
    """It is to be closed once all is sent."""
    pending: list[Link] = field(default_factory=list)
    """What was connected to it, and the guest has not accepted yet."""

    def wanted(self) -> int:
        """Return what to wait for."""
        events = IN if (self.listens or self.reads) and self.credit > 0 and not self.closes else 0
        return events | (OUT if self.connects or self.unsent else 0)


class HostNetwork:
    """The sockets that a machine has on this host."""

    def __init__(self, deliver: TakeNews, say: Callable[[str], None], port_offset: int = 0) -> None:
        """``deliver`` takes news for the machine, ``say`` a line for the user, in any thread.

        ``port_offset``: how much more the ports are here at which the guest listens.
        """
        self._offset = port_offset
        self._ours: dict[int, int] = {}
        """Ports here at which the guest listens, by its own."""
        self._deliver = deliver
        self._say = say
        self._orders: deque[NetMessage | None] = deque()
        self._endpoints: dict[Link, HostSocket] = {}
        self._selector = selectors.DefaultSelector()
        self._bell, self._ringer = socket.socketpair()
        for end in (self._bell, self._ringer):
            end.setblocking(False)
        self._selector.register(self._bell, IN)
        self._incoming = FIRST_INCOMING
        self._thread: threading.Thread | None = None

    # -- from other threads ------------------------------------------------------------------

    def order(self, data: bytes) -> None:
        """Take what the machine wants."""
        message = netlink.parse(data)
        if message is not None:
            self._put(message)

    def close(self) -> None:
        """Close all, and be done."""
        self._put(None)
        if self._thread is not None:
            self._thread.join()

    def _put(self, message: NetMessage | None) -> None:
        self._orders.append(message)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="network", daemon=True)
            self._thread.start()
        with suppress(OSError):  # it rings already
            self._ringer.send(b"!")

    # -- the thread --------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            for key, events in self._selector.select():
                if key.data is None:
                    with suppress(OSError):
                        self._bell.recv(4096)
                elif key.data.link in self._endpoints:
                    self._serve(key.data, events)
            while self._orders:
                message = self._orders.popleft()
                if message is None:
                    self._end()
                    return
                self._carry_out(message)

    def _end(self) -> None:
        for endpoint in list(self._endpoints.values()):
            self._drop(endpoint)
        self._selector.close()
        self._bell.close()
        self._ringer.close()

    def _tell(
        self,
        kind: News,
        link: Link,
        value: int = 0,
        address: Address = Address(),  # noqa: B008 - immutable
        data: bytes = b"",
    ) -> None:
        self._deliver(netlink.build(NetMessage(kind, link, value, address, data)))

    def _carry_out(self, message: NetMessage) -> None:
        link = message.link
        endpoint = self._endpoints.get(link)
        if endpoint is None:
            if message.kind in (Order.SEND, Order.TAKEN, Order.CLOSE):
                return  # it has gone meanwhile
            try:
                made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            except OSError as error:
                self._refuse(message, error)
                return
            made.setblocking(False)
            endpoint = self._endpoints[link] = HostSocket(link, made)
        match message.kind:
            case Order.REUSE:
                with suppress(OSError):
                    endpoint.socket.setsockopt(
                        socket.SOL_SOCKET, socket.SO_REUSEADDR, message.value
                    )
            case Order.BIND:
                self._linked(endpoint, self._bind(endpoint, message.address.port))
            case Order.LISTEN:
                self._listen(endpoint, message.value)
            case Order.CONNECT:
                self._connect(endpoint, message.address)
            case Order.SEND:
                endpoint.unsent += message.data
            case Order.TAKEN:
                endpoint.credit += message.value
                del endpoint.pending[: message.value]
            case Order.CLOSE:
                self._close(endpoint, at_once=bool(message.value))
        self._watch(endpoint)

    def _refuse(self, message: NetMessage, error: OSError) -> None:
        """Tell the guest that the host has no more sockets."""
        kind = News.ENDED if message.kind == Order.LISTEN else News.LINKED
        if message.kind != Order.REUSE:  # nobody waits for that
            self._tell(kind, message.link, error.errno or errno.EMFILE)

    def _bind(self, endpoint: HostSocket, port: int) -> int:
        host = ".".join(map(str, LOOPBACK))
        there = port + self._offset if port else 0
        try:
            endpoint.socket.bind((host, there))
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else "there is no such port"
            self._say(f"the program can't listen at {host}:{there}: {reason} (see --net-ports)")
            return (isinstance(error, OSError) and error.errno) or errno.EADDRINUSE
        if port:
            endpoint.port = port
            self._ours[port] = there
        return 0

    def _linked(self, endpoint: HostSocket, failure: int) -> None:
        address = Address()
        with suppress(OSError):
            address = _address(endpoint.socket.getsockname())
            address = address._replace(port=endpoint.port or address.port)
        self._tell(News.LINKED, endpoint.link, failure, address)

    def _listen(self, endpoint: HostSocket, backlog: int) -> None:
        try:
            if _address(endpoint.socket.getsockname()).host == ANYWHERE:
                self._bind(endpoint, 0)  # never anywhere but here
            endpoint.socket.listen(backlog)
        except OSError as error:
            self._tell(News.ENDED, endpoint.link, error.errno or errno.EIO)
            return
        endpoint.listens, endpoint.credit = True, backlog

    def _connect(self, endpoint: HostSocket, address: Address) -> None:
        if address.host[0] != LOOPBACK[0]:
            self._linked(endpoint, errno.ENETUNREACH)
            return
        there = self._ours.get(address.port, address.port)
        failure = endpoint.socket.connect_ex((".".join(map(str, address.host)), there))
        endpoint.connects = failure == errno.EINPROGRESS
        if not endpoint.connects:
            self._connected(endpoint, failure)

    def _connected(self, endpoint: HostSocket, failure: int) -> None:
        endpoint.connects, endpoint.reads = False, not failure
        self._linked(endpoint, failure)
        if failure:  # the next try is one with a fresh socket
            self._drop(endpoint)

    def _close(self, endpoint: HostSocket, *, at_once: bool) -> None:
        if at_once:
            with suppress(OSError):
                endpoint.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        if at_once or not endpoint.unsent:
            self._drop(endpoint)
        else:
            endpoint.closes = True

    def _drop(self, endpoint: HostSocket) -> None:
        del self._endpoints[endpoint.link]
        with suppress(KeyError):
            self._selector.unregister(endpoint.socket)
        endpoint.socket.close()
        self._ours.pop(endpoint.port, None)
        for other in list(self._endpoints.values()):
            if endpoint.link in other.pending:  # it will never be accepted
                other.pending.remove(endpoint.link)
                other.credit += 1
                self._watch(other)

    def _watch(self, endpoint: HostSocket) -> None:
        """Wait for what is wanted of an endpoint now."""
        if endpoint.link not in self._endpoints:
            return
        wanted = endpoint.wanted()
        registered = endpoint.socket.fileno() in self._selector.get_map()
        if wanted and registered:
            self._selector.modify(endpoint.socket, wanted, endpoint)
        elif wanted:
            self._selector.register(endpoint.socket, wanted, endpoint)
        elif registered:
            self._selector.unregister(endpoint.socket)

    # -- what happens ------------------------------------------------------------------------

    def _serve(self, endpoint: HostSocket, events: int) -> None:
        if events & OUT and endpoint.connects:
            failure = endpoint.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._connected(endpoint, failure)
        elif events & OUT:
            self._send(endpoint)
        elif endpoint.listens:
            self._accept(endpoint)
        else:
            self._receive(endpoint)
        self._watch(endpoint)

    def _accept(self, endpoint: HostSocket) -> None:
        try:
            made, peer = endpoint.socket.accept()
        except OSError as error:
            if error.errno in _NO_MORE:  # whoever waits is still there, and so we are asked at once
                time.sleep(ACCEPT_PAUSE)
            return
        made.setblocking(False)
        link = Link(self._incoming, 0)
        self._incoming += 1
        endpoint.credit -= 1
        endpoint.pending.append(link)
        accepted = self._endpoints[link] = HostSocket(link, made, reads=True)
        self._tell(News.ACCEPTED, endpoint.link, link.number, _address(peer))
        self._watch(accepted)

    def _receive(self, endpoint: HostSocket) -> None:
        try:
            data = endpoint.socket.recv(min(endpoint.credit, WINDOW))
        except BlockingIOError:
            return
        except OSError as error:
            self._broken(endpoint, error)
            return
        if data:
            endpoint.credit -= len(data)
            self._tell(News.DATA, endpoint.link, data=data)
        else:
            endpoint.reads = False
            self._tell(News.ENDED, endpoint.link)

    def _send(self, endpoint: HostSocket) -> None:
        try:
            count = endpoint.socket.send(endpoint.unsent)
        except BlockingIOError:
            return
        except OSError as error:
            self._broken(endpoint, error)
            return
        del endpoint.unsent[:count]
        self._tell(News.SENT, endpoint.link, count)
        if endpoint.closes and not endpoint.unsent:
            self._drop(endpoint)

    def _broken(self, endpoint: HostSocket, error: OSError) -> None:
        self._tell(News.ENDED, endpoint.link, error.errno or errno.EIO)
        self._drop(endpoint)


def _address(name: tuple[str, int]) -> Address:
    return Address(socket.inet_aton(name[0]), name[1])


def connect(loaded: Loaded, deliver: TakeNews, say: Callable[[str], None]) -> HostNetwork | None:
    """Give a machine the host's network, if it has sockets; `HostNetwork.close` takes it away."""
    sockets = loaded.machine.find(NetworkInput)
    if sockets is None or not sockets.is_on:
        return None
    network = HostNetwork(deliver, say, loaded.port_offset)
    loaded.machine.sinks[NetworkInput.CHANNEL] = network.order
    sockets.on_broken = deliver
    return network
