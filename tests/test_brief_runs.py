"""Runs that are tried in the event loop first: exact, brief, and waiting for nobody."""

from __future__ import annotations

import guests
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from server_bench import PRINT_AND_LOOP, Bench, with_service

from blink16.board import window
from blink16.board.window import FrameWindow
from blink16.breakpoints import Point, PointKind
from blink16.cpu.engine import Stop
from blink16.cpu.reference import ReferenceEngine
from blink16.debugger import Debugger, Event, EventKind, Resume
from blink16.history import mover, pace
from blink16.memory import Memory
from blink16.server import threads

LOOP = bytes.fromhex("90 a3 00 20 40 90 e2 f8 ebf6")
"""again: nop / mov [2000], ax / inc ax / nop / loop again / jmp again"""


def debugger_of(code: bytes) -> Debugger:
    """Return a debugger of a machine whose native engine is ready."""
    return Debugger(guests.make(code, "native").machine)


def carried_on(debugger: Debugger, how: Resume) -> tuple[Event, bool]:
    """Resume as a server does; return the event, and whether it took no thread."""
    outcome = debugger.resume_briefly(how)
    if isinstance(outcome, Event):
        return outcome, True
    return debugger.drive(how), False


POINTS = st.one_of(
    st.builds(Point, st.just(PointKind.EXECUTE), st.sampled_from([0x100, 0x101, 0x104, 0x105])),
    st.builds(Point, st.just(PointKind.WRITE), st.just(0x2000), st.just(2)),
)


@settings(max_examples=8, deadline=None)
@given(points=st.lists(POINTS, min_size=1, max_size=2), limit=st.integers(1, 12))
def test_a_run_that_is_tried_first_ends_like_one_in_a_thread(
    points: list[Point], limit: int
) -> None:
    """Prevents a breakpoint that is passed, or met twice, where the loop hands a run over."""
    plain, tried = debugger_of(LOOP), debugger_of(LOOP)
    for debugger in plain, tried:
        for point in points:
            debugger.insert(point)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mover, "BRIEF", limit)
        for _ in range(6):
            expected = plain.drive(Resume())
            assert carried_on(tried, Resume())[0] == expected
            assert tried.machine.save() == plain.machine.save()
            assert tried.last_event() == plain.last_event()


def test_a_near_breakpoint_takes_no_thread_and_a_far_one_does() -> None:
    """Prevents a switch of threads for six instructions, and a loop that stands for thousands."""
    debugger = debugger_of(LOOP)
    debugger.machine.registers.cx = 5000
    debugger.insert(Point(PointKind.EXECUTE, 0x104))
    assert carried_on(debugger, Resume()) == (Event(EventKind.BREAKPOINT), True)
    debugger.remove_all()
    debugger.insert(Point(PointKind.EXECUTE, 0x108))
    before = debugger.machine.icount
    assert debugger.resume_briefly(Resume()) is None
    assert before < debugger.machine.icount <= before + mover.BRIEF
    assert debugger.drive(Resume()).kind is EventKind.BREAKPOINT
    debugger.remove_all()
    before = debugger.machine.icount
    assert debugger.resume_briefly(Resume()) is None  # nothing could stop it
    assert debugger.machine.icount == before


def test_a_service_is_left_to_the_thread() -> None:
    """Prevents a call of the system, which may wait for a person, from holding up everybody."""
    debugger = debugger_of(bytes.fromhex("40 40 cd21 90"))
    served: list[int] = []
    debugger.machine.on_output = lambda channel, data: served.append(len(data))
    debugger.insert(Point(PointKind.EXECUTE, 0x104))
    assert debugger.resume_briefly(Resume()) is None
    assert debugger.machine.icount == 3  # at the service, behind the INT
    assert not served
    assert debugger.drive(Resume()) == Event(EventKind.BREAKPOINT)
    assert served == [1]


@pytest.mark.parametrize("at", [0x9000, 0x104, None], ids=["elsewhere", "behind it", "its stub"])
def test_a_service_at_which_a_run_begins_is_passed(at: int | None) -> None:
    """Prevents `continue` from standing for ever at a trap, or at a breakpoint on a service's
    stub, as soon as any breakpoint is set.
    """
    plain, tried = (debugger_of(bytes.fromhex("40 cd22 90 cd22 ebf8")) for _ in range(2))
    vector = plain.machine.memory.read(guests.TRAP * 4, 4)
    stub = int.from_bytes(vector[:2], "little") + int.from_bytes(vector[2:], "little") * 16
    for debugger in plain, tried:
        debugger.insert(Point(PointKind.EXECUTE, stub if at is None else at))
    for _ in range(7):
        assert carried_on(tried, Resume())[0] == plain.drive(Resume())
        assert tried.machine.save() == plain.machine.save()


SLOW = {
    "empty memory": ("8086", bytes(64)),
    "nothing but FFh": ("8086", b"\xff" * 64),
    "LIDT has moved the vectors": ("80286", bytes.fromhex("0f011e0001 90909090 ebfa")),
    "one step at a time": ("8086", bytes.fromhex("9c 58 80cc01 50 9d 90909090 ebfa")),
    "input by the string": ("80186", bytes.fromhex("b9ffff baf003 bf0020 fc f3 6c ebfe")),
}
"""What native code leaves to the reference, which is a hundred times slower: by processor."""


@pytest.mark.parametrize("what", SLOW)
def test_what_native_code_leaves_to_the_reference_is_left_to_the_thread(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a thousand slow instructions, or a REP of 65,535 slow rounds, in the event loop:
    a third of a second in which nobody else is answered.
    """
    cpu, code = SLOW[what]
    plain, tried = (Debugger(guests.make(code, "native", cpu=cpu).machine) for _ in range(2))
    for debugger in plain, tried:
        debugger.machine.watch_for_lacks()
        debugger.resume(Resume(count=4))  # up to where it becomes slow
        debugger.insert(Point(PointKind.EXECUTE, 0x8000))
    steps: list[int] = []
    step = ReferenceEngine._step

    def counted(engine: ReferenceEngine) -> Stop | None:
        steps.append(engine.registers.ip)
        return step(engine)

    monkeypatch.setattr(ReferenceEngine, "_step", counted)
    assert tried.resume_briefly(Resume()) is None
    assert steps == []
    count = Resume(count=300)
    assert plain.drive(count).kind is EventKind.STEPPED
    left = plain.machine.icount - tried.machine.icount
    assert tried.drive(Resume(count=left)).kind is EventKind.STEPPED
    assert tried.machine.save() == plain.machine.save()


def test_steps_back_from_nearby_take_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a switch of threads for each of a thousand steps back, and a wrong instant."""
    monkeypatch.setattr(pace, "FINE_SECONDS", 1.0)  # near, however slow this computer is now
    debugger = debugger_of(LOOP)
    debugger.resume(Resume(count=500))
    states = []
    back = Resume(backward=True, count=1)
    assert debugger.drive(back).kind is EventKind.STEPPED  # which leaves checkpoints on its way
    for _ in range(40):
        before = debugger.machine.icount
        assert carried_on(debugger, back) == (Event(EventKind.STEPPED), True)
        assert debugger.machine.icount == before - 1
        states.append(debugger.machine.save())
    for state in states[-2::-1]:
        debugger.resume(Resume(count=1))
        assert debugger.machine.save() == state


SLOW_PASTS = {name: code for name, code in SLOW.items() if name != "input by the string"} | {
    "ports": ("8086", bytes.fromhex("baf003 ec ebfd")),
    "services": ("8086", bytes.fromhex("cd21 ebfc")),
}


@pytest.mark.parametrize("what", SLOW_PASTS)
def test_steps_back_through_what_is_slow_take_a_thread(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a replay in the event loop that is near in instructions, and far in seconds."""
    monkeypatch.setattr(pace, "FINE_SECONDS", 1.0)
    cpu, code = SLOW_PASTS[what]
    debugger = Debugger(guests.make(code, "native", cpu=cpu).machine)
    debugger.machine.watch_for_lacks()
    debugger.resume(Resume(count=400))
    monkeypatch.setattr(pace.Pace, "ran", lambda *_: None)
    debugger.timeline._pace.fine = debugger.timeline._pace.interval = 1000
    debugger.timeline._pace.late = 1000.0
    debugger.resume(Resume(count=400))
    before, state = debugger.machine.icount, debugger.machine.save()
    back = Resume(backward=True, count=1)
    assert debugger.resume_briefly(back) is None
    assert debugger.machine.icount == before
    assert debugger.drive(back).kind is EventKind.STEPPED
    assert debugger.machine.icount == before - 1
    debugger.resume(Resume(count=1))
    assert debugger.machine.save() == state


async def test_what_is_put_out_meanwhile_is_shown_by_the_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Prevents a line whose peer does not read from holding up the event loop."""

    async def test(bench: Bench) -> None:
        hosted = bench.slot.hosted
        while hosted.debugger.machine.engine.name != "native":  # it is loaded beside
            hosted.debugger.resume(Resume(count=2000))
        shown: list[tuple[str, bytes]] = []
        hooks = hosted._hooks
        monkeypatch.setattr(hooks, "show", lambda channel, data: shown.append((channel, data)))
        machine = hosted.debugger.machine
        here = machine.pc
        machine.memory.write(here, b"\x90\x90\x90")
        hosted.debugger.insert(Point(PointKind.EXECUTE, here + 2))
        run = hosted.debugger.resume_briefly

        def run_and_say(how: Resume) -> object:
            machine.output("com1", b"A")
            return run(how)

        monkeypatch.setattr(hosted.debugger, "resume_briefly", run_and_say)
        assert hosted.resume_briefly(Resume()) is None
        assert shown == []
        assert hosted.drive(Resume()) == Event(EventKind.BREAKPOINT)
        assert shown == [("com1", b"A")]
        assert machine.pc == here + 2

    await with_service(test, PRINT_AND_LOOP)


async def test_next_over_a_brief_call_switches_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents gdb's `next` from paying for a thread at each of thousands of calls."""

    async def no_thread(run: object) -> None:
        raise AssertionError("a thread was asked for")

    async def test(bench: Bench) -> None:
        debugger = bench.slot.debugger
        while debugger.machine.engine.name != "native":
            debugger.resume(Resume(count=2000))
        monkeypatch.setattr(threads, "run_machine", no_thread)
        client = bench.connect()
        await client.ask("QStartNoAckMode")
        here = debugger.machine.pc
        debugger.machine.memory.write(here, b"\x90\x90\x90\xeb\xfb")
        for _ in range(10):
            assert await client.ask(f"Z0,{here + 2:x},1") == "OK"
            assert (await client.ask("vCont;c")).startswith("T05")
            assert await client.ask(f"z0,{here + 2:x},1") == "OK"
            assert debugger.machine.pc == here + 2
            assert (await client.ask("vCont;s")).startswith("T05")

    await with_service(test, bytes.fromhex("90 ebfd"))


@given(st.sets(st.integers(0, 4095), max_size=40))
def test_the_pages_that_were_written_are_found(pages: set[int]) -> None:
    """Prevents a page that is forgotten when time is moved back."""
    memory = Memory()
    memory.begin()
    for page in pages:
        memory.write(page << 8 | 7, b"\1")
    assert memory.written() == sorted(pages)


def test_a_frame_that_takes_long_is_not_recorded_half_found() -> None:
    """Prevents a wrong caller, by the chain of BPs, where a brief look did not suffice."""
    machine = guests.make(b"\x40" * 200 + b"\xc3").machine
    machine.memory.write(0x8000, bytes.fromhex("00 03"))  # the return address
    machine.memory.write(0x2FD, bytes.fromhex("e8 00 fe"))  # the call that leads here
    whole, hasty = (FrameWindow(machine.memory, machine.registers, ()) for _ in range(2))
    at = window.field_address(0x8000, window.Field.EIP)
    assert not hasty.find_briefly(at, 4)
    assert hasty.read(at, 4) == whole.read(at, 4) == (0x300).to_bytes(4, "little")
    machine.memory.write(0x110, b"\xc3")
    near = FrameWindow(machine.memory, machine.registers, ())
    assert near.find_briefly(at, 4)
    assert near.read(at, 4) == (0x300).to_bytes(4, "little")


def test_what_a_brief_look_did_not_find_out_is_not_believed_later() -> None:
    """Prevents a callee that takes its arguments away from being remembered as one that does not,
    since the look at it was cut short.
    """
    code = bytes.fromhex("50 50 e8 fb 00 c3")  # push ax / push ax / call 200h / ret
    machine = guests.make(code.ljust(0x100, b"\x90") + b"\x90" * 150 + b"\xc2\x04\x00").machine
    machine.memory.write(0x8000, bytes.fromhex("00 03"))
    machine.memory.write(0x2FD, bytes.fromhex("e8 00 fe"))
    machine.registers.ip, machine.registers.sp = 0x101, 0x7FFE  # behind the first PUSH
    whole, hasty = (FrameWindow(machine.memory, machine.registers, ()) for _ in range(2))
    at = window.field_address(0x7FFE, window.Field.EIP)
    assert not hasty.find_briefly(at, 4)
    assert hasty.read(at, 4) == whole.read(at, 4) == (0x300).to_bytes(4, "little")
