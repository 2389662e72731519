"""Several machines in one server: who gets which, who may look on."""

from __future__ import annotations

import os

import pytest
import trio
import trio.testing
from server_bench import COUNT_FOR_EVER, READ_KEY_AND_LOOP, Bench, with_service

from blink16.debugger import Event, Pause, Resume
from blink16.server import machines
from blink16.terminals import terminal

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
        while not bench.machines.slot(3).debugger.machine.icount:
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
        debugger = bench.slot.debugger
        resume = debugger.resume

        def resume_and_be_interrupted(how: Resume) -> Event | Pause:
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
        assert bench.machines.slot(1).debugger.machine.icount == 1

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
        while bench.machines.slot(2).debugger.machine.registers.al != ord("k"):
            await trio.testing.wait_all_tasks_blocked()
        assert bench.machines.slot(1).debugger.machine.registers.al != ord("k")

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
