"""Breakpoints that print instead of stopping: gdb's dprintf in agent style."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stub_client import Client

from blink16.breakpoints import Point, PointKind
from blink16.debugger import Debugger, EventKind, Resume
from blink16.gdbstub import agent
from blink16.gdbstub.agent import MAX_OUTPUT, AgentCondition, Print
from blink16.gdbstub.commands.points import MAX_EXPRESSIONS, MAX_LENGTH
from blink16.history import search
from blink16.machine import Machine

COUNT_AX = bytes.fromhex("40 ebfd")
"""inc ax; jmp back."""
AX = b"\x26\0\0"
PLACE = Point(PointKind.EXECUTE, 0x10001)
"""Where the count has just been taken."""


@pytest.fixture(params=["reference", "native"])
def debugger(request: pytest.FixtureRequest) -> Debugger:
    """Return the debugger of a machine that counts in AX at 1000:0000."""
    machine = Machine.bare(request.param)
    machine.memory.write(0x10000, COUNT_AX)
    machine.registers.cs, machine.registers.ip = 0x1000, 0
    return Debugger(machine)


@pytest.fixture
def said(debugger: Debugger) -> list[bytes]:
    """Return where what is printed will be found."""
    texts: list[bytes] = []
    debugger.on_print = texts.append
    return texts


def printf(source: bytes, *values: bytes) -> bytes:
    """Return the expression that prints values, each pushed by an expression."""
    zero = b"\x22\0"
    counts = bytes((len(values),)) + (len(source) + 1).to_bytes(2, "big")
    return b"".join(reversed(values)) + zero * 2 + b"\x34" + counts + source + b"\0\x27"


def ax_is(value: int) -> bytes:
    """Return an expression that is 1 if AX has a value."""
    return AX + b"\x22" + bytes((value,)) + b"\x13\x27"


def printing(*commands: bytes) -> Print:
    """Return the action of a breakpoint."""
    return Print.of(commands, ())


def test_it_prints_on_each_arrival_and_never_stops(debugger: Debugger, said: list[bytes]) -> None:
    """Prevents stops, lines that are missing, and lines that come twice after a stop."""
    debugger.insert(PLACE, None, printing(printf(rb"%d\n", AX)))
    assert debugger.drive(Resume(count=5)).kind is EventKind.STEPPED
    assert said == [b"1\n", b"2\n", b"3\n"]  # the last is where it arrived just now
    assert debugger.drive(Resume(count=2)).kind is EventKind.STEPPED
    assert said == [b"1\n", b"2\n", b"3\n", b"4\n"]


def test_it_prints_in_the_recorded_past_and_backward(debugger: Debugger, said: list[bytes]) -> None:
    """Prevents a past in which dprintf is silent, and lines in the order of time going back."""
    debugger.resume(Resume(count=7))
    debugger.insert(PLACE, None, printing(printf(b"%d", AX)))
    assert debugger.drive(Resume(backward=True)).kind is EventKind.HISTORY_START
    assert said == [b"3", b"2", b"1"]
    debugger.resume(Resume(count=7))
    assert said == [b"3", b"2", b"1", b"1", b"2", b"3", b"4"]
    assert debugger.drive(Resume(backward=True, count=2)).kind is EventKind.STEPPED
    assert said[7:] == [b"3"]


def test_going_back_it_prints_down_to_the_stop(debugger: Debugger, said: list[bytes]) -> None:
    """Prevents lines of instants that were only searched and never reached."""
    debugger.resume(Resume(count=30))
    stop = Point(PointKind.EXECUTE, 0x10000)
    debugger.insert(PLACE, None, printing(printf(b"%d", AX)))
    debugger.insert(stop, AgentCondition((ax_is(8),)))
    assert debugger.drive(Resume(backward=True)).kind is EventKind.BREAKPOINT
    assert debugger.machine.registers.ax == 8
    assert said == [b"15", b"14", b"13", b"12", b"11", b"10", b"9"]


def test_many_lines_backward(
    debugger: Debugger, said: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents lines lost or told twice where not all fit into the memory for a stretch."""
    monkeypatch.setattr(search, "MAX_SAID", 7)
    debugger.resume(Resume(count=200))
    debugger.insert(PLACE, None, printing(printf(b"%d", AX)))
    debugger.insert(Point(PointKind.EXECUTE, 0x10000), AgentCondition((ax_is(20),)))
    debugger.resume(Resume(backward=True))
    assert said == [b"%d" % n for n in range(100, 20, -1)]


def test_it_may_have_a_condition(debugger: Debugger, said: list[bytes]) -> None:
    """Prevents conditions that count for breakpoints only."""
    debugger.insert(PLACE, AgentCondition((ax_is(3),)), printing(printf(b"three")))
    debugger.resume(Resume(count=20))
    assert said == [b"three"]
    debugger.resume(Resume(backward=True))
    assert said == [b"three"] * 2


def test_several_at_one_address_keep_their_own_conditions(
    debugger: Debugger, said: list[bytes]
) -> None:
    """Gdb sends all conditions, then all commands: one's condition must not print another's."""
    conditions = (ax_is(2), ax_is(4))
    action = Print.of((printf(b"two"), printf(b"four")), conditions)
    debugger.insert(PLACE, AgentCondition(conditions), action)
    debugger.resume(Resume(count=20))
    assert said == [b"two", b"four"]


def test_a_breakpoint_at_the_same_address_stops(debugger: Debugger, said: list[bytes]) -> None:
    """Prevents a dprintf that swallows another kind of breakpoint, and the other way round."""
    debugger.insert(PLACE, None, printing(printf(b"%d", AX)))
    debugger.insert(PLACE, AgentCondition((ax_is(3),)), owner="another")
    assert debugger.drive(Resume()).kind is EventKind.BREAKPOINT
    assert said == [b"1", b"2", b"3"]
    debugger.remove(PLACE)
    debugger.resume(Resume(count=20))
    assert said == [b"1", b"2", b"3"]


def test_range_steps_print_once_and_stop_at_breakpoints(
    debugger: Debugger, said: list[bytes]
) -> None:
    """Prevents one line for the arrival and one for the start of the next step."""
    debugger.insert(PLACE, None, printing(printf(b"%d", AX)))
    debugger.insert(Point(PointKind.EXECUTE, 0x10000), AgentCondition((ax_is(3),)))
    event = debugger.drive(Resume(step_range=(0x10000, 0x10010)))
    assert event.kind is EventKind.BREAKPOINT
    assert said == [b"1", b"2", b"3"]
    assert debugger.machine.registers.ax == 3


def test_setting_the_point_again_ends_it(debugger: Debugger, said: list[bytes]) -> None:
    """Gdb sets a breakpoint over its dprintf without taking that away first."""
    debugger.insert(PLACE, None, printing(printf(b"x")))
    debugger.insert(PLACE)
    assert debugger.drive(Resume()).kind is EventKind.BREAKPOINT
    assert not said


def test_it_reads_strings_of_the_guest(debugger: Debugger) -> None:
    """Prevents %s that prints an address, or runs past the end of memory."""
    memory = debugger.machine.memory
    memory.write(0x500, b"name\0")
    memory.write(0xFFFFE, b"zz")
    address = b"\x24\0\0\x05\0"
    action = printing(printf(b"%s|", address), printf(b"%s", b"\x24\0\x0f\xff\xfe"))
    assert action(debugger.machine) == b"name|zz"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (printf(b"%d"), b"more values"),
        (printf(b"%s", b"\x24\0\x10\0\0"), b"beyond the end of memory"),
        (printf(b"%q", AX), b"%q can't be printed"),
        (b"\x22\0\x22\0\x34\0\0\x02ab\x27", b"without end"),
        (b"\x34\0\0\x01\0\x27", b"stack is empty"),
        (b"\x22\0\x22\0\x34\0\xff\xff", b"ends within"),
        (b"\x22\0\x22\0\x34\xff\0\x01\0\x27", b"stack is empty"),
        (b"\x21\0\0", b"more than 2000 operations"),
    ],
)
def test_what_can_t_be_printed_says_so(debugger: Debugger, code: bytes, reason: bytes) -> None:
    """Prevents a dprintf that is silently ignored, and a machine whose thread it ends."""
    text = printing(code)(debugger.machine)
    assert text.startswith(b"(dprintf at 0x10000: ")
    assert reason in text


def test_a_loop_that_prints_has_an_end(debugger: Debugger) -> None:
    """Prevents byte code that fills the memory."""
    once = printf(b"x" * 900)[:-1]
    text = printing(once + b"\x21\0\0")(debugger.machine)
    assert len(text) < MAX_OUTPUT + 100
    assert b"cut off" in text


def test_conditions_print_nothing(debugger: Debugger) -> None:
    """Prevents output from an engine that judges conditions itself, as often as it likes."""
    with pytest.raises(agent.AgentError):
        agent.evaluate(printf(b"x"), debugger.machine)
    assert AgentCondition((printf(b"x"),))(debugger.machine)


@given(st.binary(max_size=60))
def test_any_byte_code_prints_or_complains(code: bytes) -> None:
    """Prevents exceptions of Python's from byte code that lies."""
    printing(b"\x22\0" * 3 + b"\x34" + code)(_MACHINE)


_MACHINE = Machine.bare("reference")


# -- packets ---------------------------------------------------------------------------------


def _expressions(*codes: bytes) -> bytes:
    return b"".join(b"X%x,%b" % (len(code), code.hex().encode()) for code in codes)


def test_commands_come_with_z() -> None:
    """Gdb sends expressions one behind the other, with nothing between."""
    client = Client()
    assert b"BreakpointCommands+" in client.ask_one(b"qSupported").split(b";")
    commands = _expressions(printf(b"a"), printf(b"b"))
    conditions = _expressions(ax_is(1), ax_is(2))
    assert client.ask_one(b"Z0,10,1;cmds:1," + commands) == b"OK"
    assert client.ask_one(b"Z0,10,1;%b;cmds:0,%b" % (conditions, commands)) == b"OK"
    assert client.ask_one(b"Z0,10,1;" + conditions) == b"OK"
    one = _expressions(b"\x27")
    for bad in (
        *(b"", b"cmds:", b"cmds:1", b"cmds:1,", b"cmds:x," + one, b"cmds:1,X9,27"),
        *(b"X1,27X", b"X1,2", b"X1,zz", b"X10000,27", one * (MAX_EXPRESSIONS + 1)),
        *(b"cmds:1," + one * (MAX_EXPRESSIONS + 1), _expressions(b"\x27" * (MAX_LENGTH + 1))),
    ):
        assert client.ask_one(b"Z0,10,1;" + bad)[:1] == b"E", bad
