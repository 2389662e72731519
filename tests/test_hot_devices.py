"""Hot devices: native code answers as the devices do, and leaves the same behind."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pc_guest import DATA, EOI, POP_AX, PUSH_AX, STI, PcGuest, count, handler, out
from property_examples import examples

from blink16.devices.hot import BOARD
from blink16.devices.pic import granted

SPEAKER_WRITES = (
    *((0x42, byte) for byte in (0x00, 0x01, 0x02, 0x40, 0x99)),
    *((0x43, byte) for byte in (0xB6, 0xB4, 0x90, 0xA0, 0xB0, 0x96, 0xB7, 0xB2, 0x80)),
    *((0x61, byte) for byte in (0x00, 0x01, 0x03)),
    *((0x41, 0x12), (0x43, 0x76), (0x43, 0x54)),
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


@settings(max_examples=examples(25), suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(SPEAKER_WRITES), min_size=1, max_size=30), st.integers(0, 40))
def test_counts_are_taken_alike_on_both_engines(
    writes: list[tuple[int, int]], multiplications: int
) -> None:
    """Prevents a tone or a sampled sound that depends on who took the count for the timer."""
    body = b"\xfc\xbf\x00\x80" + b"".join(
        out(port, byte) + b"\xf6\xe3" * (multiplications * number % 41) + read(0x42) + read(0x61)
        for number, (port, byte) in enumerate(writes)
    )
    code = body + b"\xe9" + (-len(body) - 3 & 0xFFFF).to_bytes(2, "little")
    reference, native = (PcGuest(code, {}, engine) for engine in ("reference", "native"))
    for _ in range(6):
        for guest in (reference, native):
            guest.machine.run(150)
        assert native.state() == reference.state()


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
