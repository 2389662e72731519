"""Hot devices and calls: what programs do in loops, in a form that native code does itself.

A function here speaks in `Value`s of 64 bits, over fields of the packed state that the device
works on in Python as well, and over memory where it is a call.  It requires what makes it the usual
case before it changes anything; in all others the access goes to the device, the call to its
service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import NamedTuple, Protocol

from blink16.cpu.registers import Cell
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


class CallVariable(Protocol):
    """A number of 64 bits that a loop changes."""

    def get(self) -> Value:
        """Return what it is here."""
        ...

    def set(self, value: Value | int) -> None:
        """Let it be another from here on."""
        ...


class CallContext(HotContext, Protocol):
    """The machine as hot calls see it: registers, memory and loops besides.

    Addresses are linear and below 1 MiB, or those of other arrays in the mapping.  What is stored
    at them nobody is told of; a call sees to the pages' states itself (`memory.marks`).
    """

    def register(self, cell: Cell) -> Value:
        """Read a register of 16 bits."""
        ...

    def set_register(self, cell: Cell, value: Value) -> None:
        """Write a register, the low 16 bits of the value."""
        ...

    def byte(self, address: Value) -> Value:
        """Read a byte."""
        ...

    def word(self, address: Value) -> Value:
        """Read two bytes, the low one first."""
        ...

    def put_byte(self, address: Value, value: Value) -> None:
        """Store the low 8 bits of a value."""
        ...

    def put_word(self, address: Value, value: Value) -> None:
        """Store the low 16 bits of a value, the low byte first."""
        ...

    def move(self, to: Value, source: Value, size: Value) -> None:
        """Copy bytes, which may overlap."""
        ...

    def variable(self, value: Value | int) -> CallVariable:
        """Return a new variable."""
        ...

    def when(
        self,
        condition: Value,
        then: Callable[[], None],
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        """Do one thing or the other, by a 1-bit condition."""
        ...

    def repeat(self, condition: Callable[[], Value], body: Callable[[], None]) -> None:
        """Do something as long as a 1-bit condition holds."""
        ...


class HotCall(NamedTuple):
    """A service's usual case."""

    stub: Slot
    """Has the linear address of the service's stub while this may be done; else 0."""
    do: Callable[[CallContext], None]
    """What the service does; the stub's IRET follows."""


@dataclass(frozen=True, eq=False)
class HotBoard:
    """The hot devices and calls of a machine."""

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
    calls: str = ""
    """Where the hot calls of the systems above are to be found: ``module:NAME``; or nowhere."""


NO_BOARD = HotBoard("blink16.cpu.hot:NO_BOARD")


def find(source: str) -> HotBoard:
    """Return the board at ``module:NAME``; what is no board raises."""
    board = _at(source)
    assert isinstance(board, HotBoard)
    return board


def calls_of(board: HotBoard) -> tuple[HotCall, ...]:
    """Return a board's hot calls: what tells of them may take a while to import."""
    calls = _at(board.calls) if board.calls else ()
    assert isinstance(calls, tuple)
    return calls


def _at(source: str) -> object:
    module, _, name = source.partition(":")
    found: object = getattr(import_module(module), name)
    return found
