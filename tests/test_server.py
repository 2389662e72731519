"""The server's conversations over streams in memory: who holds the machine, and for how long."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing

from blink16 import terminal
from blink16.debugger import Event, Resume
from blink16.gdbstub.packets import frame
from blink16.gdbstub.session import Session
from blink16.loader import Kind, Options, Program
from blink16.server import (
    Fittings,
    Host,
    Machines,
    ProgramSource,
    Service,
    StreamConsole,
    conversation,
    machines,
    service,
)

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
    return ProgramSource(Program("test.com", Kind.DOS_COM, code), (), Options())


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

    async def reply(self) -> str:
        """Return the body of the next packet, console output left out."""
        while True:
            found = re.search(rb"\$([^#]*)#..", self.received)
            if found:
                self.received = self.received[found.end() :]
                body = _RUN.sub(lambda run: run[1] * (ord(run[2]) - 28), found[1].decode())
                if not re.match("O[0-9a-f]", body):
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

    def __init__(self, service: Service, machines: Machines, nursery: trio.Nursery) -> None:
        self.machines = machines
        self.service = service
        self._nursery = nursery

    @property
    def host(self) -> Host:
        """The first machine."""
        return self.machines.host(1)

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
) -> None:
    """Run a test with a service of these programs; what is left at its end is cancelled."""
    say = ([] if said is None else said).append
    sources = [source_of(code) for code in codes]
    hosted = Machines(sources, StreamConsole(say), say, fittings=[fittings] if fittings else [])
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            await test(Bench(Service(hosted, observers=observers), hosted, nursery))
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

    await with_service(test, COUNT_FOR_EVER)


async def test_our_own_mistake_costs_one_client_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents an error that nobody foresaw from ending the server and its machines."""
    said: list[str] = []

    async def test(bench: Bench) -> None:
        first = bench.connect()
        with monkeypatch.context() as broken:
            broken.setattr(Session, "receive", lambda self, data: [][0])
            await first.send("g")
            assert await first.until_end() == b""
        assert (await bench.connect().ask("?")).startswith("T")

    await with_service(test, COUNT_FOR_EVER, said=said)
    assert "please report" in said[0]
    assert "IndexError" in said[1]


async def test_break_stops_a_running_guest() -> None:
    """Prevents Ctrl-C from waiting for a guest that never ends."""

    async def test(bench: Bench) -> None:
        client = bench.connect()
        for _ in range(3):  # none is lost, and none is left over for the next run
            await client.send("vCont;c")
            await client.stream.send_all(b"\x03")
            assert (await client.reply()).startswith("T02")
            assert (await client.ask("vCont;s")).startswith("T05")

    await with_service(test, COUNT_FOR_EVER)


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

    await with_service(test, COUNT_FOR_EVER)


async def test_a_second_client_is_refused_with_a_reason() -> None:
    """Prevents two debuggers from moving one machine."""

    async def test(bench: Bench) -> None:
        first = bench.connect()
        await first.ask("?")
        second = bench.connect()
        await second.send("qSupported")
        assert b"another debugger" in await second.until_end()
        assert (await first.ask("?")).startswith("T")

    await with_service(test, COUNT_FOR_EVER)


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

    await with_service(test, COUNT_FOR_EVER)


async def test_a_client_that_does_not_read_is_dropped(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Prevents replies from piling up in memory, and a seat from being held for ever."""

    async def test(bench: Bench) -> None:
        deaf = bench.connect(lockstep=True)
        await deaf.send("m0,8000")
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(conversation.SEND_TIMEOUT * 2):
            await deaf.send("m0,8000")
            await trio.sleep_forever()
        assert (await bench.connect().ask("?")).startswith("T")

    await with_service(test, COUNT_FOR_EVER)


async def test_kill_gives_the_next_client_a_fresh_machine() -> None:
    """Prevents `k` from ending the server, or from leaving a used machine."""

    async def test(bench: Bench) -> None:
        first = bench.connect()
        await first.ask("vCont;s")
        await first.send("k")
        await first.until_end()
        await bench.connect().ask("?")
        assert bench.host.debugger.machine.icount == 0

    await with_service(test, COUNT_FOR_EVER)


async def test_the_end_of_the_program_gives_the_next_client_a_fresh_machine() -> None:
    """Prevents a client from attaching to a program that is no more."""

    async def test(bench: Bench) -> None:
        first = bench.connect()
        assert (await first.ask("vCont;c")).startswith("T")
        assert await first.ask("vCont;c") == "W07"
        await first.stream.aclose()
        await bench.connect().ask("?")
        assert bench.host.debugger.machine.icount == 0

    await with_service(test, EXIT)


async def test_a_program_that_can_not_be_loaded_again_is_said() -> None:
    """Prevents a traceback when the guest's root has gone between two clients."""

    async def test(bench: Bench) -> None:
        first = bench.connect()
        await first.send("k")
        await first.until_end()
        bench.host.source = replace(source_of(EXIT), options=Options(root=Path("no/such/folder")))
        second = bench.connect()
        await second.send("?")
        assert b"E.the program" in await second.until_end()

    said: list[str] = []
    await with_service(test, EXIT, said=said)
    assert said == ["no/such/folder: there is no such folder to be the guest's root"]


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

    await with_service(test, READ_KEY_AND_LOOP)


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

    await with_service(test, READ_KEY_AND_LOOP)
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
    await with_service(test, PRINT_AND_LOOP, said=said)
    assert said == ["can't write the program's output: No space left on device"]


async def test_output_can_go_to_the_debugger() -> None:
    """Prevents output that is lost, comes after the stop, or makes a flood wait for ever."""

    async def test(bench: Bench) -> None:
        client = bench.connect()
        await client.send("vCont;c")
        async for data in client.stream:  # far more than may wait unsaid
            client.received += data
            if len(client.received) > 3 * conversation.MAX_UNSAID:
                break
        await client.stream.send_all(b"\x03")
        assert (await client.reply()).startswith("T02")
        assert set(client.output) == {ord("*")}
        printed = len(client.output)
        assert await client.ask("qRcmd,68656c70") == "OK"
        assert len(client.output) > printed  # from here on it is the command's

    await with_service(test, PRINT_FOR_EVER, fittings=Fittings(output_to_debugger=True))


async def test_a_client_that_vanishes_does_not_keep_a_printing_guest(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Prevents a guest that waits for room in the output of a client that is no more."""

    async def test(bench: Bench) -> None:
        deaf = bench.connect(lockstep=True)
        await deaf.send("vCont;c")
        await trio.testing.wait_all_tasks_blocked()
        await deaf.stream.aclose()
        assert (await bench.connect().ask("?")).startswith("T")

    await with_service(test, PRINT_FOR_EVER, fittings=Fittings(output_to_debugger=True))


async def test_clients_by_the_hundred_are_refused() -> None:
    """Prevents a crowd from taking memory and time from the one who works."""

    async def test(bench: Bench) -> None:
        first = bench.connect()
        await first.ask("?")
        crowd = [bench.connect() for _ in range(4 * service.MAX_CLIENTS)]
        answers = [await client.until_end() for client in crowd]
        assert sum(b"too many" in answer for answer in answers) > 2 * service.MAX_CLIENTS
        assert (await first.ask("?")).startswith("T")

    await with_service(test, COUNT_FOR_EVER)


# -- several machines ------------------------------------------------------------------------

EXTENDED = ("qSupported:multiprocess+;error-message+", "!")


async def test_each_client_gets_a_machine_of_its_own() -> None:
    """Prevents giving one machine twice while another is free."""

    async def test(bench: Bench) -> None:
        first = bench.connect()
        await first.ask("vCont;s")
        second = bench.connect()
        await second.ask("vCont;s")
        await second.ask("vCont;s")
        assert [host.debugger.machine.icount for host in bench.machines] == [1, 2]
        third = bench.connect()
        assert b"another debugger" in await third.until_end()

    await with_service(test, COUNT_FOR_EVER, COUNT_FOR_EVER)


async def test_a_client_may_take_further_machines() -> None:
    """Prevents machines that are attached to twice, or stay taken when their client vanishes."""

    async def test(bench: Bench) -> None:
        first = bench.connect()
        await first.ask("?")
        second = bench.connect()
        for client in (first, second):
            await client.ask(EXTENDED[0])
            assert await client.ask(EXTENDED[1]) == "OK"
        assert await first.ask("vAttach;2") == "E.another debugger holds process 2"
        assert (await first.ask("vAttach;9")).startswith("E.there is no process 9")
        assert (await first.ask("vAttach;3")).endswith("thread:p3.1;")
        await first.send("vCont;c")
        while not bench.machines.host(3).debugger.machine.icount:
            await trio.testing.wait_all_tasks_blocked()
        await first.stream.aclose()
        assert (await second.ask("vAttach;1")).endswith("thread:p1.1;")
        assert (await second.ask("vAttach;3")).endswith("thread:p3.1;")
        states = [process.state for process in bench.machines.processes()]
        assert states == ["held"] * 3

    await with_service(test, COUNT_FOR_EVER, COUNT_FOR_EVER, COUNT_FOR_EVER)


async def test_an_interruption_that_comes_too_late_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Prevents a Ctrl-C that nobody pressed, when two machines stop at the same moment."""

    async def test(bench: Bench) -> None:
        debugger = bench.host.debugger
        resume = debugger.resume

        def resume_and_be_interrupted(how: Resume) -> Event:
            event = resume(how)
            debugger.interrupt()
            return event

        monkeypatch.setattr(debugger, "resume", resume_and_be_interrupted)
        monkeypatch.setattr(debugger, "is_brief", lambda how: False)
        client = bench.connect()
        for _ in range(3):
            assert (await client.ask("vCont;s")).startswith("T05")

    await with_service(test, COUNT_FOR_EVER)


async def test_run_makes_machines_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents one client from filling the memory with machines, or leaving them behind."""
    monkeypatch.setattr(machines, "MAX_MACHINES", 3)

    async def test(bench: Bench) -> None:
        client = bench.connect()
        for body in EXTENDED:
            await client.ask(body)
        assert (await client.ask("vRun;")).endswith("thread:p2.1;")
        assert (await client.ask("vRun;" + b"test.com".hex())).endswith("thread:p3.1;")
        assert (await client.ask("vRun;")).startswith("E.this server has 3 machines")
        assert "no program 'passwd'" in await client.ask("vRun;" + b"/etc/passwd".hex())
        assert await client.ask("vKill;2") == "OK"
        assert [process.number for process in bench.machines.processes()] == [1, 3]
        assert (await client.ask("vRun;")).endswith("thread:p4.1;")

    await with_service(test, COUNT_FOR_EVER)


async def test_run_prefers_a_machine_that_nothing_has_happened_to() -> None:
    """Prevents losing the place that a user left a machine at."""

    async def test(bench: Bench) -> None:
        client = bench.connect()
        for body in EXTENDED:
            await client.ask(body)
        await client.ask("vCont;s:p1.1")
        await client.ask("D;1")
        for _ in range(2):
            assert (await client.ask("vRun;")).endswith("thread:p2.1;")
            await client.ask("D;2")
        assert bench.machines.host(1).debugger.machine.icount == 1

    await with_service(test, COUNT_FOR_EVER)


async def test_input_goes_to_the_machine_that_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents what the user types from ending up in another machine."""
    reading, typing = os.pipe()
    monkeypatch.setattr(terminal, "STDIN", reading)

    async def test(bench: Bench) -> None:
        idle = bench.connect()
        await idle.ask("vCont;s")
        asking = bench.connect()
        await asking.send("vCont;c")
        os.write(typing, b"k")
        while bench.machines.host(2).debugger.machine.registers.al != ord("k"):
            await trio.testing.wait_all_tasks_blocked()
        assert bench.machines.host(1).debugger.machine.registers.al != ord("k")

    await with_service(test, COUNT_FOR_EVER, READ_KEY_AND_LOOP)
    os.close(typing)


async def test_an_observer_is_let_in_while_the_machine_stands() -> None:
    """Prevents a spectator from being refused, from reading in a run, and from holding on."""

    async def test(bench: Bench) -> None:
        first = bench.connect()
        await first.ask("vCont;s")
        observer = bench.connect()
        assert (await observer.ask("?")).startswith("T")
        await observer.ask(EXTENDED[0])
        assert "only watch" in await observer.ask("vCont;s:p1.1")
        await first.send("vCont;c")
        await trio.testing.wait_all_tasks_blocked()
        assert "the machine runs" in await observer.ask("g")
        late = bench.connect()
        assert b"try again" in await late.until_end()
        await first.stream.send_all(b"\x03")
        assert (await first.reply()).startswith("T02")
        assert len(await observer.ask("g")) > 100
        await first.send("k")
        await first.until_end()
        second = bench.connect()
        assert (await second.ask("?")).startswith("T")
        await observer.send("g")  # of a machine that is no more
        assert await observer.until_end() is not None

    await with_service(test, COUNT_FOR_EVER, observers=True)
