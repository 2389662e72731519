"""The fields of the packed state that native code works with; the engine's own among them."""

from __future__ import annotations

from itertools import pairwise

from blink16.cpu.probes import TAPE
from blink16.cpu.registers import (
    CYCLES_OFFSET,
    DEVICES_OFFSET,
    ICOUNT_OFFSET,
    Cell,
)
from blink16.cpu.slots import Slot

MAX_CHANGES = 8
"""Addresses of changed code that are told one by one in a run."""


def of_cell(cell: Cell) -> Slot:
    """Return the slot of a cell."""
    return Slot(2 * cell, 16)


ICOUNT, CYCLES = Slot(ICOUNT_OFFSET, 64), Slot(CYCLES_OFFSET, 64)

# What belongs to the native engine:
GOAL, UNTIL = Slot(80, 64), Slot(88, 64)
"""icount and cycles where the run is to end."""
GIVEN = Slot(96, 64)
"""The cycles with which the current slice began; 0 where there is none."""
SHADOW_AT = Slot(104, 64)
"""The instructions of the slice when the last one that sets SHADOW had retired; or -1."""
EXIT = Slot(112, 32)
"""A `NativeExit`."""
TOUCHED = Slot(116, 32)
"""1 + the first watched address that was touched, or 0."""
TOUCHED_BY_READ = Slot(120, 32)
START = Slot(124, 32)
"""The offset of the first prefix of the instruction being decoded."""
CHANGES = Slot(128, 32)
"""How often translated code was written to."""
CHANGED = Slot(132, 32, MAX_CHANGES)
"""Where."""
WAKE = Slot(164, 32)
"""Not 0 when the compiler's thread has something; set from that thread."""
PORT = Slot(168, 32)
"""The port that IN or OUT wants to access."""
ACCESS = Slot(172, 32)
"""The width of that, and `layout.OUT`."""
VALUE = Slot(176, 32)
"""What is to be written, or was read."""
ASKED = Slot(PORT.offset, 32, 3)
"""These three."""
ANSWERED = Slot(180, 32)
"""1 if the port has been accessed and the instruction is to be done."""
STORE_AT = Slot(184, 32)
"""The offset of the instruction whose store is not a plain one."""
ROM = Slot(188, 32)
"""1 + the first address of ROM stored to which is to be told, or 0."""
ROM_AT = Slot(192, 32)
"""The offset of the instruction that did."""

A20 = of_cell(Cell.A20)

NEXT_HOT, NEXT_OTHER = Slot(200, 64), Slot(208, 64)
"""At how many cycles hot devices, and all others, want to act."""
HANDLER = Slot(216, 64)
"""The function that does the usual tick and its handler (`handler`), or 0."""
VECTOR = Slot(240, 32)
"""That of the last interrupt which native code took by itself."""

_ALL = (
    *(ICOUNT, CYCLES, GOAL, UNTIL, GIVEN, SHADOW_AT, EXIT, TOUCHED, TOUCHED_BY_READ, START),
    *(CHANGES, CHANGED, WAKE, PORT, ACCESS, VALUE, ANSWERED, STORE_AT, ROM, ROM_AT),
    *(NEXT_HOT, NEXT_OTHER, HANDLER, VECTOR, TAPE),
)
assert all(a.end <= b.offset for a, b in pairwise(_ALL))
assert all(s.end <= 2 * Cell.MSW or s.offset > 2 * Cell.A20 for s in _ALL)
assert _ALL[-1].end <= DEVICES_OFFSET
