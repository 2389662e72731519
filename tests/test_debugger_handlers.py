"""Steps through a range, where interrupts of devices come on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import count

import guests
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pc_guest import CODE, DATA, HANDLERS, PcGuest
from property_examples import examples

from blink16.breakpoints import MAX_POINTS, Point, PointKind
from blink16.cpu.native.compiler import submit
from blink16.debugger import Debugger, Event, EventKind, Resume
from blink16.gdbstub.agent import AgentCondition
from blink16.history import Timeline

PROGRAM = bytes.fromhex(
    "b034 e643 b090 e640 b001 e640"  # counter 0 asks 3000 times a second
    "fb"  # 050c sti
    "e80900"  # 050d call work
    "cd60 ff0600 47"  # 0510 int 60h; inc word [4700h]
    "ebf5"  # 0516 jmp 050d
    "90"
    "50 b90300 e2fe 58 c3"  # 0519 work: push ax; mov cx, 3; loop $; pop ax; ret
)
SERVICE = b"\x40\xcf"  # inc ax; iret
HANDLER = bytes.fromhex(
    "50 ff060040 e80500"  # push ax; inc word [4000h]; call eoi
    "90 58 cf 90 90"
    "b020 e620 c3"  # eoi: mov al, 20h; out 20h, al; ret
)
IRET = HANDLERS + HANDLER.index(0xCF)
LENGTH = 3000
"""Instructions that are looked at."""
Range = tuple[int, int]
LOOP, WORK = (0x50D, 0x518), (0x519, 0x521)


def debug(engine: str = "reference") -> tuple[PcGuest, Debugger]:
    """Return a PC whose timer interrupts, about to begin."""
    guest = PcGuest(PROGRAM, {0: HANDLER}, engine)
    guest.machine.memory.write(0x700, SERVICE)
    guest.machine.set_vector(0x60, 0, 0x700)
    return guest, Debugger(guest.machine, timeline=Timeline(guest.machine, pace=guests.TestPace()))


@cache
def places() -> Sequence[int]:
    """Return where the machine stands at each instant."""
    guest, debugger = debug()
    found = []
    for _ in range(LENGTH):
        found.append(guest.machine.pc)
        debugger.resume(Resume(count=1))
    return found


def is_handler(pc: int) -> bool:
    """Whether an address is the handler's."""
    return HANDLERS <= pc < HANDLERS + len(HANDLER)


def is_end(pc: int, bounds: Range) -> bool:
    """Whether a step through a range of the program's ends there."""
    return not is_handler(pc) and not bounds[0] <= pc < bounds[1]


def test_the_timer_comes_everywhere_in_the_program() -> None:
    """Prevents tests in which no interrupt, or always the same instruction, is met."""
    pairs = zip(places(), places()[1:], strict=False)
    interrupted = {before for before, after in pairs if after == HANDLERS}
    assert {0x50D, 0x512, 0x51D} <= interrupted
    pairs = zip(places(), places()[1:], strict=False)
    assert {0x510, 0x519} <= {after for before, after in pairs if before == IRET}


@pytest.mark.parametrize("engine", guests.ENGINES)
@settings(max_examples=examples(30))
@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from([LOOP, WORK, (0x50D, 0x510), (0x51D, 0x51F)])),
        min_size=1,
        max_size=40,
    )
)
@example([(False, LOOP)] * 60 + [(True, LOOP)] * 60)
@example([(False, WORK)] * 60 + [(True, WORK)] * 60)
def test_a_step_through_a_range_passes_over_handlers(
    engine: str, steps: list[tuple[bool, Range]]
) -> None:
    """Prevents `next` from ending in a tick's handler, and from missing where it was to end."""
    guest, debugger = debug(engine)
    now = places().index(0x50D) + 200
    now += next(i for i in count() if not is_handler(places()[now + i]))
    debugger.resume(Resume(count=now))
    for backward, bounds in steps:
        way = range(now - 1, 0, -1) if backward else range(now + 1, LENGTH)
        goal = next((i for i in way if is_end(places()[i], bounds)), None)
        if goal is None or goal < places().index(0x50D):
            return
        event = debugger.drive(Resume(backward=backward, step_range=bounds))
        assert (event, guest.machine.icount) == (Event(EventKind.STEPPED), goal)
        now = goal


def before_a_tick(debugger: Debugger, guest: PcGuest) -> int:
    """Go to where a tick will come behind the next instruction; return that instant."""
    tick = next(i for i in range(500, LENGTH) if places()[i] == HANDLERS) - 1
    debugger.resume(Resume(count=tick))
    assert guest.machine.icount == tick
    return tick


AT_ENTRY = Point(PointKind.EXECUTE, HANDLERS)
WITHIN = Point(PointKind.EXECUTE, HANDLERS + HANDLER.index(b"\xb0\x20"))
COUNTING = Point(PointKind.WRITE, DATA, 2)


@pytest.mark.parametrize("point", [AT_ENTRY, WITHIN, COUNTING])
@pytest.mark.parametrize("engine", guests.ENGINES)
def test_points_in_a_handler_stop_a_step_that_passes_over_it(engine: str, point: Point) -> None:
    """Prevents a breakpoint in a handler, or a watched variable of its, from being passed over."""
    guest, debugger = debug(engine)
    tick = before_a_tick(debugger, guest)
    everywhere = CODE, HANDLERS
    debugger.insert(point)
    event = debugger.drive(Resume(step_range=everywhere))
    kind = EventKind.BREAKPOINT if point.kind is PointKind.EXECUTE else EventKind.WATCHPOINT
    assert event.kind is kind
    assert guest.machine.icount > tick
    assert is_handler(guest.machine.pc)
    debugger.remove(point)
    debugger.drive(Resume(step_range=(HANDLERS, HANDLERS + 0x100)))
    assert not is_handler(guest.machine.pc)
    debugger.insert(point)
    event = debugger.drive(Resume(backward=True, step_range=everywhere))
    assert event.kind is kind
    assert guest.machine.icount > tick
    assert is_handler(guest.machine.pc)


def test_a_breakpoint_in_the_range_stops_a_step_backward() -> None:
    """Prevents a step back through a range from passing a breakpoint that one forward minds."""
    guest, debugger = debug()
    debugger.resume(Resume(count=places().index(0x520)))
    debugger.insert(Point(PointKind.EXECUTE, 0x51A))
    event = debugger.drive(Resume(backward=True, step_range=WORK))
    assert (event.kind, guest.machine.pc) == (EventKind.BREAKPOINT, 0x51A)


def fill_points(debugger: Debugger) -> None:
    """Set as many points as there can be, none of them on the way."""
    addresses = count(0x20000)
    while len(debugger.points) < MAX_POINTS:
        debugger.insert(Point(PointKind.EXECUTE, next(addresses)))


def ask_for_stop(debugger: Debugger) -> None:
    """Press Ctrl-C."""
    debugger.interrupt()


@pytest.mark.parametrize("prepare", [fill_points, ask_for_stop])
@pytest.mark.parametrize("backward", [False, True])
def test_what_is_in_the_way_of_passing_over_leaves_the_debugger_whole(
    prepare: Callable[[Debugger], None], backward: bool
) -> None:
    """Prevents a debugger that has lost its place, or keeps a point of ours."""
    guest, debugger = debug()
    tick = before_a_tick(debugger, guest)
    if backward:
        debugger.drive(Resume(step_range=(CODE, 0x700)))
    prepare(debugger)
    points = list(debugger.points)
    debugger.drive(Resume(backward=backward, step_range=(CODE, 0x700)))
    assert list(debugger.points) == points
    debugger.remove_all()
    debugger.seek(tick)
    assert guest.machine.pc == places()[tick]
    debugger.resume(Resume(count=1))
    assert guest.machine.pc == HANDLERS


KEY_HANDLER = bytes.fromhex("50 e460 b020 e620 58 cf")  # in al, 60h; EOI
KEY_PRESSED = b"\x1e"


@pytest.mark.parametrize("engine", guests.ENGINES)
@pytest.mark.parametrize(
    "how", [Resume(count=500), Resume(count=1), Resume(step_range=(CODE + 2, CODE + 4))]
)
def test_a_key_that_came_while_the_machine_stood_stops_at_its_handler(
    engine: str, how: Resume
) -> None:
    """Prevents the missing of a breakpoint at a handler: its interrupt is taken as the run begins,
    and what stands there then is none that the user has stopped at.
    """
    guest = PcGuest(bytes.fromhex("fb 40 ebfd"), {1: KEY_HANDLER}, engine)  # sti; inc ax; jmp
    machine = guest.machine
    debugger = Debugger(machine, timeline=Timeline(machine, pace=guests.TestPace()))
    debugger.resume(Resume(count=20))
    entry = machine.memory.linear(*(machine.memory.read_word(9 * 4 + at) for at in (2, 0)))
    debugger.insert(Point(PointKind.EXECUTE, entry))
    debugger.receive("keyboard", KEY_PRESSED)
    event = debugger.drive(how)
    assert (event.kind, machine.pc, machine.icount) == (EventKind.BREAKPOINT, entry, 20)
    debugger.drive(Resume(step_range=(entry, entry + 0x100)))
    assert CODE < machine.pc < CODE + 4
    event = debugger.drive(Resume(backward=True))
    assert (event.kind, machine.icount) == (EventKind.BREAKPOINT, 20)


def test_a_condition_where_a_handler_returns_does_not_hide_that() -> None:
    """Prevents a run without end: native code passes breakpoints whose conditions are false."""
    guest, debugger = debug("native")
    tick = before_a_tick(debugger, guest)
    back = next(i for i in range(tick + 1, LENGTH) if not is_handler(places()[i]))
    never = AgentCondition((b"\x22\0\x27",))  # const8 0; end
    guest.machine.engine.overlook({places()[back]: never})
    submit(int).result()  # it is compiled now
    debugger.insert(Point(PointKind.EXECUTE, places()[back]), never)
    debugger.insert(AT_ENTRY, lambda machine: machine.icount > back)  # where it would end then
    place = places()[tick]
    debugger.resume(Resume(step_range=(place, place + 1)))
    assert guest.machine.icount == back
