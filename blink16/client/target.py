"""`AsyncTarget`: a machine behind a server, for trio."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import trio

from blink16 import socketfile
from blink16.client import replies, streams
from blink16.client.addresses import OwnServer, ServerAddress, UnixServer, parse
from blink16.client.errors import ClientError, DeniedError, ProtocolError, UnsupportedError
from blink16.client.launching import command_line
from blink16.client.link import DEFAULT_TIMEOUT
from blink16.client.watching import Watching
from blink16.nurseries import open_nursery
from blink16.reports.screen import ScreenReport
from blink16.reports.state import StateReport
from blink16.words import numerals

MAX_TABLE = 1 << 20
_PLAIN = re.compile(r"[ !#-\[\]-~]")


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """One of a server's machines."""

    number: int
    command: str
    state: str
    """``free``, ``held``, ``running`` or ``ended``."""


class AsyncTarget(Watching):
    """A machine that a server hosts.  `connect` and `launch` make one.

    Every method that asks the server is a coroutine, and raises a `ClientError` that says what
    went wrong: `UnsupportedError` where this server can't do that, `DeniedError` with the reason
    where it refused, and `ConnectionLostError`, `TimedOutError` or `ProtocolError` where there is
    no talking to it any more.  Tasks may ask at the same time; while one lets the machine run, the
    others get `BusyError`, and may `interrupt` it.  A run that is cancelled is interrupted, and the
    machine stands when the cancellation comes through.
    """

    def __init__(
        self,
        address: ServerAddress,
        stream: trio.abc.Stream,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        watch: bool = False,
    ) -> None:
        """Talk to a server on a stream.  ``watch``: see `connect`."""
        super().__init__(address, stream, timeout=timeout, watch=watch)
        self._points = {}
        self._catches = {}

    # -- in front of the machine -------------------------------------------------------------

    async def type(self, text: str) -> None:
        """Type a text on the machine's keyboard, or give it to the program's console.

        It is in code page 437; ``\\n`` is the Enter key.  The machine takes it when it next runs.
        """
        try:
            encoded = text.encode("cp437")
        except UnicodeEncodeError as error:
            bad = text[error.start]
            raise ValueError(f"{bad!r} can't be typed: it is not in code page 437") from None
        escaped = "".join(
            chr(byte) if _PLAIN.fullmatch(chr(byte)) else f"\\x{byte:02x}" for byte in encoded
        )
        await self.monitor(f'type "{escaped}"')

    async def key(self, chord: str) -> None:
        """Press keys together on a PC's keyboard, like ``f1`` or ``ctrl-alt-del``."""
        await self.monitor(f"key {chord}")

    async def wait_screen(self, text: str, instructions: int = 100_000_000) -> ScreenReport:
        """Run until a text stands within a line of the screen, at most for so many instructions.

        DeniedError, with the reason, if it does not come.
        """
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        said = await self.monitor(f'wait-screen "{quoted}" {instructions}')
        shown = await self.screen()
        if text not in shown:
            raise DeniedError(said.strip() or "the server does not say whether the text has come")
        return shown

    @property
    def watching_address(self) -> ServerAddress:
        """Where others come to watch this machine (`connect` with ``watch``)."""
        if not isinstance(self.address, OwnServer):
            return self.address
        if self.address.watched_at is None:
            raise UnsupportedError("on this system nobody can watch a server of our own")
        return self.address.watched_at

    # -- the whole machine -------------------------------------------------------------------

    async def restart(self) -> StateReport:
        """Load the program afresh, with an empty past; points have to be set again."""
        if not self.is_ours:
            await self.monitor("system_reset")
            return await self.state()
        self._points.clear()
        self._catches.clear()
        self._symbols = None
        replies.check_ok(await self._ask(b"!"), "restarting")
        await self._link.send_unanswered(b"R00")
        replies.stop_reply(await self._ask(b"?"))
        return await self.state()

    async def kill(self) -> None:
        """End the program; the machine is gone with its past."""
        await self._link.send_unanswered(b"k")

    async def processes(self) -> tuple[ServerProcess, ...]:
        """Return the machines of the server."""
        data = await self._object("osdata", "processes", most=MAX_TABLE)
        return tuple(_processes(data))

    async def detach(self) -> None:
        """Let the machine go, as it stands, without our points, and end the connection."""
        with suppress(ClientError):
            if not self._moving and self._link.is_open:
                await self._ask(b"D")
        await self.aclose()


def _processes(data: bytes) -> list[ServerProcess]:
    if b"<!ENTITY" in data:
        raise ProtocolError("the server's table defines entities")
    found = []
    try:
        for item in ElementTree.fromstring(data).iter("item"):
            row = {column.get("name", ""): column.text or "" for column in item.iter("column")}
            found.append(
                ServerProcess(
                    numerals.digits(row["pid"], 10, 1 << 63), row["command"], row["state"]
                )
            )
    except (ElementTree.ParseError, KeyError, ValueError):
        raise ProtocolError("the server's table of processes makes no sense") from None
    return found


@asynccontextmanager
async def connect(
    address: str | ServerAddress, *, watch: bool = False, timeout: float = DEFAULT_TIMEOUT
) -> AsyncIterator[AsyncTarget]:
    """Connect to a server at ``HOST:PORT`` or ``unix:PATH``, and let go of the machine at the end.

    ``watch``: hold no machine, but watch the one that another client holds, or the first.
    ``timeout``: seconds in which the server has to answer a question that needs no running.
    ClientError if there is no server that a client can talk to.
    """
    where = parse(address) if isinstance(address, str) else address
    stream = await streams.open_stream(where)
    async with converse(where, stream, watch=watch, timeout=timeout) as target:
        yield target


@asynccontextmanager
async def converse(
    address: ServerAddress,
    stream: trio.abc.Stream,
    *,
    watch: bool = False,
    timeout: float = DEFAULT_TIMEOUT,
) -> AsyncIterator[AsyncTarget]:
    """Talk to a server on a stream that leads to it; the stream is closed at the end."""
    target = AsyncTarget(address, stream, timeout=timeout, watch=watch)
    listening = trio.CancelScope(shield=True)  # who is cancelled still hears the last answer

    async def listen() -> None:
        with listening:
            await target.listen()

    async with open_nursery() as nursery:
        nursery.start_soon(listen)
        try:
            await target.shake_hands()
            yield target
        finally:
            with trio.CancelScope(shield=True):
                await target.detach()
            listening.cancel()
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def launch(
    program: str | Path | None,
    *arguments: str,
    timeout: float = DEFAULT_TIMEOUT,
    **options: object,
) -> AsyncIterator[AsyncTarget]:
    """Start a server of our own with a program in it, and connect to it; it ends with the block.

    ``options``: those of blink16-server by their names: ``symbols="prog.map"``, ``root=folder``,
    ``date="1986-03-07T12:00"``, ``A="disk.img"``; True for one without a value, a list for one
    that is given several times.  Without a program, the arguments are a server's own: its options,
    and what stands behind them.  LaunchError with what the server said if it does not begin.
    """
    with socketfile.place() as path:
        command = command_line(program, arguments, options, path)
        place = UnixServer(path) if path is not None else None
        async with connect(OwnServer(command, place), timeout=timeout) as target:
            yield target
