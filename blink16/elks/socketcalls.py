"""ELKS' system calls on sockets.

Without a network on the host's side, socket() gives ENETDOWN, as in a kernel without ktcp.
Source: ELKS' net/socket.c and net/ipv4/af_inet.c; the address is linuxmt/in.h's.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from enum import IntEnum

from construct import Bytes, Int16sl, Int16ub, Int16ul, Struct

from blink16.elks import netlink
from blink16.elks.abi import Call, Open
from blink16.elks.netlink import WINDOW, Address, Link, Order
from blink16.elks.request import Blocked, Request, Result
from blink16.elks.sockets import MAX_SOCKETS, Socket, SocketState
from blink16.elks.state import MAX_DESCRIPTORS, NO_FILE, OpenFile, WaitFor, Waiting
from blink16.hostfs.hostfolder import os_error

AF_INET, SOCK_STREAM = 0, 1
MAX_ADDRESS = 110
"""Bytes of any family's address."""
SOCKET_ADDRESS = Struct("family" / Int16ul, "port" / Int16ub, "host" / Bytes(4))
LINGER = Struct("on" / Int16sl, "seconds" / Int16sl)
MAX_READ = 1024
"""Bytes that one read() gives at most, as many as ktcp passes on at a time."""


class SocketOption(IntEnum):
    """What setsockopt() sets."""

    REUSE_ADDRESS = 2
    RECEIVE_BUFFER = 8
    LINGER = 13


def socket(request: Request) -> int:
    """Make a TCP socket (BX=0, CX=1, DX=0); ENETDOWN unless the host's network is there."""
    kernel = request.kernel
    if (request.bx, request.cx, request.dx) != (AF_INET, SOCK_STREAM, 0):
        raise os_error(errno.EINVAL)
    if not kernel.has_network:
        request.guest.notice("the program asks for a network: --net gives it one (ENETDOWN)")
        raise os_error(errno.ENETDOWN)
    if len(kernel.state.sockets) >= MAX_SOCKETS:
        raise os_error(errno.ENFILE)
    kernel.lowest_free(0)
    number = kernel.state.next_file
    link = Link(number, request.guest.registers.icount)
    return _install(request, kernel.add_socket(Socket(link)))


def _install(request: Request, number: int) -> int:
    return request.kernel.install(OpenFile(0, Open.READ_WRITE, socket=number))


def _socket(request: Request) -> tuple[int, Socket]:
    """Return the socket of descriptor BX and its number; ENOTSOCK."""
    kernel, descriptor = request.kernel, request.bx
    file = NO_FILE
    if descriptor < MAX_DESCRIPTORS:
        file = request.task.descriptors[descriptor]
    number = kernel.state.open_files[file].socket if file != NO_FILE else 0
    if not number:
        raise os_error(errno.ENOTSOCK)
    return number, kernel.state.sockets[number]


def _address(request: Request, offset: int, length: int) -> Address:
    """Read an address; what is missing of it is 0."""
    if not 0 < length <= SOCKET_ADDRESS.sizeof():
        raise os_error(errno.EINVAL)
    told = SOCKET_ADDRESS.parse(request.get(offset, length).ljust(SOCKET_ADDRESS.sizeof(), b"\0"))
    if told.family != AF_INET:
        raise os_error(errno.EINVAL)
    address = Address(told.host, told.port)
    if address.host != netlink.ANYWHERE and address.host[0] != netlink.LOOPBACK[0]:
        host = ".".join(map(str, address.host))
        request.guest.notice(f"{host} can't be reached: --net leads to 127.0.0.1 and no further")
        raise os_error(errno.ENETUNREACH)
    return address


def bind(request: Request) -> int | Blocked:
    """Give socket BX the address at CX of DX bytes."""
    number, sock = _socket(request)
    if request.task.progress:
        return _answer(request, number, sock)
    address = _address(request, request.cx, request.dx)
    request.kernel.order(Order.REUSE, sock.link, sock.reuses)
    request.kernel.order(Order.BIND, sock.link, address=address)
    request.kernel.put_socket(number, sock._replace(asks=True))
    return _asked(request, number)


def connect(request: Request) -> int | Blocked:
    """Connect socket BX with the address at CX of DX bytes."""
    number, sock = _socket(request)
    if request.task.progress:
        return _answer(request, number, sock)
    if sock.state == SocketState.CONNECTED:
        raise os_error(errno.EISCONN)
    if sock.state == SocketState.DISCONNECTING:
        raise os_error(errno.EINVAL)
    address = _address(request, request.cx, request.dx)
    if sock.state == SocketState.CONNECTING:
        raise os_error(errno.EINPROGRESS)
    host = netlink.LOOPBACK if address.host == netlink.ANYWHERE else address.host
    remote = address._replace(host=host)
    request.kernel.order(Order.CONNECT, sock.link, address=remote)
    request.kernel.put_socket(
        number, sock._replace(asks=True, state=SocketState.CONNECTING, remote=remote)
    )
    return _asked(request, number)


def _asked(request: Request, number: int) -> Blocked:
    """Wait for the host's answer; the call is done anew when it has come."""
    request.kernel.change(progress=1)
    return Blocked(Waiting(WaitFor.NETWORK_ANSWER, number), interrupted=errno.ETIMEDOUT)


def _answer(request: Request, number: int, sock: Socket) -> int | Blocked:
    if sock.asks:
        return _asked(request, number)
    if sock.error:
        raise os_error(sock.error)
    return 0


def listen(request: Request) -> int:
    """Let socket BX be connected to, by CX at a time."""
    number, sock = _socket(request)
    if sock.state != SocketState.UNCONNECTED:
        raise os_error(errno.EINVAL)
    request.kernel.order(Order.LISTEN, sock.link, max(1, min(request.cx, MAX_SOCKETS)))
    request.kernel.put_socket(number, sock._replace(listens=True))
    return 0


def accept(request: Request) -> int | Blocked:
    """Return a new descriptor for the next connection to BX; its address goes to CX, DX=length."""
    number, sock = _socket(request)
    if sock.state != SocketState.UNCONNECTED or not sock.listens:
        raise os_error(errno.EINVAL)
    if not sock.arrived:
        if request.kernel.open_file(request.bx).flags & Open.NO_DELAY:
            request.guest.looked_in_vain()
            raise os_error(errno.EAGAIN)
        return request.block(WaitFor.NETWORK_DATA, number)
    arrived = sock.arrived[0]
    if request.cx:
        _put_address(request, request.kernel.state.sockets[arrived].remote)
    descriptor = _install(request, arrived)
    request.kernel.put_socket(number, sock._replace(arrived=sock.arrived[1:]))
    request.kernel.order(Order.TAKEN, sock.link, 1)
    return descriptor


def setsockopt(request: Request) -> int:
    """Set option DX of socket BX to the SI bytes at DI; CX=level."""
    number, sock = _socket(request)
    if request.si > MAX_ADDRESS:
        raise os_error(errno.EINVAL)
    value = request.get(request.di, request.si)
    match request.dx, len(value):
        case (SocketOption.LINGER, 4):
            linger = LINGER.parse(value)
            sock = sock._replace(resets=bool(linger.on) and not linger.seconds)
        case (SocketOption.REUSE_ADDRESS, 2):
            sock = sock._replace(reuses=any(value))
        case (SocketOption.RECEIVE_BUFFER, 2):
            pass
        case _:
            raise os_error(errno.EINVAL)
    request.kernel.put_socket(number, sock)
    return 0


def getsocknam(request: Request) -> int:
    """Write the address of socket BX, or of its peer (DI), to CX; DX=length."""
    _, sock = _socket(request)
    if not request.cx:
        raise os_error(errno.EINVAL)
    if request.di and sock.state != SocketState.CONNECTED:
        raise os_error(errno.EINVAL)
    _put_address(request, sock.remote if request.di else sock.local)
    return 0


def _put_address(request: Request, address: Address) -> None:
    """Write an address to CX, as much of it as the word at DX says there is room for."""
    room = request.word(request.dx)
    told = {"family": AF_INET, "port": address.port, "host": address.host}
    request.put(request.cx, SOCKET_ADDRESS.build(told)[:room])


def read(request: Request) -> int | Blocked:
    """Read what has come; it waits as the kernel does, whatever fcntl() has said."""
    number, sock = _socket(request)
    if sock.listens:
        raise os_error(errno.EINVAL)
    if not request.dx:
        return 0
    if not sock.data:
        return 0 if sock.ended else request.block(WaitFor.NETWORK_DATA, number)
    data = sock.data[: min(request.dx, MAX_READ)]
    request.put(request.cx, data)
    request.kernel.put_socket(number, sock._replace(data=sock.data[len(data) :]))
    request.kernel.order(Order.TAKEN, sock.link, len(data))
    return len(data)


def write(request: Request, data: bytes) -> int | Blocked:
    """Write, as fast as the peer reads."""
    number, sock = _socket(request)
    done = request.task.progress
    if sock.listens:
        raise os_error(errno.EINVAL)
    if sock.state == SocketState.DISCONNECTING:
        raise os_error(errno.EPIPE)
    if sock.state != SocketState.CONNECTED and data:
        raise os_error(errno.EINVAL)
    part = data[done : done + WINDOW - sock.unsent]
    if part:
        request.kernel.order(Order.SEND, sock.link, data=part)
        request.kernel.put_socket(number, sock._replace(unsent=sock.unsent + len(part)))
        done += len(part)
    if done == len(data) or (request.task.pending and done):
        return done
    request.kernel.change(progress=done)
    return request.block(WaitFor.NETWORK_ROOM, number)


HANDLERS: dict[Call, Callable[[Request], Result]] = {
    Call.SOCKET: socket,
    Call.BIND: bind,
    Call.LISTEN: listen,
    Call.ACCEPT: accept,
    Call.CONNECT: connect,
    Call.SETSOCKOPT: setsockopt,
    Call.GETSOCKNAM: getsocknam,
}
