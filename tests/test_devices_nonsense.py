"""Guests that program devices with nonsense, storm interrupts and hook everything to anywhere."""

from __future__ import annotations

import random
import threading

import pytest
from guests import ENGINES
from hypothesis import given, settings
from hypothesis import strategies as st
from pc_guest import (
    CLI,
    CODE,
    DATA,
    FOREVER,
    HLT,
    IRET,
    STI,
    PcGuest,
    count,
    handler,
    out,
)
from property_examples import examples

from blink16.cpu.engine import Stop, StopReason
from blink16.devices.oscillator import PIT_HZ
from blink16.devices.pc import IRQ_BASE

LENGTH = 400
SPEED = 50_000
PORTS = [
    *range(0x10),  # DMA
    0x20, 0x21,
    *range(0x40, 0x44), *range(0x60, 0x64),
    0x70, 0x71,
    *range(0x80, 0x84),
    0xA0, 0xE9,
    0x201,
    *range(0x2F8, 0x300), *range(0x378, 0x37B), *range(0x3B0, 0x3C0), *range(0x3C0, 0x3E0),
    *range(0x3F0, 0x3F8), *range(0x3F8, 0x400),
]  # fmt: skip
STORMS = {
    "timer": out(0x43, 0x34) + out(0x40, 1) + out(0x40, 0) + STI + FOREVER,
    "halting timer": out(0x43, 0x34) + out(0x40, 1) + out(0x40, 0) + STI + HLT + b"\xeb\xfd",
    "serial line": out(0x3FB, 0x80) + out(0x3F8, 1) + out(0x3F9, 0) + out(0x3FB, 0)
    + out(0x3FC, 8) + out(0x3F9, 2) + out(0x21, 0xEF) + STI + FOREVER,
    "level triggered": out(0x20, 0x1B) + out(0x21, 8) + out(0x21, 3) + out(0x21, 0)
    + out(0x43, 0x30) + out(0x40, 1) + out(0x40, 0) + STI + FOREVER,
    "single steps": b"\xb8\x00\x03\x50\x9d" + FOREVER,
    "breakpoints": b"\xcc\xeb\xfd",
    "divisions": b"\x30\xdb\xf6\xf3\xeb\xfc",
}  # fmt: skip
HANDLERS = {
    0: handler(count(DATA)),
    4: handler(b"\x52\xba\xfa\x03\xec\xba\xf8\x03\xee\x5a" + count(DATA)),  # IIR; send
}


def accesses(choose: random.Random, number: int) -> bytes:
    """Return code that reads and writes ports at random, with rests in between."""
    code = bytearray()
    for _ in range(number):
        port = choose.choice(PORTS)
        code += b"\xba" + port.to_bytes(2, "little")  # mov dx, port
        value = choose.choice((0, 1, 0xFF, choose.randrange(256)))
        code += choose.choice(
            (
                bytes((0xB0, value, 0xEE)),  # out dx, al
                bytes((0xB8, value, choose.randrange(256), 0xEF)),  # out dx, ax
                b"\xec",
                b"\xed",
                b"\xec\x01\xc3",  # in al, dx; add bx, ax
            )
        )
        code += choose.choice((b"", b"", STI, CLI, HLT, b"\xb9\x09\x00\xe2\xfe"))
    return bytes(code)


def pair(code: bytes, seed: int = 0, *, vectors: bool = False) -> list[PcGuest]:
    """Return equal guests on both engines; ``vectors``: all of them lead anywhere."""
    made = []
    for engine in ENGINES:
        guest = PcGuest(code, dict(HANDLERS), engine, clock_hz=SPEED)
        for irq in (1, 2, 3, 5, 6, 7):
            guest.machine.memory.write(0x0700, handler(b"\xe4\x60"))
            guest.machine.set_vector(IRQ_BASE + irq, 0, 0x0700)
        for vector in (0, 1, 2, 3, 4):
            guest.machine.memory.write(0x0780, count(DATA) + IRET)
            guest.machine.set_vector(vector, 0, 0x0780)
        if vectors:
            choose = random.Random(seed)
            guest.machine.memory.write(0, choose.randbytes(0x400))
            guest.machine.memory.write(0x10000, choose.randbytes(0x10000))
        made.append(guest)
    return made


def finish(guest: PcGuest, end: int, pieces: random.Random | None) -> Stop | None:
    """Run to an instruction count, in pieces or at once; return why it can't go on, if so."""
    machine = guest.machine
    while machine.icount < end:
        before, left = machine.icount, end - machine.icount
        stop = machine.run(left if pieces is None else min(left, pieces.randrange(1, 40)))
        if machine.icount == before or stop.reason is not StopReason.BUDGET:
            return stop
    return None


@settings(max_examples=examples(60))
@given(st.integers(0, 2**32), st.booleans())
def test_nonsense_at_all_ports_is_the_same_on_both_engines(seed: int, vectors: bool) -> None:
    """Prevents Python errors, hangs and engines that drift apart, whatever a guest programs."""
    choose = random.Random(seed)
    guests = pair(STI + accesses(choose, 60) + FOREVER, seed, vectors=vectors)
    for channel, data in (("keyboard", b"\x1e\x9e"), ("com1", b"xyz"), ("nmi", b"\x40")):
        end = guests[0].machine.icount + choose.randrange(LENGTH)
        stops = [
            finish(guest, end, pieces)
            for guest, pieces in zip(guests, (None, random.Random(seed)), strict=True)
        ]
        assert stops[1] == stops[0]
        for guest in guests:
            guest.machine.receive(channel, data)
        assert guests[1].state() == guests[0].state()
    finish(guests[0], 2 * LENGTH, None)
    finish(guests[1], 2 * LENGTH, random.Random(seed))
    assert guests[1].state() == guests[0].state()
    assert guests[1].shown == guests[0].shown


@settings(max_examples=examples(40))
@given(
    st.lists(
        st.tuples(st.sampled_from(PORTS), st.integers(0, 255), st.integers(0, 3000)), max_size=60
    )
)
def test_no_port_answers_with_more_than_a_byte_and_time_goes_on(
    steps: list[tuple[int, int, int]],
) -> None:
    """Prevents devices that give nonsense back, or whose next event never gets past."""
    pc = PcGuest(FOREVER)
    for port, value, passed in steps:
        pc.out(port, value)
        pc.machine.registers.cycles += passed
        assert 0 <= pc.in_(port) <= 0xFF
        before = pc.machine.icount
        pc.machine.run(3)
        assert pc.machine.icount == before + 3 or pc.machine.registers.cells[23]
    saved = pc.machine.save()
    pc.machine.restore(saved)
    assert pc.machine.save() == saved


@pytest.mark.parametrize("name", STORMS)
def test_storms_are_the_same_on_both_engines(name: str) -> None:
    """Prevents a guest that does nothing but serve interrupts from hanging or going astray."""
    guests = pair(STORMS[name])
    for guest in guests:
        assert guest.machine.run(3000).reason is StopReason.BUDGET
        assert guest.machine.icount == 3000
    assert guests[1].state() == guests[0].state()
    assert guests[0].word(DATA) > 100


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", STORMS)
def test_storms_can_be_interrupted(name: str, engine: str) -> None:
    """Prevents a user's Ctrl-C from being lost among thousands of interrupts a second."""
    guest = pair(STORMS[name])[ENGINES.index(engine)]
    guest.machine.run(500)
    done = threading.Event()

    def interrupt_amid() -> None:
        while guest.machine.icount == 500 and not done.wait(0.01):
            pass
        guest.machine.interrupt()

    user = threading.Thread(target=interrupt_amid)
    user.start()
    try:
        assert guest.machine.run().reason is StopReason.INTERRUPTED
    finally:
        done.set()
        user.join()
    assert guest.machine.icount > 500


def test_stacks_wrap_at_zero() -> None:
    """Prevents an interrupt with SP at 0 to 5 from writing outside of the stack's segment."""
    for sp in range(6):
        guests = pair(STORMS["timer"])
        for guest in guests:
            guest.machine.registers.ss, guest.machine.registers.sp = 0x2000, sp
            guest.machine.run(1000)
        assert guests[1].state() == guests[0].state()
        assert guests[0].word(DATA) > 30
        ram = guests[0].machine.memory
        assert ram.read_word(0x20000 + ((sp - 4) & 0xFFFF)) == 0  # CS, above IP
        assert ram.read(0x1FFF0, 16) == bytes(16)


@settings(max_examples=examples(25))
@given(st.binary(min_size=0x400, max_size=0x400), st.integers(0, 255))
def test_garbage_in_all_vectors_leads_both_engines_to_the_same_place(
    table: bytes, vector: int
) -> None:
    """Prevents a guest that hooks every vector to anywhere from telling the engines apart."""
    guests = pair(bytes((0xCD, vector)))
    stops = []
    for guest in guests:
        guest.machine.memory.write(0, table)
        stops.append(finish(guest, LENGTH, None))
    assert stops[1] == stops[0]
    assert guests[1].state() == guests[0].state()


def test_a_timer_faster_than_the_processor_is_exact() -> None:
    """Prevents a count of 1 or 2 from making events that stand still or are counted one by one."""
    pc = PcGuest(out(0x21, 0xFF) + out(0x43, 0x34) + out(0x40, 2) + out(0x40, 0) + FOREVER)
    pc.machine.run(50)
    pc.machine.registers.cycles += 10 * 1_000_000
    pc.machine.run(10)
    assert pc.devices.pit.state.seen >= 10 * PIT_HZ
    assert pc.machine.pc == CODE + len(pc.code) - len(FOREVER)
