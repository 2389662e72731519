"""Crystals: cycles of a given frequency against the machine's time."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

MASTER_HZ = 14_318_180
"""The PC's crystal; the processor's clock is a third of it, the timer's a twelfth."""
PIT_HZ = 1_193_182
UART_HZ = 1_843_200


@dataclass(frozen=True)
class Oscillator:
    """Something that has ticked at ``hz`` since the machine's time began."""

    hz: int
    clock_hz: int

    @cached_property
    def ratio(self) -> tuple[int, int]:
        """Its frequency by the processor's, in lowest terms."""
        return Fraction(self.hz, self.clock_hz).as_integer_ratio()

    def cycles(self, time: int) -> int:
        """Return how many cycles have passed at a machine time."""
        hz, clock_hz = self.ratio
        return time * hz // clock_hz

    def time(self, cycles: int) -> int:
        """Return the first machine time at which so many cycles have passed."""
        hz, clock_hz = self.ratio
        return -(-cycles * clock_hz // hz)

    def span(self, cycles: int) -> tuple[int, int]:
        """Return what so many cycles take in machine time, rounded down, and the remainder.

        The remainder is in parts of the frequency of `ratio`.
        """
        hz, clock_hz = self.ratio
        return divmod(cycles * clock_hz, hz)

    def late(self, cycles: int) -> int:
        """Return by how much `time` is behind the end of the last of them, times the frequency.

        The frequency is that of `ratio`.
        """
        hz, clock_hz = self.ratio
        return self.time(cycles) * hz - cycles * clock_hz
