"""Conditions of breakpoints, evaluated on our side."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stub_client import Client

from blink16.breakpoints import Point, PointKind
from blink16.debugger import Debugger, EventKind, Resume
from blink16.gdbstub.agent import MAX_STACK, AgentCondition, AgentError, evaluate
from blink16.machine import Machine
from blink16.memory import MEMORY_SIZE

END = b"\x27"
COUNT_AX = bytes.fromhex("40 ebfd")
"""inc ax; jmp back."""


@pytest.fixture(params=["reference", "native"])
def machine(request: pytest.FixtureRequest) -> Machine:
    """Return a machine that counts in AX at 1000:0000."""
    machine = Machine.bare(request.param)
    machine.memory.write(0x10000, COUNT_AX)
    machine.registers.cs, machine.registers.ip = 0x1000, 0
    machine.registers.ss, machine.registers.sp = 0x2000, 0x100
    return machine


def constant(value: int) -> bytes:
    """Return the operation that pushes a number of 64 bits."""
    return b"\x25" + (value & (1 << 64) - 1).to_bytes(8, "big")


def ax_is(value: int) -> bytes:
    """Return an expression that is 1 if AX has a value."""
    return b"\x26\0\0" + constant(value) + b"\x13" + END


@pytest.mark.parametrize(
    ("operation", "left", "right", "expected"),
    [
        (0x02, 3, 4, 7),
        (0x03, 3, 4, -1),
        (0x04, -3, 4, -12),
        (0x05, -7, 2, -3),
        (0x06, -1, 2, (1 << 63) - 1),
        (0x07, -7, 2, -1),
        (0x08, 7, 4, 3),
        (0x09, 1, 4, 16),
        (0x09, 1, 1000, 0),
        (0x0A, -8, 1, -4),
        (0x0A, -8, 1000, -1),
        (0x0B, -8, 60, 15),
        (0x0F, 6, 3, 2),
        (0x10, 6, 3, 7),
        (0x11, 6, 3, 5),
        (0x13, 5, 5, 1),
        (0x14, -1, 1, 1),
        (0x15, -1, 1, 0),
        (0x2B, 1, 2, 1),
    ],
)
def test_operations_of_two_values(
    machine: Machine, operation: int, left: int, right: int, expected: int
) -> None:
    """Prevents operands that are exchanged, and signs that are lost."""
    code = constant(left) + constant(right) + bytes((operation,)) + END
    assert evaluate(code, machine) == expected & (1 << 64) - 1


def test_memory_registers_and_extensions(machine: Machine) -> None:
    """Prevents conditions on another byte order or width than the machine's."""
    machine.memory.write(0x12340, b"\xfe\xff\x01\x02")
    machine.registers.ax = 0xFFF0
    at = b"\x24\x00\x01\x23\x40"
    assert evaluate(at + b"\x17" + END, machine) == 0xFE
    assert evaluate(at + b"\x18" + END, machine) == 0xFFFE
    assert evaluate(at + b"\x19" + END, machine) == 0x0201FFFE
    assert evaluate(at + b"\x18\x16\x10" + END, machine) == (1 << 64) - 2
    assert evaluate(b"\x26\x00\x00" + END, machine) == 0xFFF0
    assert evaluate(b"\x26\x00\x00\x2a\x08" + END, machine) == 0xF0
    assert evaluate(b"\x26\x00\x08" + END, machine) == 0x10000  # eip is linear


def test_jumps_and_the_stack(machine: Machine) -> None:
    """Prevents && and || from being evaluated wrongly."""
    # 1 ? 7 : 9
    assert evaluate(b"\x22\x01\x20\x00\x0a\x22\x09\x21\x00\x0c\x22\x07" + END, machine) == 7
    assert evaluate(b"\x22\x00\x20\x00\x0a\x22\x09\x21\x00\x0c\x22\x07" + END, machine) == 9
    abc = b"\x22\x01\x22\x02\x22\x03"
    assert evaluate(abc + b"\x33" + END, machine) == 2
    assert evaluate(abc + b"\x32\x02" + END, machine) == 1
    assert evaluate(abc + b"\x29\x28\x02" + END, machine) == 4


@pytest.mark.parametrize(
    "code",
    [
        b"",
        END,
        b"\x22",
        b"\x02" + END,
        b"\x28" + END,
        b"\x21\x00\x00",
        b"\x22\x01\x21\x00\x00",
        b"\x22\x01\x28" * MAX_STACK + END,
        b"\x22\x01\x22\x00\x05" + END,
        b"\xff" + END,
        b"\x24\x00\x10\x00\x00\x17" + END,
        b"\x26\x01\x00" + END,
        b"\x22\x01\x16\x00" + END,
        b"\x22\x01\x32\x05" + END,
    ],
)
def test_expressions_without_a_value_stop_the_machine(machine: Machine, code: bytes) -> None:
    """Prevents a loop without end on our side, and breakpoints that are silently ignored."""
    with pytest.raises(AgentError):
        evaluate(code, machine)
    assert AgentCondition((code,))(machine)


@given(st.binary(max_size=60))
def test_any_expression_has_a_value_or_an_error(code: bytes) -> None:
    """Prevents exceptions of Python's from byte code that lies."""
    with suppress(AgentError):
        assert 0 <= evaluate(code, _MACHINE) < 1 << 64


_MACHINE = Machine.bare("reference")


# -- breakpoints -----------------------------------------------------------------------------


def test_a_condition_holds_in_both_directions(machine: Machine) -> None:
    """Prevents stops where it doesn't hold, and a reverse search that takes any hit."""
    debugger = Debugger(machine)
    point = Point(PointKind.EXECUTE, 0x10001)
    debugger.insert(point, AgentCondition((ax_is(50),)))
    assert debugger.drive(Resume()).kind is EventKind.BREAKPOINT
    assert machine.registers.ax == 50
    debugger.resume(Resume(count=60))
    assert machine.registers.ax > 50
    assert debugger.drive(Resume(backward=True)).kind is EventKind.BREAKPOINT
    assert machine.registers.ax == 50
    assert debugger.drive(Resume(backward=True)).kind is EventKind.HISTORY_START
    debugger.insert(point)  # without one, it counts again
    debugger.resume(Resume())
    assert machine.registers.ax == 1


def test_steps_don_t_stop_for_a_condition_that_fails(machine: Machine) -> None:
    """Prevents a count of steps that ends at a breakpoint which is none here."""
    debugger = Debugger(machine)
    debugger.insert(Point(PointKind.EXECUTE, 0x10001), AgentCondition((ax_is(50),)))
    assert debugger.drive(Resume(count=20)).kind is EventKind.STEPPED
    assert machine.icount == 20


def test_one_of_several_conditions_is_enough(machine: Machine) -> None:
    """Gdb sends all conditions at one address, each of another breakpoint of the user's."""
    debugger = Debugger(machine)
    conditions = AgentCondition((ax_is(9), ax_is(5)))
    debugger.insert(Point(PointKind.EXECUTE, 0x10001), conditions)
    debugger.resume(Resume())
    assert machine.registers.ax == 5
    debugger.resume(Resume())
    assert machine.registers.ax == 9


def test_conditions_come_with_z() -> None:
    """Prevents a feature that is offered and not carried out."""
    client = Client()
    assert b"ConditionalBreakpoints+" in client.ask_one(b"qSupported")
    assert client.ask_one(b"Z0,10,1;X3,220127;X3,220027") == b"OK"
    assert client.ask_one(b"Z0,10,1;X2,220127")[:1] == b"E"
    assert client.ask_one(b"Z0,10,1;Y2,2201")[:1] == b"E"
    assert client.ask_one(b"Z0,10,1" + b";X1,27" * 100)[:1] == b"E"
    assert client.ask_one(b"Z0,%x,1;X1,27" % MEMORY_SIZE)[:1] == b"E"
