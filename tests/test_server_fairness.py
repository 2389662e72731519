"""Nobody waits for another client's work: threads, turns, and requests to stop that are kept."""

from __future__ import annotations

import gc
import threading
import weakref
from time import monotonic

import pytest
import trio
from server_bench import COUNT_FOR_EVER, PATIENCE, Bench, with_service

from blink16.board import window
from blink16.debugger import Debugger, EventKind, Resume
from blink16.gdbstub.answers import Answers
from blink16.history import Interrupted, moving_thread
from blink16.history.timeline import Timeline
from blink16.monitor import registry
from blink16.packets import frame
from blink16.server import garbage
from blink16.turns import Turns


async def test_a_long_answer_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents one packet into the unwind window from hanging every other client."""
    let_go = threading.Event()

    def slow(self: Answers, address: int, length: int) -> bytes:
        assert let_go.wait(60)
        return bytes(length)

    monkeypatch.setattr(Answers, "_unwind", slow)
    monkeypatch.setattr(window.FrameWindow, "find_briefly", lambda *_: False)

    async def test(bench: Bench) -> None:
        first, second = bench.connect(), bench.connect()
        assert (await first.ask("?")).startswith("T05")
        await first.send(f"m{window.BASE:x},4")
        assert (await second.ask("?")).startswith("T05")
        for _ in range(100):
            assert len(await second.ask("m100,1")) == 2
        let_go.set()
        assert await first.reply() == "00000000"

    await with_service(test, COUNT_FOR_EVER, COUNT_FOR_EVER)


async def test_more_machines_run_than_a_pool_has_threads() -> None:
    """Prevents running machines from taking all threads, so that no other client is answered."""

    async def test(bench: Bench) -> None:
        clients = []
        for _ in range(30):  # beside one that asks; the server lets in 32
            clients.append(bench.connect())
            assert (await clients[-1].ask("?")).startswith("T05")
        trio.to_thread.current_default_thread_limiter().total_tokens = 1
        for client in clients[1:]:
            await client.send("vCont;c")
        assert (await clients[0].ask("qRcmd," + b"icount".hex())) == "OK"
        for client in clients[1:]:
            await client.stream.send_all(b"\x03")
            assert (await client.reply()).startswith("T02")

    await with_service(test, *[COUNT_FOR_EVER] * 30)


def test_a_request_between_two_runs_is_kept() -> None:
    """Prevents a Ctrl-C from being lost between the last check of one run and the next run.

    wait-screen, ranges and searches are made of many runs.
    """
    import guests

    debugger = Debugger(guests.make(bytes.fromhex("40ebfd")).machine)
    run = Timeline.run
    asked: list[bool] = []

    def run_and_be_asked(self: Timeline, *arguments: object, **more: object) -> object:
        stop = run(self, *arguments, **more)  # type: ignore[arg-type]
        if not asked:
            asked.append(True)
            debugger.interrupt()  # after the last check, before anybody could forget it
        return stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Timeline, "run", run_and_be_asked)
        assert debugger.resume(Resume(count=10)).kind is EventKind.STEPPED  # type: ignore[union-attr]
        assert debugger.resume(Resume(count=10)).kind is EventKind.INTERRUPTED  # type: ignore[union-attr]
        asked.clear()
        event = debugger.drive(Resume(step_range=(0x100, 0x103)))
        assert event.kind is EventKind.INTERRUPTED


def test_wait_screen_keeps_a_request_that_comes_between_two_looks() -> None:
    """Prevents a wait of a hundred million instructions that nobody can end."""
    from boot_sectors import LOOP, Pc, sector

    debugger = Debugger(Pc(sector(LOOP)).machine)
    resume, runs = Debugger.resume, []

    def resume_and_be_asked(self: Debugger, how: Resume) -> object:
        outcome = resume(self, how)
        runs.append(outcome)
        if len(runs) == 1:
            debugger.interrupt()
        return outcome

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Debugger, "resume", resume_and_be_asked)
        assert registry.execute(debugger, 'wait-screen "never"').startswith("interrupted")
    assert len(runs) == 2
    assert debugger.drive(Resume(count=5)).kind is EventKind.STEPPED  # and none is left over


async def test_full_collections_are_rare_and_find_machines_that_are_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Prevents the collector from stopping everybody to look at histories, and machines that
    nobody uses any more from staying in memory since it looks no more.
    """

    class Whole:
        """Something in a circle, which only the collector finds, or who takes it apart."""

        def __init__(self, known: bool, made_at: float) -> None:
            self.itself, self.known, self.made_at = self, known, made_at

        def is_forgotten(self) -> bool:
            return not self.known

        def take_apart(self) -> None:
            vars(self).clear()

    monkeypatch.setattr(garbage, "INTERVAL", 0.001)
    before = gc.get_threshold()
    with trio.fail_after(PATIENCE), garbage.collected_rarely():
        assert gc.get_threshold()[2] == garbage.RARELY
        gc.disable()
        try:
            machine = Whole(known=False, made_at=monotonic())
            gone = weakref.ref(machine)
            garbage.machine_gone(machine)
            del machine
            while gone() is not None:
                await trio.sleep(garbage.INTERVAL)
            machine = Whole(known=True, made_at=monotonic())
            gone = weakref.ref(machine)
            garbage.machine_gone(machine)
            del machine
            while gone() is not None:
                await trio.sleep(garbage.INTERVAL)
            machine = Whole(known=True, made_at=0.0)
            gone = weakref.ref(machine)
            gc.freeze()
            for _ in range(garbage.MOST_REMAINS // garbage.WHOLE):
                garbage.machine_gone(machine)
            del machine
            while gone() is not None:
                await trio.sleep(garbage.INTERVAL)
        finally:
            gc.enable()
        assert gc.get_freeze_count()
    assert gc.get_threshold() == before
    assert not gc.get_freeze_count()


async def test_what_few_machines_leave_is_collected_and_nothing_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Prevents a stop of 20 ms for each machine that goes, to count all objects that stay, and one
    of 50 ms for what 250 machines have left.
    """

    class Apart:
        def __init__(self) -> None:
            self.made_at = monotonic()

        def is_forgotten(self) -> bool:
            return True

        def take_apart(self) -> None:
            taken.append(self.made_at)

    def counted() -> int:
        raise AssertionError("all that stays was counted")

    monkeypatch.setattr(garbage, "INTERVAL", 0.0)
    monkeypatch.setattr(gc, "get_freeze_count", counted)
    taken: list[float] = []
    collected: list[int] = []
    monkeypatch.setattr(gc, "collect", lambda: collected.append(len(taken)))
    with trio.fail_after(PATIENCE), garbage.collected_rarely():
        for number in range(1, 4):
            for _ in range(garbage.FEW_REMAINS):
                garbage.machine_gone(Apart())
            while len(collected) <= number:
                await trio.sleep(0.001)
    assert garbage.FEW_REMAINS <= 30
    assert collected == [number * garbage.FEW_REMAINS for number in range(4)]


async def test_who_cannot_take_a_machine_apart_ends_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Prevents a mistake about a machine that is gone from ending the server, and all others."""

    class Stubborn:
        made_at = 0.0

        def is_forgotten(self) -> bool:
            return True

        def take_apart(self) -> None:
            raise RuntimeError("stuck")

    monkeypatch.setattr(garbage, "INTERVAL", 0.001)
    with trio.fail_after(PATIENCE), garbage.collected_rarely():
        garbage.machine_gone(Stubborn())
        while "stuck" not in caplog.text:
            await trio.sleep(garbage.INTERVAL)
        garbage.machine_gone(Stubborn())


async def test_a_machine_that_is_gone_is_freed_without_a_collection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Prevents a pause for everybody, of milliseconds a machine, after machines are gone: what
    leads in a circle from machine to session and back is found by the collector alone.
    """

    monkeypatch.setattr(garbage, "INTERVAL", 0.01)
    monkeypatch.setattr(garbage, "QUESTIONS", 1000)

    async def test(bench: Bench) -> None:
        with garbage.collected_rarely():
            gc.disable()
            try:
                memory = weakref.ref(bench.slot.debugger.machine.memory)
                client = bench.connect()
                await client.ask("!")
                await client.send("R00")
                assert (await client.ask("?")).startswith("T05")
                assert memory() is not None  # its session is not over
                await client.stream.aclose()
                while memory() is not None:
                    await trio.sleep(garbage.INTERVAL)
            finally:
                gc.enable()

    await with_service(test, COUNT_FOR_EVER)


async def test_who_leaves_in_the_breath_in_which_it_begins_to_watch_has_left() -> None:
    """Prevents a connection that is neither closed nor answered: what came together with the wish
    to watch, and ended the conversation, was done, and its end forgotten.
    """

    async def test(bench: Bench) -> None:
        client = bench.connect()
        packets = (b"!", b"qSupported:blink16+;blink16.watch+", b"D", b"?")
        await client.stream.send_all(b"".join(map(frame, packets)))
        assert b"blink16.watch+" in await client.until_end()

    await with_service(test, COUNT_FOR_EVER)


def test_who_waits_for_the_gil_is_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents an event loop that starves while native code is entered for moments: each release
    of the GIL wakes it too late, and as it was woken, it never asks for it.  Where native code
    runs at length, nobody has to be let in, and nothing is to be lost for that.
    """
    slept, clock = list[float](), iter([1.0, 1.001, 1.006, 1.012, 1.014, 1.018])
    monkeypatch.setattr(moving_thread, "sleep", slept.append)
    monkeypatch.setattr(moving_thread, "perf_counter", lambda: next(clock))
    thread = moving_thread.MovingThread(lambda: None, lambda: None)
    counts = []
    for effort in (100, 200, 300, 310, 400, 500):
        thread.let_others_in(effort)
        counts.append(len(slept))
    assert counts == [1, 1, 2, 2, 2, 3]


def test_who_looks_instruction_by_instruction_takes_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents traces of several clients from computing in Python at the same time."""
    import guests

    monkeypatch.setattr(moving_thread, "PIECE_SECONDS", 0.0)
    looks, seen = Turns(1), [0, 0]
    lines = [Timeline(guests.make(bytes.fromhex("40ebfd")).machine) for _ in seen]
    looking = []
    for line in lines:
        line.thread.looks = looks
        looking.append(line.thread.in_turns(range(100)))

    def look(number: int) -> None:
        for _ in looking[number]:
            seen[number] += 1
            assert looks._free == 0

    assert next(looking[0]) == 0
    other = threading.Thread(target=look, args=(1,))
    other.start()
    while not looks._waiting:
        pass
    assert seen[1] == 0
    look(0)  # after each item it is the other's turn
    other.join(60)
    assert seen == [99, 100]
    assert looks._free == 1
    rest = lines[0].thread.in_turns(range(100))
    assert next(rest) == 0
    del rest  # as a loop does that is left
    assert looks._free == 1
    assert looks.take(threading.Event(), lambda: False)
    lines[0].interrupt()
    with pytest.raises(Interrupted):
        next(lines[0].thread.in_turns([1]), None)
    looks.give()


@pytest.mark.slow
def test_no_request_of_a_hundred_thousand_is_lost() -> None:
    """Prevents any window in which a request to stop is neither reported nor kept."""
    import guests

    debugger = Debugger(guests.make(bytes.fromhex("40ebfd")).machine)
    seen, go, over = threading.Semaphore(0), threading.Semaphore(0), threading.Event()

    def run() -> None:
        how = Resume(count=3)
        while not over.is_set():
            outcome = debugger.resume(how)
            if getattr(outcome, "kind", None) is EventKind.INTERRUPTED:
                seen.release()
                go.acquire()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        for number in range(100_000):
            debugger.interrupt()
            assert seen.acquire(timeout=10), f"request {number} was lost"
            go.release()
    finally:
        over.set()
        go.release()
        thread.join()
