"""The numbers that reports hold: who reads one is told of a number that no machine has."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from blink16.memory import MEMORY_SIZE, RAM_SIZE

Bit = Annotated[int, Meta(ge=0, le=1)]
Word = Annotated[int, Meta(ge=0, le=0xFFFF)]
"""A register of 16 bits."""
Linear = Annotated[int, Meta(ge=0, le=RAM_SIZE)]
"""A linear address, or the end of memory."""
MemoryEnd = Annotated[int, Meta(ge=MEMORY_SIZE, le=RAM_SIZE)]
Count = Annotated[int, Meta(ge=0, le=1 << 62)]
"""Instructions, cycles, bytes: what is counted from 0."""
Side = Annotated[int, Meta(ge=0, le=4096)]
"""Columns, rows or dots of a screen."""
