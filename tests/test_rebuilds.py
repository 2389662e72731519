"""Programs that are built anew: who gets the fresh machine, and when its files count as whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio
from gdb_client import Server as Process
from server_bench import PATIENCE, Bench

import blink16
from blink16.server import Machines, ProgramSource, Server, StreamConsole
from blink16.server.rebuilds import LOOK_SECONDS, Rebuilds, is_being_written
from blink16.setup import loader
from blink16.setup.loader import Options

FIRST, SECOND = bytes.fromhex("40 43 eb fe"), bytes.fromhex("4b 48 eb fe")


async def with_built(path: Path, test: Callable[[Bench, list[str]], Awaitable[None]]) -> None:
    """Run a test with a server that watches the program in a file."""
    said: list[str] = []
    source = ProgramSource(loader.read(str(path)), (), Options())
    machines = Machines([source], StreamConsole(said.append), said.append)
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Rebuilds(machines).run)
            await test(Bench(Server(machines), machines, nursery), said)
            nursery.cancel_scope.cancel()


async def look() -> None:
    """Let the server look several times."""
    await trio.sleep(4 * LOOK_SECONDS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a program's file as it was built first."""
    (tmp_path / "work.com").write_bytes(FIRST)
    return tmp_path / "work.com"


async def test_a_machine_that_nobody_holds_is_renewed(path: Path) -> None:
    """Prevents who only watches from seeing old code, and a failed build from being lost."""

    async def test(bench: Bench, said: list[str]) -> None:
        path.write_bytes(SECOND)
        await look()
        assert bench.slot.debugger.read_memory(bench.slot.debugger.machine.pc, 4) == SECOND
        assert bench.slot.is_free
        path.write_bytes(b"")
        await look()
        assert sum("work.com" in line for line in said) == 2, said
        assert bench.slot.debugger.read_memory(bench.slot.debugger.machine.pc, 4) == SECOND

    await with_built(path, test)


async def test_a_client_that_vanishes_meanwhile_leaves_a_fresh_machine(path: Path) -> None:
    """Prevents a machine that stays held by a client that asked for a restart and went."""

    async def test(bench: Bench, said: list[str]) -> None:
        first = bench.connect()
        assert await first.ask("QStartNoAckMode") == "OK"
        assert (await first.ask("vCont;s")).startswith("T05")
        path.write_bytes(SECOND)
        await first.send("qRcmd," + b"restart".hex())
        await first.stream.aclose()
        second = bench.connect()
        assert (await second.ask("vCont;s")).startswith("T05")
        r = bench.slot.debugger.machine.registers
        assert (r.icount, r.bx) == (1, 0xFFFF)  # SECOND's first, not FIRST's second instruction

    await with_built(path, test)


async def test_a_restart_while_the_machine_runs_waits(path: Path) -> None:
    """Prevents packets from meeting a machine that is being taken away."""

    async def test(bench: Bench, said: list[str]) -> None:
        client = bench.connect()
        await client.send("vCont;c")
        await client.send("qRcmd," + b"restart".hex())
        await client.send("m3100,4")
        path.write_bytes(SECOND)
        await look()
        await client.stream.send_all(b"\x03")
        assert (await client.reply()).startswith("T02")
        assert await client.reply() == "OK"
        assert b"stands at its start" in client.output
        assert await client.reply() == SECOND.hex()
        assert (await client.ask("vCont;c")).startswith("T02")
        assert b"moved to instruction 0" in client.output

    await with_built(path, test)


def test_a_restart_in_python_keeps_points(tmp_path: Path, path: Path) -> None:
    """Prevents a restart that is for gdb's users only."""
    with (
        Process("--listen", f"unix:{tmp_path}/socket", str(path)),
        blink16.connect(f"unix:{tmp_path}/socket") as target,
    ):
        start = target.registers.values().pc
        target.break_at(start + 2)
        target.step(2)
        path.write_bytes(SECOND)
        target.monitor("restart")
        assert target.registers.values().pc == start
        assert target.memory[start : start + 4] == SECOND
        target.run()
        assert target.registers.values().pc == start + 2


def test_what_is_open_for_writing_is_not_whole(path: Path) -> None:
    """Prevents the half of a program that a slow linker has written from being taken."""
    assert not is_being_written([path, path.with_name("missing")])
    with path.open("ab"):
        assert is_being_written([path])
    assert not is_being_written([path])
