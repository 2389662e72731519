"""A client and a server around a `Session`, in memory: packets in, bodies of replies out."""

from __future__ import annotations

from collections.abc import Iterable

from naive_debugger import NaiveDebugger

from blink16.board import ProgramFacts
from blink16.debugger import Event
from blink16.gdbstub.orders import Close, Interrupt, LetGo, Order, Send, Start, Taken, Work
from blink16.gdbstub.session import Session
from blink16.packets import Decoder, Packet, frame

GDB_FEATURES = b"qSupported:multiprocess+;swbreak+;hwbreak+;qRelocInsn+;vContSupported+"
"""What gdb 13 says first: what it knows."""


class Client:
    """Talks to a session; starts and works are carried out at once unless ``hold``."""

    def __init__(
        self,
        debugger: NaiveDebugger | None = None,
        *,
        hold: bool = False,
        program: ProgramFacts | None = None,
    ) -> None:
        self.debugger = debugger or NaiveDebugger()
        self._taken = Taken(1, self.debugger, program or ProgramFacts.of(self.debugger.machine))
        self.session = Session(self._taken)
        self.debugger.on_notice = self.session.note
        self.debugger.on_print = self.session.output
        self.hold = hold
        self.sent = b""
        self.orders: list[Order] = []
        """Everything but Send, in order."""
        self._held: Start | Work | None = None

    def closed(self) -> Close | None:
        """Return the action that ended the session."""
        return next((a for a in self.orders if isinstance(a, Close)), None)

    def feed(self, data: bytes) -> bytes:
        """Give the session bytes; return all bytes that it sends."""
        before = len(self.sent)
        self._carry_out(self.session.receive(data))
        return self.sent[before:]

    def ask(self, *bodies: bytes) -> list[bytes]:
        """Send packets; return the bodies of the replies, acknowledgements left out."""
        return self.replies(self.feed(b"".join(map(frame, bodies))))

    def ask_one(self, body: bytes) -> bytes:
        """Send a packet that has one reply."""
        (reply,) = self.ask(body)
        return reply

    def release(self, event: Event | None = None) -> list[bytes]:
        """Carry out what was held (or pretend that it ended in ``event``)."""
        held, self._held = self._held, None
        before = len(self.sent)
        match held:
            case Start(how):
                self._carry_out(self.session.stopped(event or self.debugger.resume(how)))
            case Work(run):
                self._carry_out(self.session.finished(run()))
        return self.replies(self.sent[before:])

    def release_all(self) -> None:
        """Carry out all that is held and all that follows from it."""
        while self._held:
            self.release()

    @staticmethod
    def replies(sent: bytes) -> list[bytes]:
        """Return the bodies among bytes that a session sent."""
        return [i.body for i in Decoder().feed(sent) if isinstance(i, Packet)]

    def _carry_out(self, orders: Iterable[Order]) -> None:
        for order in orders:
            match order:
                case Send(data):
                    assert data, "an empty Send"
                    self.sent += data
                    continue
                case Start() | Work():
                    assert self._held is None, "started while something runs"
                    self._held = order
                case Interrupt():
                    assert self._held is not None or not self.hold
                case LetGo():
                    self._carry_out(self.session.watch(self._taken, lambda: False))
            self.orders.append(order)
            if self._held and not self.hold:
                self.release()
        if self.session.has_more:
            self._carry_out(self.session.go_on())


def text_of(replies: Iterable[bytes]) -> str:
    """Return what O packets among replies show."""
    shown = [bytes.fromhex(r[1:].decode()) for r in replies if r[:1] == b"O" and r != b"OK"]
    return b"".join(shown).decode()
