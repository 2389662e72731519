"""Clients that vanish at the worst moment, come again at once, or do not keep to what they said."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_debugger import NaiveDebugger
from server_bench import COUNT_FOR_EVER, PRINT_FOR_EVER, Bench, with_service
from stub_client import Client as StubClient

from blink16.debugger import STEPPED
from blink16.packets import frame

FAREWELLS = {
    "a step": b"vCont;s",
    "a run": b"vCont;c",
    "a step back": b"bs",
    "a run back": b"bc",
    "a long search": b"qRcmd," + b"trace 100".hex().encode(),
    "half a packet": b"vCont;c#00$vCont;",
    "a step and a run": b"vCont;s#b8$vCont;c",
}
"""What is said last, without waiting for the answer."""


@pytest.mark.parametrize("last", FAREWELLS.values(), ids=FAREWELLS)
async def test_a_client_that_vanishes_before_the_stop_leaves_a_machine_that_stands(
    last: bytes,
) -> None:
    """Prevents a machine that runs on, stays held, or keeps a breakpoint of who is gone."""
    said: list[str] = []

    async def test(bench: Bench) -> None:
        client = bench.connect()
        await client.ask("QStartNoAckMode")
        assert (await client.ask("vCont;s")).startswith("T05")
        here = bench.slot.debugger.machine.pc
        assert await client.ask(f"Z0,{here:x},1") == "OK"
        await client.stream.send_all(frame(last))
        await client.stream.aclose()
        after = bench.connect()
        assert (await after.ask("?")).startswith("T")
        assert not bench.slot.hosted.runs
        assert not list(bench.slot.debugger.ledger)
        count = bench.slot.debugger.machine.icount
        assert len(await after.ask("g")) > 300
        assert bench.slot.debugger.machine.icount == count

    await with_service(test, COUNT_FOR_EVER, said=said)
    assert not any("conversation has failed" in line for line in said)


@pytest.mark.parametrize("code", [COUNT_FOR_EVER, PRINT_FOR_EVER], ids=["counts", "prints"])
async def test_a_client_that_is_started_again_and_again_gets_its_machine(code: bytes) -> None:
    """Prevents a machine that is still held by who was killed a moment ago."""
    said: list[str] = []

    async def test(bench: Bench) -> None:
        last = 0
        for number in range(50):
            client = bench.connect()
            assert "PacketSize" in await client.ask("qSupported:multiprocess+;xmlRegisters=i386")
            assert (await client.ask("?")).startswith("T"), number
            assert bench.slot.debugger.machine.icount >= last
            last = bench.slot.debugger.machine.icount
            await client.send("vCont;c" if number % 2 else "vCont;s:p1.1")
            await client.stream.aclose()

    await with_service(test, code, said=said)
    assert not any("conversation has failed" in line for line in said)


PROMISES = (
    b"multiprocess+ swbreak+ hwbreak+ error-message+ xmlRegisters=i386 blink16+"
    b" fork-events+ vfork-events+ exec-events+"
).split()
ASKED = (
    *(b"?", b"g", b"m0,4", b"vCont;s", b"vCont;s:p1.1", b"vCont;r0,2:1", b"Hg0", b"Hgp1.1"),
    *(b"qfThreadInfo", b"qC", b"Z0,102,1", b"z0,102,1", b"bs"),
    *(b"vCont?", b"QThreadSuffixSupported", b"QListThreadsInStopReply"),
    *(b"QEnableErrorStrings", b"Qblink16.changes", b"Qblink16.control", b"vblink16.step:2"),
    *(b"vblink16.step:-1", b"vblink16.range:100,104", b"vblink16.range:", b"vblink16.step:"),
    *(b"!", b"M0,1:00", b"G00", b"qXfer:blink16:read:state:0,1000", b"vFile:open:00"),
)


@settings(max_examples=40, deadline=None)
@given(
    promises=st.lists(st.sets(st.sampled_from(PROMISES)), min_size=1, max_size=3),
    asked=st.lists(st.sampled_from(ASKED), max_size=12),
)
def test_who_promises_now_this_and_now_that_is_answered_by_the_last(
    promises: list[set[bytes]], asked: list[bytes]
) -> None:
    """Prevents a traceback, a silence, or a stop reason that a client never said it knows."""
    client = StubClient(NaiveDebugger())
    client.ask(b"QStartNoAckMode")
    for said in promises:
        client.ask_one(b"qSupported:" + b";".join(sorted(said)))
        for body in asked:
            replies = [r for r in client.ask(body) if r == b"OK" or not r.startswith(b"O")]
            assert len(replies) == 1, (body, replies)
            (reply,) = replies
            if reply.startswith(b"T"):
                assert (b"swbreak:" in reply) <= (b"swbreak+" in said)
                named = b"thread:p" in reply
                assert named == (b"multiprocess+" in said)
            assert not reply.startswith(b"E.") or b"error-message+" in said or _is_told(body)
            assert client.closed() is None


def _is_told(body: bytes) -> bool:
    """Whether gdb shows its user any answer to this command."""
    return body[:1] in b"GMPvbcs"


OURS = (
    *(b"Qblink16.watch", b"Qblink16.control", b"Qblink16.changes", b"vblink16.step:5"),
    *(b"vblink16.range:100,200", b"qXfer:blink16:read:state:0,1000"),
)


@pytest.mark.parametrize("commands", list(itertools.permutations(OURS, 2)))
def test_our_own_commands_while_a_machine_runs_wait_for_it(commands: tuple[bytes, ...]) -> None:
    """Prevents a machine that is let go, or moved, while its thread is at work."""
    client = StubClient(hold=True)
    client.ask(b"qSupported:blink16+;multiprocess+")
    client.ask(b"QStartNoAckMode")
    assert client.ask(b"vCont;c") == []
    began = len(client.orders)
    assert client.ask(*commands) == []
    assert len(client.orders) == began
    client.hold = False
    replies = client.release(STEPPED)
    assert replies[0].startswith(b"T05")
    assert len(replies) >= 3
    assert client.closed() is None
    assert not client.session.has_more
