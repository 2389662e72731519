"""The client's side of the GDB remote protocol, without I/O: requests to bytes, bytes to answers.

The protocol has one rule that matters here: a server answers packets one by one, in order.  So a
client may send several before the first answer has come (where acknowledgements are off, and the
server keeps to the order, as ours does), and each answer belongs to the oldest request.  Between
them come what the program prints (O packets, only while something runs) and notifications.

`Wire.receive` raises `ProtocolError` where bytes make no sense; the order is lost then, and the
wire is of no more use.  Memory is bounded by `PACKET_SIZE` and by what waits to be sent.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto

from blink16.client.errors import ProtocolError
from blink16.packets import BadPacket, Control, Decoder, Packet, Peer, frame

MAX_RESENDS = 3
"""How often one packet is sent, or asked for, again because it was damaged (gdb: 3)."""
MAX_REQUESTS = 256
"""Requests that may wait for their answers."""
INTERRUPT = b"\x03"


class Expected(Enum):
    """What may come as the answer to a request."""

    ANSWER = auto()  # one packet
    WORK = auto()  # one packet, when it is done; before it, what there is to say (O)
    STOP = auto()  # the same: a stop reply, when the machine stands again


@dataclass(eq=False, slots=True)
class Ticket:
    """A packet that was sent, or is to be."""

    body: bytes
    """Escaped where it is binary."""
    expects: Expected = Expected.ANSWER


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """The answer to a request."""

    request: Ticket
    body: bytes


@dataclass(frozen=True, slots=True)
class ProgramOutput:
    """What the program prints, or what a command that works has to say."""

    data: bytes
    ticket: Ticket
    """What it comes before the answer to."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification; its name is up to the first colon."""

    body: bytes


Incoming = WireAnswer | ProgramOutput | Notice


@dataclass(slots=True)
class Wire:
    """One connection's bytes, in both directions."""

    acknowledging: bool = True
    """Whether packets are acknowledged: until QStartNoAckMode was answered with OK."""
    _decoder: Decoder = field(default_factory=lambda: Decoder(Peer.SERVER))
    _asked: deque[Ticket] = field(default_factory=deque)
    _outgoing: bytearray = field(default_factory=bytearray)
    _last_sent: bytes = b""
    _damaged: int = 0

    @property
    def waiting(self) -> int:
        """How many requests have no answer yet."""
        return len(self._asked)

    def send(self, request: Ticket) -> None:
        """Put a request behind those that wait for their answers."""
        if len(self._asked) >= MAX_REQUESTS:
            raise ProtocolError(f"the server owes {MAX_REQUESTS} answers already")
        self._asked.append(request)
        self._last_sent = frame(request.body)
        self._outgoing += self._last_sent

    def send_unanswered(self, body: bytes) -> None:
        """Send a packet that has no answer."""
        self._outgoing += frame(body)

    def interrupt(self) -> None:
        """Ask a server that runs a machine, or works, to stop."""
        self._outgoing += INTERRUPT

    def take_outgoing(self) -> bytes:
        """Return the bytes to send, once."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def receive(self, data: bytes) -> list[Incoming]:
        """Take bytes from the server; what it sends back at once is in `take_outgoing`."""
        incoming: list[Incoming] = []
        for item in self._decoder.feed(data):
            match item:
                case Packet(body, notification=True):
                    incoming.append(Notice(body))
                case Packet(body):
                    self._acknowledge(b"+")
                    self._damaged = 0
                    incoming.append(self._packet(body))
                case Control.NAK if self.acknowledging and self._last_sent:
                    self._count_damage()
                    self._outgoing += self._last_sent
                case Control.DAMAGED if self.acknowledging:
                    self._count_damage()
                    self._acknowledge(b"-")
                case Control.DAMAGED:
                    raise ProtocolError("the server sent a packet with a wrong checksum")
                case BadPacket(reason):
                    raise ProtocolError(f"the server sent a {reason}")
                case _:
                    pass
        return incoming

    def _packet(self, body: bytes) -> Incoming:
        if not self._asked:
            raise ProtocolError(f"the server sent {shown(body)} without having been asked")
        oldest = self._asked[0]
        if oldest.expects is not Expected.ANSWER and body[:1] == b"O" and body != b"OK":
            return ProgramOutput(unhex(body[1:], "output"), oldest)
        return WireAnswer(self._asked.popleft(), body)

    def _acknowledge(self, mark: bytes) -> None:
        if self.acknowledging:
            self._outgoing += mark

    def _count_damage(self) -> None:
        self._damaged += 1
        if self._damaged > MAX_RESENDS:
            raise ProtocolError(f"a packet was damaged {self._damaged} times in a row")


def unhex(digits: bytes, what: str) -> bytes:
    """Return bytes from hexadecimal digits; ProtocolError if they are none."""
    try:
        return bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        raise ProtocolError(f"the server sent bad hexadecimal {what}: {shown(digits)}") from None


def shown(body: bytes) -> str:
    """Return a packet's body as an error shows it: printable, and short."""
    text = body[:40].decode("latin-1").encode("unicode_escape").decode("ascii")
    return f"'{text}'" if len(body) <= 40 else f"'{text}'…"
