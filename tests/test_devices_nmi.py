"""The non-maskable interrupt of a PC/XT: errors, latches, port A0h, the BIOS, time travel."""

from __future__ import annotations

import pytest
from boot_sectors import sector
from guests import TestPace
from hypothesis import given
from hypothesis import strategies as st
from pc_guest import CLI, DATA, FOREVER, HLT, IRET, NOP, POP_AX, PUSH_AX, STI, PcGuest, count, out

from blink16 import bios
from blink16.console import Console
from blink16.cpu import engines
from blink16.cpu.engine import StopReason
from blink16.debugger import Debugger, EventKind, Resume
from blink16.devices.nmi import CHANNEL_ERROR, MEMORY_ERROR
from blink16.history import Timeline
from blink16.machine import Machine
from blink16.monitor import execute

NMIS, LOOPS = DATA, DATA + 2
HANDLER = 0x3000
LOOP = count(LOOPS) + b"\xeb\xfa"
CLEAR = bytes.fromhex("e4610c30e66124cfe661")  # in al, 61h; or al, 30h; …; and al, 0CFh; …
CLEARING = PUSH_AX + count(NMIS) + CLEAR + POP_AX + IRET
ERROR = bytes((CHANNEL_ERROR,))


@pytest.fixture(params=engines.NAMES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine there is."""
    name: str = request.param
    return name


def guest(code: bytes, engine: str = engines.DEFAULT, handler: bytes = CLEARING) -> PcGuest:
    """Return a PC with a handler of INT 2."""
    pc = PcGuest(code, engine=engine)
    pc.machine.memory.write(HANDLER, handler)
    pc.machine.set_vector(2, 0, HANDLER)
    return pc


def test_it_comes_at_once_whatever_the_flags_and_the_8259a_say(engine: str) -> None:
    """Prevents CLI or a mask from holding up what can't be refused."""
    pc = guest(out(0x21, 0xFF) + CLI + LOOP, engine)
    pc.machine.run(50)
    loops = pc.word(LOOPS)
    pc.machine.receive("nmi", ERROR)
    assert pc.machine.pc == HANDLER
    pc.machine.run(30)
    assert pc.word(NMIS) == 1
    assert pc.word(LOOPS) > loops


def test_port_a0h_holds_it_back_until_it_is_opened(engine: str) -> None:
    """Prevents the XT's own mask from doing nothing, or from losing the error."""
    pc = guest(out(0xA0, 0x00) + NOP * 20 + out(0xA0, 0x80) + NOP + FOREVER, engine)
    pc.machine.run(10)
    pc.machine.receive("nmi", ERROR)
    assert pc.in_(0x62) & 0xC0 == CHANNEL_ERROR
    pc.machine.run(12)
    assert pc.word(NMIS) == 0
    pc.machine.run(12)
    assert pc.word(NMIS) == 1
    assert pc.in_(0x62) & 0xC0 == 0


def test_a_second_one_needs_a_cleared_latch(engine: str) -> None:
    """Prevents a level where the processor sees edges, and a handler within its own handler."""
    pc = guest(LOOP, engine, count(NMIS) + IRET)
    for _ in range(2):
        pc.machine.receive("nmi", ERROR)
        pc.machine.run(20)
    assert pc.word(NMIS) == 1
    pc.out(0x61, 0x78, 0x48)
    pc.machine.receive("nmi", ERROR)
    pc.machine.run(20)
    assert pc.word(NMIS) == 2


def test_each_latch_has_its_bits() -> None:
    """Prevents memory's errors from being taken for a card's."""
    pc = PcGuest()
    pc.out(0xA0, 0)
    pc.machine.receive("nmi", bytes((MEMORY_ERROR | CHANNEL_ERROR | 0x3F,)))
    assert pc.in_(0x62) & 0xC0 == 0xC0
    pc.out(0x61, 0x58)
    assert pc.in_(0x62) & 0xC0 == CHANNEL_ERROR
    pc.out(0x61, 0x68)
    assert pc.in_(0x62) & 0xC0 == 0


def test_it_waits_for_the_instruction_behind_a_new_stack_segment(engine: str) -> None:
    """Prevents an interrupt between MOV SS and MOV SP, also this one."""
    # mov dx,A0h; mov ax,80h; mov bx,2000h; out dx,al; mov ss,bx; mov sp,1000h; jmp $
    code = bytes.fromhex("baa000b88000bb00208ed3ee8ed3bc0010ebfe")
    pc = guest(code, engine)
    pc.out(0xA0, 0)
    pc.machine.run(4)
    assert pc.machine.registers.cells[22] == 1  # behind MOV SS
    pc.machine.receive("nmi", ERROR)
    pc.out(0xA0, 0x80)
    assert pc.machine.pc != HANDLER
    pc.machine.run(1)
    assert pc.machine.pc == HANDLER


def test_it_comes_before_an_interrupt_that_can_be_refused(engine: str) -> None:
    """Prevents IRQ 1 from being served first where both ask at once."""
    program = out(0x21, 0xFD) + b"\xba\xa0\x00\xb0\x80" + STI + b"\xee" + FOREVER  # out A0h, 80h
    pc = PcGuest(program, {1: IRET}, engine)
    pc.machine.memory.write(HANDLER, CLEARING)
    pc.machine.set_vector(2, 0, HANDLER)
    pc.out(0xA0, 0)
    pc.machine.receive("nmi", ERROR)
    pc.machine.receive("keyboard", b"\x1e")
    pc.machine.run(7)
    assert pc.machine.pc == HANDLER
    assert pc.devices.pic.pending()


def test_time_travel_goes_into_its_handler_and_out(engine: str) -> None:
    """Prevents an NMI that comes at another instant, or not at all, in the past."""
    pc = guest(STI + LOOP, engine)
    timeline = Timeline(pc.machine, pace=TestPace())
    timeline.run(70)
    timeline.receive("nmi", ERROR)
    known = {}
    for _ in range(40):
        timeline.run(1)
        known[timeline.now] = pc.state()
    assert pc.word(NMIS) == 1
    for icount in (75, 72, 110, 71, 80):
        timeline.seek(icount)
        assert pc.state() == known[icount]
    timeline.seek(70)
    assert pc.word(NMIS) == 0


# -- the BIOS and the user --------------------------------------------------------------------


def booted(code: bytes) -> tuple[Debugger, list[str]]:
    """Return a PC before its boot sector, and the notices that it gives."""
    machine = Machine()
    bios.boot(machine, sector(code), Console())
    debugger = Debugger(machine)
    notices: list[str] = []
    debugger.on_notice = notices.append
    return debugger, notices


@pytest.mark.parametrize(("error", "number"), [(MEMORY_ERROR, 1), (CHANNEL_ERROR, 2)])
def test_the_bios_says_which_error_and_halts(error: int, number: int) -> None:
    """Prevents an error that nobody handles from passing unseen."""
    debugger, notices = booted(FOREVER)
    debugger.receive("nmi", bytes((error,)))
    assert debugger.drive(Resume(count=1000)).kind is EventKind.HALTED
    assert execute(debugger, "screen").startswith(f"PARITY CHECK {number}\n")
    assert "PARITY CHECK" in notices[0]
    assert not debugger.machine.registers.flags & 0x200


def test_the_monitor_command_is_an_input_like_others() -> None:
    """Prevents a debugger's NMI that is no part of the history."""
    debugger, _ = booted(FOREVER)
    debugger.resume(Resume(count=100))
    assert execute(debugger, "nmi") == "NMI with the next resume\n"
    debugger.resume(Resume(count=1000))
    end = debugger.timeline.now
    assert execute(debugger, "screen").startswith("PARITY CHECK 2")
    execute(debugger, "seek 100")
    assert not execute(debugger, "screen").startswith("PARITY CHECK")
    execute(debugger, f"seek {end}")
    assert execute(debugger, "screen").startswith("PARITY CHECK 2")


def test_the_monitor_command_tells_why_nothing_will_happen() -> None:
    """Prevents a user from waiting for an NMI that the program holds back."""
    debugger, _ = booted(out(0xA0, 0) + FOREVER)
    debugger.resume(Resume(count=10))
    assert "port A0h" in execute(debugger, "nmi")
    debugger.resume(Resume(count=10))
    assert "hasn't cleared" in execute(debugger, "nmi")
    assert "no PC" in execute(Debugger(Machine.bare()), "nmi")
    assert "unexpected argument" in execute(debugger, "nmi now")


def test_int_2_without_an_error_returns() -> None:
    """Prevents a program that calls INT 02h (an 8087's exception) from being halted."""
    debugger, notices = booted(b"\xcd\x02" + count(0x600) + CLI + HLT)
    debugger.machine.run(20)
    assert debugger.machine.memory.read_word(0x600) == 1
    assert not notices


@given(st.lists(st.tuples(st.sampled_from([0x61, 0xA0, None]), st.integers(0, 255)), max_size=30))
def test_no_sequence_of_errors_and_masks_hangs(steps: list[tuple[int | None, int]]) -> None:
    """Prevents errors, and a machine that does nothing but enter INT 2."""
    pc = guest(LOOP)
    for port, value in steps:
        if port is None:
            pc.machine.receive("nmi", bytes((value,)))
        else:
            pc.out(port, value)
        stop = pc.machine.run(40)
        assert stop.reason is StopReason.BUDGET
    assert pc.word(NMIS) <= len(steps)
    assert pc.word(LOOPS) >= len(steps)


def test_a_halted_machine_goes_on_with_it_and_back() -> None:
    """Prevents a machine that stopped for good from refusing its NMI, now or in a replay."""
    debugger, _ = booted(CLI + HLT + FOREVER)
    assert debugger.drive(Resume()).kind is EventKind.HALTED
    halted = debugger.timeline.now
    execute(debugger, "nmi")
    assert debugger.drive(Resume()).kind is EventKind.HALTED
    end = debugger.timeline.now
    assert execute(debugger, "screen").startswith("PARITY CHECK 2")
    execute(debugger, f"seek {halted}")
    assert not execute(debugger, "screen").startswith("PARITY CHECK")
    execute(debugger, f"seek {end}")
    assert execute(debugger, "screen").startswith("PARITY CHECK 2")
