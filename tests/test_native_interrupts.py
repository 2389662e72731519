"""Interrupts that native code takes by itself, in code that is translated: storms and oddities."""

from __future__ import annotations

import random
from threading import Thread

import pytest
from engine_pair import translate_here
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pc_guest import (
    CLI,
    DATA,
    EOI,
    HANDLERS,
    HLT,
    IRET,
    KEEP,
    POP_AX,
    PUSH_AX,
    STI,
    PcGuest,
    count,
    handler,
    out,
)
from property_examples import examples

from blink16.cpu.engine import StopReason
from blink16.cpu.native import meter
from blink16.cpu.native.engine import NativeEngine
from blink16.devices.pc import IRQ_BASE
from blink16.memory import Attribute

TICKS, LOOPS = DATA, DATA + 2
FOR_LONG = 20_000_000_000
"""Instructions: some ten seconds of native code."""
POPF_OPEN = bytes.fromhex("b80202 50 9d")  # mov ax, 0202h / push ax / popf
IRET_OPEN = bytes.fromhex("b80202 50 0e e80000 58 050400 50 cf")  # … push cs / … / iret to behind
READ_COUNT = bytes.fromhex("b000 e643 e440 88c4 e440 01c3")  # latched; add bx, ax
READ_OTHERS = bytes.fromhex("e461 01c3 bada03 ec 01c3 bafd03 ec e420 01c3 e421 01c3")
STRINGS = bytes.fromhex("b90500 be0080 bf0090 f3a4")  # rep movsb
CALLS = bytes.fromhex("e80200 eb01 c3")  # call to the ret
HANDLER_CHANGES_ITSELF = (
    PUSH_AX + bytes.fromhex("b80000")  # mov ax, immediate
    + bytes.fromhex("40 2ea3") + (HANDLERS + 2).to_bytes(2, "little")  # inc ax / mov cs:[it], ax
    + count(TICKS) + EOI + POP_AX + IRET
)  # fmt: skip
HANDLERS_OF_TICKS = {
    "plain": handler(count(TICKS)),
    "lets others in": STI + handler(count(TICKS)),
    "late end": PUSH_AX + count(TICKS) + STI + READ_COUNT + CLI + EOI + POP_AX + IRET,
    "changes itself": HANDLER_CHANGES_ITSELF,
    "no end": IRET,
    "new count": handler(count(TICKS) + out(0x40, 0x31) + out(0x40, 0)),
    "another timer": handler(count(TICKS) + out(0x43, 0x36) + out(0x40, 0x31) + out(0x40, 0)),
}
INT_0F = bytes.fromhex("cd0f")
ANOTHER_INT_0F = bytes.fromhex("81363c000001")  # xor word [3Ch], 100h: the vector's offset
FAR_ROUTINE = HANDLERS + 5 * KEEP
CALL_FAR = b"\x9a" + FAR_ROUTINE.to_bytes(2, "little") + bytes(2)
PIECES = (
    INT_0F,
    ANOTHER_INT_0F,
    CALL_FAR,
    STI,
    CLI,
    POPF_OPEN,
    IRET_OPEN,
    READ_COUNT,
    READ_OTHERS,
    STRINGS,
    CALLS,
    b"\xf6\xe3",
)
UNUSUAL = (
    out(0x21, 0xBD), out(0x21, 0xBC), out(0x20, 0x20), out(0x20, 0x0B), out(0x20, 0x0A),
    out(0x40, 0x07), out(0x43, 0x34), out(0x43, 0x36), out(0x43, 0x30), out(0x20, 0x13),
    out(0x21, 0x08), out(0x21, 0x09), out(0x21, 0x0B), out(0x43, 0xB6), out(0x42, 9), out(0x61, 3),
)  # fmt: skip


def timer(mode: int, cycles: int) -> bytes:
    """Return what lets channel 0 count so many cycles, again and again."""
    control = out(0x43, 0x30 | mode << 1)
    return control + out(0x40, cycles & 0xFF) + out(0x40, cycles >> 8)


def loop_of(begin: bytes, body: bytes) -> bytes:
    """Return code that begins, and then does the body for ever."""
    body = count(LOOPS) + body
    return begin + body + b"\xe9" + (-len(body) - 3 & 0xFFFF).to_bytes(2, "little")


def translate_all(guest: PcGuest) -> None:
    """Translate the program and the ticks' handler, as if they were hot."""
    assert isinstance(guest.machine.engine, NativeEngine)
    if guest.machine.engine.translation is not None and not guest.machine.registers.cs:
        for ip in (guest.machine.registers.ip, HANDLERS):
            translate_here(guest.machine, ip)


def follow(choose: random.Random, code: bytes, of_ticks: bytes, clock_hz: int) -> tuple[int, int]:
    """Run both engines, one in pieces with translated code; return ticks and loops counted."""
    handlers = {0: of_ticks, 5: b"\x43\xcb", 6: handler(count(TICKS)), 7: handler(b"\x90")}
    reference, native = (
        PcGuest(code, handlers, engine, clock_hz=clock_hz) for engine in ("reference", "native")
    )
    for _ in range(6):
        total = choose.choice((7, 100, 700))
        reference.machine.run(total)
        if choose.random() < 0.7:
            translate_all(native)
        goal = native.machine.icount + total
        while native.machine.icount < goal:
            most = goal - native.machine.icount
            native.machine.run(min(most, choose.choice((1, 2, 5, 30, 1000))))
        assert native.state() == reference.state()
    return reference.word(TICKS), reference.word(LOOPS)


@settings(max_examples=examples(20), suppress_health_check=list(HealthCheck))
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(sorted(HANDLERS_OF_TICKS)),
    st.sampled_from([200_000, 1_000_000, 4_772_727, 33_333_333]),
)
def test_storms_are_alike_on_both_engines(seed: int, of_ticks: str, clock_hz: int) -> None:
    """Prevents an interrupt that comes at another boundary, or not, in translated code."""
    choose = random.Random(seed)
    begin = timer(choose.choice((0, 2, 3)), choose.choice((2, 3, 9, 40, 300))) + STI
    pieces = [choose.choice(PIECES + UNUSUAL) for _ in range(choose.randrange(1, 9))]
    follow(choose, loop_of(begin, b"".join(pieces)), HANDLERS_OF_TICKS[of_ticks], clock_hz)


REPEATED = ("a4", "a5", "aa", "ab", "ac", "a6", "af")  # MOVS, STOS, LODS, CMPS, SCAS
PREFIXES = ("f3", "f2", "f3", "26f3", "f326", "2ef336", "f3f3")


@settings(max_examples=examples(40), suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(HANDLERS_OF_TICKS)))
def test_ticks_between_rounds_are_alike_on_both_engines(seed: int, of_ticks: str) -> None:
    """Prevents a tick within REP that returns elsewhere, costs other cycles, or comes twice."""
    choose = random.Random(seed)
    cycles = choose.choice((2, 9, 40, 300))
    begin = timer(choose.choice((0, 2, 3)), cycles) + choose.choice((STI, CLI, STI))
    pieces = []
    for _ in range(choose.randrange(1, 4)):
        rounds, source, target = (
            choose.choice((3, 40, 700)),
            0x5001,
            choose.choice((0x5000, 0x5080)),
        )
        registers = b"\xb9" + rounds.to_bytes(2, "little")  # mov cx, …; si; di
        registers += b"\xbe" + source.to_bytes(2, "little") + b"\xbf" + target.to_bytes(2, "little")
        strings = bytes.fromhex(choose.choice(PREFIXES) + choose.choice(REPEATED))
        pieces.append(registers + strings + choose.choice((b"", STI, *UNUSUAL)))
    follow(choose, loop_of(begin, b"".join(pieces)), HANDLERS_OF_TICKS[of_ticks], 4_772_727)


def test_ticks_between_rounds_are_native() -> None:
    """Prevents copying that stands still, since each tick within it takes a trip to Python."""
    strings = bytes.fromhex("b90030 be0050 bf0050 f3a5")  # mov cx, 3000h; …; rep movsw
    code = loop_of(timer(2, 60) + STI, strings)
    guest = PcGuest(code, {0: handler(count(TICKS))}, "native")
    guest.machine.run(2000)
    before, ticks = guest.machine.effort, guest.word(TICKS)
    guest.machine.run(20_000)
    assert guest.word(TICKS) > ticks + 2000
    assert guest.machine.effort - before < 20


@pytest.mark.parametrize("of_ticks", ["plain", "changes itself", "lets others in"])
@pytest.mark.parametrize("mode", [2, 3])
def test_interrupts_at_each_boundary_are_alike(of_ticks: str, mode: int) -> None:
    """Prevents a storm in which translated code gets no further, or loses ticks."""
    code = loop_of(timer(mode, 2) + STI, READ_COUNT + CALLS)
    ticks, loops = follow(random.Random(mode), code, HANDLERS_OF_TICKS[of_ticks], 1_000_000)
    assert ticks > 20
    assert loops > 0


@pytest.mark.parametrize("mode", [0, 2, 3, 4])
def test_a_timer_set_anew_again_and_again_is_alike(mode: int) -> None:
    """Prevents an event that is planned for a count which is no longer there."""
    anew = timer(mode, 5) + count(LOOPS) + out(0x40, 9) + out(0x40, 0) + count(LOOPS)
    code = loop_of(timer(mode, 2) + STI, anew)
    ticks, _ = follow(random.Random(mode), code, HANDLERS_OF_TICKS["plain"], 400_000)
    assert ticks > 0


def test_a_square_wave_s_fall_takes_back_a_request_that_waits() -> None:
    """Prevents a request that stays although OUT fell before it was let in, and one lost."""
    wait = bytes.fromhex("b9c800 e2fe")  # mov cx, 200 / loop $
    look = bytes.fromhex("e420 2401 01c3")  # in al, 20h / and al, 1 / add bx, ax
    code = loop_of(timer(3, 600), (look + wait[:3] + b"\x90") * 3 + wait)
    choose = random.Random(1)
    assert follow(choose, code, HANDLERS_OF_TICKS["plain"], 1_000_000)[0] == 0
    guest = PcGuest(code, {}, "native", clock_hz=1_000_000)
    guest.machine.run(10_000)
    assert 0 < guest.machine.registers.bx < 3 * guest.word(LOOPS)


def test_time_does_not_overflow() -> None:
    """Prevents clocks that break behind 10¹² cycles, in days of a machine's time."""
    code = loop_of(timer(3, 1193) + STI, READ_COUNT + READ_OTHERS)
    for begin in (10**12, 10**14):
        guests = [
            PcGuest(code, {0: HANDLERS_OF_TICKS["plain"]}, engine, clock_hz=4_772_727)
            for engine in ("reference", "native")
        ]
        for guest in guests:
            guest.machine.registers.cycles = begin
            guest.machine.run(8000)
        translate_all(guests[1])
        for guest in guests:
            guest.machine.run(8000)
        assert guests[1].state() == guests[0].state()
        assert guests[0].word(TICKS) > 20
        assert guests[0].machine.cycles > begin + 4772 * 20


@pytest.mark.parametrize("body", [b"\x90", STRINGS], ids=["plain", "rep"])
@pytest.mark.parametrize("cycles", [40, 1193, 0xFFFF])
def test_a_request_to_stop_is_heard_while_a_timer_ticks(cycles: int, body: bytes) -> None:
    """Prevents a guest whose every slice ends in a tick from being deaf to Ctrl-C and to keys."""
    code = loop_of(timer(2, cycles) + STI, body)
    guest = PcGuest(code, {0: HANDLERS_OF_TICKS["plain"]}, "native", clock_hz=4_772_727)
    machine, asked = guest.machine, []
    machine.run(100)
    translate_all(guest)
    begun = machine.icount

    def ask_to_stop() -> None:
        while machine.icount == begun:
            pass
        machine.interrupt()
        asked.append(machine.icount)

    other = Thread(target=ask_to_stop, daemon=True)
    other.start()
    stop = machine.run(FOR_LONG)
    other.join()
    assert stop.reason is StopReason.INTERRUPTED
    assert machine.icount - asked[0] <= 2 * meter.SLICE // meter.MIN_CYCLES


LONG_STORY = {
    "a port without a device": "baa005 ec",
    "a device's ports": "b007 e670 e471 baf203 ec",
    "rounds": "fa b80020 8ec0 b9ffff f3aa",
    "prefixes": "f0" * 90 + "90",
    "code that changes itself": "e80000 5b fe4705 b000",
    "shifts and divisions": "b1ff d3e0 31d2 b80700 bb0100 f7f3",
}


@pytest.mark.parametrize("body", LONG_STORY.values(), ids=LONG_STORY)
def test_a_request_to_stop_is_heard_within_a_slice(body: str) -> None:
    """Prevents a guest that is deaf to Ctrl-C where no timer ticks, whatever it does."""
    guest = PcGuest(loop_of(b"", bytes.fromhex(body)), {}, "native")
    machine, asked = guest.machine, []
    machine.run(100)
    translate_all(guest)
    begun = machine.cycles

    def ask_to_stop() -> None:
        while machine.cycles == begun:
            pass
        machine.interrupt()
        asked.append(machine.cycles)

    other = Thread(target=ask_to_stop, daemon=True)
    other.start()
    stop = machine.run(FOR_LONG)
    other.join()
    assert stop.reason is StopReason.INTERRUPTED
    assert machine.cycles - asked[0] <= 2 * meter.SLICE


def test_of_what_an_instruction_and_its_interrupt_touch_the_first_is_told() -> None:
    """Prevents a watched vector from hiding the variable that the program touched before."""
    code = loop_of(timer(2, 2) + STI, b"")
    stops = []
    for engine in ("reference", "native"):
        guest = PcGuest(code, {0: HANDLERS_OF_TICKS["plain"]}, engine, clock_hz=200_000)
        for address in (LOOPS, 4 * IRQ_BASE):
            guest.machine.memory.mark(address, Attribute.WATCH_READ)
        stops.append([guest.machine.run(500) for _ in range(12)])
    assert stops[1] == stops[0]
    assert {stop.address for stop in stops[0]} == {LOOPS, 4 * IRQ_BASE}


def test_handlers_become_regions_by_themselves() -> None:
    """Prevents a handler that nothing jumps to but interrupts from staying interpreted."""
    code = loop_of(timer(2, 3) + STI, b"\x90")
    guest = PcGuest(code, {0: HANDLERS_OF_TICKS["plain"]}, "native")
    engine = guest.machine.engine
    assert isinstance(engine, NativeEngine)
    for _ in range(100):
        guest.machine.run(500_000)
        translation = engine.translation
        if translation is not None and HANDLERS in translation.entries():
            return
    raise AssertionError("it is not translated")


def test_an_interrupt_returns_into_the_midst_of_a_translated_block() -> None:
    """Prevents an interrupted loop that is interpreted up to its end, which costs as much again."""
    guest = PcGuest(loop_of(b"", b"\x40\x43\x41"), {}, "native")  # inc ax / inc bx / inc cx
    guest.machine.run(10)
    translate_here(guest.machine, guest.machine.registers.ip)
    entered = guest.machine.memory.attributes[guest.machine.registers.ip :][:16]
    marks = [at for at, attribute in enumerate(entered) if attribute & Attribute.ENTRY]
    assert len(marks) > 3


@pytest.mark.parametrize("nops", range(8))
def test_hlt_sleeps_though_the_next_tick_is_a_cycle_away(nops: int) -> None:
    """Prevents a HLT, behind ticks that native code did, from being taken for the entry of an
    interrupt: the machine said that it waits, and the reference went on.
    """
    code = loop_of(timer(3, 40) + STI, b"\x90" * nops + HLT)
    guests = [
        PcGuest(code, {0: HANDLERS_OF_TICKS["plain"]}, engine, clock_hz=400_000)
        for engine in ("reference", "native")
    ]
    for _ in range(10):
        stops = [guest.machine.run(1000) for guest in guests]
        assert stops[1] == stops[0]
        assert guests[1].state() == guests[0].state()
