"""Calls after which nobody asks the scheduler when it is due (`blink16.elks.quiet`), and calls that
are served in a row, whoever's they are (`Machine`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from elks_guest import ElksGuest, start
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from property_examples import examples

from benchmarks.elks_calls import call
from blink16.cpu.engine import NEWS, OF_PROCESSES, StopReason
from blink16.elks import system
from blink16.elks.abi import Call, Ioctl
from blink16.elks.aout import Executable
from blink16.elks.signals import ElksSignal
from blink16.machine import Machine
from blink16.memory import Attribute, linear

SKIPPED_HANDLER = bytes.fromhex("eb03 ca0200")  # jmp over it; retf 2
HANDLER = 2
TIMERS = {0x100: (0, 3_000), 0x120: (2_000, 1_000), 0x140: (0, 40_000), 0x160: (0, 0)}
"""Where setitimer() finds its interval and its first time, in microseconds."""
MODES, SET, PIPE, BYTES = 0x180, 0x1C0, 0x1D0, 0x200
READ_END, WRITE_END = 3, 4
LEAVING = (StopReason.EXITED, StopReason.TRAPPED, StopReason.WAITING)
INSTANTS = range(2_000, 30_000, 2_000)


def _catch(number: int) -> bytes:
    """Return code that has a signal handled: DX:CX is the handler."""
    return b"\xbb" + number.to_bytes(2, "little") + bytes.fromhex("8cca b90200 b83000 cd80")


def _spin(rounds: int) -> bytes:
    return b"\xb9" + rounds.to_bytes(2, "little") + b"\xe2\xfe"


def _with_child(number: Call) -> bytes:
    """Return code that makes a process which ends at once, and waits for it."""
    ends = call(Call.EXIT, 3)
    return call(number) + b"\x09\xc0\x75" + bytes((len(ends),)) + ends + call(Call.WAIT4, 0xFFFF)


STEPS = (
    call(Call.GETPID),
    call(Call.ALARM, 1),
    call(Call.ALARM, 0),
    *(call(Call.SETITIMER, 0, place) for place in TIMERS),
    _catch(ElksSignal.SIGALRM),
    _catch(ElksSignal.SIGUSR1) + call(Call.KILL, 2, ElksSignal.SIGUSR1),
    _catch(ElksSignal.SIGUSR1) + call(Call.KILL, 3, ElksSignal.SIGUSR1),
    call(Call.WRITE, WRITE_END, BYTES, 1),
    call(Call.WRITE, WRITE_END, BYTES, 70),
    call(Call.READ, READ_END, BYTES, 10),
    call(Call.SELECT, 4, SET, 0, 0, 0x160),
    call(Call.IOCTL, 0, Ioctl.TCSETS, MODES),
    call(Call.DUP, WRITE_END) + call(Call.CLOSE, 5),
    _with_child(Call.FORK),
    _with_child(Call.VFORK),
    _spin(50),
    _spin(2_000),
)


def _program(parent: Sequence[bytes], child: Sequence[bytes]) -> Executable:
    begin = SKIPPED_HANDLER + call(Call.PIPE, PIPE) + _catch(ElksSignal.SIGALRM) + call(Call.FORK)
    loops = [body + b"\xe9" + (-len(body) - 3 & 0xFFFF).to_bytes(2, "little") for body in
             (b"".join(child), b"".join(parent))]  # fmt: skip
    in_child = b"\x09\xc0\x74\x03\xe9" + len(loops[0]).to_bytes(2, "little")
    data = bytearray(0x300)
    for place, (interval, first) in TIMERS.items():
        words = (0, interval, 0, first)
        data[place : place + 16] = b"".join(word.to_bytes(4, "little") for word in words)
    data[SET] = 1 << READ_END
    text = begin + in_child + loops[0] + loops[1]
    return Executable(text, data=bytes(data), heap=0x400, stack=0x400)


def _states(guest: ElksGuest) -> list[Any]:
    """Run a program, and return what the machine is at some instants, and at its end."""
    machine, states = guest.machine, list[Any]()
    for instant in INSTANTS:
        while machine.icount < instant:
            if machine.run(instant - machine.icount).reason in LEAVING:
                return [*states, machine.save()]
        states.append(machine.save())
    return states


BODIES = st.lists(st.sampled_from(STEPS), min_size=1, max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(90))
@given(parent=BODIES, child=BODIES)
def test_who_is_not_told_of_a_call_acts_no_later(
    tmp_path: Path, parent: list[bytes], child: list[bytes]
) -> None:
    """Prevents alarms, signals and turns that come later since a call was taken for quiet."""
    program = _program(parent, child)
    told = _states(start(program, tmp_path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(system, "is_quiet", lambda kernel, caller: False)
        assert _states(start(program, tmp_path)) == told


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))
@given(parent=BODIES, child=BODIES, engine=st.sampled_from(["reference", "native"]))
def test_calls_in_a_row_are_the_same_as_one_by_one(
    tmp_path: Path, parent: list[bytes], child: list[bytes], engine: str
) -> None:
    """Prevents turns, births and ends that come otherwise where others are served on."""
    program = _program(parent, child)
    in_a_row = _states(start(program, tmp_path, engine=engine))
    asked = start(program, tmp_path, engine=engine)
    asked.machine.asked = OF_PROCESSES
    assert _states(asked) == in_a_row
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Machine, "_serve_in_a_row", Machine._serve)
        assert _states(start(program, tmp_path, engine=engine)) == in_a_row


@pytest.mark.parametrize("asked", [OF_PROCESSES, frozenset()])
def test_breakpoints_stop_who_goes_on_amid_its_program(
    tmp_path: Path, asked: frozenset[StopReason]
) -> None:
    """Prevents a breakpoint that is passed since the process before it waits or has ended."""
    body = _with_child(Call.FORK)
    program = _program([body], [call(Call.PAUSE)])
    guest = start(program, tmp_path)
    machine, found, is_there = guest.machine, list[bool](), False
    machine.asked = asked
    behind_fork = program.text.rfind(body) + len(call(Call.FORK))
    machine.memory.mark(linear(machine.registers.cs, behind_fork), Attribute.BREAKPOINT)
    while len(found) < 8:
        stop = machine.run(10_000, skip_breakpoint=is_there)
        is_there = stop.reason is StopReason.BREAKPOINT
        if is_there:
            found.append(machine.registers.ax == 0)
        else:
            assert stop.reason in NEWS
    assert found == [False, True] * 4
