"""Programs on a PC with real interrupts: timer, keyboard and serial, on each engine."""

from __future__ import annotations

import pytest
from guests import TestPace
from hypothesis import given, settings
from hypothesis import strategies as st
from pc_guest import (
    CLI,
    CLOCK_HZ,
    CODE,
    DATA,
    EOI,
    FOREVER,
    HLT,
    IRET,
    NOP,
    POP_AX,
    PUSH_AX,
    STI,
    PcGuest,
    count,
    handler,
    out,
)
from property_examples import examples

from blink16.cpu import engines
from blink16.cpu.engine import StopReason
from blink16.devices import keys
from blink16.history import Timeline

BUSY_HZ = 12_000_000
"""Cycles a second, where a timer is to leave a program some time."""
TICKS, KEYS, BYTES, LOOPS = DATA, DATA + 2, DATA + 4, DATA + 6
STORE = DATA + 0x100
FAST_TIMER = out(0x43, 0x34) + out(0x40, 0x2C) + out(0x40, 0x01)  # mode 2, 300 cycles
LOOP = count(LOOPS) + b"\xeb\xfa"  # again: inc word [LOOPS]; jmp again
KEYBOARD_HANDLER = handler(
    b"\x53\xe4\x60"  # push bx; in al, 60h
    b"\x8b\x1e"
    + KEYS.to_bytes(2, "little")  # mov bx, [KEYS]
    + b"\x88\x87"
    + STORE.to_bytes(2, "little")  # mov [bx + STORE], al
    + count(KEYS)
    + bytes.fromhex("e4618ae00c80e6618ac4e661")  # acknowledge with bit 7 of port 61h
    + b"\x5b"
)
SERIAL_HANDLER = (
    PUSH_AX
    + b"\x52\xba\xf8\x03\xec\x40\xee"  # in al, 3f8h; inc ax; out 3f8h, al
    + count(BYTES)
    + EOI
    + b"\x5a"
    + POP_AX
    + IRET
)
SERIAL_ON = out(0x3FC, 0x0B) + out(0x3F9, 0x01)


@pytest.fixture(params=engines.NAMES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine there is."""
    name: str = request.param
    return name


def test_the_timer_interrupts_a_loop_at_exact_instants(engine: str) -> None:
    """Prevents ticks that come late, early or not at all while a program computes."""
    pc = PcGuest(FAST_TIMER + STI + LOOP, {0: handler(count(TICKS))}, engine, clock_hz=BUSY_HZ)
    pc.machine.run(6)
    setup = pc.machine.cycles
    pc.machine.run(10_000)
    period = 300 * BUSY_HZ / 1_193_182
    assert pc.word(TICKS) in {int((pc.machine.cycles - setup - late) / period) for late in (0, 60)}
    assert pc.word(LOOPS) > 4500


def test_hlt_sleeps_until_the_timer(engine: str) -> None:
    """Prevents HLT from ending at once, from never ending, and from taking instructions."""
    program = STI + HLT + b"\xeb\xfd"  # again: hlt; jmp again
    pc = PcGuest(program, {0: handler(count(TICKS))}, engine)
    stop = pc.machine.run(400)
    assert stop.reason is StopReason.BUDGET
    ticks = pc.word(TICKS)
    assert 400 // 9 <= ticks <= 400 // 7  # HLT, JMP and the handler
    seconds = pc.machine.time / CLOCK_HZ
    assert int(seconds * 1_193_182 / 65_536) == ticks


def test_hlt_without_anything_to_come_says_so(engine: str) -> None:
    """Prevents a machine that waits for a key from spinning; a key wakes it."""
    program = out(0x21, 0xFD) + STI + HLT + count(LOOPS) + HLT
    pc = PcGuest(program, {1: KEYBOARD_HANDLER}, engine)
    assert pc.machine.run().reason is StopReason.WAITING
    halted = pc.state()
    assert pc.machine.run().reason is StopReason.WAITING
    assert pc.state() == halted
    pc.machine.receive("keyboard", b"\x1e")
    assert pc.machine.run().reason is StopReason.WAITING
    assert (pc.word(KEYS), pc.word(LOOPS), pc.machine.memory[STORE]) == (1, 1, 0x1E)


def test_keys_come_one_after_the_other(engine: str) -> None:
    """Prevents scan codes that are lost, doubled or out of order."""
    pc = PcGuest(out(0x21, 0xFD) + STI + HLT + b"\xeb\xfd", {1: KEYBOARD_HANDLER}, engine)
    pc.machine.run(50)
    pc.machine.receive("typing", b"Ab\r")
    assert pc.machine.run().reason is StopReason.WAITING
    codes = keys.typed(b"Ab\r")
    assert pc.machine.memory.read(STORE, pc.word(KEYS)) == codes


def test_a_key_interrupts_a_loop_at_once(engine: str) -> None:
    """Prevents an input from waiting until something else happens."""
    pc = PcGuest(STI + LOOP, {0: handler(b""), 1: KEYBOARD_HANDLER}, engine)
    pc.machine.run(100)
    before = pc.word(LOOPS)
    pc.machine.receive("keyboard", b"\x39")
    pc.machine.run(30)
    assert pc.word(KEYS) == 1
    assert pc.word(LOOPS) - before < 10


def test_serial_bytes_come_and_go(engine: str) -> None:
    """Prevents a serial line without interrupts, and bytes lost between them."""
    pc = PcGuest(SERIAL_ON + out(0x21, 0xEF) + STI + HLT + b"\xeb\xfd", {4: SERIAL_HANDLER}, engine)
    pc.machine.run(20)
    pc.machine.receive("com1", b"HAL-9000")
    assert pc.machine.run().reason is StopReason.WAITING
    assert pc.shown == {"com1": b"IBM.:111"}
    assert pc.word(BYTES) == 8


def test_sti_takes_effect_after_the_next_instruction(engine: str) -> None:
    """Prevents an interrupt between STI and the instruction that follows it."""
    mov = b"\xa1" + TICKS.to_bytes(2, "little")  # mov ax, [TICKS]
    program = NOP * 40 + STI + mov + NOP + FOREVER
    pc = PcGuest(program, {1: handler(count(TICKS))}, engine)
    pc.out(0x21, 0xFD)
    pc.machine.receive("keyboard", b"\x01")
    pc.machine.run(100)
    assert pc.word(TICKS) == 1
    assert pc.machine.registers.ax == 0


def test_an_interrupt_of_sti_hlt_returns_behind_the_hlt(engine: str) -> None:
    """Prevents the classic lost wakeup: a request that came before STI; HLT must end HLT."""
    pc = PcGuest(out(0x21, 0xFD) + STI + HLT + count(LOOPS) + CLI + HLT, {1: handler(b"")}, engine)
    pc.machine.receive("keyboard", b"\x01")
    assert pc.machine.run().reason is StopReason.HALT
    assert pc.word(LOOPS) == 1


def test_unmasking_a_request_interrupts_at_that_instruction(engine: str) -> None:
    """Prevents what a port access causes from waiting for the end of the run."""
    program = out(0x21, 0xFF) + STI + NOP * 4 + out(0x21, 0xFD) + LOOP
    pc = PcGuest(
        program, {1: handler(count(TICKS) + b"\xa1" + LOOPS.to_bytes(2, "little"))}, engine
    )
    pc.machine.receive("keyboard", b"\x01")
    pc.machine.run(100)
    assert pc.word(TICKS) == 1
    stack_ip = pc.word(0x7000 - 6)
    assert stack_ip == CODE + len(out(0x21, 0xFF) + STI + NOP * 4 + out(0x21, 0xFD))


def test_popf_and_iret_let_interrupts_in_without_delay(engine: str) -> None:
    """Prevents POPF from working like STI, and requests that it doesn't notice."""
    program = out(0x21, 0xFD) + b"\xb8\x00\x02\x50\x9d" + LOOP  # mov ax, 200h; push ax; popf
    pc = PcGuest(program, {1: handler(count(TICKS))}, engine)
    pc.machine.receive("keyboard", b"\x01")
    pc.machine.run(50)
    assert pc.word(0x7000 - 6) == CODE + len(program) - len(LOOP)


def test_a_higher_level_interrupts_a_lower_one(engine: str) -> None:
    """Prevents handlers that turn interrupts on from holding up more urgent ones."""
    slow = PUSH_AX + STI + b"\x51\xb9\x00\x08\xe2\xfe\x59" + CLI + EOI + POP_AX + IRET
    handlers = {0: handler(count(TICKS)), 1: slow}
    pc = PcGuest(FAST_TIMER + STI + LOOP, handlers, engine, clock_hz=BUSY_HZ)
    pc.machine.run(50)
    pc.machine.receive("keyboard", b"\x01")
    pc.machine.run(1500)  # within the slow handler
    assert pc.word(TICKS) >= 4
    assert pc.devices.pic.state.isr == 0b10


def test_a_storm_of_interrupts_ends_with_the_budget(engine: str) -> None:
    """Prevents a timer that asks at every instruction from hanging the run."""
    storm = out(0x43, 0x34) + out(0x40, 0x02) + out(0x40, 0x00) + STI + LOOP
    pc = PcGuest(storm, {0: handler(count(TICKS))}, engine)
    assert pc.machine.run(3000).reason is StopReason.BUDGET
    assert pc.machine.icount == 3000
    assert pc.word(TICKS) > 300


MIXED = (
    SERIAL_ON
    + out(0x21, 0xAC)
    + FAST_TIMER
    + STI
    + count(LOOPS)
    + b"\xb9\x05\x00\xf3\xa4"  # mov cx, 5; rep movsb
    + bytes.fromhex("e440e440")  # in al, 40h: the counter
    + b"\x01\xc3"  # add bx, ax
    + HLT
    + b"\x9c\xfa\x9d"  # pushf; cli; popf
    + b"\xeb"
)
MIXED += bytes((0x100 - (len(MIXED) + 1 - MIXED.index(count(LOOPS))),))
HANDLERS = {0: handler(count(TICKS)), 1: KEYBOARD_HANDLER, 4: SERIAL_HANDLER}
INPUTS = st.lists(
    st.tuples(
        st.integers(1, 700),
        st.sampled_from([("keyboard", b"\x1e\x9e"), ("typing", b"x"), ("com1", b"yz")]),
    ),
    max_size=4,
)


def run_to(pc: PcGuest, icount: int, pieces: list[int]) -> None:
    """Run to an instruction count in pieces of these lengths, then at once."""
    for piece in pieces:
        pc.machine.run(max(0, min(piece, icount - pc.machine.icount)))
    while pc.machine.icount < icount:
        pc.machine.run(icount - pc.machine.icount)


@settings(max_examples=examples(25))
@given(INPUTS, st.lists(st.integers(0, 90), max_size=40), st.sampled_from(engines.NAMES))
def test_a_run_in_pieces_is_the_same_run(
    inputs: list[tuple[int, tuple[str, bytes]]], pieces: list[int], engine: str
) -> None:
    """Prevents a state that depends on how often somebody ran the machine, or on the engine."""
    whole = PcGuest(MIXED, HANDLERS)
    split = PcGuest(MIXED, HANDLERS, engine)
    goal = 0
    for delay, (channel, data) in [*inputs, (700, ("com1", b"!"))]:
        goal += delay
        for pc, lengths in ((whole, []), (split, pieces)):
            run_to(pc, goal, lengths)
            pc.machine.receive(channel, data)
        assert split.state() == whole.state()
    run_to(whole, goal + 500, [])
    run_to(split, goal + 500, [1] * 100)
    assert split.state() == whole.state()
    assert split.shown == whole.shown
    assert whole.word(TICKS) > 0


def test_a_restored_machine_goes_the_same_way(engine: str) -> None:
    """Prevents device state that isn't saved."""
    pc = PcGuest(MIXED, HANDLERS, engine)
    pc.machine.run(300)
    pc.machine.receive("typing", b"hello")
    pc.machine.receive("com1", b"world")
    pc.machine.run(400)
    saved, ram = pc.state()
    pc.machine.run(1500)
    after = pc.state()
    pc.machine.restore(saved)
    pc.machine.memory.write(0, ram)
    assert pc.state() == (saved, ram)
    pc.machine.run(1500)
    assert pc.state() == after


@settings(max_examples=examples(15))
@given(INPUTS, st.lists(st.integers(0, 1000), min_size=1, max_size=6))
def test_time_travel_includes_the_devices(
    inputs: list[tuple[int, tuple[str, bytes]]], jumps: list[int]
) -> None:
    """Prevents a past whose timers, keys or serial bytes differ from what happened."""
    pc = PcGuest(MIXED, HANDLERS)
    timeline = Timeline(pc.machine, pace=TestPace())
    known = {}
    for delay, (channel, data) in [*inputs, (400, ("keyboard", b"\x01"))]:
        for piece in (1, delay, 17):
            assert timeline.run(piece).reason is StopReason.BUDGET
            known[timeline.now] = pc.state()
        timeline.receive(channel, data)  # it happens before the next instruction
        del known[timeline.now]
    shown = dict(pc.shown)
    for jump in jumps:
        icount = sorted(known)[jump * (len(known) - 1) // 1000]
        timeline.seek(icount)
        assert pc.state() == known[icount]
    timeline.seek(timeline.end)
    assert pc.shown == shown
