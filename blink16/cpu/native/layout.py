"""Where native code finds the machine: registers in the packed state, tables in the mapping.

Native functions have two pointers, to the packed state (`registers`, `slots`) and to the mapping
of a `Memory`.
"""

from __future__ import annotations

from enum import IntEnum

from blink16.cpu.registers import Cell
from blink16.memory import MEMORY_SIZE, SCRATCH_OFFSET, SCRATCH_SIZE

LAST_IP = 0xFFFF - 15
"""Instructions beyond this offset might wrap within; the reference does them."""
HOT_LIMIT = 254
"""So many jumps to an address are told; its counter then stays one above."""

OUT = 1
"""In `slots.ACCESS`: write the port."""

HOT_OFFSET = SCRATCH_OFFSET
"""A byte for each linear address: how often it was jumped to."""
ENTRIES_OFFSET = SCRATCH_OFFSET + MEMORY_SIZE
"""64 bits for each linear address: the region whose code begins there, and above, its CS.

Executed with another CS, the same bytes have other offsets, which the region does not know.
"""
CS_SHIFT = 48
ENTRY_MASK = (1 << CS_SHIFT) - 1
PREDICATES_OFFSET = ENTRIES_OFFSET + 8 * MEMORY_SIZE
"""A pointer for each linear address: the predicate of a breakpoint there, or null."""


assert PREDICATES_OFFSET + 8 * MEMORY_SIZE == SCRATCH_OFFSET + SCRATCH_SIZE


class NativeExit(IntEnum):
    """Why native code returned."""

    BUDGET = 0
    ATTENTION = 1
    HALT = 2
    BREAKPOINT = 3
    SERVICE = 4
    WATCHPOINT = 5
    BETWEEN_ROUNDS = 6
    DELEGATE = 7  # the reference has to execute the instruction at CS:IP
    HOT = 8  # an address was jumped to often; nothing else happened
    CHANGED = 9  # translated code was written to
    WAKE = 10  # the compiler's thread has something
    PORT = 11  # before IN or OUT: the port is to be accessed, then goes `answer`
    ROM = 12  # after a store to ROM that is to be told


class Ignore(IntEnum):
    """What `slow` is to overlook at the next instruction."""

    NOTHING = 0
    ENTRY = 1
    POINTS = 2  # breakpoints and services as well


def cell_offset(cell: int) -> int:
    """Return the byte offset of a 16-bit cell."""
    return 2 * cell


def byte_register_offset(index: int) -> int:
    """Return the byte offset of AL CL DL BL AH CH DH BH."""
    return 2 * (index & 3) + (index >> 2)


SEGMENTS = cell_offset(Cell.ES)
