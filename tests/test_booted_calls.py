"""The calls of a system that was booted from a disk: as strace shows those of ours."""

from __future__ import annotations

import pytest
from boot_sectors import sector
from guests import ENGINES

from blink16.debugger import Debugger, Resume
from blink16.debugger.live_calls import GLANCES_OFF, LEFT_OUT, MOST_STANDS
from blink16.reports.state import REGISTER_NAMES
from blink16.setup import loader

CODE = bytes.fromhex(
    "31c0 8ed8 8ec0 8ed0 bc007c"  # segments are 0, sp is 7C00h
    "c70684003f7c a38600"  # vector 21h is `dos`
    "c7060002637c a30202"  # vector 80h is `elks`
    "ba667c b409 cd21"  # mov dx, "hello$"; mov ah, 9; int 21h
    "ba6c7c b8003d cd21"  # mov dx, "A.TXT"; mov ax, 3D00h; int 21h
    "b80400 bb0100 b9667c ba0500 cd80"  # write(1, "hello", 5)
    "b8014c cd21"  # mov ax, 4C01h; int 21h
    "80fc3d 7410 80fc4c 7417"  # dos: an open fails, and an exit stays for ever
    "b42a 9c 9a657c0000 cd28 cf"  # another handler is called, and an interrupt within
    "55 89e5 804e0601 5d b80200 cf"  # the caller's CF is set, AX is 2
    "f4 ebfd"
    "89d0 cf"  # elks: all was written
    "68656c6c6f24 412e54585400"
)
CALLS = [
    'puts("hello") = ok',
    'open("A.TXT", 00) = error 2 (file not found)',
    '[0000] write(1, "hello", 5) = 5',
    "exit(01) = ?",
]


BUSY = bytes.fromhex(
    "31c0 8ed8 8ec0 8ed0 bc007c c7068400197c a38600"  # the same, and vector 21h is an IRET
    "b42c cd21 ebfa cf"  # mov ah, 2Ch; int 21h; again
)
INSTALLED = 10
"""The instant at which the vectors are set, and nobody has been called."""


def booted(code: bytes, engine: str) -> Debugger:
    """Return a PC that is about to boot a sector."""
    program = loader.Program("x.img", loader.ProgramKind.BOOT, sector(code))
    machine = loader.load(program, (), loader.Options(engine=engine)).machine
    machine.idle_after = 1 << 62
    return Debugger(machine)


def state(debugger: Debugger) -> tuple[object, ...]:
    """Return what a machine has come to."""
    machine = debugger.machine
    registers = [getattr(machine.registers, name) for name in REGISTER_NAMES]
    return registers, machine.icount, machine.cycles, bytes(machine.memory.ram)


@pytest.fixture(params=ENGINES)
def debugger(request: pytest.FixtureRequest) -> Debugger:
    """A PC in the midst of its last call."""
    debugger = booted(CODE, request.param)
    debugger.timeline.run(200)
    return debugger


def looked_at(debugger: Debugger, count: int) -> None:
    """Run on, as a machine that somebody watches who wants to see calls."""
    debugger.calls_seen.until(0)
    debugger.calls_seen.live.mind()
    debugger.resume(Resume(count=count))


def test_calls_are_told_with_arguments_and_results(debugger: Debugger) -> None:
    """Nobody saw what a booted system was asked for; and no interrupt of another kind, or a
    handler that hands a call on, may stand among it.
    """
    here = debugger.timeline.now
    assert [text for _, text in debugger.calls_seen.last(10)] == CALLS
    assert [text for _, text in debugger.calls_seen.last(2)] == CALLS[-2:]
    assert debugger.timeline.now == here


def test_a_result_is_not_told_before_its_instant(debugger: Debugger) -> None:
    """Prevents the past from showing what came of a call that it is still in."""
    open_ = debugger.calls_seen.last(10)[1][0]
    debugger.timeline.seek(open_)
    assert [text for _, text in debugger.calls_seen.last(10)] == [
        CALLS[0],
        'open("A.TXT", 00) = ?',
    ]
    debugger.timeline.seek(open_ + 20)
    assert [text for _, text in debugger.calls_seen.last(10)][1] == CALLS[1]


def test_a_future_that_was_dropped_is_forgotten(debugger: Debugger) -> None:
    """Prevents calls from being told that were never made."""
    seen, timeline = debugger.calls_seen, debugger.timeline
    open_ = seen.last(10)[1][0]
    timeline.seek(open_ - 1)
    timeline.write_register("ax", 0x4C07)
    timeline.run(100)
    assert [text for _, text in seen.last(10)] == [CALLS[0], "exit(07) = ?"]


@pytest.mark.parametrize("engine", ENGINES)
def test_calls_are_seen_as_they_happen(engine: str) -> None:
    """Prevents the calls of a booted system from coming only when it stands, and a machine that
    goes another way while it is looked at, or has breakpoints that nobody has set.
    """
    watched, alone = booted(CODE, engine), booted(CODE, engine)
    for count in (5, INSTALLED - 5, 9, 200):  # at first, there are no vectors
        looked_at(watched, count)
    alone.resume(Resume(count=200))
    assert [text for _, text in watched.calls_seen.until(watched.timeline.now)] == CALLS
    assert state(watched) == state(alone)
    assert watched.ledger.is_empty
    first = watched.calls_seen.until(watched.timeline.now)[0][0]
    assert watched.calls_seen.until(first - 1) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_a_machine_that_calls_too_often_is_let_alone_for_a_while(engine: str) -> None:
    """Prevents a machine from crawling because somebody looks at it, and gaps that nobody sees."""
    debugger = booted(BUSY, engine)
    looked_at(debugger, INSTALLED)
    looked_at(debugger, 20 * MOST_STANDS)
    told = [text for _, text in debugger.calls_seen.until(debugger.timeline.now)]
    assert told.count(LEFT_OUT) == 1
    assert len(told) == MOST_STANDS // 2 + 1
    assert all(text == LEFT_OUT or text.startswith("get_time()") for text in told)
    looked_at(debugger, 40)
    assert [text for _, text in debugger.calls_seen.until(debugger.timeline.now)] == told
    for _ in range(GLANCES_OFF):
        looked_at(debugger, 40)
    assert len(debugger.calls_seen.until(debugger.timeline.now)) > len(told)


@pytest.mark.parametrize("engine", ENGINES)
def test_calls_that_nobody_wants_are_not_followed(engine: str) -> None:
    """Prevents a machine that stands at each call although the panel is closed, or in its past."""
    debugger = booted(CODE, engine)
    debugger.timeline.run(INSTALLED)
    debugger.calls_seen.live.mind()
    assert debugger.ledger.is_empty
    debugger.timeline.run(100)
    debugger.seek(INSTALLED)
    looked_at(debugger, 100)
    assert debugger.calls_seen.until(debugger.timeline.now) == []
