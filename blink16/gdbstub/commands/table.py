"""Tables of packets: how each is parsed, and which features of qSupported announce it.

A parser gets what follows the packet's name, checks it and returns a frozen dataclass; it stands
beside that class.  Fields are checked there and nowhere else, so that what reaches a handler is
well-formed; `MalformedError` says what is not.  gdb manual, "Packets".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

from blink16.gdbstub.commands.fields import MalformedError

C = TypeVar("C")
C_co = TypeVar("C_co", covariant=True)


@dataclass(frozen=True, slots=True)
class PacketSyntax(Generic[C_co]):
    """How a packet is parsed, and the features that announce it."""

    parse: Callable[[bytes], C_co]
    feature: str | None = None


class Packets(Generic[C]):
    """The packets of one theme, by name; a type checker sees that their parsers return ``C``."""

    def __init__(self) -> None:
        self._all: dict[bytes, PacketSyntax[C]] = {}

    @property
    def all(self) -> Mapping[bytes, PacketSyntax[C]]:
        """Return them."""
        return MappingProxyType(self._all)

    def packet(
        self, name: bytes, feature: str | None = None
    ) -> Callable[[Callable[[bytes], C]], Callable[[bytes], C]]:
        """Register a function as the parser of a packet."""

        def register(parse: Callable[[bytes], C]) -> Callable[[bytes], C]:
            self._all[name] = PacketSyntax(parse, feature)
            return parse

        return register

    def alone(self, name: bytes, command: C, feature: str | None = None) -> None:
        """Register a packet without fields."""

        def parse(rest: bytes) -> C:
            if rest:
                raise MalformedError("unexpected fields")
            return command

        self._all[name] = PacketSyntax(parse, feature)
