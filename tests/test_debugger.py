"""What a debugger sees: events, forward and backward."""

from __future__ import annotations

import guests
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.breakpoints import MAX_POINTS, MAX_WATCH_LENGTH, Point, PointError, PointKind, Points
from blink16.console import Console
from blink16.cpu.engine import StopReason
from blink16.debugger import WAITING, Debugger, Event, EventKind, Resume
from blink16.history import Timeline
from blink16.memory import PAGE_SHIFT, RAM_SIZE, Access, Attribute, Memory, PageState

FORWARD = Resume()
BACKWARD = Resume(backward=True)
STEP = Resume(count=1)
STEP_BACK = Resume(backward=True, count=1)

COUNTER = bytes.fromhex("ff0600404050 58ebf7".replace(" ", ""))
"""0100 inc word [4000h]; 0104 inc ax; 0105 push ax; 0106 pop ax; 0107 jmp 0100."""
LENGTH = 5
"""Instructions in one turn of the loop."""


def debug(code: bytes, engine: str = "reference") -> tuple[guests.TestGuest, Debugger]:
    """Return a guest under a debugger whose history has many checkpoints."""
    guest = guests.make(code, engine)
    timeline = Timeline(guest.machine, pace=guests.TestPace())
    return guest, Debugger(guest.machine, timeline=timeline)


def at(address: int) -> Point:
    """Return a breakpoint."""
    return Point(PointKind.EXECUTE, address)


# -- forward ------------------------------------------------------------------------------------


def test_counts_are_exact() -> None:
    """Prevents `stepi 1000` from stepping more or less."""
    guest, debugger = debug(COUNTER)
    assert debugger.resume(Resume(count=1000)) == Event(EventKind.STEPPED)
    assert guest.machine.icount == 1000


def test_a_breakpoint_stops_before_its_instruction_each_time() -> None:
    """Prevents a breakpoint that stops twice in one place, or never again."""
    guest, debugger = debug(COUNTER)
    debugger.insert(at(0x104))
    for turn in range(3):
        assert debugger.drive(FORWARD).kind is EventKind.BREAKPOINT
        assert (guest.machine.pc, guest.machine.icount) == (0x104, LENGTH * turn + 1)


def test_a_watchpoint_stops_behind_the_write_and_names_it() -> None:
    """Prevents a watchpoint that gdb can't attribute."""
    guest, debugger = debug(COUNTER)
    point = Point(PointKind.WRITE, 0x3FFE, 4)
    debugger.insert(point)
    event = debugger.resume(FORWARD)
    assert event == Event(EventKind.WATCHPOINT, point, 0x4000, Access.WRITE)
    assert guest.machine.icount == 1


def test_range_stepping_stops_outside() -> None:
    """Prevents `next` from a single step at a time over the wire, or from running away."""
    guest, debugger = debug(COUNTER)
    assert debugger.drive(Resume(step_range=(0x100, 0x105))).kind is EventKind.STEPPED
    assert guest.machine.pc == 0x105


def test_range_stepping_heeds_breakpoints() -> None:
    """Prevents a breakpoint on the same source line from being stepped over."""
    guest, debugger = debug(COUNTER)
    debugger.insert(at(0x104))
    assert debugger.drive(Resume(step_range=(0x100, 0x10A))).kind is EventKind.BREAKPOINT
    assert guest.machine.pc == 0x104


def test_the_program_ends_in_two_steps() -> None:
    """Prevents a post-mortem without a corpse: at EXITING the machine is still there."""
    guest, debugger = debug(bytes.fromhex("b007") + bytes((0xCD, guests.EXIT)))
    assert debugger.resume(FORWARD) == Event(EventKind.EXITING, status=7)
    exit_at = guest.machine.icount
    assert debugger.drive(STEP_BACK).kind is EventKind.STEPPED
    assert debugger.drive(FORWARD).kind is EventKind.EXITING
    assert debugger.resume(FORWARD) == Event(EventKind.EXITED, status=7)
    assert debugger.resume(FORWARD) == Event(EventKind.EXITED, status=7)
    assert guest.machine.icount == exit_at


def test_a_resumable_trap_is_passed_with_the_next_resume() -> None:
    """Prevents a program that can't get past its own INT 3."""
    guest, debugger = debug(bytes((0xCD, guests.TRAP)) + COUNTER)
    assert debugger.resume(FORWARD) == Event(EventKind.SIGNALLED, signal=5, text="trap")
    assert debugger.drive(STEP).kind is EventKind.STEPPED
    assert guest.machine.pc == 0x102
    assert debugger.drive(Resume(count=10)).kind is EventKind.STEPPED


def test_a_fatal_trap_kills_with_the_next_resume() -> None:
    """Prevents a divide error that stops the machine for ever at the same place."""
    _, debugger = debug(bytes((0xCD, guests.FAULT)))
    assert debugger.drive(FORWARD).kind is EventKind.SIGNALLED
    assert debugger.resume(FORWARD) == Event(EventKind.KILLED, signal=8, text="fault")
    assert debugger.drive(STEP_BACK).kind is EventKind.STEPPED
    assert debugger.drive(FORWARD).kind is EventKind.SIGNALLED


def test_a_changed_pc_leads_out_of_a_fatal_trap() -> None:
    """Prevents `jump` after a fault from being taken for the program's end."""
    guest, debugger = debug(bytes((0xCD, guests.FAULT)) + COUNTER)
    debugger.resume(FORWARD)
    debugger.write_register("cs", 0)
    debugger.write_register("ip", 0x102)
    assert debugger.drive(Resume(count=9)).kind is EventKind.STEPPED
    state = guest.state()
    debugger.timeline.seek(0)
    debugger.timeline.seek(debugger.timeline.end)
    assert guest.state() == state


def test_halt_is_a_stop() -> None:
    """Prevents a halted machine that looks like one that runs."""
    _, debugger = debug(bytes.fromhex("f4"))
    assert debugger.drive(FORWARD).kind is EventKind.HALTED
    assert debugger.drive(FORWARD).kind is EventKind.HALTED


def test_waiting_goes_on_with_its_count() -> None:
    """Prevents `stepi N` from starting to count anew after each key."""
    guest, debugger = debug(bytes((0xCD, guests.READ)) + COUNTER)
    how = Resume(count=10)
    assert debugger.resume(how) is WAITING
    assert debugger.resume(how) is WAITING
    debugger.receive(Console.CHANNEL, b"x")
    assert debugger.drive(how).kind is EventKind.STEPPED
    assert guest.machine.icount == 10


def test_an_interrupted_wait_is_over() -> None:
    """Prevents the next `stepi N` from taking the rest of an older one for its count."""
    guest, debugger = debug(bytes((0xCD, guests.READ)) + COUNTER)
    how = Resume(count=10)
    debugger.resume(how)
    debugger.interrupt()
    assert debugger.drive(how).kind is EventKind.INTERRUPTED
    debugger.receive(Console.CHANNEL, b"x")
    debugger.resume(Resume(count=10))
    assert guest.machine.icount == 11


# -- requests to stop ---------------------------------------------------------------------------


@pytest.mark.parametrize("how", [FORWARD, STEP, BACKWARD, STEP_BACK])
def test_a_request_before_the_resume_stops_it_at_once(how: Resume) -> None:
    """Prevents a Ctrl-C that comes early from being lost."""
    _, debugger = debug(COUNTER)
    debugger.resume(Resume(count=1000))
    debugger.insert(at(0x999))
    debugger.interrupt()
    event = debugger.drive(how)
    assert event.kind in (EventKind.INTERRUPTED, EventKind.STEPPED)
    assert abs(debugger.machine.icount - 1000) <= 1


def test_a_request_ends_with_the_resume_it_meets() -> None:
    """Prevents a late Ctrl-C from stopping a later run."""
    _, debugger = debug(bytes((0xCD, guests.EXIT)))
    debugger.resume(FORWARD)
    debugger.interrupt()
    assert debugger.drive(FORWARD).kind is EventKind.EXITED
    debugger.resume(STEP_BACK)
    assert debugger.drive(FORWARD).kind is EventKind.EXITING


def test_an_interrupted_search_stands_where_it_has_searched_to() -> None:
    """Prevents a Ctrl-C in a reverse search from skipping hits that were not yet looked for."""
    guest, debugger = debug(COUNTER)
    debugger.resume(Resume(count=1000))
    debugger.insert(Point(PointKind.WRITE, 0x3000, 1))
    looked = 0
    before = debugger.timeline.before

    def before_and_stop(icount: int) -> int:
        nonlocal looked
        looked += 1
        if looked == 5:
            debugger.interrupt()
        return before(icount)

    debugger.timeline.before = before_and_stop  # type: ignore[method-assign]
    assert debugger.drive(BACKWARD).kind is EventKind.INTERRUPTED
    assert 0 < guest.machine.icount < 1000
    assert guest.state() == guests.replay(COUNTER, [], guest.machine.icount).state()
    assert debugger.drive(BACKWARD).kind is EventKind.HISTORY_START


# -- backward -----------------------------------------------------------------------------------


def test_a_watchpoint_backward_undoes_the_write() -> None:
    """Prevents a reverse watchpoint that shows the value it was to find the writer of."""
    guest, debugger = debug(COUNTER)
    debugger.resume(Resume(count=12))
    point = Point(PointKind.WRITE, 0x4000, 2)
    debugger.insert(point)
    event = debugger.resume(BACKWARD)
    assert event == Event(EventKind.WATCHPOINT, point, 0x4000, Access.WRITE)
    assert (guest.machine.icount, guest.machine.pc) == (10, 0x100)
    assert guest.machine.memory.read_word(0x4000) == 2


def test_backward_without_a_hit_ends_at_the_start() -> None:
    """Prevents a reverse-continue that fails where gdb expects the end of history."""
    guest, debugger = debug(COUNTER)
    before = guest.state()
    debugger.resume(Resume(count=100))
    assert debugger.drive(BACKWARD).kind is EventKind.HISTORY_START
    assert guest.state() == before
    assert debugger.drive(STEP_BACK).kind is EventKind.HISTORY_START


def test_counts_backward_stop_at_points() -> None:
    """Prevents `reverse-stepi 1000` from passing the breakpoint one is looking for."""
    guest, debugger = debug(COUNTER)
    debugger.resume(Resume(count=100))
    assert debugger.drive(Resume(backward=True, count=30)).kind is EventKind.STEPPED
    assert guest.machine.icount == 70
    debugger.insert(at(0x106))
    assert debugger.drive(Resume(backward=True, count=30)).kind is EventKind.BREAKPOINT
    assert guest.machine.icount == 68
    assert debugger.drive(Resume(backward=True, count=1000)).kind is EventKind.BREAKPOINT
    debugger.remove_all()
    assert debugger.drive(Resume(backward=True, count=1000)).kind is EventKind.HISTORY_START


def test_range_stepping_backward_stops_outside() -> None:
    """Prevents reverse range steps from ending within the range."""
    guest, debugger = debug(COUNTER)
    debugger.resume(Resume(count=9))
    debugger.resume(Resume(backward=True, step_range=(0x104, 0x109)))
    assert (guest.machine.icount, guest.machine.pc) == (5, 0x100)


@pytest.mark.parametrize("engine", guests.ENGINES)
@settings(max_examples=examples(60))
@given(
    guests.programs(),
    st.lists(st.integers(0x100, 0x130), max_size=3),
    st.lists(
        st.tuples(st.sampled_from(list(PointKind)[2:]), st.integers(0x2FFE, 0x3400)), max_size=2
    ),
    st.binary(max_size=5),
)
def test_reverse_continue_finds_the_hits_of_a_forward_log(
    engine: str,
    code: bytes,
    breakpoints: list[int],
    watches: list[tuple[PointKind, int]],
    typed: bytes,
) -> None:
    """Prevents a hit that is missed, found twice, or found in a wrong order going backward."""
    points = [at(address) for address in breakpoints]
    points += [Point(kind, address, 16) for kind, address in watches]
    guest, debugger = debug(code, engine)
    debugger.receive(Console.CHANNEL, typed)
    debugger.timeline.run(400, through_traps=True)
    for point in points:
        debugger.insert(point)
    hits = forward_log(code, debugger, points)
    while hits:
        event = debugger.drive(BACKWARD)
        assert (guest.machine.icount, event.kind is EventKind.WATCHPOINT) == hits.pop()
    assert debugger.drive(BACKWARD).kind is EventKind.HISTORY_START


def forward_log(code: bytes, debugger: Debugger, points: list[Point]) -> list[tuple[int, bool]]:
    """Step a fresh guest through the same run and note each hit (a watch, if both)."""
    inputs = debugger.timeline.inputs()
    guest = guests.replay(code, inputs, 0)
    set_points = Points(guest.machine.memory)
    for point in points:
        set_points.insert(point)
    hits = []
    machine = guest.machine
    while machine.icount < debugger.timeline.end:
        here = machine.icount
        stands = bool(machine.memory.attributes[machine.pc] & Attribute.BREAKPOINT)
        stop = machine.run(1, skip_breakpoint=True, through_traps=True)
        watched = stop.reason is StopReason.WATCHPOINT
        if stands or watched:
            hits.append((here, watched))
    return hits


def test_crowds_of_hits_are_not_all_visited() -> None:
    """Prevents a breakpoint in a hot loop from making a short way back long."""
    guest, debugger = debug(COUNTER)
    debugger.resume(Resume(count=20_000))
    debugger.timeline._past.ring.limit = 0
    debugger.timeline._past.stay_within_limit()  # one long stretch is left
    debugger.insert(at(0x104))
    calls = 0
    run = guest.machine.run

    def counting(*args: int, **kwargs: bool) -> object:
        nonlocal calls
        calls += 1
        return run(*args, **kwargs)

    guest.machine.run = counting  # type: ignore[assignment, method-assign]
    assert debugger.drive(BACKWARD).kind is EventKind.BREAKPOINT
    assert guest.machine.icount == 19_996
    assert calls < 3_000


# -- changes ------------------------------------------------------------------------------------


def test_a_change_in_the_past_is_announced() -> None:
    """Prevents the recorded future from vanishing without a word."""
    _, debugger = debug(COUNTER)
    said: list[str] = []
    debugger.on_notice = said.append
    debugger.resume(Resume(count=100))
    debugger.write_memory(0x3000, b"x")
    assert not said
    debugger.resume(Resume(backward=True, count=40))
    debugger.write_register("ax", 1)
    assert said == ["changed the past: 40 recorded instructions ahead are dropped"]


def test_memory_is_cut_off_at_its_end() -> None:
    """Prevents reads and writes that wrap round to address 0 unseen."""
    _, debugger = debug(COUNTER)
    debugger.write_memory(0xFFFFE, b"abcd")
    assert debugger.read_memory(0xFFFFE, 10) == b"ab"
    assert debugger.read_memory(0, 2) == bytes(2)
    debugger.write_memory(0x100000, b"x")
    assert debugger.read_memory(0x100000, 4) == b""


def test_unknown_registers_are_refused() -> None:
    """Prevents an attribute of any name from being set from outside."""
    _, debugger = debug(COUNTER)
    with pytest.raises(ValueError, match="no register 'icount'"):
        debugger.write_register("icount", 5)


# -- points -------------------------------------------------------------------------------------


def test_overlapping_points_keep_their_attributes() -> None:
    """Prevents one point's removal from disarming another."""
    memory = Memory()
    points = Points(memory)
    points.insert(Point(PointKind.WRITE, 0x10, 4))
    points.insert(Point(PointKind.ACCESS, 0x12, 4))
    points.remove(Point(PointKind.ACCESS, 0x12, 4))
    assert memory.attributes[0x13] == Attribute.WATCH_WRITE
    assert memory.attributes[0x14] == 0
    assert memory.pages[0] & PageState.WATCH_WRITE
    points.clear()
    assert not memory.pages[0]


def test_points_can_be_replaced_for_a_while() -> None:
    """Prevents a query about the past from leaving the user's points disarmed."""
    memory = Memory()
    points = Points(memory)
    points.insert(at(0x100))
    with points.replaced([at(0x200)]):
        assert (memory.attributes[0x100], memory.attributes[0x200]) == (0, Attribute.BREAKPOINT)
    assert (memory.attributes[0x100], memory.attributes[0x200]) == (Attribute.BREAKPOINT, 0)
    assert len(points) == 1


@pytest.mark.parametrize(
    "point",
    [at(-1), at(1 << 20), Point(PointKind.WRITE, 0, 0), Point(PointKind.READ, 0, 1 << 17)],
)
def test_impossible_points_are_refused(point: Point) -> None:
    """Prevents a client's numbers from reaching beyond memory."""
    _, debugger = debug(COUNTER)
    with pytest.raises(PointError):
        debugger.insert(point)


def test_the_number_of_points_is_bounded() -> None:
    """Prevents a client from setting points without end."""
    points = Points(Memory())
    for address in range(MAX_POINTS):
        points.insert(at(address))
    points.insert(at(0))
    with pytest.raises(PointError, match="already"):
        points.insert(at(MAX_POINTS))


def test_watching_all_of_memory_is_the_limit() -> None:
    """Prevents a client's watchpoints from stopping the server for seconds at each seek."""
    memory = Memory()
    memory.end = RAM_SIZE
    points = Points(memory)
    for start in range(0, RAM_SIZE, MAX_WATCH_LENGTH):
        points.insert(Point(PointKind.ACCESS, start, MAX_WATCH_LENGTH))
    assert memory.read_watches == RAM_SIZE
    with pytest.raises(PointError, match="can't be watched"):
        points.insert(Point(PointKind.WRITE, 0))
    points.insert(at(0))
    with points.replaced():
        assert memory.read_watches == 0
        assert not any(memory.pages)
    points.clear()
    assert not any(memory.pages)
    assert set(bytes(memory.attributes)) == {0, Attribute.LAST}


@given(st.data())
def test_pages_know_what_is_watched_in_them(data: st.DataObject) -> None:
    """Prevents a store from being missed, or slowed for ever, at the edges of a stretch."""
    memory = Memory()
    marked: set[int] = set()
    for _ in range(6):
        start, length = data.draw(st.integers(0, 1000)), data.draw(st.integers(1, 600))
        if data.draw(st.booleans()):
            memory.mark(start, Attribute.WATCH_READ, length)
            marked |= {*range(start, start + length)}
        else:
            memory.unmark(start, Attribute.WATCH_READ, length)
            marked -= {*range(start, start + length)}
        watched = {n for n, a in enumerate(memory.attributes[:2048]) if a & Attribute.WATCH_READ}
        assert watched == marked
        assert memory.read_watches == len(marked)
        pages = {n for n, page in enumerate(memory.pages) if page & PageState.WATCH_READ}
        assert pages == {address >> PAGE_SHIFT for address in marked}
