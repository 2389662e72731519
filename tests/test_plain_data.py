"""Plain data: what states and recordings are made of, as bytes and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blink16.recording import plain

ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.binary(max_size=20),
    st.text(max_size=10),
    st.just("\udcff"),
)
VALUES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.integers(0, 9) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=15,
)


@given(VALUES)
def test_plain_data_comes_back(value: object) -> None:
    """Prevents a component's state that changes by being written down."""
    assert plain.parse(plain.build(value)) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_plain_data_or_refused(data: bytes) -> None:
    """Prevents an unexpected exception from whatever a file holds."""
    try:
        value = plain.parse(data)
    except plain.PlainError:
        return
    assert plain.parse(plain.build(value)) == value


@pytest.mark.parametrize("value", [1.5, [1], {1, 2}, 1 << 64, object()])
def test_what_is_not_plain_is_refused(value: object) -> None:
    """Prevents a component whose state could not be recorded from going unnoticed."""
    with pytest.raises(plain.PlainError):
        plain.build((value,))


def test_deep_nesting_is_refused() -> None:
    """Prevents a file from exhausting the stack."""
    with pytest.raises(plain.PlainError):
        plain.parse(bytes((plain.TUPLE, 1)) * 100_000 + bytes((plain.NONE,)))


@pytest.mark.parametrize("kind", [plain.TUPLE, plain.DICT, plain.BYTES, plain.STRING])
def test_counts_are_compared_with_what_is_there(kind: int) -> None:
    """Prevents a few bytes that claim millions of items from keeping a replay busy."""
    count = b"\xff\xff\xff\x1f"  # 2**26 - 1
    with pytest.raises(plain.PlainError, match="ends too early"):
        plain.parse(bytes((kind,)) + count + b"\0" * 100)


def test_the_number_of_values_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents 64 MB of nothing, packed into a few kilobytes, from taking half a minute."""
    monkeypatch.setattr(plain, "MAX_ITEMS", 1000)
    with pytest.raises(plain.PlainError, match="too long"):
        plain.parse(plain.build((None,) * 1000))
    assert plain.parse(plain.build((None,) * 999)) == (None,) * 999
