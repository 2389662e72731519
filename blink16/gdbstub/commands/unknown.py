"""A packet that we don't know."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unknown:
    """A packet we don't know; the answer is empty."""
