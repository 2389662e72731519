"""HLT: what ends it, what doesn't, and how long it lasts."""

from __future__ import annotations

import pytest
from pc_guest import (
    CLI,
    DATA,
    EOI,
    FOREVER,
    HLT,
    IRET,
    POP_AX,
    PUSH_AX,
    STI,
    PcGuest,
    count,
    handler,
    out,
)

from blink16.assembly import FOREVER as NO_LIMIT
from blink16.cpu import engines
from blink16.cpu.engine import StopReason
from blink16.devices.nmi import CHANNEL_ERROR

TICKS, BYTES, LOOPS = DATA, DATA + 2, DATA + 4
FASTEST_TIMER = out(0x43, 0x34) + out(0x40, 0x02) + out(0x40, 0x00)  # mode 2, 2 cycles
SLOWEST_LINE = out(0x3FB, 0x80) + out(0x3F8, 0) + out(0x3F9, 0) + out(0x3FB, 3)  # 1.76 baud
SEND = out(0x3FC, 0x0B) + out(0x3F9, 0x02) + out(0x3F8, ord("x"))
SENT = (
    PUSH_AX + b"\x52" + b"\xba\xfa\x03\xec"  # push dx; in al, 3FAh: IIR
    + count(BYTES) + EOI + b"\x5a" + POP_AX + IRET
)  # fmt: skip
UNHEARD = {
    "all masked": out(0x21, 0xFF) + STI,
    "the timer served": STI + FASTEST_TIMER + FOREVER,  # HLT in its handler, before any EOI
    "interrupts off": CLI,
}


@pytest.fixture(params=engines.NAMES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine there is."""
    name: str = request.param
    return name


def test_a_masked_timer_does_not_keep_others_from_waking(engine: str) -> None:
    """Prevents a fast timer that nobody hears from hiding a slow serial line that one waits for."""
    program = out(0x21, 0xEF) + FASTEST_TIMER + SLOWEST_LINE + SEND + STI
    program += HLT + count(LOOPS) + HLT + count(LOOPS) + CLI + HLT
    pc = PcGuest(program, {4: SENT}, engine)
    assert pc.machine.run(NO_LIMIT).reason is StopReason.WAITING
    assert (pc.word(LOOPS), pc.word(BYTES)) == (1, 1)  # the holding register was empty at once
    assert pc.in_(0x3FD) & 0x40  # and the second HLT lasted until the byte was out


def test_a_byte_that_takes_seconds_wakes(engine: str) -> None:
    """Prevents a sleep of millions of timer periods from taking long, or from ending early."""
    program = out(0x21, 0xEF) + FASTEST_TIMER + SLOWEST_LINE + SEND
    program += out(0x3F8, ord("y")) + STI + HLT + count(LOOPS) + CLI + HLT
    pc = PcGuest(program, {4: SENT}, engine)
    assert pc.machine.run(NO_LIMIT).reason is StopReason.HALT
    assert pc.word(LOOPS) == 1
    seconds = pc.machine.time / 1_000_000
    assert 5.6 < seconds < 5.8  # ten bits of 65536 * 16 cycles each
    assert pc.shown == {"com1": b"xy"}


@pytest.mark.parametrize("why", UNHEARD)
def test_a_sleep_that_nothing_can_end_is_told(engine: str, why: str) -> None:
    """Prevents a dead machine from being taken for one that waits for a key."""
    handlers = {0: STI + HLT + IRET}
    program = UNHEARD[why] if why == "the timer served" else UNHEARD[why] + FASTEST_TIMER + HLT
    pc = PcGuest(program, handlers, engine)
    assert pc.machine.run(NO_LIMIT).reason is StopReason.HALT
    icount = pc.machine.icount
    pc.machine.receive("keyboard", b"\x1e")
    assert pc.machine.run(NO_LIMIT).reason is StopReason.HALT
    assert pc.machine.icount == icount


@pytest.mark.parametrize("why", UNHEARD)
def test_the_non_maskable_interrupt_ends_every_sleep(engine: str, why: str) -> None:
    """Prevents a machine that only an NMI can wake from being lost."""
    program = UNHEARD[why] if why == "the timer served" else UNHEARD[why] + FASTEST_TIMER + HLT
    pc = PcGuest(program, {0: STI + HLT + IRET}, engine)
    pc.machine.memory.write(0x3000, count(LOOPS) + b"\xfa\xf4")
    pc.machine.set_vector(2, 0, 0x3000)
    assert pc.machine.run(NO_LIMIT).reason is StopReason.HALT
    before = pc.machine.icount
    pc.machine.receive("nmi", bytes((CHANNEL_ERROR,)))
    assert pc.machine.run(NO_LIMIT).reason is StopReason.HALT
    assert (pc.word(LOOPS), pc.machine.icount - before) == (1, 3)


def test_a_waiting_machine_wakes_with_its_key(engine: str) -> None:
    """Prevents a key from being lost behind a masked timer that has long run on."""
    pc = PcGuest(
        out(0x21, 0xFD) + FASTEST_TIMER + STI + HLT + CLI + HLT, {1: handler(count(LOOPS))}, engine
    )
    assert pc.machine.run(NO_LIMIT).reason is StopReason.WAITING
    pc.machine.receive("keyboard", b"\x1e")
    assert pc.machine.run(NO_LIMIT).reason is StopReason.HALT
    assert pc.word(LOOPS) == 1


def test_a_masked_timer_has_gone_on_meanwhile(engine: str) -> None:
    """Prevents a request that stands in the 8259A from depending on how one slept."""
    square = out(0x43, 0x36) + out(0x40, 0x00) + out(0x40, 0x00)
    program = out(0x21, 0xEF) + square + SLOWEST_LINE + SEND + out(0x3F8, ord("y")) + STI + HLT
    program += out(0x20, 0x0A) + b"\xe4\x20" + CLI + HLT  # in al, 20h: IRR
    pc = PcGuest(program, {4: SENT}, engine)
    assert pc.machine.run(NO_LIMIT).reason is StopReason.HALT
    assert pc.machine.registers.al & 1 == pc.devices.pit.output(0)
