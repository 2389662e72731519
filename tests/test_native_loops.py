"""Regions whose cycles don't last, and loops that ticks interrupt within a round; on both engines.

The instructions of a loop of one block that goes through strings are in its region one by one, too
(`native.region`).
"""

from __future__ import annotations

import random

import pytest
from engine_pair import translate_here
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pc_guest import CODE, DATA, IRET, STI, PcGuest, count
from property_examples import USUAL, examples
from test_native_handler import LIKE_A_BIOS, PLAIN, run_alike, translate_handler, two
from test_native_interrupts import LOOPS, TICKS, timer

from blink16.cpu.native import translations
from blink16.cpu.native.layout import HOT_OFFSET
from blink16.memory import SCRATCH_OFFSET, Attribute

PIECES = {
    "counts": count(LOOPS),
    "copies": b"\xac\xaa",
    "adds": bytes.fromhex("01d8 11c2"),
    "pushes": b"\x50\x5f",
    "flags": b"\x9c\x59\x51\x9d",
    "lets in": b"\xfa\xfb",
    "shifts": bytes.fromhex("b103 d3e0"),
    "divides": bytes.fromhex("b103 f6f1"),
    "at a line's end": bytes.fromhex("ff060f45"),
    "writes code": bytes.fromhex("c606") + (CODE + 0x300).to_bytes(2, "little") + b"\x07",
    "other data": bytes.fromhex("1e 1f"),
}
BEGIN = bytes.fromhex("be0045 bf0046 fc")  # mov si, 4500h / mov di, 4600h / cld


def loop(body: bytes) -> tuple[bytes, int]:
    """Return a program that does a body for ever, and where that begins."""
    begin = BEGIN + timer(2, 300) + STI
    back = b"\xe9" + (-len(body) - 3 & 0xFFFF).to_bytes(2, "little")
    return begin + body + back, CODE + len(begin)


def enter_loop(guests: list[PcGuest], start: int) -> None:
    """Run both until they are at the beginning of a loop, and translate that."""
    for guest in guests:
        guest.machine.run(200)
        while guest.machine.registers.ip != start:
            guest.machine.run(1)
    translate_here(guests[1].machine, start)


@settings(max_examples=examples(30), suppress_health_check=list(HealthCheck))
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.sampled_from(sorted(PIECES)), min_size=1, max_size=4),
    st.sampled_from([LIKE_A_BIOS, PLAIN]),
    st.sampled_from([0x7000, 0x6FFF, CODE + 0x60]),
)
@example(1, ["copies"], LIKE_A_BIOS, 0x7000)
@example(2, ["divides", "lets in"], LIKE_A_BIOS, 0x7000)
@example(3, ["counts", "writes code"], PLAIN, 0x7000)
def test_loops_that_are_interrupted_are_alike(
    seed: int, pieces: list[str], of_ticks: bytes, sp: int
) -> None:
    """Prevents a round that is not gone on with where a tick came, or with other registers."""
    code, start = loop(b"".join(PIECES[piece] for piece in pieces))
    guests = two(of_ticks, code, IRET, sp, 0, 4_772_727)
    with pytest.MonkeyPatch.context() as patch:
        if settings().max_examples < USUAL:
            patch.setattr(translations, "LEVEL", 0)
        enter_loop(guests, start)
        run_alike(guests, random.Random(seed), rounds=4)


def test_a_handler_returns_into_the_midst_of_a_round() -> None:
    """Prevents ticks after which the rest of each round is interpreted."""
    code, start = loop(PIECES["copies"])
    guests = two(PLAIN, code, IRET, 0x7000, 0, 4_772_727)
    enter_loop(guests, start)
    memory = guests[1].machine.memory
    assert translate_handler(guests[1].machine)
    jumps = memoryview(memory.scratch)[HOT_OFFSET - SCRATCH_OFFSET :]
    midst = range(start + 1, start + 3)
    for ip in midst:  # whoever else comes there is counted
        memory.attributes[ip] &= ~Attribute.ENTRY & 0xFF
        jumps[ip] = 0
    for guest in guests:
        guest.machine.run(20_000)
    assert guests[1].word(TICKS) > 100
    assert sum(jumps[ip] for ip in midst) < 10
    assert guests[1].state() == guests[0].state()


@pytest.mark.parametrize("budget", [1, 2, 20, 60, 200, 900])
def test_cycles_that_last_for_a_case_and_no_entry(budget: int) -> None:
    """Prevents a region and its steps that leave for each other for ever.

    A jump by a table leads to a case that is no entry of the region, and takes less than any.
    """
    begin = bytes.fromhex("31db 90")  # xor bx, bx / nop
    work = bytes.fromhex("f6e3") * 8  # mul bl
    jump = b"\xff\xa7" + DATA.to_bytes(2, "little")  # jmp [bx + table]
    again = b"\xe9" + (-(len(work) + len(jump) + 1 + 3) & 0xFFFF).to_bytes(2, "little")
    start = CODE + len(begin)
    case = start + len(work) + len(jump)
    guests = two(PLAIN, begin + work + jump + b"\x47" + again, IRET, 0x7000, 0, 4_772_727)
    for guest in guests:
        guest.machine.memory.write(DATA, case.to_bytes(2, "little"))
    enter_loop(guests, start)
    for _ in range(40):
        for guest in guests:
            while guest.machine.registers.ip != case:
                guest.machine.run(1)
            guest.machine.run(budget)
        assert guests[1].state() == guests[0].state()
