"""States of devices with a few fields changed, in a third of the time that `_replace` takes."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

S = TypeVar("S", bound=NamedTuple)


def with_fields(state: S, at: int, *values: object) -> S:
    """Return a state with other values in the fields from one on, by its number."""
    return tuple.__new__(type(state), (*state[:at], *values, *state[at + len(values) :]))
