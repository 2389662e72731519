"""What fails in a nursery comes out as what it is, and those who expect it see it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio
import trio.testing
from server_bench import COUNT_FOR_EVER, Bench, with_service

from blink16.client import ClientError
from blink16.client.target import connect
from blink16.dap import edge
from blink16.nurseries import open_nursery
from blink16.packets import frame
from blink16.server.client_stream import ClientStream

PACKAGE = Path(__file__).resolve().parents[1] / "blink16"


async def fails(error: BaseException) -> None:
    """Fail at once."""
    raise error


async def fails_when_cancelled(error: BaseException) -> None:
    """Fail when others have."""
    try:
        await trio.sleep_forever()
    finally:
        raise error


@pytest.mark.parametrize(
    ("errors", "heard"),
    [
        ([trio.BrokenResourceError()], trio.BrokenResourceError),
        ([trio.BrokenResourceError(), ConnectionResetError()], trio.BrokenResourceError),
        ([trio.BrokenResourceError(), ValueError("ours")], ValueError),
        ([ValueError("ours"), KeyboardInterrupt()], KeyboardInterrupt),
    ],
)
async def test_what_fails_comes_out_bare(
    errors: list[BaseException], heard: type[BaseException]
) -> None:
    """Prevents a failure that was expected from passing as a mistake, being in a group; and a
    mistake from being hidden by what was expected.
    """
    first, *rest = errors
    with pytest.raises(heard) as found:  # noqa: PT012
        async with open_nursery() as outer, open_nursery() as nursery:
            for error in rest:
                outer.start_soon(fails_when_cancelled, error)
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(fails, first)
    noted = getattr(found.value, "__notes__", [])
    assert len(noted) == len(rest)


async def test_suppress_sees_what_leaves_a_nursery() -> None:
    """Prevents Python 3.11's `suppress` from letting through what it names."""
    with contextlib.suppress(trio.ClosedResourceError):
        async with open_nursery() as nursery:
            nursery.start_soon(fails, trio.ClosedResourceError())


async def test_cancelling_stays_the_canceller_business() -> None:
    """Prevents a cancelled task from being taken for one that failed, and the reverse."""
    with trio.CancelScope() as scope:
        async with open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            scope.cancel()
    assert scope.cancelled_caught
    with pytest.raises(OSError, match="gone"):  # noqa: PT012
        async with open_nursery() as nursery:
            nursery.start_soon(fails_when_cancelled, OSError("gone"))
            nursery.cancel_scope.cancel()


def test_nobody_opens_another_nursery() -> None:
    """Prevents groups from coming to those who expect what is in them, wherever that is."""
    makers = re.compile(r"\btrio\.open_nursery\(|\bTaskGroup\(")
    found = {str(path) for path in PACKAGE.rglob("*.py") if makers.search(path.read_text())}
    assert found == {str(PACKAGE / "nurseries.py")}


async def test_a_watcher_that_leaves_at_once_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents "a conversation has failed" about a client that is gone before its first answer."""
    said: list[str] = []

    async def broken(self: ClientStream, data: bytes) -> None:
        raise trio.BrokenResourceError

    async def test(bench: Bench) -> None:
        holder = bench.connect()
        assert (await holder.ask("?")).startswith("T05")
        monkeypatch.setattr(ClientStream, "send", broken)
        watcher = bench.connect()
        await watcher.stream.send_all(frame(b"qSupported:blink16.watch+"))
        await watcher.until_end()
        await trio.testing.wait_all_tasks_blocked()

    await with_service(test, COUNT_FOR_EVER, said=said, observers=True)
    assert said == []


async def test_a_server_that_is_gone_is_a_client_error() -> None:
    """Prevents a group from coming to who expects a ClientError."""
    async with open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, lambda stream: stream.aclose(), 0)
        port = listeners[0].socket.getsockname()[1]
        with pytest.raises(ClientError):
            async with connect(f"127.0.0.1:{port}"):
                pass
        nursery.cancel_scope.cancel()


async def test_a_port_that_is_taken_is_a_line() -> None:
    """Prevents blink16-dap's traceback about a port that somebody else listens on."""
    taken = await trio.open_tcp_listeners(0, host="127.0.0.1")
    with pytest.raises(OSError, match=r"."):
        await edge.serve_port("127.0.0.1", taken[0].socket.getsockname()[1], print)
    await taken[0].aclose()


async def test_a_session_that_fails_costs_no_other_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Prevents one editor's session from ending the adapter, and with it everybody's."""

    async def converse(*_: Callable[..., Awaitable[object]]) -> None:
        raise ValueError("ours")

    monkeypatch.setattr(edge, "converse", converse)
    told: list[str] = []
    async with open_nursery() as nursery:
        nursery.start_soon(edge.serve_port, "127.0.0.1", 0, told.append)
        while not told:
            await trio.testing.wait_all_tasks_blocked()
        port = int(told[0].rpartition(":")[2])
        for _ in range(2):
            client = await trio.open_tcp_stream("127.0.0.1", port)
            assert await client.receive_some() == b""
            await client.aclose()
        nursery.cancel_scope.cancel()
    assert caplog.text.count("ValueError: ours") == 2
