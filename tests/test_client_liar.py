"""The client against a server that lies: a clear error in time, no hang, bounded memory.

The liar is that of `fuzz.client`, told here what to say.  Time is trio's autojump clock: a timeout
takes none.
"""

from __future__ import annotations

import tracemalloc

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from property_examples import examples
from stub_client import text_of

from blink16.client import AsyncTarget, ClientError, TimedOutError
from fuzz.client import TRUTH, Answered, Lie, talk

MAX_MEMORY = 64 << 20


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
    await t.activity("main", buckets=3)
    await t.trace(3)
    await t.seek("start")
    await t.bookmark()
    await t.catch("elks write")
    await t.monitor("history")
    await t.processes()
    await t.remove_all()


async def test_a_server_that_tells_the_truth_is_believed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Prevents tests of lies that fail for another reason."""
    assert await talk([], use) is None
    assert await talk([], use, bytewise=True) is None


lies = st.lists(
    st.builds(Answered, st.sampled_from(Lie), st.binary(max_size=40))
    | st.just(TRUTH)
    | st.just(TRUTH)
    | st.just(Answered(Lie.TRUTH)),
    max_size=60,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))
@given(lies, st.booleans())
def test_whatever_a_server_says_every_call_ends(told: list[Answered], bytewise: bool) -> None:
    """Prevents a client that hangs, or that ends with an exception which nobody foresaw."""

    async def main() -> None:
        failure = await talk(told, use, bytewise=bytewise)
        if failure is not None:
            assert str(failure)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize("lie", list(Lie), ids=lambda lie: lie.name.lower())
@pytest.mark.parametrize("when", [0, 2, 5, 14, 30])
def test_one_lie_anywhere_costs_at_most_the_connection(lie: Lie, when: int) -> None:
    """Prevents a lie that is only survived where somebody thought of it."""

    async def main() -> None:
        told = [TRUTH] * when + [Answered(lie, b"E01")]
        failure = await talk(told, use)
        if lie in (Lie.SILENCE, Lie.ENDLESS):
            assert isinstance(failure, TimedOutError)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize("move", ["step", "step_back", "next", "next_back", "finish", "run"])
@pytest.mark.parametrize("is_ours", [True, False])
def test_a_move_is_over_when_its_time_is(move: str, is_ours: bool) -> None:
    """Prevents a `next` that waits for ever for a server that has fallen silent in its step."""

    async def main() -> None:
        for when in range(24):
            told = [TRUTH if is_ours else Answered(Lie.REPLACED, b"PacketSize=1000")]
            told += [TRUTH] * when + [Answered(Lie.SILENCE)]
            await talk(told, lambda target: getattr(target, move)(timeout=5))

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize(
    "body", [b"", b"E01", b"l", b"m", b"T05", b"OK", b"zz", b"O41", b"l{}", b"W00"]
)
def test_one_answer_to_everything(body: bytes) -> None:
    """Prevents a client that asks an empty or foolish server for ever."""

    async def main() -> None:
        told = [Answered(Lie.REPLACED, body)] * 3000
        failure = await talk(told, use)
        assert isinstance(failure, ClientError | ValueError)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_an_object_without_end_is_given_up() -> None:
    """Prevents a report that fills our memory in pieces."""

    async def ask(t: AsyncTarget) -> None:
        tracemalloc.start()
        await t.state()

    async def main() -> None:
        told = [TRUTH] * 4 + [Answered(Lie.REPLACED, b"m" + b"a" * 30_000)] * 10_000
        failure = await talk(told, ask)
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
        await talk(told, ask)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert text_of([b"O41"]) == "A"
