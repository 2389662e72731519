"""Ports and interrupts on the native engine: the same, at the same instant, as on the reference."""

from __future__ import annotations

import random
from functools import partial

import pytest
from engine_pair import Pair, drive, random_pair, translate_here, translation_of
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pc_guest import CLI, CODE, DATA, EOI, HLT, IRET, NOP, STI, PcGuest, count, handler, out
from property_examples import examples

from blink16.cpu.engine import StopReason
from blink16.cpu.registers import TF
from blink16.debugger import Debugger, Resume
from blink16.devices.hot import BOARD
from blink16.machine import Machine
from blink16.memory import Access, Attribute

PORT = 0x300
DEVICE_AT = 0x1000
IN_AND_COUNT = bytes.fromhex("ba0003 ec 40")  # mov dx, 300h / in al, dx / inc ax
seeds = st.integers(0, 2**32 - 1)


class Counting:
    """A device whose answers depend on the time, and which remembers everything."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.seen: list[tuple[int, ...]] = []
        machine.bus.attach(range(0x10000), self.read, self.write)

    def read(self, port: int) -> int:
        """Answer with something that follows from the time."""
        self.seen.append((self.machine.icount, port))
        return self.machine.icount * 37 + port & 0xFF

    def write(self, port: int, value: int) -> None:
        """Take a byte."""
        self.seen.append((self.machine.icount, port, value))


def device_pair(code: bytes, **registers: int) -> tuple[Pair, list[Counting]]:
    """Return machines before some code, with a device at every port."""
    pair = Pair.make()
    pair.load(DEVICE_AT, code, cs=0, ip=DEVICE_AT, ss=0x3000, sp=0x100, **registers)
    return pair, [Counting(machine) for machine in pair]


@settings(max_examples=examples(30), suppress_health_check=list(HealthCheck))
@given(seeds)
@example(1773)
def test_random_programs_access_ports_alike(seed: int) -> None:
    """Prevents an access at another time, of another width or value, twice or not at all."""
    choose = random.Random(seed)
    pair = random_pair(choose, ports=True)
    devices = [Counting(machine) for machine in pair]
    drive(pair, choose, 40, translating=False)
    assert devices[1].seen == devices[0].seen


@pytest.mark.parametrize("prefixes", ["", "f3", "2ef0", "26f236"])
@pytest.mark.parametrize("access", ["e440", "e5ff", "e640", "e7ff", "ec", "ed", "ee", "ef"])
def test_each_form_is_the_same(access: str, prefixes: str) -> None:
    """Prevents a mistake in one of the eight opcodes, or where prefixes stand in front."""
    code = bytes.fromhex(f"40 {prefixes} {access} 40 f4")
    pair, devices = device_pair(code, ax=0x1234, dx=0xFFFF)
    while pair.run(1).reason is not StopReason.HALT:
        pass
    assert devices[1].seen == devices[0].seen
    assert 1 <= len(devices[0].seen) <= 2


def test_no_hot_device_answers_where_there_is_none() -> None:
    """Prevents an access that native code does by itself, though the machine has no such chip."""
    code = bytearray()
    for port in sorted({*BOARD.reads, *BOARD.writes}):
        code += b"\xba" + port.to_bytes(2, "little") + b"\xec"  # mov dx, port / in al, dx
        for value in (0, 0x20, 0x36, 0x54, 0x74, 0xB6, 0xC2, 0xFF):
            code += bytes((0xB0, value, 0xEE))  # mov al, value / out dx, al
    pair, devices = device_pair(bytes(code) + b"\xf4")
    while pair.run(1000).reason is not StopReason.HALT:
        pass
    assert devices[1].seen == devices[0].seen
    assert len(devices[0].seen) > 9 * len(BOARD.writes)


def test_a_request_within_an_access_does_not_repeat_it() -> None:
    """Prevents a port from being read twice because Ctrl-C came while it was read."""
    for engine in ("reference", "native"):
        machine = Machine(engine)
        reads: list[int] = []

        def read(port: int, machine: Machine = machine, reads: list[int] = reads) -> int:
            machine.interrupt()
            reads.append(machine.icount)
            return 0x5A

        machine.bus.attach([PORT], read)
        machine.memory.write(DEVICE_AT, IN_AND_COUNT)
        machine.registers.ip = DEVICE_AT
        assert machine.run(100).reason is StopReason.INTERRUPTED
        assert (reads, machine.icount, machine.registers.al) == ([1], 2, 0x5A)


def test_a_breakpoint_at_an_access_stops_before_it() -> None:
    """Prevents an access before the breakpoint's stop, and a stop between access and end."""
    pair, devices = device_pair(IN_AND_COUNT)
    pair.mark(DEVICE_AT + 3, Attribute.BREAKPOINT)
    assert pair.run(10).reason is StopReason.BREAKPOINT
    assert devices[1].seen == []
    assert pair.run(10, skip_first=True).reason is StopReason.ATTENTION
    assert devices[1].seen == devices[0].seen == [(1, PORT)]


def test_an_error_in_a_device_leaves_the_machine_before_the_access() -> None:
    """Prevents a half executed instruction where a device's code is wrong."""
    machine = Machine("native")

    def read(port: int) -> int:
        raise ZeroDivisionError

    machine.bus.attach([PORT], read)
    machine.memory.write(DEVICE_AT, IN_AND_COUNT)
    machine.registers.ip = DEVICE_AT
    with pytest.raises(ZeroDivisionError):
        machine.run(10)
    assert (machine.registers.ip, machine.icount) == (DEVICE_AT + 3, 1)
    machine.bus.attach([PORT], lambda port: 7)
    machine.run(1)
    assert machine.registers.al == 7


def test_access_between_translated_code() -> None:
    """Prevents a region from running over an access in its loop."""
    loop = bytes.fromhex("40 e440 01c3 ebf9")  # again: inc ax / in al, 40h / add bx, ax / jmp again
    pair, devices = device_pair(loop)
    assert translate_here(pair.native) == 1
    for budget in (1, 2, 3, 40, 500):
        pair.run(budget)
    assert devices[1].seen == devices[0].seen
    assert len(translation_of(pair.native)) == 1


def test_a_device_that_stores_to_translated_code_changes_what_is_executed() -> None:
    """Prevents code that a DMA controller has just moved away from being executed to the end."""
    loop = bytes.fromhex("ee 80c301 ebfa")  # again: out dx, al / add bl, 1 / jmp again
    pair, _ = device_pair(loop, dx=PORT)

    def overwrite(machine: Machine, port: int, value: int) -> None:
        machine.memory.store(DEVICE_AT + 3, bytes((machine.registers.bl + 1 & 0xFF,)))

    for machine in pair:
        machine.bus.attach([PORT], None, partial(overwrite, machine))
    assert translate_here(pair.native) == 1
    for budget in (1, 2, 3, 40, 500):
        for machine in pair:
            machine.run(budget)
        pair.compare()


# -- interrupts --------------------------------------------------------------------------------


def test_an_interrupts_entry_is_the_same() -> None:
    """Prevents other flags, addresses or a count raised by the entry."""
    for flags in (0, 0xFFF, TF):
        pair, _ = device_pair(NOP, flags=flags)
        pair.load(0x21 * 4, bytes.fromhex("78563412"))
        for machine in pair:
            machine.engine.interrupt(0x21)
        pair.compare()
        pair.compare_memory()
        assert (pair.native.registers.cs, pair.native.registers.ip) == (0x1234, 0x5678)


@pytest.mark.parametrize(
    ("address", "attribute"),
    [
        (0x300FD, Attribute.WATCH_WRITE),
        (0x300FF, Attribute.WATCH_WRITE),
        (0x84, Attribute.WATCH_READ),
    ],
)
def test_an_interrupts_entry_touches_what_is_watched(address: int, attribute: Attribute) -> None:
    """Prevents a watchpoint that misses what the processor itself pushes or reads."""
    pair, _ = device_pair(NOP)
    pair.mark(address, attribute)
    for machine in pair:
        machine.memory.touched = None
        machine.engine.interrupt(0x21)
    pair.compare()
    access = Access.READ if attribute is Attribute.WATCH_READ else Access.WRITE
    assert pair.native.memory.touched == (address, access)


def test_an_interrupts_entry_changes_translated_code() -> None:
    """Prevents old code from being executed where the stack grew into it."""
    pair, _ = device_pair(bytes.fromhex("40 ebfd"))
    assert translate_here(pair.native) == 1
    pair.load(0x21 * 4, DEVICE_AT.to_bytes(4, "little"), ss=0, sp=DEVICE_AT + 3)
    for machine in pair:
        machine.engine.interrupt(0x21)
    pair.run(50)
    pair.compare_memory()


_PIECES = (
    STI,
    CLI,
    NOP,
    b"\x40",  # inc ax
    b"\x9c\x9d",  # pushf / popf
    b"\x9c\xfa\x9d",
    b"\x16\x17",  # push ss / pop ss
    b"\xe4\x40",  # in al, 40h
    b"\xe4\x61\x34\x01\xe6\x61",  # in al, 61h / xor al, 1 / out 61h, al
    EOI,
    out(0x43, 0x00),  # latch
    out(0x40, 0x20),
    out(0x3F8, 0x41),
    out(0x3F9, 0x02),
    out(0x21, 0xEE),
    b"\xb9\x30\x00\xe2\xfe",  # mov cx, 48 / again: loop again
)


@settings(max_examples=examples(25), suppress_health_check=list(HealthCheck))
@given(seeds)
def test_timer_and_ports_are_alike_whatever_the_budgets(seed: int) -> None:
    """Prevents an interrupt one instruction early or late, on any engine, in pieces or at once."""
    choose = random.Random(seed)
    body = b"".join(choose.choice(_PIECES) for _ in range(30))
    period = choose.choice((9, 40, 150))
    start = out(0x43, 0x34) + out(0x40, period) + out(0x40, 0) + out(0x21, 0xEE) + STI
    loop = start + body + STI
    code = loop + b"\xe9" + (len(start) - len(loop) - 3 & 0xFFFF).to_bytes(2, "little")
    counts = [choose.choice((1, 2, 7, 60, 400)) for _ in range(12)]
    handlers = {0: handler(count(DATA)), 4: EOI + IRET}
    guests = [PcGuest(code, handlers, engine) for engine in ("reference", "native", "native")]
    for total in counts:
        reference, whole, pieces = guests
        reference.machine.run(total)
        whole.machine.run(total)
        left = total
        while left:
            piece = min(left, choose.randrange(1, 5))
            pieces.machine.run(piece)
            left -= piece
        assert whole.state() == reference.state()
        assert pieces.state() == reference.state()
    assert guests[1].machine.registers.ip != CODE


# -- what steps of a PC may take ---------------------------------------------------------------


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_a_pcs_step_is_brief_unless_a_device_may_put_something_out(engine: str) -> None:
    """Prevents a step that waits for a reader of its output from being done in an event loop."""
    code = NOP + out(0x3F8, 0x41) + NOP * 3 + HLT  # a byte for the serial line
    guest = PcGuest(code, engine=engine, clock_hz=12_000_000)
    debugger, step = Debugger(guest.machine), Resume(count=1)
    brief = []
    for _ in range(7):
        said_before = bytes(guest.shown.get("com1", b""))
        brief.append(debugger.is_brief(step))
        debugger.resume(step)
        assert not brief[-1] or guest.shown.get("com1", b"") == said_before
    assert brief == [True, True, True, False, True, True, True]
    assert guest.shown == {"com1": b"A"}
    assert not debugger.is_brief(step)  # HLT
    guest.machine.registers.ip = CODE
    guest.machine.registers.cycles += guest.devices.pit.due() or 0
    assert not debugger.is_brief(step)
