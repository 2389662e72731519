"""The client against a server that lies: a clear error in time, no hang, bounded memory.

The liar is a real session whose answers are tampered with on their way: cut, doubled, swapped,
replaced, or never sent.  Time is trio's autojump clock: a timeout takes none.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stub_client import text_of

from blink16 import loader
from blink16.board import ProgramFacts
from blink16.client import AsyncTarget, ClientError, OwnServer, TimedOutError
from blink16.client.target import converse
from blink16.debugger import Debugger, Pause
from blink16.gdbstub.orders import Close, Send, Start, Taken, Work
from blink16.gdbstub.session import Session
from blink16.packets import frame

PATIENCE = 1000.0
"""Seconds, on the client's clock, after which a call has hung."""
MAX_MEMORY = 64 << 20
ADDRESS = OwnServer(("liar",))


class Lie(Enum):
    """What becomes of an answer."""

    TRUTH = auto()
    CUT = auto()
    DOUBLED = auto()
    SWAPPED = auto()
    REPLACED = auto()
    DAMAGED = auto()
    MISSING = auto()
    SILENCE = auto()  # this and all that follows
    HANG_UP = auto()
    ENDLESS = auto()
    OUTPUT = auto()


@dataclass(frozen=True)
class Answered:
    """A lie, and what it takes."""

    lie: Lie
    data: bytes = b""


TRUTH = Answered(Lie.TRUTH)


class Liar:
    """A server for one client, which answers truly but for its lies."""

    def __init__(
        self, stream: trio.abc.Stream, lies: Iterable[Answered], *, bytewise: bool
    ) -> None:
        loaded = loader.load(loader.read("banner"), ["HI"], loader.Options())
        self._debugger = Debugger(loaded.machine)
        self._debugger.symbols = loaded.symbols
        self._session = Session(Taken(1, self._debugger, ProgramFacts.of(loaded.machine)))
        self._stream = stream
        self._lies = iter(lies)
        self._bytewise = bytewise
        self._held = b""

    async def serve(self) -> None:
        """Answer until one side hangs up."""
        try:
            while data := await self._stream.receive_some(4096):
                for answer in self._truth(bytes(data)):
                    await self._answer(answer)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    def _truth(self, data: bytes) -> list[bytes]:
        answers, orders = [], self._session.receive(data)
        while orders:
            match orders.pop(0):
                case Send(sent):
                    answers += [b"$" + part for part in sent.split(b"$")[1:]]
                case Start(how):
                    event = self._debugger.resume(how)
                    assert not isinstance(event, Pause)
                    orders += self._session.stopped(event)
                case Work(run):
                    orders += self._session.finished(run())
                case Close():
                    break
            if not orders and self._session.has_more:
                orders = self._session.go_on()
        return answers

    async def _answer(self, answer: bytes) -> None:
        told = next(self._lies, TRUTH)
        match told.lie:
            case Lie.CUT:
                answer = answer[: len(told.data)]
            case Lie.DOUBLED:
                answer += answer
            case Lie.SWAPPED:
                self._held, answer = answer, self._held
            case Lie.REPLACED:
                answer = frame(told.data.replace(b"$", b"").replace(b"#", b"").replace(b"}", b""))
            case Lie.DAMAGED:
                answer = answer[:-2] + b"zz"
            case Lie.MISSING:
                answer = b""
            case Lie.SILENCE:
                await trio.sleep_forever()
            case Lie.HANG_UP:
                await self._stream.aclose()
            case Lie.ENDLESS:
                while True:
                    await self._stream.send_all(b"a#" * (1 << 15))
                    await trio.sleep(0.5)
            case Lie.OUTPUT:
                answer = frame(b"O" + told.data.hex().encode()) * 3 + answer
        pieces = [answer[i : i + 1] for i in range(len(answer))] if self._bytewise else [answer]
        for piece in pieces:
            if piece:
                await self._stream.send_all(piece)


async def use(t: AsyncTarget) -> None:
    """Ask all kinds of questions."""
    await t.run_to("main", timeout=5)
    await t.break_at("draw_letters", condition="ax >= 0")
    await t.watch("lines", 2)
    await t.run(timeout=5)
    await t.finish(timeout=5)
    await t.run_back(timeout=5)
    await t.step(3, timeout=5)
    await t.next(timeout=5)
    await t.read_memories([("main", 40), (0x20000, 70_000)])
    await t.read_registers()
    await t.write_register("ah", 3)
    await t.write_memory(0x500, b"abc")
    await t.find(b"abc")
    await t.frames()
    await t.screen()
    await t.history()
    await t.disassemble("main")
    await t.last_write("lines")
    await t.hits("main")
    await t.trace(3)
    await t.seek("start")
    await t.bookmark()
    await t.catch("elks write")
    await t.monitor("history")
    await t.processes()
    await t.remove_all()


async def talk(
    lies: Iterable[Answered],
    *,
    bytewise: bool = False,
    what: Callable[[AsyncTarget], Awaitable[None]] = use,
) -> Exception | None:
    """Let a client use a liar; return the error that came of it."""
    ours, theirs = trio.testing.memory_stream_pair()
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Liar(theirs, lies, bytewise=bytewise).serve)
        with trio.fail_after(PATIENCE):
            try:
                async with converse(ADDRESS, ours) as target:
                    await what(target)
            except (ClientError, ValueError) as error:
                failure = error
        nursery.cancel_scope.cancel()
    return failure


async def test_a_server_that_tells_the_truth_is_believed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Prevents tests of lies that fail for another reason."""
    assert await talk([]) is None
    assert await talk([], bytewise=True) is None


lies = st.lists(
    st.builds(Answered, st.sampled_from(Lie), st.binary(max_size=40))
    | st.just(TRUTH)
    | st.just(TRUTH)
    | st.just(Answered(Lie.TRUTH)),
    max_size=60,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(lies, st.booleans())
def test_whatever_a_server_says_every_call_ends(told: list[Answered], bytewise: bool) -> None:
    """Prevents a client that hangs, or that ends with an exception which nobody foresaw."""

    async def main() -> None:
        failure = await talk(told, bytewise=bytewise)
        if failure is not None:
            assert str(failure)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize("lie", list(Lie), ids=lambda lie: lie.name.lower())
@pytest.mark.parametrize("when", [0, 2, 5, 14, 30])
def test_one_lie_anywhere_costs_at_most_the_connection(lie: Lie, when: int) -> None:
    """Prevents a lie that is only survived where somebody thought of it."""

    async def main() -> None:
        told = [TRUTH] * when + [Answered(lie, b"E01")]
        failure = await talk(told)
        if lie in (Lie.SILENCE, Lie.ENDLESS):
            assert isinstance(failure, TimedOutError)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize(
    "body", [b"", b"E01", b"l", b"m", b"T05", b"OK", b"zz", b"O41", b"l{}", b"W00"]
)
def test_one_answer_to_everything(body: bytes) -> None:
    """Prevents a client that asks an empty or foolish server for ever."""

    async def main() -> None:
        told = [Answered(Lie.REPLACED, body)] * 3000
        failure = await talk(told)
        assert isinstance(failure, ClientError | ValueError)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_an_object_without_end_is_given_up() -> None:
    """Prevents a report that fills our memory in pieces."""

    async def ask(t: AsyncTarget) -> None:
        tracemalloc.start()
        await t.state()

    async def main() -> None:
        told = [TRUTH] * 4 + [Answered(Lie.REPLACED, b"m" + b"a" * 30_000)] * 10_000
        failure = await talk(told, what=ask)
        assert "more than" in str(failure)

    try:
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
        assert tracemalloc.get_traced_memory()[1] < MAX_MEMORY
    finally:
        tracemalloc.stop()


def test_output_without_end_is_kept_within_bounds() -> None:
    """Prevents a program that prints for hours from filling the script's memory."""

    async def ask(t: AsyncTarget) -> None:
        await t.run(timeout=5)
        assert len(t.read_output()) <= 1 << 20

    async def main() -> None:
        told = [TRUTH] * 4 + [Answered(Lie.OUTPUT, b"a" * 30_000)] * 40
        await talk(told, what=ask)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert text_of([b"O41"]) == "A"
