"""Memory in a sample of a machine that runs: it reads as the machine's own did."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blink16.memory import MEMORY_SIZE, RAM_SIZE, Memory
from blink16.reports.sample import SampledMemory

LINES = [(MEMORY_SIZE, b"\0"), (RAM_SIZE, b"\1")]
"""Where memory ends, and whether address line 20 is open."""


def memory(end: int, line_20: bytes) -> Memory:
    """Return memory that is nowhere the same."""
    made = Memory()
    made.end, made.line_20 = end, line_20
    made.whole[:] = bytes(range(251)) * (RAM_SIZE // 251) + bytes(RAM_SIZE % 251)
    return made


MEMORIES = [memory(*line) for line in LINES]


@pytest.mark.parametrize("whole", MEMORIES, ids=["8086", "80286"])
@given(
    st.integers(-16, 64) | st.integers(MEMORY_SIZE - 64, RAM_SIZE + 64) | st.integers(0, RAM_SIZE),
    st.integers(0, 64),
)
def test_a_sample_reads_as_the_memory_it_is_of(whole: Memory, address: int, length: int) -> None:
    """Prevents watchers of a machine that runs from losing it, where reading takes another way."""
    sample = SampledMemory(whole)
    assert sample.peek(address, length) == whole.peek(address, length)
    assert sample.read(address, length) == whole.read(address, length)
    what = whole.peek(address, length)
    assert sample.find(what, 0, MEMORY_SIZE) == whole.find(what, 0, MEMORY_SIZE)
    if address >= 0 and address + length <= whole.end:
        assert sample[address : address + length] == whole[address : address + length]
