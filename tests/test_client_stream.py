"""Who asks in quick succession is heard past the event loop, and only for a while."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from blink16.server import client_stream
from blink16.server.client_stream import (
    CROWD,
    LOOK_SECONDS,
    QUICK_ANSWERS,
    TURN_SECONDS,
    ClientStream,
)

STEP = LOOK_SECONDS / 4

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a short way of POSIX systems alone")


class Clock:
    """What `perf_counter` is here: it moves with each look at it, and when told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.step = STEP

    def __call__(self) -> float:
        """Return what time it is, in seconds."""
        self.now += self.step
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return a clock of our own for the module."""
    made = Clock()
    monkeypatch.setattr(client_stream, "perf_counter", made)
    return made


@pytest.fixture
def clients() -> list[int]:
    """Return how many are connected, to be changed."""
    return [1]


@asynccontextmanager
async def quick(clients: list[int]) -> AsyncIterator[tuple[ClientStream, trio.SocketStream]]:
    """Yield the stream of a client that has been quick so far, and the client's end."""
    ours, theirs = trio.socket.socketpair()
    async with trio.SocketStream(ours) as stream, trio.SocketStream(theirs) as client:
        made = ClientStream(stream, lambda: clients[0])
        for _ in range(QUICK_ANSWERS):
            await client.send_all(b"ask")
            assert made.receive_soon() is None
            assert await made.receive() == b"ask"
        yield made, client


async def test_a_quick_client_is_heard_at_once(clock: Clock, clients: list[int]) -> None:
    """Prevents a switch of tasks for each packet."""
    async with quick(clients) as (stream, client):
        for number in range(CROWD - 1):
            clients[0] = 1 + number
            await client.send_all(b"%d" % number)
            assert stream.receive_soon() == b"%d" % number


async def test_a_slow_client_is_left_to_the_event_loop(clock: Clock, clients: list[int]) -> None:
    """Prevents a wait, in which nobody is heard, for who does not ask at once."""
    async with quick(clients) as (stream, client):
        await client.send_all(b"ask")
        clock.step = 1
        await stream.receive()
        clock.step = 0
        await client.send_all(b"ask")
        assert stream.receive_soon() is None


@pytest.mark.parametrize(("others", "share"), [(0, 1), (1, 1 / 2), (3, 1 / 4), (CROWD - 1, 0)])
async def test_clients_share_the_turn(
    clock: Clock, clients: list[int], others: int, share: float
) -> None:
    """Prevents one that asks without a pause from keeping others waiting longer than promised."""
    async with quick(clients) as (stream, client):
        clients[0] += others
        await client.send_all(b"ask")
        clock.now += TURN_SECONDS * share - 2 * STEP
        assert stream.receive_soon() == (b"ask" if share else None)
        await client.send_all(b"ask")
        clock.now += 2 * STEP
        assert stream.receive_soon() is None


async def test_nobody_sleeps_where_others_are(
    clock: Clock, clients: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents the others from waiting for a client that has nothing to say."""
    async with quick(clients) as (stream, client):
        clients[0] = 2
        looks: list[int] = []
        monkeypatch.setattr(os, "sched_yield", lambda: looks.append(1))
        monkeypatch.setattr(client_stream, "LINGER_MS", "none")  # a sleep would fail of that
        assert stream.receive_soon() is None
        assert 1 <= len(looks) <= LOOK_SECONDS / STEP + 1
        await client.send_all(b"ask")
        assert stream.receive_soon() == b"ask"  # it is no less quick for that


async def test_a_client_that_goes_is_seen(clock: Clock, clients: list[int]) -> None:
    """Prevents a conversation with nobody."""
    async with quick(clients) as (stream, client):
        await client.send_all(b"ask")
        await stream.send(b"answer")
        await client.aclose()  # with an answer unread, which breaks the connection
        assert stream.receive_soon() == b"ask"
        with pytest.raises(trio.BrokenResourceError):
            stream.receive_soon()
