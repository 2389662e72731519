"""Clocks by ratios, where products may take more than 64 bits."""

from __future__ import annotations

from blink16.cpu.values import Value


def scaled(time: Value, times: Value, by: Value, more: Value | int = 0) -> Value:
    """Return (time * times + more) // by, where the product may take more than 64 bits."""
    return time // by * times + (time % by * times + more) // by
