"""The packets about files: ours, which the client reads, and what it knows of its own."""

from __future__ import annotations

from dataclasses import dataclass

from blink16.gdbstub.commands import fields
from blink16.gdbstub.commands.fields import MalformedError
from blink16.gdbstub.commands.table import Packets
from blink16.gdbstub.commands.unknown import Unknown

PACKETS: Packets[ObjectQuestion | Unknown] = Packets()


@dataclass(frozen=True, slots=True)
class ReadObject:
    """qXfer:OBJECT:read:ANNEX:OFFSET,LENGTH."""

    name: str
    annex: str
    offset: int
    length: int


@PACKETS.packet(b"qXfer")
def _read_object(rest: bytes) -> ReadObject | Unknown:
    name, operation, rest = fields.split(fields.after(rest, b":"), b":", 3, "transfer")
    if operation != b"read":
        return Unknown()
    annex, separator, place = rest.rpartition(b":")
    if not separator:
        raise MalformedError("bad annex")
    return ReadObject(
        fields.text(name, "object"), fields.text(annex, "annex"), *fields.place(place)
    )


@dataclass(frozen=True, slots=True)
class HostFile:
    """vFile:OPERATION:ARGUMENTS: read a file that lies with us."""

    operation: bytes
    arguments: tuple[bytes, ...]


@PACKETS.packet(b"vFile")
def _host_file(rest: bytes) -> HostFile:
    operation, separator, arguments = fields.after(rest, b":").partition(b":")
    return HostFile(operation, tuple(arguments.split(b",")) if separator else ())


@dataclass(frozen=True, slots=True)
class OfferSymbols:
    """qSymbol:VALUE:NAME: the client could look symbols up for us, or has looked one up."""

    name: str = ""
    """The one that we had asked for; none in an offer."""
    is_known: bool = False


@PACKETS.packet(b"qSymbol")
def _offer_symbols(rest: bytes) -> OfferSymbols:
    value, _, name = fields.after(rest, b":").partition(b":")
    return OfferSymbols(fields.text(fields.data(name, "symbol"), "symbol"), bool(value))


ObjectQuestion = ReadObject | HostFile | OfferSymbols
