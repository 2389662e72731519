"""The 8237's own moves: beside a model that goes byte by byte, and over the ends of memory."""

from __future__ import annotations

import random

import pytest
from boot_sectors import sector
from guests import ENGINES
from hypothesis import example, given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.bus import Bus
from blink16.cpu.engine import StopReason
from blink16.debugger import Debugger, Resume
from blink16.devices import a20
from blink16.devices.cards import Cards
from blink16.devices.dma import Dma
from blink16.machine import Machine
from blink16.memory import PAGE_SIZE, Attribute
from blink16.setup import loader
from blink16.setup.loader import Options, Program, ProgramKind
from blink16.setup.pc import PcSetup

BANK, ROM = 0x10000, range(0x4200, 0x4400)
"""A linear address, and offsets behind it."""
AUTOINIT, DOWN, BLOCK = 0x10, 0x20, 0x80
MEMORY_TO_MEMORY, HOLD_SOURCE = 1, 2
MOST_TOUCHES = 4 * 0x10000 // PAGE_SIZE
"""Of memory: each page by the source and by the target, which need not begin where pages do."""

OFFSETS = st.sampled_from((0x41FF, 0x4200, 0x4201, 0x4100, 0x43F0, 0xFFFF)) | st.integers(0, 0xFFFF)
COUNTS = st.sampled_from((0, 1, 255, 256)) | st.integers(0, 2000)


def programmed(source: int, period: int, target: int, count: int, how: tuple[int, int]) -> Machine:
    """Return a machine whose 8237 has moved memory; ``how``: channel 0's mode, and the command."""
    machine = Machine("reference")
    machine.memory.whole[BANK : BANK + 0x10000] = random.Random(1).randbytes(0x10000)
    machine.memory.protect(range(BANK + ROM.start, BANK + ROM.stop))
    bus = Bus()
    Dma(machine, bus)
    bus.write(0x83, BANK >> 16)
    for port, value in ((0x0B, BLOCK | how[0]), (0x0B, BLOCK | 5), (0x08, how[1]), (0x0C, 0)):
        bus.write(port, value)
    for port, word in enumerate((source, period, target, count)):
        bus.write(port, word & 0xFF)
        bus.write(port, word >> 8)
    touched: list[int] = []
    machine.memory.on_access = lambda address, length, data: touched.append(address)
    bus.write(0x09, 4)
    assert len(touched) <= MOST_TOUCHES
    return machine


@settings(max_examples=examples(30))
@given(OFFSETS, COUNTS, OFFSETS, COUNTS, st.booleans(), st.booleans(), st.booleans())
@example(0, 0, 1, 0xFFFF, True, False, False)  # one byte, 65,536 times
@example(0x4000, 0xFFFF, 0x4001, 0xFFFF, False, False, False)  # over what is read next
def test_memory_moves_as_byte_by_byte(
    source: int, period: int, target: int, count: int, again: bool, down: bool, hold: bool
) -> None:
    """Prevents overlapping moves that come out otherwise, and 64 KiB that take long."""
    mode = (AUTOINIT if again else 0) | (DOWN if down else 0)
    command = MEMORY_TO_MEMORY | (HOLD_SOURCE if hold else 0)
    model = bytearray(random.Random(1).randbytes(0x10000))
    read, left, write = source, period, target
    for _ in range(count + 1):
        if write not in ROM:
            model[write] = model[read]
        write = (write + 1) % 0x10000
        if hold:
            continue
        read, left = (read + (-1 if down else 1)) % 0x10000, left - 1
        if left < 0:
            read, left = (source, period) if again else (read, 0xFFFF)
    machine = programmed(source, period, target, count, (mode, command))
    assert bytes(machine.memory.whole[BANK : BANK + 0x10000]) == bytes(model)


EDGES = bytes.fromhex(
    "fa31c08ed8be2f7cfce60dad40741d48e681b086e60be60cade60488e0e604ade60588e0e605b006e609ebdf"
    "f4ebfd"
    "0f00f0ff1f00"  # FFFF0h, 32 bytes: ROM, and on at F0000h
    "100000050100"  # 100500h, 2 bytes
    "110000060100"  # 110600h, behind all memory; an XT has no such lines
    "0900feff0300"  # 9FFFEh, 4 bytes: on at 90000h
    "ffff"
)
"""Lets channel 2 store what no device says, FFh, block by block, and halts:

    cli / xor ax,ax / mov ds,ax / mov si,table / cld / out 0Dh,al
    next: lodsw / inc ax / jz done / dec ax / out 81h,al / mov al,86h / out 0Bh,al / out 0Ch,al
    lodsw / out 4,al / mov al,ah / out 4,al / lodsw / out 5,al / mov al,ah / out 5,al
    mov al,6 / out 9,al / jmp next / done: hlt / jmp done / table: page, address, count - 1
"""
OVER_A_BANK = {0x9FFFE, 0x9FFFF, 0x90000, 0x90001}
CASES = {
    "8086": ("8086", False, OVER_A_BANK | {0x500, 0x501, 0x10600, 0x10601}),
    "line 20 closed": ("80286", False, OVER_A_BANK | {0x100500, 0x100501}),
    "line 20 open": ("80286", True, OVER_A_BANK | {0x100500, 0x100501}),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("cpu", "is_open", "stored"), CASES.values(), ids=CASES)
def test_moves_over_the_ends_of_memory(
    cpu: str, is_open: bool, stored: set[int], engine: str
) -> None:
    """Prevents DMA that changes ROM, that the processor's line 20 stops, or that is no past."""
    options = Options(engine=engine, cpu=cpu, setup=PcSetup(cards=Cards(at=True)))
    program = Program("test.img", ProgramKind.BOOT, sector(EDGES))
    machine = loader.load(program, (), options).machine
    if is_open:
        a20.switch(machine.registers, True)
    before = bytes(machine.memory.whole)
    debugger = Debugger(machine)
    debugger.resume(Resume(count=400))
    end, after = debugger.timeline.now, bytes(machine.memory.whole)
    changed = {at for at in range(0x500, len(after)) if after[at] != before[at]}
    assert changed == stored
    assert {after[at] for at in stored} == {0xFF}
    debugger.seek(0)
    assert bytes(machine.memory.whole) == before
    debugger.seek(end)
    assert bytes(machine.memory.whole) == after


ON_REQUEST = bytes.fromhex(
    "fabe167cfc2ead31d288c288e0ee80fa0975f243ebfd"  # out a table's bytes to its ports, and go on
    "83000b880b8508010c0000000090010f010002000291030f0300"
    "0904"  # requests that 16 bytes at 9000h go to 9100h
)
BEHIND_REQUEST = 0x7C0E


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("address", "mark"), [(0x9105, Attribute.WATCH_WRITE), (0x9005, Attribute.WATCH_READ)]
)
def test_a_watchpoint_sees_what_a_request_moves_at_once(
    address: int, mark: Attribute, engine: str
) -> None:
    """Prevents native code from running on, thousands of instructions, before it is told."""
    options = Options(engine=engine, setup=PcSetup())
    program = Program("test.img", ProgramKind.BOOT, sector(ON_REQUEST))
    machine = loader.load(program, (), options).machine
    machine.memory.mark(address, mark)
    stop = machine.run(5000)
    assert (stop.reason, stop.address) == (StopReason.WATCHPOINT, address)
    assert (machine.registers.ip, machine.registers.bx) == (BEHIND_REQUEST, 0)
