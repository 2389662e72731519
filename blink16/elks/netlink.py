"""What the kernel and the host's network say to each other, as messages on a channel.

Orders are output of the machine, so nothing is done twice in a replay; news are its input, so
they are a part of its history.  A link is one host socket: its number, and when it was made, so
that a past that was changed makes others.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

from construct import (
    Bytes,
    ConstructError,
    Int8ul,
    Int16ub,
    Int16ul,
    Int32ul,
    Int64ul,
    Struct,
    this,
)

CHANNEL = "network"
WINDOW = 4096
"""Bytes on their way to, or from, one connection before somebody has to wait."""
LOOPBACK = bytes((127, 0, 0, 1))
ANYWHERE = bytes(4)


class Order(IntEnum):
    """What the kernel wants of the host."""

    BIND = 0  # to an address; LINKED tells where it is
    LISTEN = 1  # for up to ``value`` connections
    CONNECT = 2  # to an address; LINKED tells from where
    SEND = 3
    TAKEN = 4  # the program has read ``value`` bytes: so many more may come
    CLOSE = 5  # after all is sent; at once if ``value``
    REUSE = 6  # an address, whoever had it a moment ago, if ``value``; before BIND


class News(IntEnum):
    """What the host tells the kernel."""

    LINKED = 0  # bound or connected, here; or an errno in ``value``
    ACCEPTED = 1  # somebody has connected to a listening link: ``value`` is the new one's number
    DATA = 2
    SENT = 3  # ``value`` bytes have left: so much room there is again
    ENDED = 4  # nothing more will come; an errno in ``value`` if it was broken


class Address(NamedTuple):
    """Where a socket is: four bytes and a port."""

    host: bytes = ANYWHERE
    port: int = 0


class Link(NamedTuple):
    """A host socket, as both sides name it."""

    number: int
    made: int
    """The instruction count then; 0 for those that came from outside."""


class NetMessage(NamedTuple):
    """An order or a piece of news."""

    kind: int
    link: Link
    value: int = 0
    address: Address = Address()
    data: bytes = b""


MESSAGE = Struct(
    "kind" / Int8ul,
    "number" / Int32ul,
    "made" / Int64ul,
    "value" / Int32ul,
    "host" / Bytes(4),
    "port" / Int16ub,
    "size" / Int16ul,
    "data" / Bytes(this.size),
)


def build(message: NetMessage) -> bytes:
    """Return a message as bytes."""
    fields: dict[str, Any] = {
        "kind": message.kind,
        "number": message.link.number,
        "made": message.link.made,
        "value": message.value,
        "host": message.address.host,
        "port": message.address.port,
        "size": len(message.data),
        "data": message.data,
    }
    return bytes(MESSAGE.build(fields))


def parse(data: bytes) -> NetMessage | None:
    """Read a message; None if it is none: what a recording holds may be anything."""
    try:
        told = MESSAGE.parse(data)
    except ConstructError:
        return None
    link = Link(told.number, told.made)
    return NetMessage(told.kind, link, told.value, Address(told.host, told.port), told.data)
