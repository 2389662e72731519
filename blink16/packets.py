"""Framing of the GDB remote protocol: bytes to packets and back, in bounded memory.

``$body#checksum``, the checksum being the sum of the body's bytes modulo 256 in two hex digits;
between packets ``+`` and ``-`` acknowledge and 03h interrupts.  gdb manual, "Overview".  We send
no run-length codes: small clients don't expand them, and large reads go through x, in binary.
What a server says may hold them, and besides packets there are its notifications (``%``):
`Peer.SERVER` tells a decoder to expect both.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

PACKET_SIZE = 1 << 16
"""Bytes of a body as sent, escapes included, that we take and that our own replies keep to."""
ESCAPE_XOR = 0x20
ARCHITECTURE = "i8086"
"""What gdb calls the processor; it stands in target.xml."""
OTHER_ARCHITECTURES = ("i386",)
"""What clients may be told that do not know it."""


class Control(Enum):
    """What stands between packets, and a packet that was damaged on its way."""

    ACK = auto()  # +
    NAK = auto()  # -
    BREAK = auto()  # 03h: the user pressed Ctrl-C
    DAMAGED = auto()  # the checksum does not match


class Packet(NamedTuple):
    """A packet whose checksum is right; ``body`` is without frame and escapes."""

    body: bytes
    notification: bool = False
    """Whether a server said it unasked (``%``); then nobody acknowledges it."""


@dataclass(frozen=True, slots=True)
class BadPacket:
    """A packet that arrived and can't be taken, and why."""

    reason: str


class Peer(Enum):
    """Whose bytes a decoder reads."""

    CLIENT = auto()
    SERVER = auto()


Item = Control | Packet | BadPacket

_SIGNALS = {b"+": Control.ACK, b"-": Control.NAK, b"\x03": Control.BREAK}
_WHOLE = re.compile(rb"(\+?)\$([^$#}*]*)#([0-9a-f]{2})")
"""A packet without escapes, and the acknowledgement of the last answer before it."""
_OUTSIDE = {Peer.CLIENT: re.compile(rb"[$+\-\x03]"), Peer.SERVER: re.compile(rb"[$+\-%]")}
_INSIDE = re.compile(rb"[$#]")
_CHECKSUM = re.compile(rb"[0-9a-fA-F]{2}")
_ESCAPED = re.compile(rb"\}(.?)", re.DOTALL)
_RUN = re.compile(rb"(.)\*([\x20-\x7e])", re.DOTALL)
_RUN_OFFSET = 29
"""A run's length is its last character's code less this: so many more of the one before."""


class Decoder:
    """Takes bytes as they come, in pieces of any size, and returns what they say.

    Between packets, anything but ``$``, ``+``, ``-`` and 03h is skipped.  A ``$`` within a packet
    starts it anew, since a body never holds one unescaped.
    """

    def __init__(self, peer: Peer = Peer.CLIENT) -> None:
        self._peer = peer
        self._notifying = False  # whether what we are inside of began with %
        self._pending = bytearray()  # from a packet's first byte after the $ on
        self._scanned = 0  # so much of it holds neither $ nor #
        self._inside = False
        self._oversized = False

    @property
    def is_inside(self) -> bool:
        """Whether a packet has begun and not ended."""
        return self._inside

    def feed(self, data: bytes) -> list[Item]:
        """Take bytes; return the items that they complete, in order."""
        if not self._inside and len(data) <= PACKET_SIZE and (whole := _WHOLE.fullmatch(data)):
            acknowledgement, body, digits = whole.groups()  # so it is nearly always
            if int(digits, 16) == checksum(body):
                return [Control.ACK, Packet(body)] if acknowledgement else [Packet(body)]
        self._pending += data
        items: list[Item] = []
        while self._packet(items) if self._inside else self._gap(items):
            pass
        return items

    def _gap(self, items: list[Item]) -> bool:
        """Read up to the next signal or packet; False when the input is used up."""
        found = _OUTSIDE[self._peer].search(self._pending)
        if found is None:
            self._pending.clear()
            return False
        mark = found.group()
        del self._pending[: found.end()]
        if mark in b"$%":
            self._start(notifying=mark == b"%")
        else:
            items.append(_SIGNALS[mark])
        return True

    def _packet(self, items: list[Item]) -> bool:
        """Read the rest of a packet; False when more input is needed."""
        found = _INSIDE.search(self._pending, self._scanned)
        end = len(self._pending) if found is None else found.start()
        self._scanned = end
        if end > PACKET_SIZE:
            self._oversized = True
            del self._pending[:end]  # skip to its end without keeping it
            self._scanned = 0
        if found is None:
            return False
        if found.group() == b"$":
            del self._pending[: self._scanned + 1]
            self._start()
            return True
        if len(self._pending) < self._scanned + 3:
            return False
        items.append(self._finish())
        return True

    def _start(self, *, notifying: bool = False) -> None:
        self._inside, self._oversized, self._scanned = True, False, 0
        self._notifying = notifying

    def _finish(self) -> Item:
        body = bytes(self._pending[: self._scanned])
        digits = bytes(self._pending[self._scanned + 1 : self._scanned + 3])
        del self._pending[: self._scanned + 3]
        self._inside = False
        if self._oversized:
            return BadPacket(f"packet larger than {PACKET_SIZE} bytes")
        if not _CHECKSUM.fullmatch(digits) or int(digits, 16) != checksum(body):
            return Control.DAMAGED
        if self._peer is Peer.SERVER and b"*" in body:
            body = _RUN.sub(_expand, body)
        if body.endswith(b"}"):
            return BadPacket("escape at the end of a packet")
        body = _ESCAPED.sub(_unescape, body) if b"}" in body else body
        return Packet(body, self._notifying)


def checksum(body: bytes) -> int:
    """Return the sum of a body's bytes modulo 256."""
    if len(body) <= _SUMMED or (len(body) <= _SUMMED_ASCII and body.isascii()):
        return zlib.adler32(body) - 1 & 0xFF
    view = memoryview(body)
    pieces = (view[at : at + _SUMMED] for at in range(0, len(body), _SUMMED))
    return sum(zlib.adler32(piece) - 1 & 0xFFFF for piece in pieces) & 0xFF


_SUMMED = 256
"""Bytes whose sum stays below Adler-32's modulus 65,521, so that its low half is the sum."""
_SUMMED_ASCII = 512
"""The same of bytes below 128, as most answers are."""


def escape(data: bytes) -> bytes:
    """Return binary data as it stands in a body: ``} # $ *`` as ``}`` and the byte XOR 20h."""
    return (
        data.replace(b"}", b"}]")
        .replace(b"#", b"}\x03")
        .replace(b"$", b"}\x04")
        .replace(b"*", b"}\n")
    )


def frame(body: bytes) -> bytes:
    """Return a body (escaped where it is binary) as a whole packet."""
    return b"$%b#%02x" % (body, checksum(body))


def unframed(data: bytes) -> bytes | None:
    """Return the body of what is one packet of a client's, whole, brief and without escapes.

    None where it is anything else, for a `Decoder` to look at.
    """
    whole = _WHOLE.fullmatch(data)
    if whole is None or whole.group(1) or len(data) > PACKET_SIZE:
        return None
    body = whole.group(2)
    return body if int(whole.group(3), 16) == checksum(body) else None


def notification(body: bytes) -> bytes:
    """Return a body (escaped where it is binary) as a whole notification."""
    return b"%" + frame(body)[1:]


def _expand(found: re.Match[bytes]) -> bytes:
    """Return a run in full, at most 98 characters; a * that begins none is left as it is."""
    return found.group(1) * (1 + found.group(2)[0] - _RUN_OFFSET)


def _unescape(found: re.Match[bytes]) -> bytes:
    return bytes((found.group(1)[0] ^ ESCAPE_XOR,))
