"""Machines that look ahead in a search through the past: what is found is what is found alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from threading import Event

import guests
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pc_guest import DATA, STI, PcGuest, count, handler, out
from property_examples import examples
from test_timeline import COUNTER, ECHO, WALKS, travel, walk

from blink16 import recording
from blink16.breakpoints import Point, PointKind, Points
from blink16.debugger import Debugger, EventKind, Resume
from blink16.devices.keyboard import Keyboard
from blink16.history.scouts import (
    PATIENCE,
    PATIENCE_ONCE_MADE,
    Errand,
    Expanse,
    Scout,
    Scouts,
    Tract,
    TractState,
    _look_beyond,
    cut,
)
from blink16.history.search import last_hit, last_stop
from blink16.history.terms import Hit, Interrupted
from blink16.history.timeline import Timeline
from blink16.machine import Machine
from blink16.server.sources import ProgramSource
from blink16.setup import loader
from blink16.setup.loader import Options

POINTS = st.lists(
    st.one_of(
        st.builds(Point, st.just(PointKind.EXECUTE), st.integers(0x100, 0x140)),
        st.builds(
            Point,
            st.sampled_from([PointKind.WRITE, PointKind.READ, PointKind.ACCESS]),
            st.sampled_from([0x3000, 0x3101, 0x3200, 0x4000, 0x7FF0, 0x5000]),
            st.integers(1, 16),
        ),
    ),
    min_size=1,
    max_size=3,
)


def sent(make: Callable[[], Machine], points: Points, number: int = 2) -> Scouts:
    """Return scouts for which no search waits."""
    scouts = Scouts(make, points, number)
    scouts.patience = 0
    return scouts


def last(timeline: Timeline, scouts: Scouts | None, rare: int) -> Hit | None:
    """Return the last hit from the end on that counts, which few do."""
    timeline.seek(timeline.end)
    return last_hit(timeline, timeline.start, lambda hit: hit.icount % rare == 0, scouts)


@pytest.mark.parametrize("engine", guests.ENGINES)
@settings(max_examples=examples(40))
@given(guests.programs(), WALKS, POINTS, st.sampled_from([1, 2, 7, 1000]))
def test_a_search_with_scouts_finds_what_one_alone_finds(
    engine: str, code: bytes, steps: list[tuple[str, int]], wanted: list[Point], rare: int
) -> None:
    """Prevents hits that are missed, or found too early, where other threads look ahead."""
    guest, timeline = travel(code, engine)
    for step in steps:
        walk(timeline, step)
    timeline.seek(timeline.end)
    timeline.run(400, through_traps=True)
    points = Points(guest.machine.memory)
    for point in wanted:
        points.insert(point)
    scouts = sent(lambda: guests.make(code, engine).machine, points)
    expected = last(timeline, None, rare)
    assert last(timeline, scouts, rare) == expected
    told: list[list[bytes]] = [[], []]
    for helpers, texts in zip((None, scouts), told, strict=True):
        timeline.seek(timeline.end)
        stop = last_stop(
            timeline,
            timeline.start,
            lambda hit: (hit.icount % rare == 0, b"%d" % hit.icount),
            texts.append,
            helpers,
        )
        assert stop == expected
    assert told[0] == told[1]


# -- whole machines --------------------------------------------------------------------------

SPAN = 6_000


def source(name: str) -> ProgramSource:
    """Return a sample as servers have it."""
    arguments = ("HI",) if name == "banner" else ()
    return ProgramSource(loader.read(name), arguments, Options(engine="native"))


def ran(made: tuple[loader.Loaded, Debugger]) -> Debugger:
    """Return a debugger whose machine has run for a while."""
    debugger = made[1]
    debugger.timeline._pace = guests.TestPace()
    debugger.resume(Resume(count=SPAN))
    return debugger


SAMPLES = ["banner", "crew", "bars", "clock", "tally", "snake"]


@pytest.mark.parametrize("name", SAMPLES)
def test_scouts_of_each_kind_of_machine_are_believed(name: str) -> None:
    """Prevents machines that are made otherwise the second time, so that nobody looks ahead."""
    program = source(name)
    debugger = ran(program.make(program.arguments))
    timeline = debugger.timeline
    tracts = cut(timeline.icounts(), timeline.start, timeline.now, 1)
    expanse = Expanse(tracts)
    assert debugger.scouts is not None
    scout = Scout(debugger.scouts.make)
    point = Point(PointKind.WRITE, 0xA0000)  # nothing is there
    scout.look(Errand(expanse, timeline.history(), (point,), {}))
    assert len(tracts) > 1
    assert expanse.first() is None  # it has looked at all


def test_scouts_of_recordings_are_believed(tmp_path: Path) -> None:
    """Prevents searches through recordings that nobody helps with."""
    path = tmp_path / "session.b16"
    loaded, debugger, recorder = source("tally").record(path, ())
    ran((loaded, debugger))
    recorder.close()
    debugger = recording.replay(recording.open_recording(path), "native")[1]
    timeline = debugger.timeline
    timeline.seek(timeline.end)
    expanse = Expanse(cut(timeline.icounts(), timeline.start, timeline.end, 1))
    assert debugger.scouts is not None
    Scout(debugger.scouts.make).look(Errand(expanse, timeline.history(), (), {}))
    assert expanse.first() is None


KEYS, TICKS, ROUNDS = DATA, DATA + 2, DATA + 4


def ticking_pc() -> PcGuest:
    """Return a PC that counts keys, rounds of a loop, and 1165 ticks a second."""
    ticks = out(0x43, 0x34) + out(0x40, 0x00) + out(0x40, 0x04)
    code = out(0x21, 0xFC) + ticks + STI + count(ROUNDS) * 3 + b"\xeb\xf2"
    handlers = {0: handler(count(TICKS)), 1: handler(b"\xe4\x60" + count(KEYS))}
    return PcGuest(code, handlers, "reference")


def test_interrupts_and_keys_are_the_scouts_too() -> None:
    """Prevents scouts of a PC whose timer ticks and whose keys come at other instants."""
    guest = ticking_pc()
    timeline = Timeline(guest.machine, pace=guests.TestPace())
    for number in range(6):
        timeline.run(900)
        timeline.receive(Keyboard.CHANNEL, bytes((0x1E + number,)))
    timeline.run(900)
    points = Points(guest.machine.memory)
    points.insert(Point(PointKind.WRITE, KEYS))
    scouts = sent(lambda: ticking_pc().machine, points)
    found = []
    while (hit := last_hit(timeline, timeline.start, scouts=scouts)) is not None:
        found.append(hit.icount)
        timeline.seek(hit.icount)
    timeline.seek(timeline.end)
    assert guest.word(TICKS) > guest.word(KEYS) == 6
    alone = []
    while (hit := last_hit(timeline, timeline.start)) is not None:
        alone.append(hit.icount)
        timeline.seek(hit.icount)
    assert found == alone
    assert len(found) == 6
    expanse = Expanse(cut(timeline.icounts(), timeline.start, timeline.end, 500))
    Scout(lambda: ticking_pc().machine).look(Errand(expanse, timeline.history(), tuple(points), {}))
    dirty = 0
    while (first := expanse.first()) is not None:
        assert first[1] is TractState.HITS
        expanse.tell(first[0], ())
        dirty += 1
    assert dirty == 6


# -- what goes wrong -------------------------------------------------------------------------


def searched(make: Callable[[], Machine]) -> list[int]:
    """Return all that a search with such scouts finds, backward."""
    guest, timeline = travel(ECHO)
    for letter in b"abc":
        timeline.receive("console", bytes((letter,)))
        timeline.run(20)
    timeline.run(900)
    points = Points(guest.machine.memory)
    points.insert(Point(PointKind.EXECUTE, guests.CODE + 2))
    scouts = sent(make, points)
    found = []
    while (hit := last_hit(timeline, timeline.start, scouts=scouts)) is not None:
        found.append(hit.icount)
        timeline.seek(hit.icount)
    return found


def _impossible() -> Machine:
    raise OSError("no memory")


def _other() -> Machine:
    return guests.make(COUNTER[2:]).machine


def _bare() -> Machine:
    return Machine.bare("reference")


@pytest.mark.parametrize("make", [_impossible, _other, _bare])
def test_scouts_that_are_of_no_use_change_nothing(make: Callable[[], Machine]) -> None:
    """Prevents a search that waits for ever, fails, or believes a machine that is another."""
    assert searched(make) == searched(lambda: guests.make(ECHO).machine)


def test_a_machine_that_replays_otherwise_is_not_believed() -> None:
    """Prevents the word of a machine that goes other ways than the one that is asked about."""
    _, timeline = travel(COUNTER)
    timeline.run(1000)

    def otherwise() -> Machine:
        machine = guests.make(COUNTER).machine
        run = machine.run

        def slower(*arguments: object, **more: object) -> object:
            stop = run(*arguments, **more)  # type: ignore[arg-type]
            machine.registers.dx = 1
            return stop

        machine.run = slower  # type: ignore[assignment, method-assign]
        return machine

    expanse = Expanse(cut(timeline.icounts(), 0, 1000, 40))
    Scout(otherwise).look(Errand(expanse, timeline.history(), (), {}))
    first = expanse.first()
    assert first is not None
    assert first[1] is TractState.NOTHING_YET


def test_a_request_to_stop_ends_a_search_with_scouts() -> None:
    """Prevents Ctrl-C that waits for other threads, and a machine that is left anywhere."""
    guest, timeline = travel(COUNTER)
    timeline.run(2000)
    points = Points(guest.machine.memory)
    points.insert(Point(PointKind.EXECUTE, guests.CODE))
    scouts = sent(lambda: guests.make(COUNTER).machine, points)

    def accept(hit: Hit) -> bool:
        if hit.icount < 1500:
            timeline.interrupt()
        return False

    with pytest.raises(Interrupted):
        last_hit(timeline, 0, accept, scouts)
    assert 0 < timeline.now <= 1600
    assert last_hit(timeline, 0, lambda hit: hit.icount < 100, scouts) is not None


def test_a_scout_on_its_way_home_is_sent_again() -> None:
    """Prevents a search that goes alone since the last one ended a moment ago, and what a scout
    was to do for one that is over.
    """
    _, timeline = travel(COUNTER)
    timeline.run(2000)
    history = timeline.history()
    errands = [
        Errand(Expanse(cut(timeline.icounts(), 0, 2000, 40)), history, (), {}) for _ in range(3)
    ]
    begun: list[Errand] = []
    has_begun, may_end, is_over = Event(), Event(), Event()

    class Slow(Scout):
        def look(self, errand: Errand) -> None:
            begun.append(errand)
            if errand is errands[0]:
                has_begun.set()
                may_end.wait()
                raise Interrupted
            super().look(errand)
            is_over.set()

    scout = Slow(lambda: guests.make(COUNTER).machine)
    scout.send(errands[0])
    assert has_begun.wait(60)
    scout.recall()
    scout.send(errands[1])
    scout.recall()
    scout.send(errands[2])
    may_end.set()
    assert is_over.wait(60)
    assert begun == [errands[0], errands[2]]
    assert errands[2].expanse.first() is None  # all is looked at


def test_the_debugger_sends_scouts_with_conditions_and_actions() -> None:
    """Prevents conditions that scouts forget, and what breakpoints print in another order."""
    program = source("bars")
    events = []
    for patience in (1e9, 0.0):
        debugger = ran(program.make(()))
        assert debugger.scouts is not None
        debugger.scouts.patience = patience
        printed: list[bytes] = []
        debugger.on_print = printed.append
        pc_there = debugger.machine.pc
        debugger.insert(
            Point(PointKind.EXECUTE, pc_there), lambda machine: machine.icount < SPAN // 2
        )
        event = debugger.resume(Resume(backward=True))
        at = debugger.timeline.now
        debugger.insert(
            Point(PointKind.EXECUTE, pc_there), None, lambda machine: b"%d " % machine.icount
        )
        end = debugger.resume(Resume(backward=True))
        events.append((event, at, end, b"".join(printed)))
    assert events[0] == events[1]
    assert isinstance(events[0][2], type(events[0][0]))
    assert events[0][2].kind is EventKind.HISTORY_START  # type: ignore[union-attr]


def test_a_made_scout_is_sent_sooner() -> None:
    """Prevents a search of a tenth of a second from going a third of it alone, and a machine that
    is made for one of a millisecond.
    """
    debugger = ran(source("bars").make(()))
    timeline = debugger.timeline
    assert debugger.scouts is not None
    scouts = Scouts(debugger.scouts.make, Points(debugger.machine.memory), 1)
    assert not scouts.is_time(PATIENCE_ONCE_MADE, 2 * PATIENCE)
    assert scouts.is_time(PATIENCE, 0)
    expanse = Expanse(cut(timeline.icounts(), timeline.start, timeline.end, timeline.stride))
    scouts._scouts[0].look(Errand(expanse, timeline.history(), (), {}))
    assert scouts.is_time(PATIENCE_ONCE_MADE, 0)
    assert scouts.is_time(0, PATIENCE_ONCE_MADE)  # by what it would do alone
    assert not scouts.is_time(PATIENCE_ONCE_MADE / 2, 0)


# -- the parts -------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 1000), unique=True), st.integers(0, 1000), st.integers(1, 300))
def test_tracts_cover_all_once(icounts: list[int], low: int, stride: int) -> None:
    """Prevents instants at which nobody looks."""
    tracts = cut(sorted(icounts), low, 1001, stride)
    assert tracts[0].high == 1001
    assert tracts[-1].low == low
    assert all(newer.low == older.high for newer, older in pairwise(tracts))
    assert all(tract.high > tract.low for tract in tracts)
    assert all(tract.high - tract.low >= stride for tract in tracts[:-1])


def test_the_newest_tract_is_handed_out_first() -> None:
    """Prevents scouts that look far away while the hit is near, and tracts that are lost."""
    tracts = [Tract(20, 30), Tract(10, 20), Tract(0, 10)]
    expanse = Expanse(tracts)
    assert expanse.take() == tracts[0]
    assert expanse.first() == (tracts[0], TractState.SOUGHT)
    assert expanse.take() == tracts[1]
    expanse.tell(tracts[1], ())
    expanse.give_back(tracts[0])  # somebody was called off
    assert expanse.first() == (tracts[0], TractState.NOTHING_YET)
    assert expanse.take() == tracts[2]
    expanse.tell(tracts[2], [Tract(7, 8), Tract(0, 7)])
    assert not expanse.has_found()  # the newest is being searched
    expanse.tell(tracts[0], ())
    assert expanse.has_found()
    assert expanse.first() == (Tract(7, 8), TractState.HITS)
    expanse.tell(Tract(7, 8), ())
    assert expanse.first() == (Tract(0, 7), TractState.HITS)
    expanse.close()
    assert expanse.take() is None
    expanse.tell(Tract(0, 7), ())
    assert expanse.first() is None
    assert not expanse.has_found()


LOOKED_AT = Tract(500, 1000)
SETTER = b"\x40" * 700 + bytes.fromhex("a30060 ebfe")
"""inc ax, 700 times; mov [6000h], ax; jmp $."""


def looked_at(
    code: bytes, point: Point, is_wanted: Callable[[], bool] = lambda: True
) -> tuple[Tract, TractState] | None:
    """Return what is known after one look at a part of what a program did."""
    guest, timeline = travel(code)
    timeline.run(1000)
    points = Points(guest.machine.memory)
    points.insert(point)
    expanse = Expanse([LOOKED_AT])
    assert expanse.take() == LOOKED_AT
    expanse.look(LOOKED_AT, timeline, is_wanted)
    return expanse.first()


@pytest.mark.parametrize(
    "point", [Point(PointKind.WRITE, 0x6000, 2), Point(PointKind.EXECUTE, guests.CODE + 700)]
)
def test_a_look_tells_where_a_single_hit_is(point: Point) -> None:
    """Prevents a search that replays all of a tract again in which a scout met the only hit."""
    assert looked_at(SETTER, point) == (Tract(700, 701), TractState.HITS)


def test_a_look_ends_at_the_second_hit() -> None:
    """Prevents a scout that counts hits which the search is to judge one by one."""
    hot = Point(PointKind.WRITE, 0x4000, 2)
    assert looked_at(COUNTER, hot) == (LOOKED_AT, TractState.HITS)


def test_a_look_without_hits_leaves_nothing() -> None:
    """Prevents a search through what a scout has found empty."""
    assert looked_at(SETTER, Point(PointKind.WRITE, 0x6002, 2)) is None


def test_a_look_that_is_not_wanted_any_more_ends() -> None:
    """Prevents a tract that is lost because somebody was called off."""
    point = Point(PointKind.EXECUTE, guests.CODE + 700)
    expected = LOOKED_AT, TractState.NOTHING_YET
    assert looked_at(SETTER, point, lambda: False) == expected


def test_what_lies_beyond_a_hit_is_left_alone() -> None:
    """Prevents a hit that waits until our own look at what lies beyond it is over."""
    _, timeline = travel(SETTER)
    timeline.run(1000)
    first, beyond = Tract(600, 1000), Tract(200, 600)
    expanse = Expanse([first, beyond])
    assert expanse.take() == first
    expanse.tell(first, [first])  # by a scout, just now
    _look_beyond(timeline, expanse, first)
    assert timeline.now < beyond.high
    assert expanse.take() == beyond
