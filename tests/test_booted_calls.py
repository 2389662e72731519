"""The calls of a system that was booted from a disk: as strace shows those of ours."""

from __future__ import annotations

import pytest
from boot_sectors import sector
from guests import ENGINES

from blink16 import loader
from blink16.debugger import Debugger

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


@pytest.fixture(params=ENGINES)
def debugger(request: pytest.FixtureRequest) -> Debugger:
    """A PC in the midst of its last call."""
    program = loader.Program("x.img", loader.ProgramKind.BOOT, sector(CODE))
    machine = loader.load(program, (), loader.Options(engine=request.param)).machine
    machine.idle_after = 1 << 62
    debugger = Debugger(machine)
    debugger.timeline.run(200)
    return debugger


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
