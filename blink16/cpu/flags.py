"""How results become flags, and flags become conditions.

Each status flag is kept as a value it can be read from later (see `registers.Cell`).
"""

from __future__ import annotations

from collections.abc import Callable

from blink16.cpu.operands import Cells, Context
from blink16.cpu.registers import AF, CF, DF, IF, OF, PF, SF, TF, ZF, Cell
from blink16.cpu.values import Value, select

FLAG = 16
"""The width of a flag's cell."""


def set_result(m: Context, result: Value) -> None:
    """Set ZF, SF and PF from a result of 8 or 16 bits."""
    wide = result.sign_extend(FLAG)
    m.set_cell(Cell.ZERO, wide)
    m.set_cell(Cell.SIGN, wide)
    m.set_cell(Cell.PARITY, wide)


def set_carry(m: Context, bit: Value) -> None:
    """Set CF from a 1-bit value."""
    m.set_cell(Cell.CARRY, bit.zero_extend(FLAG))


def set_sum(m: Context, augend: Value, addend: Value, total: Value) -> None:
    """Set AF and OF from an addition, whose total may have a carry in it (see `registers.Cell`)."""
    m.set_cell(Cell.AUGEND, augend.sign_extend(FLAG))
    m.set_cell(Cell.ADDEND, addend.sign_extend(FLAG))
    m.set_cell(Cell.SUM, total.sign_extend(FLAG))


def set_overflow_and_aux(m: Context, overflow: Value, aux: Value) -> None:
    """Set OF from a 1-bit value, and AF from bit 4 of another."""
    signs = overflow.sign_extend(FLAG)
    set_sum(m, signs, signs, aux.zero_extend(FLAG) & AF)


def set_overflow(m: Context, bit: Value) -> None:
    """Set OF from a 1-bit value."""
    set_overflow_and_aux(m, bit, aux(m).zero_extend(FLAG) << 4)


def set_aux(m: Context, carries: Value) -> None:
    """Set AF from bit 4 of a value."""
    set_overflow_and_aux(m, overflow(m), carries)


def clear(m: Context) -> None:
    """Clear CF, AF and OF."""
    for cell in (Cell.CARRY, Cell.AUGEND, Cell.ADDEND, Cell.SUM):
        m.set_cell(cell, m.constant(0, FLAG))


def carry(m: Cells) -> Value:
    """Return CF as a 1-bit value."""
    return m.get_cell(Cell.CARRY).truncate(1)


def zero(m: Cells) -> Value:
    """Return ZF as a 1-bit value."""
    return m.get_cell(Cell.ZERO).is_zero()


def sign(m: Cells) -> Value:
    """Return SF as a 1-bit value."""
    return m.get_cell(Cell.SIGN).sign()


def parity(m: Cells) -> Value:
    """Return PF as a 1-bit value."""
    return m.get_cell(Cell.PARITY).even_parity()


def aux(m: Cells) -> Value:
    """Return AF as a 1-bit value."""
    return (m.get_cell(Cell.AUGEND) ^ m.get_cell(Cell.ADDEND) ^ m.get_cell(Cell.SUM)).bit(4)


def overflow(m: Cells) -> Value:
    """Return OF as a 1-bit value."""
    total = m.get_cell(Cell.SUM)
    return ((m.get_cell(Cell.AUGEND) ^ total) & (m.get_cell(Cell.ADDEND) ^ total)).sign()


CONDITIONS: dict[str, Callable[[Context], Value]] = {
    "O": overflow,
    "B": carry,
    "Z": zero,
    "BE": lambda m: carry(m) | zero(m),
    "S": sign,
    "P": parity,
    "L": lambda m: sign(m) ^ overflow(m),
    "LE": lambda m: (sign(m) ^ overflow(m)) | zero(m),
}
"""What the conditional jumps ask, by the ending of their names."""


def low_byte(m: Cells) -> Value:
    """Return SF ZF 0 AF 0 PF 1 CF as LAHF does: 8 bits."""
    byte = m.constant(m.fixed_flags & 0xFF, 8)
    for bit, mask in ((carry(m), CF), (parity(m), PF), (aux(m), AF), (zero(m), ZF), (sign(m), SF)):
        byte = byte | bit.zero_extend(8) << (mask.bit_length() - 1)
    return byte


def word(m: Cells) -> Value:
    """Return the 16-bit flags word as PUSHF stores it."""
    flags = low_byte(m).zero_extend(16) | (m.fixed_flags & 0xFF00)
    direction = m.get_cell(Cell.DIRECTION).sign()
    for bit, mask in (
        (m.get_cell(Cell.TRAP).truncate(1), TF),
        (m.get_cell(Cell.INTERRUPT).truncate(1), IF),
        (direction, DF),
        (overflow(m), OF),
    ):
        flags = flags | bit.zero_extend(16) << (mask.bit_length() - 1)
    return flags


def set_low_byte(m: Context, flags: Value) -> None:
    """Load SF ZF AF PF CF from the low byte of a value, as SAHF does."""
    flags = flags.truncate(8).zero_extend(16)
    m.set_cell(Cell.CARRY, flags & CF)
    set_aux(m, flags)
    m.set_cell(Cell.PARITY, ((flags >> 2) & 1) ^ 1)
    m.set_cell(Cell.ZERO, (flags & ZF) ^ ZF)
    m.set_cell(Cell.SIGN, (flags & SF) << 8)


def set_word(m: Context, flags: Value) -> None:
    """Load all flags from a 16-bit word, as POPF does."""
    set_low_byte(m, flags)
    set_overflow(m, flags.bit(OF.bit_length() - 1))
    m.set_cell(Cell.TRAP, (flags >> 8) & 1)
    m.set_cell(Cell.INTERRUPT, (flags >> 9) & 1)
    backward, forward = m.constant(0xFFFF, 16), m.constant(1, 16)
    m.set_cell(Cell.DIRECTION, select(flags.bit(10), backward, forward))
    m.flags_opened()
