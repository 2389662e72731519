"""A timer's handler in one piece with its interrupt's entry (`native.handler`), on both engines.

Handlers here are translated when a tick has come, as hot ones are.
"""

from __future__ import annotations

import random

import pytest
from engine_pair import translate_here, translation_of
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pc_guest import CODE, DATA, EOI, HANDLERS, IRET, KEEP, STI, PcGuest, count
from property_examples import examples
from test_native_interrupts import LOOPS, TICKS, loop_of, timer

from blink16.cpu.native import slots
from blink16.cpu.native.layout import HOT_OFFSET
from blink16.devices.pc import IRQ_BASE
from blink16.machine import Machine
from blink16.memory import SCRATCH_OFFSET, Attribute

USER = HANDLERS + 7 * KEEP
"""Where INT 1Ch leads."""
TO_DATA = bytes.fromhex("1e 50 b80004 8ed8")  # push ds / push ax / mov ax, 400h / mov ds, ax
FROM_DATA = EOI + bytes.fromhex("58 1f") + IRET  # … / pop ax / pop ds / iret
INT_1C = b"\xcd\x1c"
FIXED = count(0)  # inc word [0]: with DS 400h that is TICKS
PLAIN = TO_DATA + FIXED + FROM_DATA
LIKE_A_BIOS = STI + TO_DATA + FIXED + bytes.fromhex("833e0000ff 7401 90") + INT_1C + FROM_DATA
assert DATA == 0x4000

PIECES = {
    "counts": FIXED,
    "counts far": count(0x300),
    "counts at a line's end": count(0x10F),
    "bytes": bytes.fromhex("fe064001 a04001 a24201"),
    "user": INT_1C,
    "sti": STI,
    "cli": b"\xfa",
    "pushes": bytes.fromhex("53 51 57 5f 59 5b"),
    "changes": bytes.fromhex("b83412 89c3 01d9 11c2"),
    "flags": bytes.fromhex("9c 9d"),
    "stack as data": bytes.fromhex("55 89e5 8b4602 894600 5d"),
    "skips": bytes.fromhex("3d0000 7401 40"),
    "turns": bytes.fromhex("833e0000 05 7203 40 eb01 90"),
    "call": bytes.fromhex("e80200 eb01 c3"),
    "drops": bytes.fromhex("50 53 83c404"),
    "shift": bytes.fromhex("b105 d3e0"),
    "divides": bytes.fromhex("f6f1"),
    "mask": bytes.fromhex("e421 e621"),
    "command": bytes.fromhex("b00b e620 e420"),
    "string": bytes.fromhex("ac aa"),
    "stack's segment": bytes.fromhex("16 17"),
    "another stack": bytes.fromhex("89e5 8cd3 b80003 8ed0 bc0001 50 58 8ed3 89ec"),
    "other data": bytes.fromhex("06 1f"),
    "vectors": bytes.fromhex("b80000 8ed8 ff067000 ff0e7000 b80004 8ed8"),
    "timer": bytes.fromhex("b036 e643 b028 e640 b000 e640"),
    "halts": b"\xf4",
}
STACKS = (0x7000, 0x6FFF, 0x0006, 0x0404, 0x0442, 0x4010, 0x4310, 0xFFFE, 0, CODE + 0x60)
"""The last lies in the page of the code, the fourth and fifth overlap vectors, two the data."""


def two(of_ticks: bytes, code: bytes, user: bytes, sp: int, ss: int, hz: int) -> list[PcGuest]:
    """Return the same PC on the reference and on the native engine."""
    guests = []
    for engine in ("reference", "native"):
        guest = PcGuest(code, {0: of_ticks}, engine, clock_hz=hz)
        guest.machine.memory.write(USER, user)
        guest.machine.set_vector(0x1C, 0, USER)
        guest.machine.registers.sp, guest.machine.registers.ss = sp, ss
        guests.append(guest)
    return guests


def translate_handler(machine: Machine) -> bool:
    """Translate the ticks' handler as if it were hot; whether it has a way of its own then."""
    registers = machine.registers
    slots.VECTOR.view(registers.state)[0] = IRQ_BASE
    cs, registers.cs = registers.cs, 0
    translate_here(machine, HANDLERS)
    registers.cs = cs
    return slots.HANDLER.view(registers.state)[0] != 0


def run_alike(guests: list[PcGuest], choose: random.Random, rounds: int = 6) -> None:
    """Run both, the native one in pieces, and compare after each."""
    reference, native = guests
    for number in range(rounds):
        if number == 1:
            translate_handler(native.machine)
            translate_here(native.machine)
        total = choose.choice((9, 200, 900))
        reference.machine.run(total)
        goal = native.machine.icount + total
        while native.machine.icount < goal:
            before = native.machine.icount
            most = goal - native.machine.icount
            native.machine.run(min(most, choose.choice((1, 2, 5, 30, 1000, 1000))))
            if native.machine.icount == before:  # it sleeps for ever
                break
        assert native.state() == reference.state()


@settings(max_examples=examples(40), suppress_health_check=list(HealthCheck))
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.sampled_from(sorted(PIECES)), max_size=6),
    st.sampled_from(STACKS),
    st.sampled_from([400_000, 1_000_000, 4_772_727]),
    st.sampled_from([2, 9, 60, 300]),
)
@example(1, ["counts", "skips", "user", "sti"], 0x7000, 4_772_727, 300)
@example(1, ["counts", "vectors", "user"], 0x0442, 4_772_727, 300)
@example(2, ["stack as data", "counts"], 0x4010, 4_772_727, 300)
@example(3, ["another stack", "pushes", "user"], 0x7000, 4_772_727, 300)
def test_handlers_are_alike_on_both_engines(
    seed: int, pieces: list[str], sp: int, hz: int, cycles: int
) -> None:
    """Prevents a way through a handler that does other than its instructions one by one."""
    choose = random.Random(seed)
    of_ticks = TO_DATA + b"".join(PIECES[piece] for piece in pieces) + FROM_DATA
    user = choose.choice((IRET, STI + IRET, count(LOOPS + 2) + IRET, bytes.fromhex("31c0cf")))
    begin = timer(choose.choice((2, 3)), cycles) + STI
    body = choose.choice((b"", b"\x90\x43", bytes.fromhex("50 9c 5a 58"), b"\xfa\xfb"))
    ss = choose.choice((0, 0, 0x10, 0xFFFF))
    run_alike(two(of_ticks, loop_of(begin, body), user, sp, ss, hz), choose)


@pytest.mark.parametrize("of_ticks", [PLAIN, LIKE_A_BIOS], ids=["plain", "like a BIOS"])
def test_the_usual_way_is_gone(of_ticks: bytes) -> None:
    """Prevents a way that is never gone, since what is asked before it never holds."""
    guests = two(of_ticks, loop_of(timer(2, 300) + STI, b""), IRET, 0x7000, 0, 4_772_727)
    machine = guests[1].machine
    for guest in guests:
        guest.machine.run(3000)
    assert translate_handler(machine)
    # Any other way into it is counted from here on.
    machine.memory.attributes[HANDLERS] &= ~Attribute.ENTRY & 0xFF
    jumps = memoryview(machine.memory.scratch)[HOT_OFFSET - SCRATCH_OFFSET :]
    jumps[HANDLERS] = 1
    ticks = guests[1].word(TICKS)
    for guest in guests:
        guest.machine.run(9000)
    ticks = guests[1].word(TICKS) - ticks
    assert ticks > 20
    assert jumps[HANDLERS] - 1 < ticks // 5  # where a run ends, a tick is any interrupt
    assert guests[1].state() == guests[0].state()


def test_a_vector_that_changes_is_seen() -> None:
    """Prevents a tick that is counted by a handler which another has replaced."""
    guests = two(LIKE_A_BIOS, loop_of(timer(2, 300) + STI, b""), IRET, 0x7000, 0, 4_772_727)
    for number, vector in enumerate((None, None, 0x1C, IRQ_BASE)):
        for guest in guests:
            if vector is not None:
                guest.machine.memory.write(USER + 0x40, count(LOOPS + 2) + EOI + IRET)
                guest.machine.set_vector(vector, 0, USER + 0x40)
            guest.machine.run(4000)
        if number == 0:
            assert translate_handler(guests[1].machine)
        assert guests[1].state() == guests[0].state()
    assert guests[1].word(LOOPS + 2) > 10


def test_a_handler_that_is_overwritten_is_not_gone_any_more() -> None:
    """Prevents ticks by a handler's old code, and a pointer to code that has gone."""
    guests = two(PLAIN, loop_of(timer(2, 300) + STI, b""), IRET, 0x7000, 0, 4_772_727)
    for guest in guests:
        guest.machine.run(3000)
    assert translate_handler(guests[1].machine)
    for guest in guests:
        guest.machine.memory.write(HANDLERS, TO_DATA + count(2) + FROM_DATA)
        guest.machine.run(3000)
    assert slots.HANDLER.view(guests[1].machine.registers.state)[0] == 0
    assert guests[1].state() == guests[0].state()


@pytest.mark.parametrize("kind", [Attribute.WATCH_WRITE, Attribute.WATCH_READ])
@pytest.mark.parametrize("address", [0x7000 - 2, 0x7000 - 10, DATA, 0x20])
def test_watched_bytes_on_the_way_are_seen(kind: Attribute, address: int) -> None:
    """Prevents a push, a count or a vector's load that passes a watchpoint."""
    guests = two(LIKE_A_BIOS, loop_of(timer(2, 300) + STI, b""), IRET, 0x7000, 0, 4_772_727)
    for guest in guests:
        guest.machine.run(3000)
    assert translate_handler(guests[1].machine)
    for guest in guests:
        guest.machine.memory.mark(address, kind)
    for _ in range(5):
        stops = [guest.machine.run(2000) for guest in guests]
        assert stops[1] == stops[0]
        assert guests[1].state() == guests[0].state()


def test_breakpoints_on_the_way_are_seen() -> None:
    """Prevents a breakpoint in a handler, or at what it calls, that is passed."""
    for place in (HANDLERS, HANDLERS + len(STI + TO_DATA), USER):
        guests = two(LIKE_A_BIOS, loop_of(timer(2, 300) + STI, b""), IRET, 0x7000, 0, 4_772_727)
        for guest in guests:
            guest.machine.run(3000)
        assert translate_handler(guests[1].machine)
        for guest in guests:
            guest.machine.memory.mark(place, Attribute.BREAKPOINT)
        for _ in range(3):
            stops = [guest.machine.run(5000, skip_breakpoint=True) for guest in guests]
            assert stops[1] == stops[0]
            assert stops[0].reason.name == "BREAKPOINT"
            assert guests[1].state() == guests[0].state()


def test_a_region_knows_that_code_was_reached_that_waited_with_it() -> None:
    """Prevents a handler in several regions, because its parts had become hot one by one."""
    guest = PcGuest(loop_of(timer(2, 300) + STI, b""), {0: LIKE_A_BIOS}, "native")
    machine = guest.machine
    machine.run(3000)
    translation = translation_of(machine)
    begin = translation.entries()
    assert translate_handler(machine)
    covered = translation.entries() - begin
    jumps = memoryview(machine.memory.scratch)[HOT_OFFSET - SCRATCH_OFFSET :]
    assert covered
    assert all(jumps[address] for address in covered)


def test_a_handler_is_translated_before_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a handler in pieces: its parts become hot while it waits for the compiler."""
    guest = PcGuest(loop_of(timer(2, 300) + STI, b""), {0: LIKE_A_BIOS}, "native")
    translation = translation_of(guest.machine)
    monkeypatch.setattr(translation, "_submit", lambda: None)
    slots.VECTOR.view(guest.machine.registers.state)[0] = IRQ_BASE
    for ip in (CODE, HANDLERS, USER, CODE + 3):
        guest.machine.run(20_000)
        translation.hot(0, ip)
    assert [translation._next_wanted().ip for _ in range(4)] == [HANDLERS, CODE + 3, USER, CODE]


def test_what_ticks_return_to_is_no_region_of_its_own() -> None:
    """Prevents a loop in as many regions as it has instructions, since ticks come in its midst."""
    begin = timer(2, 300) + STI
    guest = PcGuest(loop_of(begin, b"\x90\x43"), {0: PLAIN}, "native")
    machine = guest.machine
    machine.run(3000)
    assert translate_handler(machine)
    cs, machine.registers.cs = machine.registers.cs, 0
    translate_here(machine, CODE + len(begin))
    machine.registers.cs = cs
    translation = translation_of(machine)
    ticks = guest.word(TICKS)
    machine.run(400_000)
    assert guest.word(TICKS) - ticks > 5000
    assert sum(translation._rounds.values()) == 0
