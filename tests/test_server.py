"""The server's conversations over streams in memory: who holds the machine, and for how long."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import server_bench
import trio
import trio.testing
from server_bench import (
    COUNT_FOR_EVER,
    EXIT,
    PRINT_AND_LOOP,
    PRINT_FOR_EVER,
    READ_KEY_AND_LOOP,
    Bench,
    source_of,
    with_service,
)

from blink16.gdbstub import works
from blink16.gdbstub.inferiors import Inferior
from blink16.gdbstub.orders import WorkDone
from blink16.gdbstub.session import Session
from blink16.memory import Attribute
from blink16.server import (
    Fittings,
    client_stream,
    conversation,
    serving,
    speaker,
)
from blink16.setup.loader import Options
from blink16.terminals import terminal


async def test_a_client_that_vanishes_in_a_run_leaves_a_stopped_machine() -> None:
    """Prevents a guest that runs with nobody there, and breakpoints that nobody owns."""

    async def test(bench: Bench) -> None:
        first = bench.connect()
        assert await first.ask("Z0,200,1") == "OK"
        await first.send("vCont;c")
        while not bench.slot.debugger.machine.icount:
            await trio.testing.wait_all_tasks_blocked()
        await first.stream.aclose()
        second = bench.connect()
        assert (await second.ask("?")).startswith("T")
        assert bench.slot.debugger.machine.icount > 0
        assert not bench.slot.debugger.machine.memory.attributes[0x200] & Attribute.BREAKPOINT

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
        assert bench.slot.debugger.machine.icount == 5

    await with_service(test, COUNT_FOR_EVER)


async def test_a_client_that_does_not_read_is_dropped(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Prevents replies from piling up in memory, and a seat from being held for ever."""

    async def test(bench: Bench) -> None:
        deaf = bench.connect(lockstep=True)
        await deaf.send("m0,8000")
        await trio.testing.wait_all_tasks_blocked()
        with (
            trio.fail_after(client_stream.SEND_TIMEOUT * 2),
            pytest.raises(trio.BrokenResourceError),
        ):
            await deaf.send("m0,8000")
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
        assert bench.slot.debugger.machine.icount == 0

    await with_service(test, COUNT_FOR_EVER)


async def test_the_end_of_the_program_gives_the_next_client_a_fresh_machine() -> None:
    """Prevents a client from attaching to a program that is no more."""

    async def test(bench: Bench) -> None:
        first = bench.connect()
        assert (await first.ask("vCont;c")).startswith("T")
        assert await first.ask("vCont;c") == "W07"
        await first.stream.aclose()
        await bench.connect().ask("?")
        assert bench.slot.debugger.machine.icount == 0

    await with_service(test, EXIT)


async def test_a_program_that_can_not_be_loaded_again_is_said() -> None:
    """Prevents a traceback when the guest's root has gone between two clients."""

    async def test(bench: Bench) -> None:
        first = bench.connect()
        await first.send("k")
        await first.until_end()
        bench.slot.source = replace(source_of(EXIT), options=Options(root=Path("no/such/folder")))
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
        while bench.slot.debugger.machine.registers.al != ord("k"):
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
        bench.slot.debugger.machine.output("console", b"x")
        bench.slot.debugger.machine.output("console", b"y")
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
            if len(client.received) > 3 * speaker.MAX_UNSAID:
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
        crowd = [bench.connect() for _ in range(4 * serving.MAX_CLIENTS)]
        answers = [await client.until_end() for client in crowd]
        assert sum(b"too many" in answer for answer in answers) > 2 * serving.MAX_CLIENTS
        assert (await first.ask("?")).startswith("T")

    await with_service(test, COUNT_FOR_EVER)


async def test_a_client_that_waits_for_words_hears_that_it_does_so_with_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Prevents gdb's "Ignoring packet error" at a monitor command that takes seconds."""
    go_on = threading.Event()

    def slow(inferior: Inferior, line: str, *, tells_errors: bool) -> WorkDone:
        assert go_on.wait(server_bench.PATIENCE)
        return WorkDone()

    monkeypatch.setattr(works, "monitor", slow)
    monkeypatch.setattr(conversation, "PATIENCE", 0)

    async def test(bench: Bench) -> None:
        client = bench.connect()
        await client.send("qRcmd," + b"ask coverage".hex())
        for _ in range(2):
            assert await client.reply(signs=True) == "O"
        go_on.set()
        assert await client.reply() == "OK"
        assert await client.ask("qC") == "QC1"

    await with_service(test, COUNT_FOR_EVER)
