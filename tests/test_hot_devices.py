"""Hot devices: native code answers as the devices do, and leaves the same behind."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
from engine_pair import translate_here
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pc_guest import DATA, EOI, POP_AX, PUSH_AX, STI, PcGuest, count, handler, out
from property_examples import examples

from blink16.cpu.native import sources
from blink16.devices.cards import Cards
from blink16.devices.hot import BOARD, interrupts
from blink16.devices.pc import IRQ_BASE
from blink16.devices.pic import granted
from blink16.devices.video import Adapter

SPEAKER_WRITES = (
    *((0x42, byte) for byte in (0x00, 0x01, 0x02, 0x40, 0x99)),
    *((0x43, byte) for byte in (0xB6, 0xB4, 0x90, 0xA0, 0xB0, 0x96, 0xB7, 0xB2, 0x80)),
    *((0x61, byte) for byte in (0x00, 0x01, 0x03, 0x48, 0x49, 0x4B)),
    *((0x41, 0x12), (0x43, 0x76), (0x43, 0x54)),
    *((0x43, 0xC8), (0x43, 0xD8), (0x43, 0xEE)),
)
STORE = bytes.fromhex("aa")  # stosb
ASKED = (0x20, 0x21, 0x40, 0x41, 0x42, 0x61, 0x3DA, 0x3FD, 0x2FD)
TOLD = ((0x43, 0x00), (0x43, 0x80), (0x20, 0x20), (0x20, 0x0A), (0x20, 0x0B), (0x21, 0xBC))
UNUSUAL = (
    (0x43, 0x36), (0x40, 0x50), (0x43, 0x34), (0x43, 0xB6), (0x42, 0x99), (0x61, 0x03),
    (0x61, 0x00), (0x21, 0xFF), (0x20, 0x61), (0x20, 0x68), (0x20, 0xC3), (0x20, 0xA0),
    (0x20, 0x0C), (0x43, 0x40), (0x43, 0x17), (0x3F8, 0x55),
)  # fmt: skip


def read(port: int) -> bytes:
    """Return code that reads a port, whatever its number, and stores what it gave."""
    return b"\xba" + port.to_bytes(2, "little") + b"\xec" + STORE


def program(choose: random.Random) -> bytes:
    """Return a loop that asks and tells hot ports, and others at times."""
    body = bytes.fromhex("fc bf0080")  # cld / mov di, 8000h
    while len(body) < 180:
        kind = choose.random()
        if kind < 0.55:
            body += read(choose.choice(ASKED))
        elif kind < 0.8:
            body += out(*choose.choice(TOLD))
        elif kind < 0.9:
            body += out(*choose.choice(UNUSUAL))
        else:
            body += choose.choice((STI, b"\xfa", b"\xf6\xe3", b"\xd3\xe0", b"\x90"))
    return STI + body + b"\xe9" + (-len(body) - 3 & 0xFFFF).to_bytes(2, "little")


@settings(max_examples=examples(25), suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1))
def test_ports_and_ticks_are_alike_on_both_engines(seed: int) -> None:
    """Prevents an answer, a tick or a state that depends on who acted for the device."""
    choose = random.Random(seed)
    code, speed = program(choose), choose.choice((1_000_000, 4_772_727, 4_772_728, 12_345_678))
    handlers = {0: handler(count(DATA)), 4: PUSH_AX + EOI + POP_AX + b"\xcf"}
    reference, native = (
        PcGuest(code, handlers, engine, clock_hz=speed) for engine in ("reference", "native")
    )
    for _ in range(8):
        total = choose.choice((1, 3, 40, 300))
        for guest in (reference, native):
            guest.machine.run(total)
        assert native.state() == reference.state()


CRTC_PORTS = (0x3B4, 0x3B5, 0x3D4, 0x3D5)


@settings(max_examples=examples(45), suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(list(Adapter)),
    st.lists(
        st.tuples(
            st.sampled_from((*CRTC_PORTS * 4, 0x3C2)),
            st.sampled_from((*(0x0D, 0x0E, 0x0F, 0x10, 0x4E, 0x8F), 0x00, 0x7F, 0xFF, 0x63, 0x62)),
            st.booleans(),
        ),
        min_size=1,
        max_size=12,
    ),
)
def test_the_cursor_of_every_adapter_is_moved_alike(
    adapter: Adapter, accesses: list[tuple[int, int, bool]]
) -> None:
    """Prevents a 6845, or an EGA's or VGA's CRT controller, whose index and cursor depend on who
    wrote there: with other bits, at ports where it isn't now, or not to be read back.
    """
    body = b"\xfc\xbf" + DATA.to_bytes(2, "little")  # cld / mov di, DATA
    for port, value, reads in accesses:
        body += out(port, value) if port == 0x3C2 or not reads else read(port)
    code = body + b"\xe9" + (-len(body) - 3 & 0xFFFF).to_bytes(2, "little")
    reference, native = (PcGuest(code, {}, e, adapter=adapter) for e in ("reference", "native"))
    for total in (7, 40, 400):
        for guest in (reference, native):
            guest.machine.run(total)
        assert native.state() == reference.state()


@settings(max_examples=examples(25), suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.sampled_from(SPEAKER_WRITES), min_size=1, max_size=30),
    st.integers(0, 40),
    st.booleans(),
    st.booleans(),
)
@example([(0x42, 0x00), (0x61, 0x01)], 0, False, False)  # a half period from before time began
@example([(0x43, 0xB6), (0x42, 0x40), (0x42, 0x02), (0x61, 0x4B), (0x42, 0x99)], 40, False, True)
def test_counts_are_taken_alike_on_both_engines(
    writes: list[tuple[int, int]], multiplications: int, at: bool, sound: bool
) -> None:
    """Prevents a tone or a sampled sound that depends on who took the count for the timer, also
    where somebody listens.
    """
    body = b"\xfc\xbf\x00\x80" + b"".join(
        out(port, byte) + b"\xf6\xe3" * (multiplications * number % 41) + read(0x42) + read(0x61)
        for number, (port, byte) in enumerate(writes)
    )
    code = body + b"\xe9" + (-len(body) - 3 & 0xFFFF).to_bytes(2, "little")
    reference, native = (
        PcGuest(code, {}, engine, cards=Cards(at=at, sound=sound))
        for engine in ("reference", "native")
    )
    for _ in range(6):
        for guest in (reference, native):
            guest.machine.run(150)
        assert native.state() == reference.state()


TIMER_WRITES = (
    *((0x40, byte) for byte in (0x00, 0x01, 0x02, 0x28, 0x90)),
    *((0x43, byte) for byte in (0x36, 0x34, 0x30, 0x14, 0x16, 0x10, 0x26, 0x37, 0x38, 0x3A, 0x00)),
    *((0x43, byte) for byte in (0x40, 0x80, 0xC2, 0xEE, 0x7C, 0xB0, 0xBE)),
    *((0x42, 0x30), (0x41, 0x07), (0x61, 0x48), (0x61, 0x4B), (0x61, 0x49), (0x61, 0x08)),
    *((0x21, 0xFE), (0x21, 0xFF), (0x20, 0x20), (0x20, 0x60), (0x20, 0x0B), (0x20, 0x0C)),
)
TIMER_READS = (0x40, 0x41, 0x42, 0x61, 0x62, 0x20, 0x21)
"""What channel 0 is told in all modes, with what shows it."""


@settings(max_examples=examples(25), suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.sampled_from(TIMER_WRITES), min_size=1, max_size=30),
    st.integers(0, 2**32 - 1),
)
def test_the_ticks_are_programmed_alike_on_both_engines(
    writes: list[tuple[int, int]], seed: int
) -> None:
    """Prevents a tick at another instant where native code took the timer's count or mode."""
    choose = random.Random(seed)
    body = b"\xfc\xbf\x00\x80" + b"".join(
        out(port, byte) + b"\xf6\xe3" * choose.randrange(20) + read(choose.choice(TIMER_READS))
        for port, byte in writes
    )
    code = STI + body + STI + b"\xe9" + (-len(body) - 5 & 0xFFFF).to_bytes(2, "little")
    speed = choose.choice((1_000_000, 4_772_727, 4_772_728, 12_345_678))
    handlers, at = {0: handler(count(DATA))}, choose.random() < 0.5
    guests = [
        PcGuest(code, handlers, engine, clock_hz=speed, cards=Cards(at=at))
        for engine in ("reference", "native", "native")
    ]
    reference, whole, pieces = guests
    for number in range(6):
        if number == 3 and seed % 2:
            translate_here(whole.machine)
        total = choose.choice((1, 30, 400))
        reference.machine.run(total)
        whole.machine.run(total)
        end = pieces.machine.icount + total
        while pieces.machine.icount < end:
            pieces.machine.run(min(end - pieces.machine.icount, choose.randrange(1, 40)))
        assert whole.state() == reference.state()
        assert pieces.state() == reference.state()


CHIP_WRITES = tuple(
    (base + 1 if port else base, byte)
    for base in (0x20, 0xA0)
    for port, byte in (
        *((0, ocw2 | level) for ocw2 in range(0x00, 0x100, 0x20) for level in (0, 2, 7)),
        *((0, ocw3) for ocw3 in (0x08, 0x0A, 0x0B, 0x0C, 0x48, 0x68, 0x6F)),
        *((1, mask) for mask in (0x00, 0xBC, 0xFB, 0xFE, 0xFF)),
    )
)
RTC_TICKS = out(0x70, 0x0A) + out(0x71, 0x23) + out(0x70, 0x0B) + out(0x71, 0x42)
"""The real-time clock interrupts 8192 times a second."""
FLAGS_READ = out(0x70, 0x0C) + b"\xe4\x71"


@settings(max_examples=examples(25), suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(CHIP_WRITES), min_size=1, max_size=30), st.integers(0, 2**32 - 1))
def test_interrupts_are_ended_alike_on_both_engines(
    writes: list[tuple[int, int]], seed: int
) -> None:
    """Prevents priorities, masks or requests of an AT's two chips that hang on who took a word."""
    choose = random.Random(seed)
    period = out(0x43, 0x34) + out(0x40, 150) + out(0x40, 0)
    body = b"".join(
        out(port, byte) + read(choose.choice((0x20, 0x21, 0xA0, 0xA1))) for port, byte in writes
    )
    start = b"\xfc\xbf\x00\x80" + STI + RTC_TICKS + period
    code = start + body + STI + b"\xe9" + (-len(body) - 4 & 0xFFFF).to_bytes(2, "little")
    handlers = {0: PUSH_AX + count(DATA) + choose.choice((EOI, b"")) + POP_AX + b"\xcf"}
    clock = PUSH_AX + b"\x52" + FLAGS_READ + choose.choice((out(0xA0, 0x20), b"")) + EOI
    guests = []
    for engine in ("reference", "native"):
        guest = PcGuest(code, handlers, engine, cards=Cards(at=True))
        guest.machine.memory.write(0x1800, clock + b"\x5a" + POP_AX + b"\xcf")
        guest.machine.set_vector(0x70, 0, 0x1800)
        guests.append(guest)
    reference, native = guests
    for _ in range(6):
        total = choose.choice((1, 40, 500))
        for guest in guests:
            guest.machine.run(total)
        assert native.state() == reference.state()


@pytest.mark.parametrize("eoi", [0x20, 0x60, 0xA0, 0xE0, 0x61, 0x67, 0x80])
def test_handlers_end_their_interrupt_with_any_command(eoi: int) -> None:
    """Prevents a specific EOI that ends another level than its own, or a tick that stays away."""
    period = out(0x43, 0x34) + out(0x40, 0) + out(0x40, 1)
    handlers = {0: PUSH_AX + count(DATA) + bytes((0xB0, eoi, 0xE6, 0x20)) + POP_AX + b"\xcf"}
    reference, native = (
        PcGuest(period + STI + b"\x40\xeb\xfd", handlers, engine)
        for engine in ("reference", "native")
    )
    for _ in range(3):
        for guest in (reference, native):
            guest.machine.run(1000)
        assert native.state() == reference.state()
        translate_here(native.machine)
    ends = eoi in (0x20, 0x60, 0xA0, 0xE0)
    assert (native.word(DATA) > 10) == ends
    assert native.word(DATA) > 0


AUTO_END = out(0x20, 0x13) + out(0x21, IRQ_BASE) + out(0x21, 0x0B) + out(0x21, 0xFE)
"""ICW1 to 4 with automatic EOI; the ticks alone are let through."""


def stays_native(code: bytes, of_ticks: bytes, instructions: int) -> None:
    """See that both engines run a program alike, and native code leaves none of its ticks."""
    reference, native = (PcGuest(code, {0: of_ticks}, engine) for engine in ("reference", "native"))
    for _ in range(3):
        before, ticks = native.machine.effort, native.word(DATA)
        for guest in (reference, native):
            guest.machine.run(instructions)
        assert native.state() == reference.state()
        translate_here(native.machine)
    assert native.word(DATA) - ticks > 50
    assert native.machine.effort - before < 10


@pytest.mark.parametrize("rotation", [b"", out(0x20, 0x80)], ids=["fixed", "rotating"])
def test_interrupts_that_end_by_themselves_stay_in_native_code(rotation: bytes) -> None:
    """Prevents automatic EOI, which sampled sound uses to save time, from costing most of it: each
    interrupt left native code, and took a hundred times as long as one that a command ends.
    """
    period = out(0x43, 0x34) + out(0x40, 150) + out(0x40, 0)
    code = AUTO_END + rotation + period + STI + b"\x40\xeb\xfd"
    stays_native(code, count(DATA) + b"\xcf", 3000)


RELOAD = bytes.fromhex("b000e640b003e640")  # mov al, 0; out 40h, al; mov al, 3; out 40h, al


@pytest.mark.parametrize("mode", [0x30, 0x34, 0x36], ids=["one-shot", "rate", "square wave"])
def test_a_timer_that_each_tick_gives_a_new_count_stays_in_native_code(mode: int) -> None:
    """Prevents handlers that say when the next tick is to come, as players of music and samples do,
    from taking some hundred times as long as those that let the timer repeat itself.
    """
    code = out(0x43, mode) + RELOAD + STI + b"\x40\xeb\xfd"
    stays_native(code, handler(count(DATA) + RELOAD), 8000)


LINE_WRITES = tuple(
    (base + register, byte)
    for base in (0x3F8, 0x2F8)
    for register, byte in (
        *((0, byte) for byte in (0x00, 0x41, 0xFF)),
        *((1, byte) for byte in (0x00, 0x01, 0x02, 0x0F)),
        *((3, byte) for byte in (0x03, 0x1F, 0x83)),
        *((4, byte) for byte in (0x00, 0x03, 0x08, 0x0B, 0x1B)),
        *((2, 0x55), (5, 0x55), (6, 0x55), (7, 0x5A)),
    )
)
FAST = b"".join(
    out(base + 3, 0x83) + out(base, 1) + out(base + 1, 0) + out(base + 3, 3)
    for base in (0x3F8, 0x2F8)
)
"""Both lines at 115,200 baud."""


@settings(max_examples=examples(25), suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(LINE_WRITES), min_size=1, max_size=40), st.integers(0, 2**32 - 1))
def test_serial_lines_are_alike_on_both_engines(writes: list[tuple[int, int]], seed: int) -> None:
    """Prevents bytes, flags or interrupts of a line that hang on who took an access."""
    choose = random.Random(seed)
    body = b"".join(
        out(port, byte) + read(choose.choice((0x3F8, 0x2F8)) + choose.randrange(8))
        for port, byte in writes
    )
    code = b"\xfc\xbf\x00\x80" + STI + out(0x21, 0xA4) + FAST + body + STI
    code += b"\xe9" + (-len(body) - 4 & 0xFFFF).to_bytes(2, "little")
    looked_at = choose.choice((2, 0))  # the handler reads IIR, or the byte
    ends = PUSH_AX + b"\x52" + read(0x3F8 + looked_at) + EOI + b"\x5a" + POP_AX + b"\xcf"
    handlers = {0: handler(count(DATA)), 4: ends, 3: handler(count(DATA + 2))}
    reference, native = (PcGuest(code, handlers, engine) for engine in ("reference", "native"))
    for number in range(6):
        total, line = choose.choice((1, 40, 500)), choose.choice(("com1", "com2"))
        sent = choose.randbytes(choose.randrange(4)) if number % 2 else b""
        for guest in (reference, native):
            guest.machine.run(total)
            guest.machine.receive(line, sent)
        assert native.state() == reference.state()
        assert native.shown == reference.shown


@pytest.mark.parametrize("lowest", range(8))
def test_the_first_of_several_levels_is_granted(lowest: int) -> None:
    """Prevents an order of priorities that bit tricks get wrong."""
    order = [(lowest + 1 + n) % 8 for n in range(8)]
    for requests in range(256):
        for serviced in (0, 1, 0x10, 0x81, 0xFF):
            wanted = 0
            for level in order:
                if serviced >> level & 1:
                    break
                if requests >> level & 1:
                    wanted = 1 << level
                    break
            assert granted(requests, 0, serviced, 0, lowest) == wanted


def test_the_board_can_be_found_by_other_processes() -> None:
    """Prevents a first start in a child that compiles other devices."""
    module, _, name = BOARD.source.partition(":")
    assert (module, name) == ("blink16.devices.hot", "BOARD")


def test_all_that_native_code_follows_from_is_looked_at() -> None:
    """Prevents native code in the cache from being used after a hot device has changed."""
    rooms = ("blink16.cpu.", "blink16.devices.")
    modules = [module for name, module in sys.modules.items() if name.startswith(rooms)]
    files = {Path(module.__file__).resolve() for module in modules if module.__file__}
    assert Path(interrupts.__file__).resolve() in files
    assert files <= set(sources.paths())
