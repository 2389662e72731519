"""The meter: what native code has done and may still do in its slice of a run, in one word.

The low bits count the instructions that retired since the slice began; the bits above them are
the clock cycles that are left, signed.  So an instruction moves both clocks with one addition,
and a slice is over when the word is below `ONE_LEFT`.  A slice never has more cycles than the
instructions that may retire take at least, so cycles alone have to be looked at.
"""

from __future__ import annotations

SHIFT = 20
RETIRED = (1 << SHIFT) - 1
"""Masks the instructions."""
ONE_LEFT = 1 << SHIFT
"""The least meter with a cycle left."""
MIN_CYCLES = 2
"""No instruction takes less."""
SLICE = 1 << 18
"""Cycles between two looks at the attention cell.  So many instructions fit into the low bits."""


def charge(instructions: int, cycles: int) -> int:
    """Return what is added to a meter where instructions retire."""
    return instructions - (cycles << SHIFT)
