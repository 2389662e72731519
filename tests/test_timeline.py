"""The law of time travel: the machine at an instruction count is what a fresh run makes it."""

from __future__ import annotations

from concurrent.futures import Future
from itertools import pairwise

import guests
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.assembly import Snapshot
from blink16.console import Console
from blink16.cpu.engine import Engine, StopReason
from blink16.cpu.native.engine import NativeEngine
from blink16.cpu.native.loading import Core
from blink16.history.checkpoints import CHECKPOINT_SIZE, footprint
from blink16.history.inputs import Input, InputLog, Received
from blink16.history.pace import MAX_INTERVAL, MAX_SLICE, Pace
from blink16.history.terms import Interrupted, TimelineError
from blink16.history.timeline import Timeline
from blink16.inbox import MAX_QUEUED
from blink16.machine import Machine

COUNTER = bytes.fromhex("ff060040 40 50 58 ebf7".replace(" ", ""))
"""inc word [4000h]; inc ax; push ax; pop ax; and again."""
ECHO = bytes((0xCD, guests.READ, 0xCD, guests.WRITE, 0xEB, 0xFA))


def travel(code: bytes, engine: str = "reference") -> tuple[guests.TestGuest, Timeline]:
    """Return a guest with a history of many checkpoints."""
    guest = guests.make(code, engine)
    return guest, Timeline(guest.machine, pace=guests.TestPace())


WALKS = st.lists(
    st.one_of(
        st.tuples(st.just("run"), st.integers(1, 150)),
        st.tuples(st.just("back"), st.integers(1, 150)),
        st.tuples(st.just("seek"), st.integers(0, 1000)),
        st.tuples(st.just("receive"), st.integers(0, 255)),
        st.tuples(st.just("poke"), st.integers(0, 255)),
        st.tuples(st.just("register"), st.integers(0, 0xFFFF)),
        st.tuples(st.just("thin"), st.integers(1, 10)),
    ),
    min_size=1,
    max_size=14,
)


def walk(timeline: Timeline, step: tuple[str, int]) -> None:
    """Take one step of a random walk."""
    what, number = step
    if what == "run":
        timeline.run(number, through_traps=True)
    elif what == "back":
        timeline.seek(max(timeline.start, timeline.now - number))
    elif what == "seek":
        span = timeline.end - timeline.start
        timeline.seek(timeline.start + span * number // 1000)
    elif what == "receive":
        timeline.receive(Console.CHANNEL, bytes((number,)) * 3)
    elif what == "poke":
        timeline.write_memory(0x3000 + number, bytes((number,)))
    elif what == "register":
        timeline.write_register("ax", number)
    else:
        ring = timeline._past.ring
        limit, ring.limit = ring.limit, ring.size * number // 10
        timeline._past.stay_within_limit()
        ring.limit = limit


@pytest.mark.parametrize("engine", guests.ENGINES)
@settings(max_examples=examples(80))
@given(guests.programs(), WALKS)
def test_each_instant_is_what_a_fresh_run_makes_it(
    engine: str, code: bytes, steps: list[tuple[str, int]]
) -> None:
    """Prevents any difference between the past and what happened, and output shown twice."""
    guest, timeline = travel(code, engine)
    for step in steps:
        walk(timeline, step)
        fresh = guests.replay(code, timeline.inputs(), timeline.now)
        assert guest.state() == fresh.state()
    timeline.seek(timeline.end)
    fresh = guests.replay(code, timeline.inputs(), timeline.now)
    assert guest.state() == fresh.state()
    changed = any(step[0] in ("poke", "register") for step in steps)
    if not changed:  # a dropped future has been shown
        assert guest.shown == fresh.shown


@settings(max_examples=examples(40))
@given(guests.programs(), WALKS)
def test_the_ring_keeps_its_books(code: bytes, steps: list[tuple[str, int]]) -> None:
    """Prevents wrong sums of memory in use."""
    _, timeline = travel(code)
    for step in steps:
        walk(timeline, step)
        ring = timeline._past.ring
        assert ring._icounts == [c.icount for c in ring._checkpoints] == sorted(set(ring._icounts))
        assert ring.size == sum(c.size for c in ring._checkpoints)
        for before, here in pairwise(ring._checkpoints):
            beside = footprint(here.snapshot, before.snapshot) + here.image.footprint(before.image)
            assert here.size == CHECKPOINT_SIZE + beside


def test_a_seek_goes_both_ways() -> None:
    """Prevents a history that is lost ahead once one has gone back."""
    guest, timeline = travel(COUNTER)
    timeline.run(1000)
    states: dict[int, tuple[Snapshot, bytes]] = {}
    for icount in (1000, 10, 990, 500, 501, 499, 0, 1000):
        timeline.seek(icount)
        assert timeline.now == icount
        states.setdefault(icount, guest.state())
        assert guest.state() == states[icount]
    assert timeline.end == 1000


def test_seeks_leave_checkpoints_near_the_goal() -> None:
    """Prevents each reverse step from replaying the same long way."""
    _, timeline = travel(COUNTER)
    timeline.run(1000)
    timeline.seek(515)
    assert 515 - timeline.before(515) <= 2 * guests.TestPace().fine


@pytest.mark.parametrize("icount", [-1, 101, 1 << 70])
def test_a_seek_outside_of_history_is_refused(icount: int) -> None:
    """Prevents running on into instants that never were, and a machine left elsewhere."""
    guest, timeline = travel(COUNTER)
    timeline.run(100)
    before = guest.state()
    with pytest.raises(TimelineError, match=r"outside the history, which is 0\.\.100"):
        timeline.seek(icount)
    assert guest.state() == before


def test_output_is_shown_once() -> None:
    """Prevents a replay that prints again what has been printed."""
    guest, timeline = travel(ECHO)
    timeline.receive(Console.CHANNEL, b"hello")
    assert timeline.run().reason is StopReason.WAITING
    timeline.seek(0)
    assert timeline.run().reason is StopReason.WAITING
    assert guest.shown == b"hello"


def test_input_waits_until_the_machine_is_live() -> None:
    """Prevents input that reaches the guest in its past, where it did not come."""
    guest, timeline = travel(ECHO)
    timeline.receive(Console.CHANNEL, b"ab")
    timeline.run()
    end = timeline.end
    timeline.seek(5)
    timeline.receive(Console.CHANNEL, b"c")
    timeline.run(end - 5)
    assert timeline.now == end
    assert guest.shown == b"ab"
    timeline.run()
    assert guest.shown == b"abc"
    assert timeline.inputs() == [guests.received(b"ab"), guests.received(b"c", end)]


def test_inputs_at_one_instant_keep_their_order() -> None:
    """Prevents typed characters that change places in a replay."""
    guest, timeline = travel(ECHO)
    for letter in (b"x", b"y", b"z"):
        timeline.receive(Console.CHANNEL, letter)
    timeline.run()
    before = guest.state()
    timeline.seek(0)
    timeline.seek(timeline.end)
    assert guest.state() == before
    assert guest.shown == b"xyz"


def test_input_beyond_the_limit_is_dropped() -> None:
    """Prevents a flood of input from filling the host's memory while the guest is stopped."""
    _, timeline = travel(ECHO)
    timeline.receive(Console.CHANNEL, bytes(MAX_QUEUED))
    timeline.receive(Console.CHANNEL, b"x")
    timeline.run(1)
    assert sum(len(i.data) for i in timeline.inputs() if isinstance(i, Received)) == MAX_QUEUED


def test_a_change_in_the_past_drops_the_future() -> None:
    """Prevents two histories in one, and a drop that nobody is told of."""
    guest, timeline = travel(COUNTER)
    timeline.run(500)
    timeline.seek(200)
    assert timeline.write_register("ax", 0x7000)
    assert timeline.end == 200
    timeline.run(4)
    timeline.seek(200)
    assert guest.machine.registers.ax == 0x7000
    timeline.seek(199)
    assert guest.machine.registers.ax != 0x7000


def test_a_change_at_the_end_drops_nothing() -> None:
    """Prevents false alarms about a dropped future."""
    _, timeline = travel(COUNTER)
    timeline.run(500)
    assert not timeline.write_memory(0x3000, b"x")
    assert timeline.end == 500


def test_recorded_traps_stop_the_run_but_not_the_seek() -> None:
    """Prevents a seek that ends at a trap which the program went through."""
    _, timeline = travel(bytes((0xCD, guests.TRAP)) + COUNTER)
    assert timeline.run().reason is StopReason.TRAPPED
    trap = timeline.now
    timeline.run(100, through_traps=True)
    timeline.seek(0)
    timeline.seek(timeline.end)
    timeline.seek(0)
    assert timeline.run().reason is StopReason.TRAPPED
    assert timeline.now == trap


# -- requests to stop ---------------------------------------------------------------------------


def test_a_request_to_stop_ends_one_run() -> None:
    """Prevents a lost Ctrl-C, and one that also ends the run after it."""
    _, timeline = travel(COUNTER)
    timeline.interrupt()
    assert timeline.run(100).reason is StopReason.INTERRUPTED
    assert timeline.now == 0
    assert timeline.run(100).reason is StopReason.BUDGET


def test_an_interrupted_seek_goes_nowhere() -> None:
    """Prevents a machine left somewhere on the way."""
    guest, timeline = travel(COUNTER)
    timeline.run(1000)
    timeline._past.ring.limit = 0
    timeline._past.stay_within_limit()  # leaves a long way to go
    timeline.seek(900)
    before = guest.state()
    timeline.interrupt()
    with pytest.raises(Interrupted):
        timeline.seek(500)
    assert guest.state() == before
    timeline.seek(500)
    assert timeline.now == 500


def test_rounds_of_rep_are_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents an instant in the middle of an instruction, which no replay could reach."""
    code = bytes.fromhex("b96400f3a4") + COUNTER  # mov cx, 100; rep movsb
    guest, timeline = travel(code)
    timeline.run(1)
    before = guest.state()
    note_write = guest.machine.memory.note_write

    def note_and_stop(page: int) -> None:
        note_write(page)
        timeline.interrupt()

    with monkeypatch.context() as patch:
        patch.setattr(guest.machine.memory, "note_write", note_and_stop)
        assert timeline.run(10).reason is StopReason.INTERRUPTED
    assert guest.state() == before
    timeline.run(10)
    assert guest.state() == guests.replay(code, [], 11).state()


class Unhurried(Pace):
    """Slices and checkpoints that are as far apart as they may ever be."""

    def _settle(self) -> None:
        self.interval = self.fine = self.far = MAX_INTERVAL
        self.slice = MAX_SLICE


@pytest.mark.parametrize("engine", ["native", "not yet native", "reference"])
def test_a_stop_within_slow_instructions_does_few_of_them_again(engine: str) -> None:
    """Prevents a Ctrl-C that is answered when all REP INS since a checkpoint were done again, of
    which each takes a second: until one is measured, checkpoints lie millions apart.
    """
    rounds, asked_at = 1000, 45_500
    again = bytes.fromhex("bf0040 b9e803 ba0003 f36c ebf3")  # mov di, …; mov cx, 1000; rep insb
    begun = "reference" if engine == "reference" else "native"
    guest = guests.make(again, begun, cpu="80186")
    if engine == "not yet native":
        guest.machine.use_engine(never_ready(guest.machine))
    timeline, reads = Timeline(guest.machine, pace=Unhurried()), 0

    def read(_port: int, _reads: bool) -> None:
        nonlocal reads
        reads += 1
        if reads == asked_at:
            timeline.interrupt()

    guest.machine.bus.on_unowned = read
    assert timeline.run().reason is StopReason.INTERRUPTED
    assert reads - asked_at <= 4 * rounds
    assert timeline.now == asked_at // rounds * 5 + 3
    after = guest.state()
    timeline.seek(0)
    timeline.seek(timeline.end)
    assert guest.state() == after


def never_ready(machine: Machine) -> Engine:
    """Return a native engine that waits for its native code for ever."""
    parts = machine.model, machine.registers, machine.memory, machine.bus
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NativeEngine, "_begin_loading", lambda *_: Future[Core]())
        return NativeEngine(*parts)


def unhurried(code: bytes, engine: str) -> tuple[guests.TestGuest, Timeline, list[Received]]:
    """Return a guest, its history, and the inputs that it will have got."""
    guest = guests.make(code, engine)
    timeline, got = Timeline(guest.machine, pace=Unhurried()), list[Received]()
    happen = timeline._happen

    def note(entry: Input) -> None:
        assert isinstance(entry, Received)
        got.append(entry)
        happen(entry)

    timeline._happen = note  # type: ignore[method-assign]
    return guest, timeline, got


@pytest.mark.parametrize("engine", guests.ENGINES)
def test_input_reaches_a_running_guest_at_once(engine: str) -> None:
    """Prevents a key that waits for the end of a slice: 20 ms, or seconds in slower code."""
    code = bytes.fromhex("40 ba0003 ee") + COUNTER[:-2] + b"\xeb\xf7"  # inc ax; out 300h, al; …
    guest, timeline, got = unhurried(code, engine)
    asked: list[int] = []

    def type_a_key(_port: int, _reads: bool) -> None:
        asked.append(timeline.now)
        timeline.receive(Console.CHANNEL, b"x")

    guest.machine.bus.on_unowned = type_a_key
    stop = timeline.run(2000)
    assert (stop.reason, timeline.now) == (StopReason.BUDGET, 2000)
    assert [entry.icount - at for entry, at in zip(got, asked, strict=True)] == [1] * len(asked)
    timeline.interrupt()  # nothing is left over of what hastened it, and nothing lost
    assert timeline.run(100).reason is StopReason.INTERRUPTED
    assert timeline.now == 2000


def test_input_waits_for_the_end_of_a_rep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents input between two rounds, where no replay could give it again."""
    code = bytes.fromhex("b96400f3a4") + COUNTER  # mov cx, 100; rep movsb
    guest, timeline, got = unhurried(code, "reference")
    note_write, rounds_left = guest.machine.memory.note_write, list[int]()

    def note_and_type(page: int) -> None:
        note_write(page)
        if not rounds_left:
            timeline.receive(Console.CHANNEL, b"x")
        rounds_left.append(guest.machine.registers.cx)

    with monkeypatch.context() as patch:
        patch.setattr(guest.machine.memory, "note_write", note_and_type)
        assert timeline.run(10).reason is StopReason.BUDGET
    assert (rounds_left[0], [entry.icount for entry in got], timeline.now) == (99, [2], 10)
    assert guest.state() == guests.replay(code, [*got], 10).state()
    timeline.seek(1)
    timeline.seek(10)
    assert guest.state() == guests.replay(code, [*got], 10).state()


def test_a_request_to_stop_is_kept_where_input_comes_too() -> None:
    """Prevents a Ctrl-C that is taken for the input that came at the same time."""
    guest, timeline, got = unhurried(bytes.fromhex("ba0003 ee ebfd"), "reference")

    def both(_port: int, _reads: bool) -> None:
        timeline.receive(Console.CHANNEL, b"x")
        timeline.interrupt()

    guest.machine.bus.on_unowned = both
    assert timeline.run(100).reason is StopReason.INTERRUPTED
    assert timeline.now == 2
    assert timeline.run(1).reason is StopReason.BUDGET
    assert [entry.icount for entry in got] == [2]


# -- bounds -------------------------------------------------------------------------------------


def test_the_ring_thins_with_distance() -> None:
    """Prevents a history that forgets its beginning, or keeps what is far as dense as now."""
    guest, timeline = travel(COUNTER)
    timeline.run(4000)
    ring = timeline._past.ring
    ring.limit = ring.size // 4
    timeline._past.stay_within_limit()
    icounts = timeline.icounts()
    assert ring.size <= ring.limit
    assert icounts[0] == 0
    near, far = (
        icounts[-1] - icounts[-2],
        icounts[len(icounts) // 2] - icounts[len(icounts) // 2 - 1],
    )
    assert near < far
    for icount in (0, 1, 1999, 3999):
        timeline.seek(icount)
        assert guest.state() == guests.replay(COUNTER, [], icount).state()


def test_inputs_that_fill_the_limit_move_the_beginning() -> None:
    """Prevents inputs that take all memory; nothing but the oldest instants may go."""
    guest, timeline = travel(ECHO)
    timeline.set_limit(16 << 20)
    for _ in range(12):
        timeline.receive(Console.CHANNEL, bytes(1 << 20))
        timeline.run(50)
    assert timeline.start > timeline.began == 0
    assert timeline.size().used <= timeline.size().limit
    end, state = timeline.now, guest.state()
    timeline.seek(timeline.start)
    timeline.seek(end)
    assert guest.state() == state


def test_inputs_of_one_instant_that_fill_the_limit_begin_history_anew() -> None:
    """Prevents memory without bounds where there is no older checkpoint to begin at."""
    _, timeline = travel(COUNTER)
    timeline.set_limit(16 << 20)
    timeline.run(10)
    for _ in range(9):
        timeline.write_memory(0, bytes(1 << 20))
    assert timeline.start == timeline.now == 10
    assert timeline.size().used <= timeline.size().limit


def test_limits_that_are_too_small_are_refused() -> None:
    """Prevents a history without room for two checkpoints."""
    _, timeline = travel(COUNTER)
    with pytest.raises(TimelineError, match="at least"):
        timeline.set_limit(1 << 20)


def test_inputs_keep_their_numbers() -> None:
    """Prevents checkpoints that feed the wrong inputs once old ones are forgotten."""
    log = InputLog()
    for icount in range(6):
        log.append(guests.received(b"x", icount))
    log.forget_before(2)
    log.truncate(5)
    assert len(log) == 5
    assert [log[n].icount for n in (2, 3, 4)] == [2, 3, 4]
    assert [i.icount for i in log.since(3)] == [3, 4]
    log.truncate(2)
    assert log.size == 0
