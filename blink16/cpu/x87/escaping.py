"""How the processor hands an ESC to the 8087: operands go between it and memory by words.

The processor waits until the 8087 is done, so that nothing happens at the same time.
"""

from __future__ import annotations

from typing import Protocol

from blink16.cpu.operands import Context, MemoryOperand
from blink16.cpu.registers import Cell
from blink16.cpu.semantics import AX, CYCLES, PROTECTION_VECTOR, Sized
from blink16.cpu.semantics_80286 import TASK_SWITCHED
from blink16.cpu.values import Value
from blink16.cpu.x87 import opcodes
from blink16.cpu.x87.instructions import execute, find
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


class _MemoryCompanion:
    """The processor, as one instruction of the 8087 needs it (`instructions.Companion`)."""

    def __init__(self, context: EscapingContext, operand: Sized) -> None:
        self._context = context
        self._operand = operand

    def fetch(self, size: int) -> bytes:
        """Read the operand in memory."""
        m, operand = self._context, self._operand
        assert isinstance(operand, MemoryOperand)
        words = (m.load(operand.segment, operand.offset + at, 16) for at in range(0, size, WORD))
        return b"".join(m.plain(word).to_bytes(WORD, "little") for word in words)

    def store(self, data: bytes) -> None:
        """Write the operand in memory."""
        m, operand = self._context, self._operand
        assert isinstance(operand, MemoryOperand)
        for at in range(0, len(data), WORD):
            word = int.from_bytes(data[at : at + WORD], "little")
            m.store(operand.segment, operand.offset + at, m.constant(word, 16))

    def answer(self, word: int) -> None:
        """Set AX."""
        self._context.set_register(AX, 16, self._context.constant(word, 16))


def escape(
    m: EscapingContext,
    x87: Coprocessor,
    code: tuple[int, int],
    operand: Sized,
    ips: tuple[int, int],
) -> None:
    """Do an ESC; what the chip hasn't got only reads a word, as where there is no 8087.

    ``code``: its two bytes.  ``ips``: the offsets of its prefixes and of itself.
    """
    opcode, second = code
    found = find(x87.kind, opcodes.find(opcode, second))
    is_286 = x87.kind is CoprocessorKind.I80287
    if is_286:
        emulated = m.get_cell(Cell.MSW) & (EMULATE | TASK_SWITCHED)
        m.fault_if(emulated.is_not_zero(), NOT_AVAILABLE_VECTOR)
        if isinstance(operand, MemoryOperand):
            m.fault_if(operand.offset.equals(LAST_OFFSET), PROTECTION_VECTOR)
    if found is None:
        if isinstance(operand, MemoryOperand):
            operand.get()
        return
    m.spend(m.constant(max(0, found.clocks - m.cost.cycles), CYCLES))
    if not found.is_administrative:
        x87.instruction = linear(m.plain(m.get_cell(Cell.CS)), ips[0] if is_286 else ips[1])
        x87.opcode = (opcode & 7) << 8 | second
        if isinstance(operand, MemoryOperand):
            assert isinstance(operand.segment, int)
            segment = m.plain(m.get_segment(operand.segment))
            x87.operand = linear(segment, m.plain(operand.offset))
    execute(x87, found, second & 7, _MemoryCompanion(m, operand))
