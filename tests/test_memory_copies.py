"""What services do with many bytes of memory at once is what single stores of them do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from blink16.memory import MEMORY_SIZE, Attribute, Memory
from blink16.memory.marks import PageState

PLACES = st.integers(0x1000, 0x3000)
LENGTHS = st.integers(1, 0x1800)
CONTENT = bytes(range(1, 252))


def _memory(code: frozenset[int], *, clean: bool, watched: bool) -> Memory:
    memory = Memory()
    memory.write(0x1000, CONTENT * 40)
    if clean:
        memory.begin()
    for page in code:
        memory.pages[page] |= PageState.CODE
    if watched:
        memory.mark(0x2000, Attribute.WATCH_WRITE)
    return memory


@given(
    PLACES, PLACES, LENGTHS, st.frozensets(st.integers(0x10, 0x48)), st.booleans(), st.booleans()
)
def test_a_copy_is_a_store_of_what_was_there(
    to: int, address: int, length: int, code: frozenset[int], clean: bool, watched: bool
) -> None:
    """Prevents a copy that overlaps itself wrongly, and changes that no checkpoint, no translated
    code or no watchpoint learns of.
    """
    one, other = (_memory(code, clean=clean, watched=watched) for _ in range(2))
    one.copy(to, address, length)
    for at, byte in enumerate(other.peek(address, length), to):
        other.write(at, bytes((byte,)))
    assert one.arena[:0x6000] == other.arena[:0x6000]
    assert bytes(one.pages) == bytes(other.pages)
    assert one.stale_code == other.stale_code
    assert one.touched == other.touched


CELLS = range(0xB7E00, 0xBC200)
"""Around a CGA's memory, which is there twice."""


@given(
    st.sampled_from(CELLS),
    st.binary(max_size=400),
    st.frozensets(st.integers(CELLS.start >> 8, CELLS.stop >> 8)),
    st.booleans(),
    st.booleans(),
)
def test_bytes_at_every_other_address_are_a_store_that_keeps_the_others(
    address: int, data: bytes, code: frozenset[int], clean: bool, watched: bool
) -> None:
    """Prevents text that spoils its attributes or the end of the memory that is there twice, and
    changes that no checkpoint, no translated code or no watchpoint learns of.
    """
    one, other = Memory(), Memory()
    for memory in (one, other):
        memory.have_mirror(range(0xB8000, 0xC0000))
        memory.write(CELLS.start, bytes(range(256)) * 16)
        if clean:
            memory.begin()
        for page in code:
            memory.pages[page] |= PageState.CODE
        if watched:
            memory.mark(address + 5, Attribute.WATCH_WRITE)
    one.write_alternate(address, data)
    every = bytearray(other.peek(address, 2 * len(data)))
    every[::2] = data
    other.write(address, bytes(every))
    assert one.arena[0xB7000:0xC1000] == other.arena[0xB7000:0xC1000]
    assert bytes(one.pages) == bytes(other.pages)
    assert one.stale_code == other.stale_code
    assert one.touched == other.touched


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_string_ends_with_its_nul(length: int, size: int) -> None:
    """Prevents a path that goes on behind its NUL, and one without it that is taken for whole."""
    memory = Memory()
    memory.write(0x5000, b"x" * size)
    found = memory.read_before(b"\0", 0x5000, length)
    assert found == (b"x" * size if size < length else None)


def test_a_string_touches_nothing_behind_its_end() -> None:
    """Prevents a watchpoint that stops for a byte that no service has looked at."""
    memory = Memory()
    memory.write(0x5000, b"name\0behind")
    memory.mark(0x5005, Attribute.WATCH_READ)
    assert (memory.read_before(b"\0", 0x5000, 20), memory.touched) == (b"name", None)
    memory.mark(0x5003, Attribute.WATCH_READ)
    assert (memory.read_before(b"\0", 0x5000, 20), memory.touched is None) == (b"name", False)


def test_a_copy_goes_to_where_memory_wraps() -> None:
    """Prevents a copy to the end of memory from being lost, or from leaving it."""
    memory = Memory()
    memory.write(0x1000, CONTENT)
    memory.copy(MEMORY_SIZE - 16, 0x1000, 32)
    assert memory.peek(MEMORY_SIZE - 16, 16) + memory.peek(0, 16) == CONTENT[:32]
