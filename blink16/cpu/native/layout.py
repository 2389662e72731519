"""Where native code finds the machine: offsets in the packed state and in memory's mapping.

Native functions have two pointers, to the packed state (`registers`) and to the mapping of a
`Memory`.  What this file names behind ``icount`` in the state belongs to the native engine.
"""

from __future__ import annotations

from enum import IntEnum

from blink16.cpu.registers import ICOUNT_OFFSET, STATE_SIZE, Cell
from blink16.memory import MEMORY_SIZE, SCRATCH_OFFSET, SCRATCH_SIZE

SLICE = 1 << 16
"""Instructions between two looks at the attention cell."""
LAST_IP = 0xFFFF - 15
"""Instructions beyond this offset might wrap within; the reference does them."""
MAX_PREFIXES = 14
"""Instructions with more prefixes are the reference's."""
HOT_LIMIT = 254
"""So many jumps to an address are told; its counter then stays one above."""
MAX_CHANGES = 8
"""Addresses of changed code that are told one by one in a run."""

OUT = 1
"""In `Slot.ACCESS`: write the port."""

HOT_OFFSET = SCRATCH_OFFSET
"""A byte for each linear address: how often it was jumped to."""
ENTRIES_OFFSET = SCRATCH_OFFSET + MEMORY_SIZE
"""A pointer for each linear address: the region whose code begins there."""
PREDICATES_OFFSET = ENTRIES_OFFSET + 8 * MEMORY_SIZE
"""A pointer for each linear address: the predicate of a breakpoint there, or null."""


class Slot(IntEnum):
    """Byte offsets of the native engine's own fields in the packed state."""

    GOAL = 72  # i64: icount where the run is to end
    RESERVE = 80  # i64: instructions that the run has left beyond the current slice
    SHADOW_AT = 88  # i64: the budget left when the last instruction that sets SHADOW retired
    EXIT = 96  # i32: an `Exit`
    TOUCHED = 100  # i32: 1 + the first watched address that was touched, or 0
    TOUCHED_BY_READ = 104  # i32
    START = 108  # i32: the offset of the first prefix of the instruction being decoded
    CHANGES = 112  # i32: how often translated code was written to
    CHANGED = 116  # i32[MAX_CHANGES]: where
    WAKE = 148  # i32: not 0 when the compiler's thread has something; set from that thread
    PORT = 152  # i32: the port that IN or OUT wants to access
    ACCESS = 156  # i32: the width of that, and `OUT`
    VALUE = 160  # i32: what is to be written, or was read
    ANSWERED = 164  # i32: 1 if the port has been accessed and the instruction is to be done
    STORE_AT = 168  # i32: the offset of the instruction whose store is not a plain one
    ROM = 172  # i32: 1 + the first address of ROM stored to which is to be told, or 0
    ROM_AT = 176  # i32: the offset of the instruction that did


assert PREDICATES_OFFSET + 8 * MEMORY_SIZE == SCRATCH_OFFSET + SCRATCH_SIZE
assert Slot.GOAL == ICOUNT_OFFSET + 8
assert Slot.CHANGED + 4 * MAX_CHANGES <= Slot.WAKE < Slot.ROM_AT < STATE_SIZE


class Exit(IntEnum):
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
