"""The non-maskable interrupt of a PC/XT: what asks for it, and the switch at port A0h.

Memory and adapter cards report errors through two latches, which port 62h shows, and an 8087 has a
line of its own; port A0h is the only thing that keeps them from the processor.  Source: IBM PC/XT
Technical Reference, "System interrupts" and "8255A I/O bit map".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from blink16.bus import Bus

MASK_PORT = 0xA0
ENABLED = 0x80
"""Written to port A0h: let the interrupt through."""
MEMORY_ERROR, CHANNEL_ERROR = 0x80, 0x40
"""Parity errors of memory on the system board and of adapter cards, as port 62h shows them."""
ERRORS = MEMORY_ERROR | CHANNEL_ERROR
COPROCESSOR = 0x01
"""Beside them in the state: an 8087 asks.  No port shows it."""
CLEAR_MEMORY, CLEAR_CHANNEL = 0x10, 0x20
"""Bits of an XT's port 61h that hold a latch clear."""


class NmiState(NamedTuple):
    """The switch, the latches and the processor's own latch."""

    enabled: bool = False
    errors: int = 0
    """Which latches are set (`ERRORS`), and whether an 8087 asks (`COPROCESSOR`)."""
    requested: bool = False
    """Whether the line rose and the processor hasn't seen to that yet."""


class Nmi:
    """The non-maskable interrupt: a receiver of errors (`services.NonMaskable`)."""

    CHANNEL = "nmi"
    """The name of its component, which takes bytes of `MEMORY_ERROR` and `CHANNEL_ERROR`."""

    def __init__(self, bus: Bus, *, has_port: bool = True) -> None:
        """``has_port``: whether the switch is an XT's, at port A0h (`switch` is an AT's)."""
        self.on_change: Callable[[], None] = lambda: None
        """Called as its state changes."""
        self.on_errors: Callable[[int], None] = lambda errors: None
        """Called with the latches as they change."""
        self.state = NmiState()
        if has_port:
            bus.attach([MASK_PORT], None, self._switch, what="NMI mask")

    def save(self) -> NmiState:
        """Return the state."""
        return self.state

    def restore(self, state: NmiState) -> None:
        """Take the state of a `save`."""
        self.state = state
        self.on_errors(state.errors & ERRORS)
        self.on_change()

    def receive(self, data: bytes) -> None:
        """Let cards or memory report errors, a byte each time."""
        for byte in data:
            self._set(self.state.enabled, self.state.errors | byte & ERRORS)

    def clear(self, *, memory: bool, channel: bool) -> None:
        """Clear latches, as bits written to port 61h ask.

        The board's latches are held clear as long as the bits are set.  Here they are cleared by
        the write alone: reads of an XT's port 61h show other things in its bits (`port_b`), and
        programs write back what they read.
        """
        errors = self.state.errors
        if not errors & ERRORS:
            return
        cleared = (MEMORY_ERROR if memory else 0) | (CHANNEL_ERROR if channel else 0)
        self._set(self.state.enabled, errors & ~cleared)

    def coprocessor_asks(self, asks: bool) -> None:
        """Take the level of an 8087's interrupt."""
        errors = self.state.errors & ERRORS
        self._set(self.state.enabled, errors | COPROCESSOR if asks else errors)

    def pending(self) -> bool:
        """Return whether the processor is to enter INT 2."""
        return self.state.requested

    def acknowledge(self) -> None:
        """Note that it does; the line must fall and rise before it does so again."""
        self.state = self.state._replace(requested=False)

    def switch(self, masked: bool) -> None:
        """Take bit 7 of an AT's port 70h."""
        self._set(not masked, self.state.errors)

    def _switch(self, port: int, value: int) -> None:
        self._set(bool(value & ENABLED), self.state.errors)

    def _set(self, enabled: bool, errors: int) -> None:
        before = self.state.enabled and self.state.errors
        rises = enabled and errors and not before
        if (enabled, errors) == self.state[:2] and not rises:
            return
        self.state = NmiState(enabled, errors, self.state.requested or bool(rises))
        self.on_errors(errors & ERRORS)
        self.on_change()
