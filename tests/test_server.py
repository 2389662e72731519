"""The server's conversations over streams in memory: who holds the machine, and for how long."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing

from blink16 import loader, server, terminal
from blink16.gdbstub.packets import frame
from blink16.loader import Kind, Loaded, LoadError, Options, Program
from blink16.server import Host

PATIENCE = 100
"""Seconds after which a test is lost."""
COUNT_FOR_EVER = bytes.fromhex("ff 06 00 02 eb fa")
READ_KEY_AND_LOOP = bytes.fromhex("b8 00 08 cd 21 eb fe")
PRINT_AND_LOOP = bytes.fromhex("b2 2a b4 02 cd 21 eb fe")
EXIT = bytes.fromhex("b8 07 4c cd 21")

_RUN = re.compile(r"(.)\*(.)")
"""A run-length code: the character, and how often it is repeated, plus 29."""


def maker(code: bytes) -> Callable[[], Loaded]:
    """Return what loads a fresh machine with a .COM program of these bytes."""
    program = Program("test.com", Kind.DOS_COM, code)
    return lambda: loader.load(program, [], Options())


class Client:
    """A debugger that speaks raw packets."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self._received = b""

    async def ask(self, body: str) -> str:
        """Send a packet and return the body of the reply."""
        await self.send(body)
        return await self.reply()

    async def send(self, body: str) -> None:
        """Send a packet."""
        await self.stream.send_all(frame(body.encode()))

    async def reply(self) -> str:
        """Return the body of the next packet, console output left out."""
        while True:
            found = re.search(rb"\$([^#]*)#..", self._received)
            if found:
                self._received = self._received[found.end() :]
                body = _RUN.sub(lambda run: run[1] * (ord(run[2]) - 28), found[1].decode())
                if not re.match("O[0-9a-f]", body):
                    return body
            else:
                data = await self.stream.receive_some()
                assert data, "the server has hung up"
                self._received += data

    async def until_end(self) -> bytes:
        """Return what the server says until it hangs up."""
        async for data in self.stream:
            self._received += data
        return self._received


class Bench:
    """A host with clients, in one nursery."""

    def __init__(self, host: Host, nursery: trio.Nursery) -> None:
        self.host = host
        self._nursery = nursery

    def connect(self, *, lockstep: bool = False) -> Client:
        """Attach one more client."""
        make = trio.testing.lockstep_stream_pair if lockstep else trio.testing.memory_stream_pair
        ours, theirs = make()
        self._nursery.start_soon(self.host.serve_client, theirs)
        return Client(ours)


async def with_host(
    code: bytes, test: Callable[[Bench], Awaitable[None]], said: list[str] | None = None
) -> None:
    """Run a test with a host; whatever is left at its end is cancelled."""
    host = Host(maker(code), ([] if said is None else said).append)
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            await test(Bench(host, nursery))
            nursery.cancel_scope.cancel()


async def test_a_client_that_vanishes_in_a_run_leaves_a_stopped_machine() -> None:
    """Prevents a guest that runs with nobody there, and breakpoints that nobody owns."""

    async def test(bench: Bench) -> None:
        first = bench.connect()
        assert await first.ask("Z0,200,1") == "OK"
        await first.send("vCont;c")
        while not bench.host.debugger.machine.icount:
            await trio.testing.wait_all_tasks_blocked()
        await first.stream.aclose()
        second = bench.connect()
        assert (await second.ask("?")).startswith("T")
        assert bench.host.debugger.machine.icount > 0
        assert not any(bench.host.debugger.machine.memory.attributes[0x200:0x201])

    await with_host(COUNT_FOR_EVER, test)


async def test_break_stops_a_running_guest() -> None:
    """Prevents Ctrl-C from waiting for a guest that never ends."""

    async def test(bench: Bench) -> None:
        client = bench.connect()
        for _ in range(3):  # none is lost, and none is left over for the next run
            await client.send("vCont;c")
            await client.stream.send_all(b"\x03")
            assert (await client.reply()).startswith("T02")
            assert (await client.ask("vCont;s")).startswith("T05")

    await with_host(COUNT_FOR_EVER, test)


async def test_a_break_right_before_a_resumption_counts() -> None:
    """Prevents losing a Ctrl-C that gdb sends while it is about to resume, and stale ones."""

    async def test(bench: Bench) -> None:
        client = bench.connect()
        await client.stream.send_all(b"\x03")
        await client.ask("vCont?")
        assert (await client.ask("vCont;c")).startswith("T02")
        await client.stream.send_all(b"\x03")
        await client.ask("g")
        assert (await client.ask("vCont;s")).startswith("T05")

    await with_host(COUNT_FOR_EVER, test)


async def test_a_second_client_is_refused_with_a_reason() -> None:
    """Prevents two debuggers from moving one machine."""

    async def test(bench: Bench) -> None:
        first = bench.connect()
        await first.ask("?")
        second = bench.connect()
        await second.send("qSupported")
        assert b"another debugger" in await second.until_end()
        assert (await first.ask("?")).startswith("T")

    await with_host(COUNT_FOR_EVER, test)


async def test_a_client_waits_for_the_one_before_it_to_be_gone() -> None:
    """Prevents a refusal when a user detaches and attaches again at once."""

    async def test(bench: Bench) -> None:
        for _ in range(5):
            client = bench.connect()
            assert (await client.ask("vCont;s")).startswith("T05")
            await client.stream.aclose()
        last = bench.connect()
        await last.ask("?")
        assert bench.host.debugger.machine.icount == 5

    await with_host(COUNT_FOR_EVER, test)


async def test_a_client_that_does_not_read_is_dropped(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Prevents replies from piling up in memory, and a seat from being held for ever."""

    async def test(bench: Bench) -> None:
        deaf = bench.connect(lockstep=True)
        await deaf.send("m0,8000")
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(server.SEND_TIMEOUT * 2):
            await deaf.send("m0,8000")
            await trio.sleep_forever()
        assert (await bench.connect().ask("?")).startswith("T")

    await with_host(COUNT_FOR_EVER, test)


async def test_kill_gives_the_next_client_a_fresh_machine() -> None:
    """Prevents `k` from ending the server, or from leaving a used machine."""

    async def test(bench: Bench) -> None:
        first = bench.connect()
        await first.ask("vCont;s")
        await first.send("k")
        await first.until_end()
        await bench.connect().ask("?")
        assert bench.host.debugger.machine.icount == 0

    await with_host(COUNT_FOR_EVER, test)


async def test_the_end_of_the_program_gives_the_next_client_a_fresh_machine() -> None:
    """Prevents a client from attaching to a program that is no more."""

    async def test(bench: Bench) -> None:
        first = bench.connect()
        assert (await first.ask("vCont;c")).startswith("T")
        assert await first.ask("vCont;c") == "W07"
        await first.stream.aclose()
        await bench.connect().ask("?")
        assert bench.host.debugger.machine.icount == 0

    await with_host(EXIT, test)


async def test_a_program_that_can_not_be_loaded_again_is_said() -> None:
    """Prevents a traceback when the guest's root has gone between two clients."""

    async def test(bench: Bench) -> None:
        first = bench.connect()
        await first.send("k")
        await first.until_end()
        bench.host._make = fail
        second = bench.connect()
        await second.send("?")
        assert b"E.the program" in await second.until_end()

    def fail() -> Loaded:
        raise LoadError("root: there is no such folder")

    said: list[str] = []
    await with_host(EXIT, test, said)
    assert said == ["root: there is no such folder"]


async def test_input_goes_to_the_guest_that_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents reading standard input before the guest wants it, or losing it."""
    reading, typing = os.pipe()
    monkeypatch.setattr(terminal, "STDIN", reading)

    async def test(bench: Bench) -> None:
        client = bench.connect()
        await client.send("vCont;c")
        os.write(typing, b"k")
        while bench.host.debugger.machine.registers.al != ord("k"):
            await trio.testing.wait_all_tasks_blocked()
        await client.stream.send_all(b"\x03")
        assert (await client.reply()).startswith("T02")

    await with_host(READ_KEY_AND_LOOP, test)


async def test_break_stops_a_guest_that_waits_for_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a blocking read of the guest from locking the debugger out."""
    reading, typing = os.pipe()
    monkeypatch.setattr(terminal, "STDIN", reading)

    async def test(bench: Bench) -> None:
        client = bench.connect()
        for _ in range(2):
            await client.send("vCont;c")
            await trio.testing.wait_all_tasks_blocked()
            await client.stream.send_all(b"\x03")
            assert (await client.reply()).startswith("T02")

    await with_host(READ_KEY_AND_LOOP, test)
    os.close(typing)


async def test_output_that_can_not_be_written_is_said_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Prevents a full disk from ending the session, or from a complaint a character."""

    def full(channel: str, data: bytes) -> None:
        raise terminal.OutputError(OSError(28, "No space left on device"))

    monkeypatch.setattr(terminal, "show", full)

    async def test(bench: Bench) -> None:
        client = bench.connect()
        assert await client.ask("vCont;s")
        bench.host.debugger.machine.output("console", b"x")
        bench.host.debugger.machine.output("console", b"y")
        assert (await client.ask("?")).startswith("T")

    said: list[str] = []
    await with_host(PRINT_AND_LOOP, test, said)
    assert said == ["can't write the program's output: No space left on device"]
