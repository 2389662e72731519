"""From a decoded instruction to operands that the semantics can use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from blink16.cpu.encoding import DIRECT_RM, Instruction, ModRM
from blink16.cpu.opcodes import BYTE_REGISTERS, SEGMENT_REGISTERS, WORD_REGISTERS, Row
from blink16.cpu.operands import (
    ConstantOperand,
    Context,
    MemoryOperand,
    Operand,
    RegisterOperand,
    SegmentOperand,
)
from blink16.cpu.semantics import BP, BX, DI, DS, ES, SI, SS, Semantics
from blink16.cpu.values import Value

EFFECTIVE_ADDRESSES: Sequence[tuple[int, int | None, int]] = (
    (BX, SI, DS),
    (BX, DI, DS),
    (BP, SI, SS),
    (BP, DI, SS),
    (SI, None, DS),
    (DI, None, DS),
    (BP, None, SS),
    (BX, None, DS),
)
"""For each r/m: base register, index register and default segment."""


class FarConstant(ConstantOperand):
    """A far address in the instruction: an offset, and a segment that follows."""

    def __init__(self, offset: Value, segment: Value) -> None:
        super().__init__(offset)
        self._segment = segment

    def following(self) -> ConstantOperand:
        """Return the segment."""
        return ConstantOperand(self._segment)


OperandMaker = Callable[[Context, Instruction], Operand]


def _fixed(form: str) -> OperandMaker | None:
    """Return the maker of an operand that the opcode itself names."""
    if form in WORD_REGISTERS:
        number = WORD_REGISTERS.index(form)
        return lambda m, i: RegisterOperand(m, number, 16)
    if form in BYTE_REGISTERS:
        number = BYTE_REGISTERS.index(form)
        return lambda m, i: RegisterOperand(m, number, 8)
    if form in SEGMENT_REGISTERS:
        number = SEGMENT_REGISTERS.index(form)
        return lambda m, i: SegmentOperand(m, number)
    if form.isdigit():
        number = int(form)
        return lambda m, i: ConstantOperand(m.constant(number, 8))
    return None


def _width(form: str) -> int:
    return 8 if form[1:] == "b" else 16


def effective_offset(m: Context, modrm: ModRM, displacement: int | None) -> Value:
    """Return the offset that ModR/M and displacement mean."""
    if modrm.mod == 0 and modrm.rm == DIRECT_RM:
        return m.constant((displacement or 0) & 0xFFFF, 16)
    base, index, _ = EFFECTIVE_ADDRESSES[modrm.rm]
    offset = m.get_register(base, 16)
    if index is not None:
        offset = offset + m.get_register(index, 16)
    return offset + displacement if displacement else offset


def effective_segment(modrm: ModRM) -> int:
    """Return the segment that ModR/M implies without a prefix."""
    if modrm.mod == 0 and modrm.rm == DIRECT_RM:
        return DS
    return EFFECTIVE_ADDRESSES[modrm.rm][2]


def _memory(m: Context, i: Instruction, width: int) -> MemoryOperand:
    assert i.modrm is not None
    segment = m.override(effective_segment(i.modrm))
    return MemoryOperand(m, segment, effective_offset(m, i.modrm, i.displacement), width)


def _register_or_memory(width: int) -> OperandMaker:
    def make(m: Context, i: Instruction) -> Operand:
        assert i.modrm is not None
        if i.modrm.mod == 3:
            return RegisterOperand(m, i.modrm.rm, width)
        return _memory(m, i, width)

    return make


def _memory_only(m: Context, i: Instruction) -> Operand:
    """M and Mp; with a register in ModR/M its value serves as the offset."""
    assert i.modrm is not None
    if i.modrm.mod == 3:
        return MemoryOperand(m, m.override(DS), m.get_register(i.modrm.rm, 16), 16)
    return _memory(m, i, 16)


def _reg_field(width: int) -> OperandMaker:
    def make(m: Context, i: Instruction) -> Operand:
        assert i.modrm is not None
        return RegisterOperand(m, i.modrm.reg, width)

    return make


def _segment_field(m: Context, i: Instruction) -> Operand:
    assert i.modrm is not None
    return SegmentOperand(m, i.modrm.reg & 3)


def _immediate(width: int) -> OperandMaker:
    def make(m: Context, i: Instruction) -> Operand:
        assert isinstance(i.immediate, int)
        return ConstantOperand(m.constant(i.immediate, width))

    return make


def _second_immediate(m: Context, i: Instruction) -> Operand:
    width = _width(i.row.immediates[1])
    assert isinstance(i.second_immediate, int)
    return ConstantOperand(m.constant(i.second_immediate, width))


def _relative(m: Context, i: Instruction) -> Operand:
    assert isinstance(i.immediate, int)
    return ConstantOperand(m.next_ip() + i.immediate)


def _direct(width: int) -> OperandMaker:
    def make(m: Context, i: Instruction) -> Operand:
        assert isinstance(i.immediate, int)
        return MemoryOperand(m, m.override(DS), m.constant(i.immediate, 16), width)

    return make


def _far(m: Context, i: Instruction) -> Operand:
    assert isinstance(i.immediate, tuple)
    offset, segment = i.immediate
    return FarConstant(m.constant(offset, 16), m.constant(segment, 16))


def _source_string(width: int) -> OperandMaker:
    return lambda m, i: MemoryOperand(m, m.override(DS), m.get_register(SI, 16), width)


def _destination_string(width: int) -> OperandMaker:
    return lambda m, i: MemoryOperand(m, ES, m.get_register(DI, 16), width)


def maker_of(form: str) -> OperandMaker:
    """Return what makes an operand of a form of the opcode map."""
    fixed = _fixed(form)
    if fixed is not None:
        return fixed
    width = _width(form)
    if form[0] == "M":
        return _memory_only
    if form == "Ap":
        return _far
    kinds: dict[str, Callable[[int], OperandMaker]] = {
        "E": _register_or_memory,
        "G": _reg_field,
        "S": lambda width: _segment_field,
        "I": _immediate,
        "J": lambda width: _relative,
        "O": _direct,
        "X": _source_string,
        "Y": _destination_string,
    }
    return kinds[form[0]](width)


@cache
def makers_of(row: Row) -> tuple[OperandMaker, ...]:
    """Return what makes the operands of a row."""
    makers = [maker_of(form) for form in row.operands]
    if len(row.immediates) > 1:
        makers[-1] = _second_immediate
    return tuple(makers)


def execute(m: Context, i: Instruction, semantics: Mapping[str, Semantics]) -> None:
    """Apply an instruction's semantics to the processor."""
    semantics[i.row.mnemonic](m, *(make(m, i) for make in makers_of(i.row)))
