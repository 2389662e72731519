"""Hot devices: what programs ask ports in loops, in a form that native code does itself.

A function here speaks in `Value`s of 64 bits, over fields of the packed state that the device
works on in Python as well.  It requires what makes it the usual case before it changes anything;
in all others the access goes to the device.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol

from blink16.cpu.slots import Slot
from blink16.cpu.values import Value

WIDTH = 64
"""Bits of every number here."""


class HotContext(Protocol):
    """The machine as hot devices see it."""

    def constant(self, value: int, width: int = WIDTH) -> Value:
        """Return a known value."""
        ...

    def get(self, slot: Slot, index: int = 0) -> Value:
        """Read a field of 64 bits."""
        ...

    def set(self, slot: Slot, value: Value, index: int = 0) -> None:
        """Write a field."""
        ...

    def now(self) -> Value:
        """Return the clock cycles since the machine started."""
        ...

    def require(self, condition: Value) -> None:
        """Go on where a 1-bit condition holds; elsewhere the device itself does it."""
        ...

    def request(self, asks: Value) -> None:
        """Let the processor know whether the controller asks for an interrupt, by one bit."""
        ...

    def plan(self, at: Value) -> None:
        """Let the engine know at how many cycles there is something to do next.

        After a write it looks anew how far it may go on.
        """
        ...


ReadHot = Callable[[HotContext], Value]
WriteHot = Callable[[HotContext, Value], None]
"""What changes when there is something to do says so (`HotContext.plan`)."""


@dataclass(frozen=True, eq=False)
class HotBoard:
    """The hot devices of a machine."""

    source: str
    """Where it is to be found, for other processes: ``module:NAME``."""
    reads: Mapping[int, ReadHot] = field(default_factory=dict)
    """By port; the answer's low 8 bits count."""
    writes: Mapping[int, Sequence[WriteHot]] = field(default_factory=dict)
    """By port; the first of these that can."""
    polled: frozenset[int] = frozenset()
    """The ports that are worth it where there is little time to make native code."""
    due: Callable[[HotContext], Value] | None = None
    """Return at how many cycles there is something to do."""
    advance: Sequence[Callable[[HotContext], None]] = ()
    """Do what a device does by itself now: the first of these that can."""
    acknowledge: Callable[[HotContext], Value] | None = None
    """Take the interrupt that is asked for, and return its vector."""
    tick: Callable[[HotContext], Value] | None = None
    """Do what is usual when something is to be done, take the interrupt that it asks for, plan
    what comes next, and return the vector: all three, where the processor is open to it."""


NO_BOARD = HotBoard("blink16.cpu.hot:NO_BOARD")


def find(source: str) -> HotBoard:
    """Return the board at ``module:NAME``; what is no board raises."""
    module, _, name = source.partition(":")
    board = getattr(import_module(module), name)
    assert isinstance(board, HotBoard)
    return board
