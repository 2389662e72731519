"""What the 80286's instructions do in real mode, where that is more or other than the 80186's.

A word may not lie across a segment's end: such an access enters INT 13, as does an instruction
of more than ten bytes.  Every fault returns to its instruction, prefixes and all, and leaves the
registers alone; only string instructions have counted the round that failed.

Source: Intel, iAPX 286 Programmer's Reference Manual, chapters 5 and B; captured: vectors 80286.
"""

from __future__ import annotations

from collections.abc import Callable

from blink16.cpu import arithmetic, flags
from blink16.cpu.opcodes import UNDEFINED
from blink16.cpu.operands import Context, MemoryOperand, Operand, RegisterOperand
from blink16.cpu.registers import AF, Cell
from blink16.cpu.semantics import (
    AH,
    AL,
    AX,
    BP,
    CYCLES,
    DI,
    DIVIDE_VECTOR,
    DS,
    DX,
    ES,
    PROTECTION_VECTOR,
    SI,
    SP,
    Semantics,
    Sized,
    dividend_of,
    push,
    repeated,
    step_index,
)
from blink16.cpu.semantics_80186 import SEMANTICS as EARLIER
from blink16.cpu.semantics_80186 import fault, masked_shift
from blink16.cpu.shifts import SHIFTS
from blink16.cpu.values import Value, select

LAST_OFFSET = 0xFFFF
MSW_ONES = 0xFFF0
"""Bits of the machine status word that always read as ones."""
PROTECTION_ENABLE, TASK_SWITCHED = 1, 8


# -- accesses across a segment's end -------------------------------------------------------------


def _check_operand(m: Context, operand: Operand, words: int = 1) -> None:
    """Fault if words in memory do not all lie within the segment."""
    if isinstance(operand, MemoryOperand) and operand.width == 16:
        m.fault_if(
            m.constant(LAST_OFFSET - 2 * words + 1, 16).below(operand.offset), PROTECTION_VECTOR
        )


def _check_pushes(m: Context, words: int) -> None:
    """Fault if one of the words to be pushed lay across the end of the stack segment."""
    top = m.get_register(SP, 16)
    m.fault_if((top & 1).is_not_zero() & top.below(2 * words), PROTECTION_VECTOR)


def _check_pops(m: Context, words: int, pointer: int = SP) -> None:
    """Fault if one of the words to be popped lies across the end of the stack segment."""
    top = m.get_register(pointer, 16)
    across = m.constant(LAST_OFFSET + 1 - 2 * words, 16).below(top)
    m.fault_if((top & 1).is_not_zero() & across, PROTECTION_VECTOR)


_WORDS = dict.fromkeys(("LES", "LDS", "CALLF", "JMPF", "BOUND"), 2)
_UNCHECKED = frozenset({"LEA", "ESC", UNDEFINED})
_PUSHES = {"PUSH": 1, "PUSHF": 1, "CALL": 1, "CALLF": 2, "PUSHA": 8, "ENTER": 1}
_POPS = {"POP": 1, "POPF": 1, "RET": 1, "RETF": 2, "IRET": 3, "POPA": 8}


def _checked(mnemonic: str, operation: Semantics) -> Semantics:
    """Return an operation that faults before it has changed anything."""
    words = _WORDS.get(mnemonic, 1)
    pushes, pops = _PUSHES.get(mnemonic, 0), _POPS.get(mnemonic, 0)

    def checked(m: Context, *operands: Operand) -> None:
        for operand in operands:
            _check_operand(m, operand, words)
        if pushes:
            _check_pushes(m, pushes)
        if pops:
            _check_pops(m, pops)
        operation(m, *operands)

    checked.__doc__ = operation.__doc__
    return checked


# -- what differs ----------------------------------------------------------------------------------


def push_operand(m: Context, source: Sized) -> None:
    """Push; PUSH SP pushes SP as it was before."""
    push(m, source.get())


def leave(m: Context) -> None:
    """Drop a stack frame."""
    _check_pops(m, 1, BP)
    EARLIER["LEAVE"](m)


def mul(m: Context, source: Sized) -> None:
    """Multiply AL or AX, unsigned."""
    _accumulate(m, _product(m, m.get_register(AX, source.width), source.get(), signed=False))


def imul(m: Context, destination: Sized, *sources: Sized) -> None:
    """Multiply AL or AX, signed, or put a product of one width into a register."""
    if sources:
        a, b = (source.get() for source in sources)
        destination.set(_product(m, a, b, signed=True).truncate(destination.width))
    else:
        accumulator = m.get_register(AX, destination.width)
        _accumulate(m, _product(m, accumulator, destination.get(), signed=True))


def _product(m: Context, a: Value, b: Value, signed: bool) -> Value:
    """Return a product and set the flags: SF, ZF and PF are those of its high half."""
    product = arithmetic.multiply(m, a, b, signed, negate=False)
    flags.set_result(m, (product >> a.width).truncate(a.width))
    flags.set_aux(m, m.constant(AF, 16))
    return product


def _accumulate(m: Context, product: Value) -> None:
    m.set_register(AX, 16, product.truncate(16))
    if product.width == 32:
        m.set_register(DX, 16, (product >> 16).truncate(16))


def div(m: Context, source: Sized) -> None:
    """Divide AX or DX:AX, unsigned."""
    dividend, divisor = dividend_of(m, source), source.get()
    result = arithmetic.divide(dividend, divisor)
    _set_division_flags(m, result, result.borrows)

    def overflow() -> None:
        arithmetic.compare_in_overflow(m, dividend, divisor)
        fault(m, DIVIDE_VECTOR)

    _finish_division(m, source, result, overflow)


def idiv(m: Context, source: Sized) -> None:
    """Divide AX or DX:AX, signed; the lowest quotient fits."""
    dividend, divisor = dividend_of(m, source), source.get()
    result = arithmetic.divide_signed(m, dividend, divisor)
    _set_division_flags(m, result, divisor.sign() ^ result.within)
    _finish_division(m, source, result, lambda: fault(m, DIVIDE_VECTOR))


def _set_division_flags(m: Context, result: arithmetic.Division, carry: Value) -> None:
    """CF and OF are ``carry``, the others those of the remainder, AF is set."""
    flags.set_carry(m, carry)
    flags.set_overflow(m, carry)
    flags.set_result(m, result.remainder)
    flags.set_aux(m, m.constant(AF, 16))


def _finish_division(
    m: Context, source: Sized, result: arithmetic.Division, overflow: Callable[[], None]
) -> None:
    """Store what fits."""
    high = AH if source.width == 8 else DX
    m.spend(result.divided.zero_extend(CYCLES) * m.cost.each)

    def store() -> None:
        m.set_register(AX, source.width, result.quotient)
        m.set_register(high, source.width, result.remainder)

    m.when(result.fits, store, overflow)


def aam(m: Context, base: Sized) -> None:
    """Split AL into two digits of a base."""
    al = m.get_register(AL, 8)
    result = arithmetic.divide(al.zero_extend(16), base.get())
    m.spend(result.divided.zero_extend(CYCLES) * m.cost.each)

    def store() -> None:
        m.set_register(AH, 8, result.quotient)
        m.set_register(AL, 8, result.remainder)
        arithmetic.logic(m, result.remainder)

    m.when(result.fits, store, lambda: fault(m, DIVIDE_VECTOR))


def aad(m: Context, base: Sized) -> None:
    """Join two digits of a base in AL; OF is CF."""
    EARLIER["AAD"](m, base)
    flags.set_overflow(m, flags.carry(m))


def _decimal_adjust(subtracting: bool) -> Semantics:
    def operation(m: Context) -> None:
        al = RegisterOperand(m, AL, 8)
        before, low = al.get(), flags.aux(m) | m.constant(9, 8).below(al.get() & 15)
        al.set(arithmetic.decimal_adjust(m, before, subtracting, high_limit=0x99))
        if subtracting:  # what the lower digit borrows counts as well
            borrows = low & before.below(6)
            flags.set_carry(m, flags.carry(m) | borrows)

    operation.__doc__ = f"Adjust AL after {'subtracting' if subtracting else 'adding'} decimals."
    return operation


def _ascii_adjust(subtracting: bool) -> Semantics:
    def operation(m: Context) -> None:
        """The correction carries on into AH."""
        ax = m.get_register(AX, 16)
        al = ax.truncate(8)
        needed = m.constant(9, 8).below(al & 15) | flags.aux(m)
        six = select(needed, m.constant(6, 8), m.constant(0, 8))
        (arithmetic.subtract if subtracting else arithmetic.add)(m, al, six)
        correction = select(needed, m.constant(0x106, 16), m.constant(0, 16))
        ax = ax - correction if subtracting else ax + correction
        flags.set_carry(m, needed)
        flags.set_aux(m, needed.zero_extend(8) << 4)
        m.set_register(AX, 16, ax & 0xFF0F)

    operation.__doc__ = f"Adjust AX after {'subtracting' if subtracting else 'adding'} digits."
    return operation


# -- strings ---------------------------------------------------------------------------------------


def _source(m: Context, width: int) -> Value:
    """Step SI and load what it pointed to."""
    return _element(m, m.override(DS), SI, width)


def _element(m: Context, segment: int | Value, index: int, width: int) -> Value:
    return m.load(segment, _step(m, index, width), width)


def _step(m: Context, index: int, width: int) -> Value:
    """Step SI or DI and return where it pointed, unless a word there lies across the end."""
    offset = m.get_register(index, 16)
    step_index(m, index, width)
    if width == 16:
        m.fault_if(offset.equals(LAST_OFFSET), PROTECTION_VECTOR)
    return offset


def _string(one_round: Callable[..., None], compares: bool = False) -> Semantics:
    def operation(m: Context, *operands: Sized) -> None:
        repeated(m, lambda: one_round(m, *operands), compares=compares)

    operation.__doc__ = one_round.__doc__
    return operation


def _movs(m: Context, destination: Sized, source: Sized) -> None:
    """Copy an element from DS:SI to ES:DI."""
    element = _source(m, source.width)
    m.store(ES, _step(m, DI, destination.width), element)


def _cmps(m: Context, source: Sized, destination: Sized) -> None:
    """Compare an element at DS:SI with one at ES:DI, which is read first."""
    b = _element(m, ES, DI, destination.width)
    arithmetic.subtract(m, _source(m, source.width), b)


def _scas(m: Context, accumulator: Sized, destination: Sized) -> None:
    """Compare the accumulator with an element at ES:DI."""
    arithmetic.subtract(m, accumulator.get(), _element(m, ES, DI, destination.width))


def _lods(m: Context, accumulator: Sized, source: Sized) -> None:
    """Load an element at DS:SI into the accumulator."""
    accumulator.set(_source(m, source.width))


def _stos(m: Context, destination: Sized, accumulator: Sized) -> None:
    """Store the accumulator at ES:DI."""
    m.store(ES, _step(m, DI, destination.width), accumulator.get())


def _ins(m: Context, destination: Sized, port: Sized) -> None:
    """Read an element from the port in DX to ES:DI."""
    offset = _step(m, DI, destination.width)
    m.store(ES, offset, m.port_in(port.get(), destination.width))


def _outs(m: Context, port: Sized, source: Sized) -> None:
    """Write an element at DS:SI to the port in DX."""
    m.port_out(port.get(), _source(m, source.width))


# -- protection ------------------------------------------------------------------------------------


def smsw(m: Context, destination: Sized) -> None:
    """Store the machine status word."""
    destination.set(m.get_cell(Cell.MSW) | MSW_ONES)


def lmsw(m: Context, source: Sized) -> None:
    """Load the machine status word; protected mode is not here."""
    word = source.get() & 0xF

    def protect() -> None:
        m.lock_up("LMSW enters protected mode, which is not here")

    def load() -> None:
        m.set_cell(Cell.MSW, word)

    m.when((word & PROTECTION_ENABLE).is_not_zero(), protect, load)


def clts(m: Context) -> None:
    """Clear the task-switched flag."""
    m.set_cell(Cell.MSW, m.get_cell(Cell.MSW) & ~TASK_SWITCHED)


def loadall(m: Context) -> None:
    """Load every register from 0:0800; that reaches beyond real mode, so it is not here."""
    m.lock_up("LOADALL is not here")


def _store_table(first: Cell) -> Semantics:
    def operation(m: Context, destination: MemoryOperand) -> None:
        """The byte behind the 24-bit base is FFh."""
        for number in range(3):
            word = m.get_cell(Cell(first + number))
            at = destination.offset + 2 * number
            m.store(destination.segment, at, word | 0xFF00 if number == 2 else word)

    operation.__doc__ = f"Store limit and base: {first.name}."
    return operation


def _load_table(first: Cell) -> Semantics:
    def operation(m: Context, source: MemoryOperand) -> None:
        words = [m.load(source.segment, source.offset + 2 * number, 16) for number in range(3)]
        words[2] = words[2] & 0xFF
        for number, word in enumerate(words):
            m.set_cell(Cell(first + number), word)

    operation.__doc__ = f"Load limit and base: {first.name}."
    return operation


_CHECKED: dict[str, Semantics] = {
    **EARLIER,
    **{name: masked_shift(name, right_sets_aux=True) for name in SHIFTS},
    "PUSH": push_operand,
    "MUL": mul,
    "IMUL": imul,
    "DIV": div,
    "IDIV": idiv,
    "AAM": aam,
    "AAD": aad,
    "DAA": _decimal_adjust(subtracting=False),
    "DAS": _decimal_adjust(subtracting=True),
    "AAA": _ascii_adjust(subtracting=False),
    "AAS": _ascii_adjust(subtracting=True),
    "LEAVE": leave,
    "SMSW": smsw,
    "LMSW": lmsw,
}
SEMANTICS: dict[str, Semantics] = {
    **{name: _checked(name, operation) for name, operation in _CHECKED.items()},
    **{name: EARLIER[name] for name in _UNCHECKED},
    "MOVS": _string(_movs),
    "CMPS": _string(_cmps, compares=True),
    "SCAS": _string(_scas, compares=True),
    "LODS": _string(_lods),
    "STOS": _string(_stos),
    "INS": _string(_ins),
    "OUTS": _string(_outs),
    "CLTS": clts,
    "LOADALL": loadall,
    "SGDT": _store_table(Cell.GDT),
    "SIDT": _store_table(Cell.IDT),
    "LGDT": _load_table(Cell.GDT),
    "LIDT": _load_table(Cell.IDT),
}
"""By mnemonic, the earlier processors' included."""
