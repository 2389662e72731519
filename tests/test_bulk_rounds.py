"""Native code does many rounds of REP MOVS and REP STOS at once, and nobody can tell."""

from __future__ import annotations

import random

import pytest
from engine_pair import Pair
from guests import ENGINES
from hypothesis import given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.cpu.engine import StopReason
from blink16.machine import Machine
from blink16.memory import MIRROR_BIT, PAGE_SIZE, Attribute, PageState

CODE = 0x9000
MIRRORED, PROTECTED = range(0xB8000, 0xC0000), range(0xC0000, 0xC1000)
OPCODES = {0xA4: 1, 0xA5: 2, 0xAA: 1, 0xAB: 2}
"""MOVSB, MOVSW, STOSB and STOSW, with the size of an element."""
SEGMENTS = st.sampled_from([0x0900, 0x2000, 0x2001, 0x2010, 0xB800, 0xBC00, 0xBFF0, 0xC000, 0xFFF0])
NEAR = st.one_of(
    st.integers(0, 0x240), st.sampled_from([0x0FF, 0x1000, 0x3F00, 0x3FFF, 0xFE00, 0xFFFF])
)
COUNTS = st.one_of(st.integers(0, 40), st.integers(0, 1200))


def _pair(cpu: str) -> Pair:
    """Return machines with a mirrored adapter, and something that can't be stored to."""
    pair = Pair.make(cpu)
    for machine in pair:
        machine.memory.have_mirror(MIRRORED)
        machine.memory.protect(PROTECTED)
    return pair


@pytest.mark.parametrize("cpu", ["8086", "80286"])
@settings(max_examples=examples(300))
@given(
    st.sampled_from(sorted(OPCODES)),
    st.sampled_from([0xF2, 0xF3]),
    st.tuples(SEGMENTS, NEAR),
    st.tuples(SEGMENTS, NEAR),
    COUNTS,
    st.sampled_from([0, 0, 0, 0x400]),
    st.one_of(st.none(), st.integers(1, 6000)),
    st.lists(
        st.tuples(
            st.sampled_from([Attribute.WATCH_READ, Attribute.WATCH_WRITE]), st.integers(0, 0x900)
        ),
        max_size=2,
    ),
    st.booleans(),
    st.integers(0, 1000),
)
def test_rounds_at_once_are_single_rounds(
    cpu: str,
    opcode: int,
    prefix: int,
    source: tuple[int, int],
    target: tuple[int, int],
    count: int,
    direction: int,
    cycles: int | None,
    watches: list[tuple[Attribute, int]],
    clean: bool,
    seed: int,
) -> None:
    """Prevents copies that differ from the chip's: where ranges overlap, wrap, are mirrored,
    read-only, watched or code, and where time is up in the midst.
    """
    pair = _pair(cpu)
    code = bytes((prefix, opcode, 0xF4))
    content = random.Random(seed).randbytes(0x2000)
    ds, si = source
    es, di = target
    where = {"ds": ds, "si": si, "es": es, "di": di, "cx": count, "cs": CODE >> 4, "ip": 0}
    for machine in pair:
        machine.memory.store(0x20000, content)
        machine.memory.store(0xB8000, content)
        machine.registers.flags = direction
        if clean:
            machine.memory.begin()
    pair.load(CODE, code, ax=0x1234 if count % 3 else 0x5555, **where)
    for attribute, at in watches:
        pair.mark(0x20000 + at, attribute)
    for _ in range(40):
        stop = pair.run(1, cycles)
        if stop.reason is not StopReason.BUDGET or pair.native.registers.ip:
            break
    pair.compare_memory()


def test_a_copy_of_many_rounds_ends_when_its_time_is_up() -> None:
    """Prevents interrupts that come behind a long copy instead of between two of its rounds."""
    pair = Pair.make()
    pair.load(CODE, b"\xf3\xa5\xf4", cs=CODE >> 4, ip=0, ds=0x2000, es=0x3000, cx=0x4000)
    pair.run(1, 50_000)
    assert pair.native.engine.between_rounds
    assert 0 < pair.native.registers.cx < 0x4000
    assert pair.native.cycles - 50_000 < 30
    pair.compare_memory()


def test_a_mirror_gets_all_that_is_filled() -> None:
    """Prevents a CGA that shows half of what was cleared."""
    pair = _pair("8086")
    pair.load(CODE, b"\xf3\xab\xf4", cs=CODE >> 4, ip=0, es=0xB800, di=0x20, ax=0x0720, cx=2000)
    pair.run(1)
    memory = pair.native.memory
    assert (
        memory.read(0xB8020, 4000) == memory.read(0xB8020 ^ MIRROR_BIT, 4000) == b"\x20\x07" * 2000
    )
    assert memory.pages[0xB8020 // PAGE_SIZE] & PageState.MIRROR
    pair.compare_memory()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_watch_is_told_where_time_is_up_behind_it(engine: str) -> None:
    """Prevents hits that are lost, or told on one engine alone: a device is due in the round."""
    machine = Machine.bare(engine)
    machine.memory.write(CODE, b"\xf3\xa4\xf4")
    r = machine.registers
    r.cs, r.ip, r.ds, r.es, r.cx = CODE >> 4, 0, 0x2000, 0x3000, 20
    machine.memory.mark(0x30000, Attribute.WATCH_WRITE)
    stop = machine.run(1, until=machine.cycles + 1)
    assert (stop.reason, stop.address, r.cx) == (StopReason.WATCHPOINT, 0x30000, 19)
    assert machine.run(1).reason is StopReason.BUDGET
    assert r.cx == 0
