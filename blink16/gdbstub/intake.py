"""What comes from a client: bytes, packets, and which of them is looked at when.

Packets that come while a machine runs wait until it stands again; a Ctrl-C does not.  What a
debugger nearly always sends, one whole packet and nothing more until it is answered, takes a
short way (`command_alone`).
"""

from __future__ import annotations

from collections import deque

from blink16.gdbstub import commands, reading
from blink16.gdbstub.dialogue import Dialogue
from blink16.gdbstub.orders import Fate
from blink16.gdbstub.states import PacketRule, SessionState
from blink16.packets import BadPacket, Control, Decoder, Item, Packet

MAX_WAITING = 64
"""Packets that may wait while a machine runs; a client that sends more is cut off."""

Letter = Packet | BadPacket | Control
"""What a client means: a packet, one that can't be taken, or (`DAMAGED`) one that it has to be
told of since it wants no acknowledgements.
"""


class Intake:
    """What has come from one client, and was not answered yet."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self._decoder = Decoder()
        self.acknowledging = True
        self._arrived: deque[Item] = deque()
        """What has come and was not looked at yet."""
        self._waiting: deque[Letter] = deque()
        """What was, and waits until the machine stands."""
        self._greeting: Packet | None = None
        """The packet just answered, if the client may say it again for want of an answer."""

    def feed(self, data: bytes) -> None:
        """Take bytes, in pieces of any size."""
        self._arrived.extend(self._decoder.feed(data))

    def command_alone(self, data: bytes) -> commands.Command | None:
        """Return the command in bytes that are one packet, in a dialogue where nothing else is
        to be looked at.

        None where that isn't so: then `feed` is to take them.
        """
        dialogue = self._dialogue
        if (
            self.acknowledging
            or self._arrived
            or self._waiting
            or self._decoder.is_inside
            or dialogue.standing.state is not SessionState.STANDING
        ):
            return None
        return reading.command_framed(data)

    @property
    def has_more(self) -> bool:
        """Whether there is something left for `take`."""
        rule = self._dialogue.standing.rule.packets
        if rule is PacketRule.ANSWERED:
            return bool(self._arrived or self._waiting)
        return rule is PacketRule.KEPT and bool(self._arrived)

    def take(self) -> Letter | None:
        """Take what is next; return it if it is to be answered now."""
        if self._waiting and self._dialogue.standing.rule.packets is PacketRule.ANSWERED:
            return self._waiting.popleft()
        match self._arrived.popleft():
            case Packet() | BadPacket() as packet:
                return self._receive(packet)
            case Control.ACK:
                self._greeting = None
                self._dialogue.out.arrived()
            case Control.NAK if self.acknowledging:
                self._dialogue.out.resend()
            case Control.NAK:
                pass
            case Control.BREAK:
                self._dialogue.interrupt()
            case Control.DAMAGED if self.acknowledging:
                self._dialogue.out.acknowledge(b"-")
            case Control.DAMAGED as damaged:
                return self._receive(damaged)
        return None

    def _receive(self, letter: Letter) -> Letter | None:
        """Acknowledge a packet; return it, or keep it until the machine stands again."""
        dialogue = self._dialogue
        if self.acknowledging:
            dialogue.out.acknowledge(b"+")
            if letter == self._greeting:
                return None  # sent again, since we had to be started before we could answer
            self._greeting = letter if isinstance(letter, Packet) and _greets(letter) else None
        if dialogue.standing.rule.packets is PacketRule.ANSWERED or letter == _INTERRUPT_PACKET:
            return letter
        if dialogue.client.raw and letter == _HALT_PACKET:
            dialogue.interrupt()  # and the stop is its answer, as in DOSBox-X
        elif len(self._waiting) >= MAX_WAITING:
            dialogue.close(Fate.LEAVE, "too many packets while the machine runs")
        else:
            self._waiting.append(letter)
            if isinstance(letter, Packet) and letter.body[:1] in (b"k", b"D"):
                dialogue.interrupt()  # who wants to leave does not want to wait
        return None


def _greets(packet: Packet) -> bool:
    """Whether a client begins with that: gdb sends it again after two seconds without answer."""
    return packet.body.startswith(b"qSupported")


_INTERRUPT_PACKET = Packet(b"vCtrlC")
_HALT_PACKET = Packet(b"?")
