"""Operands: where an instruction reads a value and where it puts one."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Protocol

from blink16.cpu.registers import Cell
from blink16.cpu.timing import Cost, Timing
from blink16.cpu.values import Value

CELL_WIDTH = 16


class Repeat(IntEnum):
    """The repeat prefix of a string instruction; the value is the ZF that goes on."""

    REPNZ = 0
    REPZ = 1


Index = int | Value
"""A register's number; a value where compiled code looks at ModR/M only when it runs."""


class Cells(Protocol):
    """What has cells to read, as flags are read from them."""

    @property
    def fixed_flags(self) -> int:
        """Bits of the flags word that read as ones whatever is loaded."""
        ...

    def constant(self, value: int, width: int) -> Value:
        """Return a known value."""
        ...

    def get_cell(self, cell: Cell) -> Value:
        """Read a 16-bit cell of the packed state: a segment register or a flag's source."""
        ...


class Context(Cells, Protocol):
    """The processor as the semantics see it: what one instruction can read and change.

    Widths are in bits.  A segment is the number of a segment register.
    """

    @property
    def timing(self) -> Timing:
        """What the processor's instructions cost."""
        ...

    @property
    def cost(self) -> Cost:
        """What this instruction costs; `Cost.cycles` are paid for without being asked."""
        ...

    def spend(self, cycles: Value) -> None:
        """Let more clock cycles pass, of 32 bits."""
        ...

    @property
    def repeat(self) -> Repeat | None:
        """The repeat prefix in front of the instruction."""
        ...

    def get_register(self, index: Index, width: int) -> Value:
        """Read a register by Intel's number: AX..DI of 16, AL..BH of 8 bits."""
        ...

    def set_register(self, index: Index, width: int, value: Value) -> None:
        """Write a register."""
        ...

    def set_cell(self, cell: Cell, value: Value) -> None:
        """Write a cell."""
        ...

    def get_segment(self, index: Index) -> Value:
        """Read a segment register by number; the low two bits count."""
        ...

    def set_segment(self, index: Index, value: Value) -> None:
        """Write a segment register by number; the low two bits count."""
        ...

    def override(self, segment: int) -> Index:
        """Return the segment that replaces a default one: that of the prefix, if there is any."""
        ...

    def load(self, segment: Index, offset: Value, width: int) -> Value:
        """Read memory; a word at offset FFFFh has its high byte at offset 0."""
        ...

    def store(self, segment: Index, offset: Value, value: Value) -> None:
        """Write memory, as many bits as the value has."""
        ...

    def check_vector(self, vector: Value) -> None:
        """Called before an interrupt is entered: an 80286 looks whether there is such a vector."""
        ...

    def load_vector(self, offset: Value) -> Value:
        """Read a word of the interrupt vector table, at an offset in it."""
        ...

    def port_in(self, port: Value, width: int) -> Value:
        """Read an I/O port."""
        ...

    def port_out(self, port: Value, value: Value) -> None:
        """Write an I/O port."""
        ...

    def next_ip(self) -> Value:
        """Return the offset of the instruction that follows."""
        ...

    def instruction_offset(self) -> Value:
        """Return where the instruction begins, with its prefixes: 32 bits."""
        ...

    def jump(self, ip: Value) -> None:
        """Go on at an offset in the code segment; the last thing an instruction does."""
        ...

    def branch(self, condition: Value, ip: Value) -> None:
        """Go on at an offset in the code segment if the 1-bit condition holds; pay for it."""
        ...

    def when(
        self,
        condition: Value,
        then: Callable[[], None],
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        """Do one thing or the other, by a 1-bit condition."""
        ...

    def fault_if(self, condition: Value, vector: int) -> None:
        """Enter an interrupt that returns to this instruction, and do no more of it, if 1.

        What it has changed before stays so.
        """
        ...

    def lock_up(self, text: str) -> None:
        """Stop here for good; ``text`` says why."""
        ...

    def rounds(self, body: Callable[[], Value], each: Value) -> None:
        """Repeat ``body`` while it returns a 1, unless something interrupts between rounds.

        ``each``: cycles that are paid for each round, when it has been done.
        """
        ...

    def interrupted(self, vector: Value) -> None:
        """Note that an interrupt has been entered; only probes mind."""
        ...

    def halt(self) -> None:
        """Stop executing until an interrupt."""
        ...

    def hold_interrupts(self) -> None:
        """Let no interrupt in before the next instruction has retired."""
        ...

    def flags_opened(self) -> None:
        """TF or IF may have been set: the machine has to look."""
        ...


class Operand(Protocol):
    """Something with a value."""

    def get(self) -> Value:
        """Read it."""
        ...

    def set(self, value: Value) -> None:
        """Write it."""
        ...


class RegisterOperand:
    """A general register of 8 or 16 bits."""

    def __init__(self, context: Context, index: Index, width: int) -> None:
        self.context, self.index, self.width = context, index, width

    def get(self) -> Value:
        """Read it."""
        return self.context.get_register(self.index, self.width)

    def set(self, value: Value) -> None:
        """Write it."""
        self.context.set_register(self.index, self.width, value)


class SegmentOperand:
    """A segment register."""

    width = CELL_WIDTH

    def __init__(self, context: Context, index: Index) -> None:
        self.context, self.index = context, index

    def get(self) -> Value:
        """Read it."""
        return self.context.get_segment(self.index)

    def set(self, value: Value) -> None:
        """Write it; the 8086 then lets one more instruction through before an interrupt."""
        self.context.set_segment(self.index, value)
        self.context.hold_interrupts()


class MemoryOperand:
    """A byte or word in memory."""

    def __init__(self, context: Context, segment: Index, offset: Value, width: int) -> None:
        self.context, self.segment, self.offset, self.width = context, segment, offset, width

    def get(self) -> Value:
        """Read it."""
        return self.context.load(self.segment, self.offset, self.width)

    def set(self, value: Value) -> None:
        """Write it."""
        self.context.store(self.segment, self.offset, value)

    def following(self) -> MemoryOperand:
        """Return the word behind this one, as a far pointer's segment."""
        return MemoryOperand(self.context, self.segment, self.offset + 2, CELL_WIDTH)


class ConstantOperand:
    """An immediate: can be read only."""

    def __init__(self, value: Value) -> None:
        self.value, self.width = value, value.width

    def get(self) -> Value:
        """Read it."""
        return self.value

    def set(self, value: Value) -> None:
        """Refuse."""
        raise TypeError("an immediate can't be written")
