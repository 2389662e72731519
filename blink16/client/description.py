"""Where a server keeps the 8086's registers: target.xml read into the layout of g.

Ours has linear ``eip`` and ``esp``, the raw ``ip`` and ``sp16`` beside them, and ``icount``; an
i386 server like QEMU has raw ones only, and no time.  gdb manual, appendix "Target Descriptions".
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from xml.etree import ElementTree

from blink16.client.errors import DeniedError, ProtocolError, UnsupportedError
from blink16.reports.state import REGISTER_NAMES, RegisterValues

MAX_REGISTERS = 1000
MAX_INCLUDES = 16
"""Files that a description may be spread over."""
_INCLUDE = "include"
_NAME = re.compile(r"[A-Za-z_][\w.]*")
_CORE = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip", "eflags")
_SEGMENTS = ("cs", "ss", "ds", "es", "fs", "gs")


@dataclass(frozen=True, slots=True)
class RegisterPlace:
    """A register of the server's: its number, and its bytes in g."""

    number: int
    offset: int
    size: int

    @property
    def end(self) -> int:
        """Where its bytes end."""
        return self.offset + self.size


@dataclass(frozen=True, slots=True)
class Description:
    """The registers of a server."""

    places: dict[str, RegisterPlace]

    @property
    def size(self) -> int:
        """Bytes in g."""
        return max(place.end for place in self.places.values())

    @property
    def is_ours(self) -> bool:
        """Whether the raw IP and SP are registers of their own, and the time too."""
        return {"ip", "sp16", "icount"} <= self.places.keys()

    def place(self, name: str) -> RegisterPlace:
        """Return where a register of the 8086 is kept, by its name; UnsupportedError."""
        ours = {"sp": "sp16"} if self.is_ours else {"ip": "eip", "sp": "esp"}
        for candidate in (ours.get(name, name), f"e{name}"):
            if candidate in self.places:
                return self.places[candidate]
        raise UnsupportedError(f"this server has no register {name}")

    def registers(self, data: bytes) -> RegisterValues:
        """Return the 8086's registers from what g says; ProtocolError if they are not there."""
        return RegisterValues(**{name: self.value(data, name) & 0xFFFF for name in REGISTER_NAMES})

    def value(self, data: bytes, name: str) -> int:
        """Return one register from what g says."""
        place = self.place(name)
        if len(data) < place.end:
            raise ProtocolError(f"the server's registers are {len(data)} bytes: {name} is missing")
        return int.from_bytes(data[place.offset : place.end], "little")


async def read(fetch: Callable[[str], Awaitable[bytes]]) -> Description:
    """Read a description and what it includes.  ``fetch`` returns a file's content by its name.

    ProtocolError if it makes no sense.  A server without one is taken for an i386.
    """
    try:
        sizes = await _sizes(fetch)
    except (UnsupportedError, DeniedError):
        sizes = dict.fromkeys((*_CORE, *_SEGMENTS), 4)
    places, at = {}, 0
    for number, (name, size) in enumerate(sizes.items()):
        places[name] = RegisterPlace(number, at, size)
        at += size
    missing = next((n for n in ("eax", "eip", "eflags", "cs", "ss") if n not in places), None)
    if missing:
        raise ProtocolError(f"the server is no x86: it has no register {missing}")
    return Description(places)


async def _sizes(fetch: Callable[[str], Awaitable[bytes]]) -> dict[str, int]:
    """Return the sizes of all registers in bytes, in their order."""
    sizes: dict[str, int] = {}
    waiting, read_files = ["target.xml"], 0
    while waiting:
        read_files += 1
        if read_files > MAX_INCLUDES:
            raise ProtocolError("the server's target description includes too many files")
        for element in _parse(await fetch(waiting.pop(0))).iter():
            if element.tag == _INCLUDE:
                waiting.append(element.get("href", ""))
            elif element.tag == "reg":
                name, bits = element.get("name", ""), element.get("bitsize", "")
                if not _NAME.fullmatch(name) or not re.fullmatch("[0-9]{1,4}", bits):
                    raise ProtocolError(f"bad register {name[:40]!r} in the target description")
                sizes[name] = int(bits) // 8
                if len(sizes) > MAX_REGISTERS:
                    raise ProtocolError("the server has too many registers")
    return sizes


def _parse(data: bytes) -> ElementTree.Element:
    if b"<!ENTITY" in data:
        raise ProtocolError("the server's target description defines entities")
    try:
        # QEMU's includes have a prefix that it never declares
        return ElementTree.fromstring(data.replace(b"xi:include", b"include"))
    except (ElementTree.ParseError, ValueError) as error:
        raise ProtocolError(f"the server's target description is no XML: {error}") from None
