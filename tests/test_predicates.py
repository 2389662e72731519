"""Conditions of breakpoints that the native engine judges itself."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from engine_pair import PROGRAM_AT, PROGRAM_SIZE, random_pair, translate_here
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.breakpoints import Point, PointKind
from blink16.cpu.engine import Stop, StopReason
from blink16.cpu.native.compiler import submit
from blink16.cpu.native.predicates import PredicateFunction
from blink16.cpu.predicates import Predicate, UntranslatableError
from blink16.debugger import Debugger, EventKind, Resume
from blink16.gdbstub import agent
from blink16.gdbstub.agent import MAX_EMITTED, AgentCondition, AgentError, evaluate
from blink16.gdbstub.registers import REGISTERS, read
from blink16.machine import Machine
from blink16.memory import MEMORY_SIZE, Attribute
from blink16.services import DONE, Guest, Outcome

END = b"\x27"
NEVER = b"\x22\x00" + END
MASK = (1 << 64) - 1
LOOP_AT = 0x10000
LOOP = bytes.fromhex("050100 83d200 ebf8")
"""again: add ax, 1 / adc dx, 0 / jmp again"""
LOOP_SIZE = 3
"""Instructions."""
OPERANDS = 0x20000
"""Where two 64-bit operands lie, and the result to compare with."""


def make(engine: str = "native") -> Machine:
    """Return a machine that counts in DX:AX."""
    machine = Machine.bare(engine)
    machine.memory.write(LOOP_AT, LOOP)
    machine.registers.cs, machine.registers.ip = LOOP_AT >> 4, 0
    machine.registers.ss, machine.registers.sp = 0x3000, 0x100
    return machine


def constant(value: int) -> bytes:
    """Return the operation that pushes a number of 64 bits."""
    return b"\x25" + (value & MASK).to_bytes(8, "big")


def count_is(value: int) -> bytes:
    """Return an expression that is 1 if DX:AX has a value."""
    return b"\x26\0\2\x22\x10\x09\x26\0\0\x10" + constant(value) + b"\x13" + END


def arm(machine: Machine, predicate: Predicate) -> None:
    """Give a machine a predicate at its loop, compiled."""
    machine.memory.mark(LOOP_AT, Attribute.BREAKPOINT)
    machine.engine.overlook({LOOP_AT: predicate})
    submit(int).result()


def stops(machine: Machine) -> bool:
    """Whether the engine stops at the breakpoint where the machine stands, or steps past it."""
    before = machine.registers.save()
    stop = machine.engine.run(1)
    after = machine.registers.save()
    machine.registers.restore(before)
    assert (stop.reason is StopReason.BREAKPOINT) == (before == after)
    return stop.reason is StopReason.BREAKPOINT


# -- what operations mean --------------------------------------------------------------------


def signed(value: int) -> int:
    """Return a 64-bit number with its sign."""
    return value - (1 << 64) if value >> 63 else value


def divided(left: int, right: int) -> int:
    """Divide towards zero."""
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


BINARY: dict[int, Callable[[int, int], int]] = {
    0x02: lambda a, b: a + b,
    0x03: lambda a, b: a - b,
    0x04: lambda a, b: a * b,
    0x05: lambda a, b: divided(signed(a), signed(b)),
    0x06: lambda a, b: a // b,
    0x07: lambda a, b: signed(a) - signed(b) * divided(signed(a), signed(b)),
    0x08: lambda a, b: a % b,
    0x09: lambda a, b: a << b if b < 64 else 0,
    0x0A: lambda a, b: signed(a) >> min(b, 64),
    0x0B: lambda a, b: a >> min(b, 64),
    0x0F: lambda a, b: a & b,
    0x10: lambda a, b: a | b,
    0x11: lambda a, b: a ^ b,
    0x13: lambda a, b: a == b,
    0x14: lambda a, b: signed(a) < signed(b),
    0x15: lambda a, b: a < b,
}
"""The operations of two values, in plain numbers."""
EDGES = (0, 1, 2, 7, 63, 64, 65, 1 << 31, (1 << 63) - 1, 1 << 63, MASK - 6, MASK)


@pytest.mark.parametrize("operation", BINARY, ids=hex)
def test_an_operation_computes_what_it_is_to(operation: int) -> None:
    """Prevents results that differ from plain arithmetic, folded or compiled."""
    machine = make()
    left, right, result = (
        b"\x24" + (OPERANDS + n).to_bytes(4, "big") + b"\x1a" for n in (0, 8, 16)
    )
    code = left + right + bytes((operation,))
    arm(machine, AgentCondition((code + result + b"\x03" + END,)))
    for a in EDGES:
        for b in EDGES:
            machine.memory.write(OPERANDS, a.to_bytes(8, "little") + b.to_bytes(8, "little"))
            if operation in (5, 6, 7, 8) and b == 0:
                with pytest.raises(AgentError):
                    evaluate(code + END, machine)
                assert stops(machine)
                continue
            expected = BINARY[operation](a, b) & MASK
            assert evaluate(code + END, machine) == expected
            machine.memory.write(OPERANDS + 16, expected.to_bytes(8, "little"))
            assert not stops(machine)
            machine.memory.write(OPERANDS + 16, (expected ^ 1 << 40).to_bytes(8, "little"))
            assert stops(machine)


def test_every_register_is_the_one_that_gdb_sees() -> None:
    """Prevents conditions on another register, or on one that is not in place yet."""
    machine = make()
    choose = random.Random(8086)
    for name in ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp", "ds", "es", "ss"):
        setattr(machine.registers, name, choose.randrange(0x10000))
    machine.registers.flags = 0x8C5
    machine.registers.icount = 12345
    for number in range(len(REGISTERS)):
        value = int.from_bytes(read(machine.registers, number)[:8], "little")
        code = b"\x26" + number.to_bytes(2, "big")
        assert evaluate(code + END, machine) == value, REGISTERS[number].name
        arm(machine, AgentCondition((code + constant(value) + b"\x03" + END,)))
        assert not stops(machine), REGISTERS[number].name
        arm(machine, AgentCondition((code + constant(value) + b"\x13" + END,)))
        assert stops(machine), REGISTERS[number].name


# -- the same, compiled and in Python --------------------------------------------------------

Tree = Callable[[int], bytes]
"""Assembles an expression at an offset, since jumps are absolute."""


def _then(first: Tree, second: Tree, operation: bytes) -> Tree:
    def assemble(at: int) -> bytes:
        left = first(at)
        return left + second(at + len(left)) + operation

    return assemble


def _choice(condition: Tree, yes: Tree, no: Tree) -> Tree:
    def assemble(at: int) -> bytes:
        head = condition(at)
        otherwise = no(at + len(head) + 3)
        middle = at + len(head) + 3 + len(otherwise) + 3
        then = yes(middle)
        end = (middle + len(then)).to_bytes(2, "big")
        return head + b"\x20" + middle.to_bytes(2, "big") + otherwise + b"\x21" + end + then

    return assemble


def _leaf(code: bytes) -> Tree:
    return lambda at: code


numbers = st.sampled_from((*EDGES, 0xFF, 0x8000, 0xFFFF, MEMORY_SIZE - 1)) | st.integers(0, MASK)
leaves = st.one_of(
    numbers.map(constant),
    st.integers(0, 8 * 16).map(lambda n: b"\x24" + (OPERANDS + n).to_bytes(4, "big") + b"\x18"),
    st.integers(0, len(REGISTERS) + 1).map(lambda number: b"\x26" + number.to_bytes(2, "big")),
).map(_leaf)
UNARY = (
    *("0e", "12", "1607", "1608", "1620", "1640", "2a01", "2a10", "17", "1a", "220f0f19"),
    *("2802", "292205", "2300092b03", "22022203330202", "32000f"),
    *("1600", "02", "3201", "ee"),
)
"""What a value on the stack can go through; the last of these fail, at least sometimes."""
unary = st.sampled_from([bytes.fromhex(code) for code in UNARY])
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(_then, inner, st.just(_leaf(b"")), unary),
        st.builds(_then, inner, inner, st.sampled_from([bytes((op,)) for op in BINARY])),
        st.builds(_choice, inner, inner, inner),
    ),
    max_leaves=12,
)
expressions = trees.map(lambda tree: tree(0) + END) | st.binary(max_size=24)


@settings(max_examples=examples(120), suppress_health_check=list(HealthCheck))
@given(st.lists(expressions, min_size=1, max_size=3), st.integers(0, 1 << 32))
def test_compiled_conditions_hold_where_those_in_python_do(codes: list[bytes], seed: int) -> None:
    """Prevents stops that are missed, the one mistake that nobody would see."""
    choose = random.Random(seed)
    machine = make()
    condition = AgentCondition(tuple(codes))
    arm(machine, condition)
    try:
        compiled = bool(PredicateFunction(condition, machine.model))
    except UntranslatableError:
        compiled = False
    for _ in range(6):
        data = bytes(choose.choice((0, 0, 1, 0xFF, choose.randrange(256))) for _ in range(200))
        machine.memory.write(OPERANDS, data)
        for name in ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp", "ds", "es"):
            setattr(machine.registers, name, choose.choice((0, 1, 0x8000, choose.randrange(65536))))
        machine.registers.flags = choose.randrange(0x10000) & 0xFEFF
        holds = condition(machine)
        assert stops(machine) == (holds or not compiled)


# -- through the debugger --------------------------------------------------------------------


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return what collects the values of expressions that were evaluated in Python."""
    values: list[int] = []

    def counting(code: bytes, machine: Machine, *allowance: Any) -> int:
        values.append(evaluate(code, machine, *allowance))
        return values[-1]

    monkeypatch.setattr(agent, "evaluate", counting)
    return values


def debug(*codes: bytes) -> Debugger:
    """Return a debugger with a conditional breakpoint at the loop, which is compiled already."""
    debugger = Debugger(make())
    condition = AgentCondition(codes)
    debugger.machine.engine.overlook({LOOP_AT: condition})
    submit(int).result()
    debugger.insert(Point(PointKind.EXECUTE, LOOP_AT), condition)
    return debugger


@settings(max_examples=examples(40), suppress_health_check=list(HealthCheck))
@given(st.integers(0, 1 << 32))
def test_random_programs_stop_at_conditions_alike(seed: int) -> None:
    """Prevents a stop, a count or a state that depends on who judges conditions."""
    choose = random.Random(seed)
    pair = random_pair(choose)
    for machine in pair:  # services without a function, points that nobody set
        for mark in re.finditer(rb"[^\0]", bytes(machine.memory.attributes)):
            for attribute in set(Attribute) - {Attribute.LAST}:
                machine.memory.unmark(mark.start(), attribute)
    debuggers = [Debugger(machine) for machine in pair]
    conditions = {}
    for _ in range(20):
        place = PROGRAM_AT + choose.randrange(PROGRAM_SIZE)
        register, bit = choose.randrange(4), 1 << choose.randrange(16)
        code = b"\x26\0" + bytes((register,)) + constant(bit) + b"\x0f" + END
        conditions[place] = AgentCondition((code,))
        for debugger in debuggers:
            debugger.insert(Point(PointKind.EXECUTE, place), conditions[place])
    pair.native.engine.overlook(conditions)
    submit(int).result()
    for _ in range(6):
        how = Resume(backward=choose.random() < 0.3, count=choose.choice((1, 30, 300)))
        events = [debugger.resume(how) for debugger in debuggers]
        assert events[1] == events[0]
        pair.compare()


def test_a_million_false_hits_are_passed_natively(judged: list[int]) -> None:
    """Prevents a way out to Python for each hit, in either direction of time."""
    debugger = debug(count_is(1_000_000))
    assert debugger.drive(Resume()).kind is EventKind.BREAKPOINT
    assert debugger.machine.icount == LOOP_SIZE * 1_000_000
    assert judged == [1]
    debugger.resume(Resume(count=300_000))
    assert judged == [1]
    assert debugger.drive(Resume(backward=True)).kind is EventKind.BREAKPOINT
    assert debugger.machine.icount == LOOP_SIZE * 1_000_000
    assert debugger.drive(Resume(backward=True)).kind is EventKind.HISTORY_START
    assert set(judged) == {1}


def test_each_of_several_expressions_counts(judged: list[int]) -> None:
    """Prevents a predicate that looks at the first alone, or goes on wrongly behind a jump."""
    either = b"\x26\0\x03\x20\x00\x0b\x22\x00\x21\x00\x0d\x22\x01" + END  # bx ? 1 : 0
    debugger = debug(either, count_is(9), count_is(5))
    for count in (5, 9):
        assert debugger.drive(Resume()).kind is EventKind.BREAKPOINT
        assert debugger.machine.icount == LOOP_SIZE * count
    assert len(judged) == 5  # 0 0 1 and 0 1


def test_a_long_condition_is_judged_in_python(judged: list[int]) -> None:
    """Prevents conditions that are lost because they can't be compiled."""
    long = b"\x22\x01\x29" * MAX_EMITTED
    debugger = debug(long + count_is(20))
    assert debugger.drive(Resume()).kind is EventKind.BREAKPOINT
    assert debugger.machine.icount == LOOP_SIZE * 20
    assert judged == [0] * 19 + [1]


def test_many_ways_through_a_condition_do_no_harm() -> None:
    """Prevents code that grows twofold with each jump, and recursion without end."""
    jumps = b"".join(b"\x26\0\0\x20" + (6 * n).to_bytes(2, "big") for n in range(1, 600))
    loop = b"\x26\0\0\x20\x00\x00\x22\x01" + END
    for code in (jumps + count_is(3), loop):
        debugger = debug(code)
        assert debugger.drive(Resume()).kind is EventKind.BREAKPOINT


def test_another_breakpoint_at_the_address_stops_always() -> None:
    """Prevents one client command's condition from silencing another breakpoint."""
    debugger = debug(NEVER)
    debugger.insert(Point(PointKind.EXECUTE, LOOP_AT), owner="another")
    assert debugger.drive(Resume()).kind is EventKind.BREAKPOINT
    assert debugger.machine.icount == LOOP_SIZE
    debugger.remove(Point(PointKind.EXECUTE, LOOP_AT), owner="another")
    assert debugger.drive(Resume(count=100)).kind is EventKind.STEPPED


def test_without_its_condition_a_breakpoint_stops_again() -> None:
    """Prevents a predicate that outlives its breakpoint's condition."""
    debugger = debug(NEVER)
    assert debugger.drive(Resume(count=100)).kind is EventKind.STEPPED
    debugger.insert(Point(PointKind.EXECUTE, LOOP_AT))
    assert debugger.drive(Resume(count=100)).kind is EventKind.BREAKPOINT


def test_predicates_are_for_the_debugger_s_runs_alone() -> None:
    """Prevents searches with points of their own from missing what a condition would hide."""
    debugger = debug(NEVER)
    debugger.resume(Resume(count=10))
    assert debugger.timeline.run(100) == Stop(StopReason.BREAKPOINT)


def test_translated_code_minds_conditions(judged: list[int]) -> None:
    """Prevents a region that runs through a conditional breakpoint, or that can't go past it."""
    machine = make()
    machine.run(100)
    assert translate_here(machine, 0) == 1
    debugger = Debugger(machine)
    debugger.insert(Point(PointKind.EXECUTE, LOOP_AT + 3), AgentCondition((count_is(5000),)))
    debugger.resume(Resume(count=1))
    submit(int).result()
    assert debugger.drive(Resume()).kind is EventKind.BREAKPOINT
    assert machine.registers.ax == 5000
    assert machine.icount == LOOP_SIZE * 4999 + 1
    assert judged[-1] == 1


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_a_service_runs_at_a_breakpoint_that_does_not_count(engine: str) -> None:
    """Prevents a stub that is entered for ever, or a service that is left out."""
    served = []

    def service(guest: Guest) -> Outcome:
        served.append(guest.registers.ax)
        return DONE

    machine = make(engine)
    machine.hang_service(0x21, service)
    machine.memory.write(LOOP_AT, bytes.fromhex("40 cd21 ebfb"))  # inc ax / int 21h / jmp
    stub = next(address for address, name in machine.service_names.items() if name == "int21")
    debugger = Debugger(machine)
    debugger.insert(Point(PointKind.EXECUTE, stub), AgentCondition((count_is(7),)))
    assert debugger.drive(Resume()).kind is EventKind.BREAKPOINT
    assert served == [1, 2, 3, 4, 5, 6]


def test_a_condition_that_never_holds_can_be_interrupted() -> None:
    """Prevents a run that no Ctrl-C ends, since it never leaves native code."""
    debugger = debug(NEVER)
    events = []
    runner = Thread(target=lambda: events.append(debugger.drive(Resume()).kind))
    runner.start()
    while not debugger.machine.icount:
        pass
    debugger.interrupt()
    runner.join()
    assert events == [EventKind.INTERRUPTED]


@pytest.mark.parametrize("budget", [1, 2, 3, 7, 100])
def test_budgets_are_kept_at_overlooked_breakpoints(budget: int) -> None:
    """Prevents counts of instructions that are off by those at breakpoints."""
    machine = make()
    arm(machine, AgentCondition((NEVER,)))
    for run in range(1, 5):
        assert machine.run(budget) == Stop(StopReason.BUDGET)
        assert machine.icount == run * budget
