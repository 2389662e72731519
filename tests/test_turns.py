"""Machines take turns, so that many of them keep nobody else waiting."""

from __future__ import annotations

import threading
from threading import Event

import guests
import pytest
from server_bench import COUNT_FOR_EVER, PRINT_FOR_EVER, Bench, with_service

from blink16.cpu.engine import StopReason
from blink16.history.timeline import FEW, Timeline
from blink16.server import threads
from blink16.turns import Turns

COUNTER = bytes.fromhex("40ebfd")
PATIENCE = 60


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
    timeline.turns = Turns(1)
    assert timeline.turns.take(Event(), never)
    stops = []
    thread = threading.Thread(target=lambda: stops.append(timeline.run()))
    thread.start()
    while not timeline.turns._waiting:
        pass
    assert timeline.now == 0
    timeline.interrupt()
    thread.join(PATIENCE)
    assert [stop.reason for stop in stops] == [StopReason.INTERRUPTED]
    assert timeline.run(FEW - 1).reason is StopReason.BUDGET  # a few steps need no turn
    timeline.turns.give()
    assert timeline.run(10 * FEW).reason is StopReason.BUDGET
    timeline.seek(5)
    timeline.seek(timeline.end)
    assert timeline.turns._free == 1


@pytest.mark.slow
@pytest.mark.xfail(reason="Ctrl-C comes before the fifth machine has run; why is unknown")
async def test_a_client_that_does_not_read_holds_nobodys_turn() -> None:
    """Prevents two machines whose output nobody reads from stopping all others."""

    async def test(bench: Bench) -> None:
        mute = [bench.connect(lockstep=True) for _ in range(4)]
        for client in mute:
            await client.ask("?")
            await client.send("vCont;c")
        last = bench.connect()
        assert (await last.ask("?")).startswith("T05")
        await last.send("vCont;c")
        machine = bench.machines.slot(5).debugger.machine
        while machine.icount < 10 * FEW:
            await last.stream.send_all(b"\x03")
            assert (await last.reply()).startswith("T02")
            await last.send("vCont;c")

    with_turns = Turns(2)
    before, threads.TURNS = threads.TURNS, with_turns
    try:
        await with_service(test, *[PRINT_FOR_EVER] * 4, COUNT_FOR_EVER)
    finally:
        threads.TURNS = before
