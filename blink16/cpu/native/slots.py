"""The fields of the packed state, typed, for native code and for Python alike.

A slot yields the text that loads or stores it in LLVM IR, and a view of it for Python, so that
nobody else has to know where it lies or how wide it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from blink16.cpu.registers import CYCLES_OFFSET, ICOUNT_OFFSET, STATE_SIZE, Cell

MAX_CHANGES = 8
"""Addresses of changed code that are told one by one in a run."""
_FORMATS: dict[int, Literal["H", "i", "q"]] = {16: "H", 32: "i", 64: "q"}


@dataclass(frozen=True, slots=True)
class Slot:
    """A field of the packed state."""

    offset: int
    """In bytes."""
    bits: int
    count: int = 1
    """How many of them lie there one behind the other."""

    @property
    def type(self) -> str:
        """LLVM's type of it."""
        return f"i{self.bits}"

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.offset + self.bits // 8 * self.count

    def pointer(self, name: str) -> str:
        """Return IR that names a pointer to it ``%name``."""
        return f"%{name} = getelementptr inbounds i8, ptr %state, i32 {self.offset}"

    def load(self, name: str, order: str = "") -> str:
        """Return IR that loads it as ``%name``; ``order``: atomically, in this memory order."""
        atomic, rest = ("atomic ", f" {order}, align {self.bits // 8}") if order else ("", "")
        pointer = self.pointer(f"{name}_at")
        return f"{pointer}\n%{name} = load {atomic}{self.type}, ptr %{name}_at{rest}"

    def store(self, value: str, name: str) -> str:
        """Return IR that stores a value (``%x`` or a number); ``name``: one that is free."""
        return f"{self.pointer(f'{name}_to')}\nstore {self.type} {value}, ptr %{name}_to"

    def view(self, state: bytearray) -> memoryview:
        """Return it as a Python array of its elements, which are signed beyond 16 bits."""
        return memoryview(state)[self.offset : self.end].cast(_FORMATS[self.bits])


def of_cell(cell: Cell) -> Slot:
    """Return the slot of a cell."""
    return Slot(2 * cell, 16)


ICOUNT, CYCLES = Slot(ICOUNT_OFFSET, 64), Slot(CYCLES_OFFSET, 64)

# What belongs to the native engine:
GOAL, UNTIL = Slot(80, 64), Slot(88, 64)
"""icount and cycles where the run is to end."""
GIVEN = Slot(96, 64)
"""The cycles with which the current slice began; 0 where there is none."""
SHADOW_AT = Slot(104, 64)
"""The instructions of the slice when the last one that sets SHADOW had retired; or -1."""
EXIT = Slot(112, 32)
"""A `NativeExit`."""
TOUCHED = Slot(116, 32)
"""1 + the first watched address that was touched, or 0."""
TOUCHED_BY_READ = Slot(120, 32)
START = Slot(124, 32)
"""The offset of the first prefix of the instruction being decoded."""
CHANGES = Slot(128, 32)
"""How often translated code was written to."""
CHANGED = Slot(132, 32, MAX_CHANGES)
"""Where."""
WAKE = Slot(164, 32)
"""Not 0 when the compiler's thread has something; set from that thread."""
PORT = Slot(168, 32)
"""The port that IN or OUT wants to access."""
ACCESS = Slot(172, 32)
"""The width of that, and `layout.OUT`."""
VALUE = Slot(176, 32)
"""What is to be written, or was read."""
ANSWERED = Slot(180, 32)
"""1 if the port has been accessed and the instruction is to be done."""
STORE_AT = Slot(184, 32)
"""The offset of the instruction whose store is not a plain one."""
ROM = Slot(188, 32)
"""1 + the first address of ROM stored to which is to be told, or 0."""
ROM_AT = Slot(192, 32)
"""The offset of the instruction that did."""

_ALL = (
    *(ICOUNT, CYCLES, GOAL, UNTIL, GIVEN, SHADOW_AT, EXIT, TOUCHED, TOUCHED_BY_READ, START),
    *(CHANGES, CHANGED, WAKE, PORT, ACCESS, VALUE, ANSWERED, STORE_AT, ROM, ROM_AT),
)
assert all(a.end <= b.offset for a, b in pairwise(_ALL))
assert _ALL[-1].end <= STATE_SIZE
