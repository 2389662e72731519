"""The 8237's own moves, from memory to memory, beside a model that goes byte by byte."""

from __future__ import annotations

import random

from hypothesis import example, given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.bus import Bus
from blink16.devices.dma import Dma
from blink16.machine import Machine
from blink16.memory import PAGE_SIZE

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
