"""What a session has to say: bytes for the client, and orders for the server, in order."""

from __future__ import annotations

from collections import deque

from blink16.gdbstub import replies
from blink16.gdbstub.orders import Order, Send
from blink16.packets import frame, notification

MAX_NOTICES = 100
"""Notices that wait to be said; the oldest give way."""
MAX_RESENDS = 3
"""How often one reply is sent again when the client says that it arrived damaged (gdb: 3)."""


class Outgoing:
    """Collects replies, words for the user and orders until they are taken."""

    def __init__(self) -> None:
        self.notices: deque[str] = deque(maxlen=MAX_NOTICES)
        """Lines for the user; any thread may append."""
        self.program_output: deque[bytes] = deque()
        """What the program prints; any thread may append."""
        self.notifies = False
        """Whether notices and output are notifications: the client is our own, and O packets are
        for what monitor commands have to say."""
        self.hushed = False
        """Whether notices and output are dropped: the client takes no O packets."""
        self._orders: list[Order] = []
        self._bytes = bytearray()  # what a Send at the end of the orders will carry
        self._last_frame = b""
        self._resends = 0

    @property
    def size(self) -> int:
        """Bytes for the client that were not taken yet."""
        return len(self._bytes)

    def acknowledge(self, mark: bytes) -> None:
        """Say + or -."""
        self._bytes += mark

    def reply(self, body: bytes) -> None:
        """Send a packet."""
        self._last_frame = frame(body)
        self._resends = 0
        self._bytes += self._last_frame

    def arrived(self) -> None:
        """Take note that the last packet has arrived."""
        self._last_frame = b""

    def resend(self) -> None:
        """Send the last packet again, if it has not been sent too often."""
        if self._resends < MAX_RESENDS:
            self._resends += 1
            self._bytes += self._last_frame

    def say(self, text: str) -> None:
        """Say something to the user."""
        for body in replies.console(text):
            self.reply(body)

    def add(self, packets: bytes) -> None:
        """Send packets that are whole already."""
        self._bytes += packets

    def mention(self, text: str) -> None:
        """Say something that the client may know by itself, or would not have expected."""
        if self.hushed or not text:
            return
        if self.notifies:
            self._notify_in_parts(b"note", text.encode("utf-8"))
        else:
            self.say(text)

    def say_collected(self) -> None:
        """Say the notices and the program's output that were collected."""
        if not (self.notices or self.program_output):
            return
        while self.notices:
            self.mention(self.notices.popleft() + "\n")
        pieces = (self.program_output.popleft() for _ in range(len(self.program_output)))
        output = b"".join(pieces)
        if self.hushed:
            return
        if self.notifies:
            self._notify_in_parts(b"output", output)
            return
        for body in replies.raw_console(output):
            self.reply(body)

    def notify(self, what: bytes, value: bytes) -> None:
        """Tell our own client something that it has not asked for now."""
        self._bytes += notification(b"blink16.%b:%b" % (what, value))

    def _notify_in_parts(self, what: bytes, data: bytes) -> None:
        for at in range(0, len(data), replies.CONSOLE_CHUNK):
            part = data[at : at + replies.CONSOLE_CHUNK].hex().encode("ascii")
            self.notify(what, part)

    def order(self, order: Order) -> None:
        """Add an order behind what was said so far."""
        self._flush()
        self._orders.append(order)

    def take_orders(self) -> list[Order]:
        """Return all orders, and all that was said, once."""
        self._flush()
        orders, self._orders = self._orders, []
        return orders

    def _flush(self) -> None:
        if self._bytes:
            self._orders.append(Send(bytes(self._bytes)))
            self._bytes.clear()
