"""How the processor hands an ESC to the 8087: operands go between it and memory by words.

The processor waits until the 8087 is done, so that nothing happens at the same time.
"""

from __future__ import annotations

from functools import cache
from typing import Protocol

from blink16.cpu.operands import Context, Index, MemoryOperand
from blink16.cpu.registers import Cell
from blink16.cpu.semantics import AX, CYCLES, PROTECTION_VECTOR, Sized
from blink16.cpu.semantics_80286 import TASK_SWITCHED
from blink16.cpu.values import Value
from blink16.cpu.x87 import opcodes
from blink16.cpu.x87.instructions import execute, find
from blink16.cpu.x87.opcodes import Escape
from blink16.cpu.x87.state import Coprocessor, CoprocessorKind
from blink16.memory import linear

WORD = 2
EMULATE = 4
"""In an 80286's machine status word: ESC is to enter INT 7, for an emulator."""
NOT_AVAILABLE_VECTOR = 7
LAST_OFFSET = 0xFFFF


class EscapingContext(Context, Protocol):
    """A processor that executes at once (`reference.ReferenceEngine`)."""

    def plain(self, value: Value) -> int:
        """Return the number that a value is."""
        ...

    def load_bytes(self, segment: Index, offset: Value, size: int) -> bytes:
        """Read memory by words, so many bytes."""
        ...

    def store_bytes(self, segment: Index, offset: Value, data: bytes) -> None:
        """Write memory by words."""
        ...


class _MemoryCompanion:
    """The processor, as one instruction of the 8087 needs it (`instructions.Companion`)."""

    __slots__ = ("_context", "_operand")

    def __init__(self, context: EscapingContext, operand: Sized) -> None:
        self._context = context
        self._operand = operand

    def fetch(self, size: int) -> bytes:
        """Read the operand in memory."""
        operand = self._operand
        assert isinstance(operand, MemoryOperand)
        return self._context.load_bytes(operand.segment, operand.offset, size)

    def store(self, data: bytes) -> None:
        """Write the operand in memory."""
        operand = self._operand
        assert isinstance(operand, MemoryOperand)
        self._context.store_bytes(operand.segment, operand.offset, data)

    def answer(self, word: int) -> None:
        """Set AX."""
        self._context.set_register(AX, 16, self._context.constant(word, 16))


def escape(
    m: EscapingContext,
    x87: Coprocessor,
    code: tuple[int, int],
    operand: Sized,
    places: tuple[int, int],
) -> None:
    """Do an ESC; what the chip hasn't got only reads a word, as where there is no 8087.

    ``code``: its two bytes.  ``places``: the linear addresses of its prefixes and of itself.
    """
    is_286 = x87.kind is CoprocessorKind.I80287
    if is_286:
        emulated = m.get_cell(Cell.MSW) & (EMULATE | TASK_SWITCHED)
        m.fault_if(emulated.is_not_zero(), NOT_AVAILABLE_VECTOR)
        if isinstance(operand, MemoryOperand):
            m.fault_if(operand.offset.equals(LAST_OFFSET), PROTECTION_VECTOR)
    found = _found(x87.kind, *code)
    if found is None:
        if isinstance(operand, MemoryOperand):
            operand.get()
        return
    instruction, points = found
    m.spend(Value(max(0, instruction.clocks - m.cost.cycles), CYCLES))
    if points:
        x87.instruction = places[0 if is_286 else 1]
        x87.opcode = (code[0] & 7) << 8 | code[1]
        if isinstance(operand, MemoryOperand):
            assert isinstance(operand.segment, int)
            segment = m.plain(m.get_segment(operand.segment))
            x87.operand = linear(segment, m.plain(operand.offset))
    execute(x87, instruction, code[1] & 7, _MemoryCompanion(m, operand))


@cache
def _found(kind: CoprocessorKind, opcode: int, second: int) -> tuple[Escape, bool] | None:
    """Return the chip's instruction, and whether its pointers are to lead there."""
    found = find(kind, opcodes.find(opcode, second))
    return None if found is None else (found, not found.is_administrative)
