"""Ticks between two rounds of a REP instruction, which native code takes by itself."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pc_guest import DATA, EOI, POP_AX, PUSH_AX, STI, PcGuest, count, handler, out
from property_examples import examples

from blink16.cpu.probes import Probe, Probes, Tape
from blink16.questions.probed import probed

STRINGS = ("a4", "a5", "aa", "ab", "a6", "a7", "ae", "af", "ac")
"""MOVS, STOS, CMPS, SCAS, LODS."""
PREFIXES = ("f3", "f2", "26f3", "f326", "2ef3", "f3f3", "f336f3", "")
AROUND = ("fb", "fa", "9c58", "40", "f6e3", "e440", "")
"""STI, CLI, what flags and registers are, a multiplication, the timer's count."""


def _program(choose: random.Random) -> bytes:
    """Return a loop of strings, which a fast timer interrupts."""
    divisor = choose.choice((40, 90, 300, 1000, 5000))
    body = out(0x43, 0x34) + out(0x40, divisor & 0xFF) + out(0x40, divisor >> 8)
    begin = len(body)
    while len(body) < 200:
        rounds = choose.choice((0, 1, 7, 60, 700)).to_bytes(2, "little")
        body += choose.choice((b"\xfc", b"\xfc", b"\xfd"))
        body += b"\xbe\x00\x60\xbf\x00\x80\xb9" + rounds  # mov si, ...; mov di, ...; mov cx, ...
        body += bytes.fromhex(choose.choice(AROUND).replace("9c58", "9c8f060070"))
        body += bytes.fromhex(choose.choice(PREFIXES) + choose.choice(STRINGS))
    return STI + body + b"\xe9" + (begin - len(body) - 3 & 0xFFFF).to_bytes(2, "little")


@settings(max_examples=examples(40), suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1), st.sampled_from([1_000_000, 4_772_727, 12_345_678]))
def test_a_tick_between_rounds_is_alike_on_both_engines(seed: int, speed: int) -> None:
    """Prevents a tick in a REP instruction from coming at another round, costing other cycles,
    returning elsewhere or leaving another timer where native code takes it.
    """
    choose = random.Random(seed)
    code = _program(choose)
    handlers = {0: choose.choice((handler(count(DATA)), PUSH_AX + EOI + POP_AX + b"\xcf"))}
    reference, native = (
        PcGuest(code, handlers, engine, clock_hz=speed) for engine in ("reference", "native")
    )
    for _ in range(10):
        total = choose.choice((1, 2, 3, 40, 300))
        for guest in (reference, native):
            guest.machine.run(total)
        assert native.state() == reference.state()


def test_an_instruction_that_a_tick_interrupts_is_counted_once() -> None:
    """Prevents a profile that forgets REP instructions in which timers tick."""
    code = STI + out(0x43, 0x34) + out(0x40, 0) + out(0x40, 1)
    code += bytes.fromhex("fc b90002 bf0080 f3ab ebf6")  # mov cx, ... / mov di, ... / rep stosw
    counts = []
    for engine in ("reference", "native"):
        guest = PcGuest(code, {0: handler(count(DATA))})
        tape = Tape(Probes(Probe.EXECUTED, (), ()), lambda events: None, 100)
        with probed(guest.machine, tape, engine):
            guest.machine.run(1000)
        counts.append({at: n for at, n in enumerate(tape.counts) if n})
        assert sum(tape.counts) == 1000
    assert counts[0] == counts[1]


def test_native_code_goes_on_at_a_tick_between_rounds() -> None:
    """Prevents each tick in a REP instruction from leaving native code, for 60 us."""
    code = STI + out(0x43, 0x34) + out(0x40, 0) + out(0x40, 4)
    code += bytes.fromhex("fc b90010 bf0080 f3ab ebf6")  # mov cx, ... / mov di, ... / rep stosw
    guest = PcGuest(code, {0: handler(count(DATA))}, "native")
    guest.machine.run(2000)  # what is rare is behind it
    ticks, advances = guest.machine.memory.read_word(DATA), 0
    settle = guest.machine._settle

    def settled() -> None:
        nonlocal advances
        advances += 1
        settle()

    guest.machine._settle = settled  # type: ignore[method-assign]
    guest.machine.run(2000)
    assert guest.machine.memory.read_word(DATA) > ticks + 20
    assert advances <= 1
