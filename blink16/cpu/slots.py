"""A field of the packed state, typed, for native code and for Python alike.

A slot yields the text that loads or stores it in LLVM IR, and a view of it for Python, so that
nobody else has to know where it lies or how wide it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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

    def element(self, index: int) -> Slot:
        """Return one of several."""
        assert 0 <= index < self.count
        return Slot(self.offset + self.bits // 8 * index, self.bits)

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
