"""Structures of construct, packed without it."""

from __future__ import annotations

import pytest
from construct import Bytes, Int8ul, Int16sb, Int16ub, Int16ul, Int32sl, Int64ul, Padding, Struct
from hypothesis import given
from hypothesis import strategies as st

from blink16.packing import packing

LAYOUT = Struct(
    "one" / Int8ul,
    Padding(3),
    "words" / Int16ul[2],
    "inner" / Struct("signed" / Int32sl, "name" / Bytes(5)),
    "long" / Int64ul,
)


@given(
    st.integers(0, 0xFF),
    st.lists(st.integers(0, 0xFFFF), min_size=2, max_size=2),
    st.integers(-(1 << 31), (1 << 31) - 1),
    st.binary(min_size=5, max_size=5),
    st.integers(0, (1 << 64) - 1),
)
def test_the_bytes_are_those_that_construct_builds(
    one: int, words: list[int], signed: int, name: bytes, long: int
) -> None:
    """Prevents a description that is true for one of its two readers only."""
    inner = {"signed": signed, "name": name}
    built = LAYOUT.build({"one": one, "words": words, "inner": inner, "long": long})
    packed = packing(LAYOUT)
    assert packed.pack(one, *words, signed, name, long) == built
    assert packed.unpack(built) == (one, *words, signed, name, long)


@pytest.mark.parametrize("part", [Int16ub, Int16sb, Struct("x" / Int16ub[2])], ids=str)
def test_what_is_not_little_endian_is_refused(part: object) -> None:
    """Prevents bytes in the wrong order, in silence."""
    with pytest.raises(TypeError, match="no packing"):
        packing(part)
