"""A service with clients over streams in memory, for tests."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import trio
import trio.testing

from blink16.packets import frame
from blink16.server import (
    Fittings,
    HostConsole,
    Machines,
    ProgramSource,
    Server,
    Slot,
    StreamConsole,
)
from blink16.server.slots import PLAIN
from blink16.setup.loader import Options, Program, ProgramKind

PATIENCE = 100
"""Seconds after which a test is lost."""
COUNT_FOR_EVER = bytes.fromhex("ff 06 00 02 eb fa")
READ_KEY_AND_LOOP = bytes.fromhex("b8 00 08 cd 21 eb fe")
PRINT_FOR_EVER = bytes.fromhex("b2 2a b4 02 cd 21 eb fa")
PRINT_AND_LOOP = bytes.fromhex("b2 2a b4 02 cd 21 eb fe")
EXIT = bytes.fromhex("b8 07 4c cd 21")

_RUN = re.compile(r"(.)\*(.)")
"""A run-length code: the character, and how often it is repeated, plus 29."""


def source_of(code: bytes) -> ProgramSource:
    """Return where machines with a .COM program of these bytes come from."""
    return ProgramSource(Program("test.com", ProgramKind.DOS_COM, code), (), Options())


class Client:
    """A debugger that speaks raw packets."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.received = b""
        self.output = b""
        """What O packets have shown."""

    async def ask(self, body: str) -> str:
        """Send a packet and return the body of the reply."""
        await self.send(body)
        return await self.reply()

    async def send(self, body: str) -> None:
        """Send a packet."""
        await self.stream.send_all(frame(body.encode()))

    async def reply(self, *, signs: bool = False) -> str:
        """Return the body of the next packet, console output left out.

        ``signs``: signs of life, which come while an answer takes its time, are packets, too.
        """
        while True:
            found = re.search(rb"\$([^#]*)#..", self.received)
            if found:
                self.received = self.received[found.end() :]
                body = _RUN.sub(lambda run: run[1] * (ord(run[2]) - 28), found[1].decode())
                if not re.fullmatch("O([0-9a-f]{2})*", body) or (signs and body == "O"):
                    return body
                self.output += bytes.fromhex(body[1:])
            else:
                data = await self.stream.receive_some()
                assert data, "the server has hung up"
                self.received += data

    async def until_end(self) -> bytes:
        """Return what the server says until it hangs up."""
        async for data in self.stream:
            self.received += data
        return self.received


class Bench:
    """A service with clients, in one nursery."""

    def __init__(self, service: Server, machines: Machines, nursery: trio.Nursery) -> None:
        self.machines = machines
        self.service = service
        self._nursery = nursery

    @property
    def slot(self) -> Slot:
        """The first machine."""
        return self.machines.slot(1)

    def connect(self, *, lockstep: bool = False) -> Client:
        """Attach one more client."""
        make = trio.testing.lockstep_stream_pair if lockstep else trio.testing.memory_stream_pair
        ours, theirs = make()
        self._nursery.start_soon(self.service.serve_client, theirs)
        return Client(ours)


async def with_service(
    test: Callable[[Bench], Awaitable[None]],
    *codes: bytes,
    said: list[str] | None = None,
    fittings: Fittings | None = None,
    observers: bool = False,
    console: HostConsole | None = None,
) -> None:
    """Run a test with a service of these programs; what is left at its end is cancelled.

    ``fittings``: of each machine.  ``console``: by default our standard streams.
    """
    say = ([] if said is None else said).append
    sources = [source_of(code) for code in codes]
    console = console or StreamConsole(say)
    hosting = Machines(sources, console, say, fittings=[fittings or PLAIN] * len(sources))
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            await test(Bench(Server(hosting, observers=observers), hosting, nursery))
            nursery.cancel_scope.cancel()
