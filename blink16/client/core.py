"""A server that a client talks to: what it can do, and how it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import trio

from blink16.client import description, replies
from blink16.client.addresses import ServerAddress
from blink16.client.description import Description
from blink16.client.errors import (
    BusyError,
    ConnectionLostError,
    ProtocolError,
    SearchStoppedError,
    UnsupportedError,
)
from blink16.client.link import DEFAULT_TIMEOUT, Link, Pending
from blink16.client.streams import ProcessStream
from blink16.client.wire import Expected, Ticket, unhex
from blink16.nurseries import open_nursery
from blink16.packets import PACKET_SIZE
from blink16.reports import OBJECT, ReportError
from blink16.reports.registry import MAX_REPORT, annex, of_shape, read
from blink16.words import numerals
from blink16.words.numerals import NumeralError

R = TypeVar("R")
OFFERED = b"swbreak+;hwbreak+;error-message+;xmlRegisters=i386;blink16+"
"""What we say to be able to do; the last tells our server that we are its own client."""
REPORTS = f"qXfer:{OBJECT}:read"
CONDITIONS = "ConditionalBreakpoints"
COUNTED_STEP, STEP_RANGE = "vblink16.step", "vblink16.range"
WATCHING, CHANGES, CONTROL = "blink16.watch", "blink16.changes", "blink16.control"
SERVER_SAYS = "blink16-server: "
"""What its lines begin with."""
START_TIMEOUT = 120.0
"""Seconds in which a server of our own has to be there; on its first start it compiles."""
CHUNK = 0x7000
"""Bytes of an object that are asked for at a time."""
MAX_KEPT_OUTPUT = 1 << 20
"""Bytes of what the program printed that are kept until they are read: the last ones."""
MAX_NOTES = 1000


class ClientCore:
    """The connection to a server, and what is known of it.  Made by `connect_to`."""

    def __init__(
        self,
        address: ServerAddress,
        stream: trio.abc.Stream,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        watch: bool = False,
    ) -> None:
        self._only_watches = watch
        self.address = address
        """Where the server is."""
        self.features: dict[str, str] = {}
        """What the server says that it can do, by qSupported: names and values, or ``+``."""
        self.notes: list[str] = []
        self._unread_notes = 0
        """What the server had to say for its user: changed pasts, unknown system calls…"""
        self._said_at_start: set[str] = set()
        """By a server of our own, which may tell it in notes as well."""
        self._stream = stream
        self._link = Link(stream, timeout=timeout)
        self._link.on_output = self._take_output
        self._link.on_notice = self._take_notice
        self._description = Description({})
        self._output = bytearray()
        self._more_output = trio.Event()
        self._moving = False
        self._searches = self._stopped_searches = 0
        """Questions for which the server searches the past, and how often these were stopped."""
        self._change: int | None = None
        """The generation that the server told last."""
        self._something_new = trio.Event()

    # -- the connection ----------------------------------------------------------------------

    async def listen(self) -> None:
        """Take what the server sends, in a task of its own."""
        async with open_nursery() as nursery:
            if isinstance(self._stream, ProcessStream):
                nursery.start_soon(self._stream.listen)
            await self._link.listen()

    async def shake_hands(self) -> None:
        """Learn what the server is and can do; stop acknowledging if it can do without."""
        patience = self._link.timeout
        if isinstance(self._stream, ProcessStream):
            self._link.timeout = max(patience, START_TIMEOUT)
        offered = OFFERED + (b";blink16.watch+" if self._only_watches else b"")
        answer = await self._link.ask(b"qSupported:" + offered)
        self._link.timeout = patience
        self.features = replies.features(answer)
        if replies.error_of(answer, "") is not None and answer:
            replies.check(answer, "connecting")
        if "QStartNoAckMode" in self.features:
            replies.check_ok(await self._link.ask(b"QStartNoAckMode"), "QStartNoAckMode")
            self._link.stop_acknowledging()
        self._description = await description.read(self._description_file)
        if self._only_watches:
            self._require(WATCHING, "watching a machine that others hold")
        else:
            replies.stop_reply(await self._link.ask(b"?"))
        if isinstance(self._stream, ProcessStream):  # before anybody could be told otherwise
            for line in self._stream.said.splitlines():
                text = line.removeprefix(SERVER_SAYS)
                if text not in self.notes:
                    self._note(text)
                    self._said_at_start.add(text)

    async def _description_file(self, name: str) -> bytes:
        return await self._object("features", name)

    async def aclose(self) -> None:
        """End the connection; a machine of a server that goes on stays as it is."""
        self._link.give_up(ConnectionLostError("the connection was closed"))
        await self._stream.aclose()

    @property
    def is_ours(self) -> bool:
        """Whether the server is a blink16-server, which can go back in time and make reports."""
        return REPORTS in self.features

    def _require(self, feature: str, what: str) -> None:
        """Raise UnsupportedError if the server lacks a feature that ``what`` needs."""
        if feature not in self.features:
            raise UnsupportedError(
                f"this server does not support {what}: its qSupported lacks {feature}"
            )

    @property
    def _packet_size(self) -> int:
        """Bytes that a packet to the server may have."""
        try:
            size = numerals.digits(self.features.get("PacketSize", "400"), 16, 1 << 64)
        except NumeralError:
            raise ProtocolError("the server's PacketSize is no number") from None
        if size < 64:
            raise ProtocolError(f"the server's PacketSize is {size}")
        return min(size, PACKET_SIZE)

    # -- questions ---------------------------------------------------------------------------

    async def _ask(self, body: bytes, expects: Expected = Expected.ANSWER) -> bytes:
        return (await self._ask_all([body], expects))[0]

    async def _ask_all(
        self, bodies: Sequence[bytes], expects: Expected = Expected.ANSWER
    ) -> list[bytes]:
        if self._moving:
            raise BusyError("the machine runs: interrupt it, or wait until it stops")
        return await self._link.ask_all([Ticket(body, expects) for body in bodies])

    async def _object(
        self, name: str, annex: str, *, most: int = MAX_REPORT, searches: bool = False
    ) -> bytes:
        """Read an object of qXfer, whole."""
        self._require(f"qXfer:{name}:read", f"{name} objects")
        head = f"qXfer:{name}:read:{annex}:".encode()
        data, what = b"", f"{name} {annex}".strip()
        ask = self._search if searches else self._ask
        while True:
            body = await ask(head + b"%x,%x" % (len(data), CHUNK))
            part, last = replies.chunk(body, what)
            data += part
            if len(data) > most:
                raise ProtocolError(f"the server's {what} has more than {most} bytes")
            if last:
                return data
            ask = self._ask

    async def _search(self, question: bytes) -> bytes:
        """Ask for what has to be searched for; SearchStoppedError if `interrupt` stops that."""
        stopped = self._stopped_searches
        self._searches += 1
        try:
            answer = await self._ask(question, Expected.WORK)
        finally:
            self._searches -= 1
        if self._stopped_searches != stopped:
            # 03h that came too late would be for the next run: any question shows it is not
            await self._link.ask(b"qC")
            if replies.error_of(answer, "") is not None:
                raise SearchStoppedError("the search was stopped")
        return answer

    async def report(self, shape: type[R], query: object = None) -> R:
        """Ask for a report by its shape, like ``StateReport`` (see `blink16.reports`).

        ``query``: what the report takes, if it takes anything.  DeniedError if it can't be made.
        """
        searches = of_shape(shape).searches
        data = await self._object(OBJECT, annex(shape, query), searches=searches)
        return read_report(shape, data)

    async def reports(self, *shapes: type[Any]) -> list[Any]:
        """Ask for several reports that take no query, in one round trip."""
        self._require(REPORTS, "reports")
        heads = [f"{REPORTS}:{annex(shape)}:".encode() for shape in shapes]
        bodies = await self._ask_all([head + b"0,%x" % CHUNK for head in heads])
        found = []
        for shape, body in zip(shapes, bodies, strict=True):
            part, last = replies.chunk(body, of_shape(shape).name)
            found.append(read_report(shape, part) if last else await self.report(shape))
        return found

    async def monitor(self, line: str) -> str:
        """Carry out one of the server's own commands, as gdb's ``monitor`` does; return its text.

        DeniedError if it failed (a blink16-server says so; others may just tell in the text).
        """
        ticket = Ticket(b"qRcmd," + line.encode("utf-8").hex().encode("ascii"), Expected.WORK)
        if self._moving:
            raise BusyError("the machine runs: interrupt it, or wait until it stops")
        pending, body = await self._work(ticket)
        replies.check(body, f"monitor {line}")
        said = bytes(pending.said) + (b"" if body == b"OK" else unhex(body, "text"))
        return said.decode("utf-8", "replace")

    async def _work(self, ticket: Ticket) -> tuple[Pending, bytes]:
        """Have the server work; stop that if nobody waits for it any more."""
        (pending,) = await self._link.send(ticket)
        try:
            return pending, await self._link.wait(pending)
        except trio.Cancelled:
            await self._link.interrupt()
            raise

    # -- what comes unasked ------------------------------------------------------------------

    def _take_output(self, data: bytes) -> None:
        self._output += data
        del self._output[:-MAX_KEPT_OUTPUT]
        self._more_output.set()
        self._more_output = trio.Event()

    def _take_notice(self, body: bytes) -> None:
        name, _, value = body.partition(b":")
        match name:
            case b"blink16.output":
                self._take_output(unhex(value, "output"))
            case b"blink16.change":
                self._change = int(value) if value.isdigit() and len(value) < 20 else 0
                self._tell_news()
            case b"blink16.control":
                self._only_watches = False
                self._tell_news()
            case b"blink16.note":
                text = unhex(value, "note").decode("utf-8", "replace").strip()
                if text in self._said_at_start:
                    self._said_at_start.discard(text)
                else:
                    self._note(text)

    def _note(self, text: str) -> None:
        self.notes.append(text)
        del self.notes[:-MAX_NOTES]
        self._unread_notes += 1

    def read_notes(self) -> list[str]:
        """Return what the server had to say since this was last asked; of very much, the last."""
        unread, self._unread_notes = min(self._unread_notes, len(self.notes)), 0
        return self.notes[len(self.notes) - unread :]

    def _tell_news(self) -> None:
        self._something_new.set()
        self._something_new = trio.Event()

    def read_output(self) -> bytes:
        """Return what the program has printed since this was last asked, if we are told it."""
        data = bytes(self._output)
        self._output.clear()
        return data

    async def wait_output(self) -> bytes:
        """Return what the program prints as soon as there is something."""
        while not self._output:
            await self._more_output.wait()
        return self.read_output()


def read_report(shape: type[R], data: bytes) -> R:
    """Return a report from an answer; ProtocolError if it is none."""
    try:
        return read(shape, data)
    except ReportError as error:
        raise ProtocolError(str(error)) from None
