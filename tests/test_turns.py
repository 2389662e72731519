"""Machines take turns, so that many of them keep nobody else waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from threading import Event

import guests
import pytest
import trio
from server_bench import COUNT_FOR_EVER, PRINT_FOR_EVER, Bench, with_service

from blink16.cpu.engine import StopReason
from blink16.history import Interrupted, queries
from blink16.history.mover import FEW
from blink16.history.timeline import Timeline
from blink16.server import Fittings, Slot, speaker, threads
from blink16.turns import Turns

COUNTER = bytes.fromhex("40ebfd")
PATIENCE = 60
MANY = 100 * FEW
"""Instructions of a machine that is not blocked."""


def never() -> bool:
    """Call nobody away."""
    return False


def test_turns_are_given_in_order() -> None:
    """Prevents a machine that never has its turn."""
    turns = Turns(1)
    assert turns.take(Event(), never)
    got: list[int] = []
    waiting = []

    def take(number: int) -> None:
        turns.take(Event(), never)
        got.append(number)

    for number in range(5):
        thread = threading.Thread(target=take, args=(number,))
        thread.start()
        waiting.append(thread)
        while len(turns._waiting) <= number:
            pass
    for number, thread in enumerate(waiting):
        turns.give()
        thread.join(PATIENCE)
        assert got == list(range(number + 1))


def test_who_is_called_away_waits_no_longer() -> None:
    """Prevents Ctrl-C from waiting for the turn of a machine that is to stop."""
    turns, call, called = Turns(1), Event(), Event()
    assert turns.take(Event(), never)
    came: list[bool] = []
    thread = threading.Thread(target=lambda: came.append(turns.take(call, called.is_set)))
    thread.start()
    while not turns._waiting:
        pass
    called.set()
    call.set()
    thread.join(PATIENCE)
    assert came == [False]
    assert not turns.take(call, called.is_set)  # nor if the call came before
    turns.give()
    assert turns.take(call, called.is_set)  # but one that is free is taken


def test_a_machine_that_waits_for_its_turn_can_be_stopped() -> None:
    """Prevents a machine that neither runs nor stops."""
    timeline = Timeline(guests.make(COUNTER).machine)
    timeline.thread.turns = Turns(1)
    assert timeline.thread.turns.take(Event(), never)
    stops = []
    thread = threading.Thread(target=lambda: stops.append(timeline.run()))
    thread.start()
    while not timeline.thread.turns._waiting:
        pass
    assert timeline.now == 0
    timeline.interrupt()
    thread.join(PATIENCE)
    assert [stop.reason for stop in stops] == [StopReason.INTERRUPTED]
    assert timeline.run(FEW - 1).reason is StopReason.BUDGET  # a few steps need no turn
    timeline.thread.turns.give()
    assert timeline.run(10 * FEW).reason is StopReason.BUDGET
    timeline.seek(5)
    timeline.seek(timeline.end)
    assert timeline.thread.turns._free == 1


def test_a_search_that_is_stopped_gives_its_turn_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents the next search from waiting for ever, for one that somebody has stopped."""
    timeline = Timeline(guests.make(COUNTER).machine)
    timeline.run(10 * FEW)
    timeline.thread.looks = Turns(1)

    def strides(stride: int) -> Iterator[int]:
        yield stride
        timeline.interrupt()
        yield 5 * FEW

    monkeypatch.setattr(queries, "repeat", strides)
    with pytest.raises(Interrupted) as stopped:
        queries.profile(timeline, 10 * FEW)
    assert stopped.traceback  # which still knows everything that was under way
    assert timeline.thread.looks._free == 1
    assert timeline.now == 10 * FEW


async def until(is_so: Callable[[], bool]) -> None:
    """Look again and again, while the loop goes on."""
    while not is_so():
        await trio.lowlevel.checkpoint()


def has_much_to_say(slot: Slot) -> bool:
    """Whether as much of a machine's output waits for its client as may."""
    assert isinstance(slot._hearer, speaker.Speaker)
    return slot._hearer._unsaid._size >= speaker.MAX_UNSAID


async def check_that_another_runs(bench: Bench, mute: int) -> None:
    """Have one more machine run and stop beside ``mute`` ones that are blocked and stay so.

    A last word of theirs may be taken yet, for which they go on by some instructions.
    """
    blocked = [bench.machines.slot(number + 1).debugger.machine for number in range(mute)]
    last = bench.connect()
    assert (await last.ask("?")).startswith("T05")
    machine = bench.machines.slot(mute + 1).debugger.machine
    await last.send("vCont;c")
    await until(lambda: machine.icount >= MANY)
    await last.stream.send_all(b"\x03")
    assert (await last.reply()).startswith("T02")
    assert all(0 < machine.icount < MANY for machine in blocked)


async def test_a_client_that_does_not_read_holds_nobodys_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Prevents machines whose output nobody reads from stopping all others."""
    mute = 3
    monkeypatch.setattr(threads, "TURNS", Turns(1))
    monkeypatch.setattr(speaker, "MAX_UNSAID", 8)

    async def test(bench: Bench) -> None:
        for number in range(mute):
            client = bench.connect(lockstep=True)
            await client.ask("?")
            # one who does not even read that his packet has come is waited for before it is
            # carried out, so his machine would stand
            assert await client.ask("QStartNoAckMode") == "OK"
            await client.send("vCont;c")
            await until(partial(has_much_to_say, bench.machines.slot(number + 1)))
        await check_that_another_runs(bench, mute)

    fittings = Fittings(output_to_debugger=True)
    await with_service(test, *[PRINT_FOR_EVER] * mute, COUNT_FOR_EVER, fittings=fittings)


class StuckConsole:
    """A terminal that takes no more."""

    def __init__(self) -> None:
        self.blocked: set[int] = set()
        self.over = Event()

    def show(self, process: int, channel: str, data: bytes) -> None:
        """Take output some day."""
        self.blocked.add(process)
        self.over.wait(PATIENCE)

    def blocks(self, process: int) -> bool:
        """Whether a machine's thread waits for it."""
        return process in self.blocked

    def want(self, process: int, deliver: object) -> None:
        """Give no input."""

    def close(self) -> None:
        """Take everything."""
        self.over.set()


async def test_a_terminal_that_takes_no_more_holds_nobodys_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Prevents a pipe that nobody reads, or Ctrl-S, from stopping machines that print nothing."""
    mute, console = 3, StuckConsole()
    monkeypatch.setattr(threads, "TURNS", Turns(1))

    async def test(bench: Bench) -> None:
        for number in range(mute):
            client = bench.connect()
            await client.ask("?")
            await client.send("vCont;c")
            await until(partial(console.blocks, number + 1))
        await check_that_another_runs(bench, mute)
        console.close()

    await with_service(test, *[PRINT_FOR_EVER] * mute, COUNT_FOR_EVER, console=console)
