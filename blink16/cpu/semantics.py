"""What each instruction does, written once: the 8086's, where a model does not say otherwise.

An instruction is a function of a `Context` (the processor) and its operands.  The reference
engine folds the values as they come; a native engine lets the same functions emit code.
Names and operation are those of Intel's 8086 Family User's Manual; what is not in there was
captured from a chip.  It is one long file on purpose: whoever looks for an instruction finds it
by its name, and the pieces that several share stand at the top.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from blink16.cpu import arithmetic, flags
from blink16.cpu.operands import (
    Context,
    MemoryOperand,
    Operand,
    RegisterOperand,
    Repeat,
)
from blink16.cpu.registers import Cell
from blink16.cpu.shifts import SHIFTS, shift
from blink16.cpu.values import Value

AX, CX, DX, BX, SP, BP, SI, DI = range(8)
AL, AH = 0, 4
ES, CS, SS, DS = range(4)
DIVIDE_VECTOR, OVERFLOW_VECTOR, DOUBLE_FAULT_VECTOR, PROTECTION_VECTOR = 0, 4, 8, 13
ESC, WAIT = "ESC", "WAIT"
"""The instructions that are an 8087's where there is one (`x87.escaping`)."""
CYCLES = 32
"""The width of a number of cycles."""


class Sized(Operand, Protocol):
    """An operand that knows its width."""

    width: int


Semantics = Callable[..., None]
INSTRUCTIONS: dict[str, Semantics] = {}
"""The 8086's, by mnemonic: what it does with the context and the operands of its row."""


def instruction(*mnemonics: str) -> Callable[[Semantics], Semantics]:
    """Enter a function into `INSTRUCTIONS`."""

    def enter(function: Semantics) -> Semantics:
        for mnemonic in mnemonics:
            INSTRUCTIONS[mnemonic] = function
        return function

    return enter


# -- pieces ----------------------------------------------------------------------------------


def push(m: Context, value: Value) -> None:
    """Push a word."""
    top = m.get_register(SP, 16) - 2
    m.set_register(SP, 16, top)
    m.store(SS, top, value)


def pop(m: Context) -> Value:
    """Pop a word."""
    top = m.get_register(SP, 16)
    value = m.load(SS, top, 16)
    m.set_register(SP, 16, top + 2)
    return value


def jump_far(m: Context, segment: Value, offset: Value) -> None:
    """Go on at segment:offset."""
    m.set_cell(Cell.CS, segment)
    m.jump(offset)


def enter_interrupt(m: Context, vector: Value, return_ip: Value) -> None:
    """Push flags, CS and the return address, close IF and TF, and go to the vector's handler."""
    m.check_vector(vector)
    m.spend(m.constant(m.timing.interrupt, CYCLES))
    push(m, flags.word(m))
    m.set_cell(Cell.INTERRUPT, m.constant(0, 16))
    m.set_cell(Cell.TRAP, m.constant(0, 16))
    push(m, m.get_cell(Cell.CS))
    push(m, return_ip)
    entry = vector.zero_extend(16) << 2
    offset = m.load_vector(entry)
    jump_far(m, m.load_vector(entry + 2), offset)
    m.interrupted(vector)


def fault(m: Context) -> None:
    """Enter INT 0, which on the 8086 returns behind the instruction that divided."""
    enter_interrupt(m, m.constant(DIVIDE_VECTOR, 8), m.next_ip())


def step_index(m: Context, index: int, width: int) -> None:
    """Move SI or DI by the width of an element, forward or, with DF, backward."""
    stride = m.get_cell(Cell.DIRECTION) << (width // 16)
    m.set_register(index, 16, m.get_register(index, 16) + stride)


# -- data transfer -----------------------------------------------------------------------------


@instruction("MOV")
def mov(m: Context, destination: Sized, source: Sized) -> None:
    """Copy."""
    destination.set(source.get())


@instruction("XCHG")
def xchg(m: Context, a: Sized, b: Sized) -> None:
    """Exchange."""
    was_a, was_b = a.get(), b.get()
    a.set(was_b)
    b.set(was_a)


@instruction("PUSH")
def push_operand(m: Context, source: Sized) -> None:
    """Push; PUSH SP pushes the decremented SP, as the source is read last."""
    top = m.get_register(SP, 16) - 2
    m.set_register(SP, 16, top)
    m.store(SS, top, source.get())


@instruction("POP")
def pop_operand(m: Context, destination: Sized) -> None:
    """Pop."""
    destination.set(pop(m))


@instruction("PUSHF")
def pushf(m: Context) -> None:
    """Push the flags."""
    push(m, flags.word(m))


@instruction("POPF")
def popf(m: Context) -> None:
    """Pop the flags."""
    flags.set_word(m, pop(m))


@instruction("LAHF")
def lahf(m: Context) -> None:
    """Copy the low byte of the flags to AH."""
    m.set_register(AH, 8, flags.low_byte(m))


@instruction("SAHF")
def sahf(m: Context) -> None:
    """Copy AH to the low byte of the flags."""
    flags.set_low_byte(m, m.get_register(AH, 8))


@instruction("LEA")
def lea(m: Context, destination: Sized, source: MemoryOperand) -> None:
    """Load the offset of the source."""
    destination.set(source.offset)


@instruction("LES")
def les(m: Context, destination: Sized, source: MemoryOperand) -> None:
    """Load a far pointer into ES and a register."""
    _load_far(m, Cell.ES, destination, source)


@instruction("LDS")
def lds(m: Context, destination: Sized, source: MemoryOperand) -> None:
    """Load a far pointer into DS and a register."""
    _load_far(m, Cell.DS, destination, source)


def _load_far(m: Context, segment: Cell, destination: Sized, source: MemoryOperand) -> None:
    offset, base = source.get(), source.following().get()
    destination.set(offset)
    m.set_cell(segment, base)


@instruction("XLAT")
def xlat(m: Context) -> None:
    """Look AL up in the table at BX."""
    offset = m.get_register(BX, 16) + m.get_register(AL, 8).zero_extend(16)
    m.set_register(AL, 8, m.load(m.override(DS), offset, 8))


@instruction("SALC")
def salc(m: Context) -> None:
    """Set AL to FFh or 0 by CF (undocumented)."""
    m.set_register(AL, 8, flags.carry(m).sign_extend(8))


@instruction("CBW")
def cbw(m: Context) -> None:
    """Extend AL's sign into AX."""
    m.set_register(AX, 16, m.get_register(AL, 8).sign_extend(16))


@instruction("CWD")
def cwd(m: Context) -> None:
    """Extend AX's sign into DX."""
    m.set_register(DX, 16, m.get_register(AX, 16).sign().sign_extend(16))


@instruction("IN")
def in_(m: Context, destination: Sized, port: Sized) -> None:
    """Read a port."""
    destination.set(m.port_in(port.get().zero_extend(16), destination.width))


@instruction("OUT")
def out(m: Context, port: Sized, source: Sized) -> None:
    """Write a port."""
    m.port_out(port.get().zero_extend(16), source.get())


@instruction(ESC)
def esc(m: Context, operand: Sized) -> None:
    """Read the operand from memory, for a coprocessor that is not there."""
    if isinstance(operand, MemoryOperand):
        operand.get()


# -- arithmetic and logic ------------------------------------------------------------------------


@instruction("ADD")
def add(m: Context, destination: Sized, source: Sized) -> None:
    """Add."""
    destination.set(arithmetic.add(m, destination.get(), source.get()))


@instruction("ADC")
def adc(m: Context, destination: Sized, source: Sized) -> None:
    """Add with carry."""
    destination.set(arithmetic.add(m, destination.get(), source.get(), flags.carry(m)))


@instruction("SUB")
def sub(m: Context, destination: Sized, source: Sized) -> None:
    """Subtract."""
    destination.set(arithmetic.subtract(m, destination.get(), source.get()))


@instruction("SBB")
def sbb(m: Context, destination: Sized, source: Sized) -> None:
    """Subtract with borrow."""
    destination.set(arithmetic.subtract(m, destination.get(), source.get(), flags.carry(m)))


@instruction("CMP")
def cmp(m: Context, destination: Sized, source: Sized) -> None:
    """Subtract for the flags only."""
    arithmetic.subtract(m, destination.get(), source.get())


@instruction("AND")
def and_(m: Context, destination: Sized, source: Sized) -> None:
    """Bitwise and."""
    destination.set(arithmetic.logic(m, destination.get() & source.get()))


@instruction("OR")
def or_(m: Context, destination: Sized, source: Sized) -> None:
    """Bitwise or."""
    destination.set(arithmetic.logic(m, destination.get() | source.get()))


@instruction("XOR")
def xor(m: Context, destination: Sized, source: Sized) -> None:
    """Bitwise exclusive or."""
    destination.set(arithmetic.logic(m, destination.get() ^ source.get()))


@instruction("TEST")
def test(m: Context, destination: Sized, source: Sized) -> None:
    """Bitwise and for the flags only."""
    arithmetic.logic(m, destination.get() & source.get())


@instruction("INC")
def inc(m: Context, operand: Sized) -> None:
    """Add 1; CF stays."""
    operand.set(arithmetic.step(m, operand.get(), up=True))


@instruction("DEC")
def dec(m: Context, operand: Sized) -> None:
    """Subtract 1; CF stays."""
    operand.set(arithmetic.step(m, operand.get(), up=False))


@instruction("NOT")
def not_(m: Context, operand: Sized) -> None:
    """Turn every bit; the flags stay."""
    operand.set(~operand.get())


@instruction("NEG")
def neg(m: Context, operand: Sized) -> None:
    """Subtract from 0."""
    operand.set(arithmetic.subtract(m, m.constant(0, operand.width), operand.get()))


def _shift(name: str) -> Semantics:
    def operation(m: Context, destination: Sized, count: Sized) -> None:
        by = count.get()  # before it is shifted itself
        m.spend(by.zero_extend(CYCLES) * m.cost.each)
        shift(m, name, destination, by)

    operation.__doc__ = f"{name}: shift or rotate by a count."
    return operation


for _name in SHIFTS:
    INSTRUCTIONS[_name] = _shift(_name)


@instruction("MUL")
def mul(m: Context, source: Sized) -> None:
    """Multiply AL or AX, unsigned."""
    _multiply(m, source, signed=False)


@instruction("IMUL")
def imul(m: Context, source: Sized) -> None:
    """Multiply AL or AX, signed."""
    _multiply(m, source, signed=True)


def _multiply(m: Context, source: Sized, signed: bool) -> None:
    width = source.width
    by = source.get()
    negate = m.repeat is not None
    product = arithmetic.multiply(m, m.get_register(AX, width), by, signed, negate)
    m.set_register(AX, 16, product.truncate(16))
    if width == 16:
        m.set_register(DX, 16, (product >> 16).truncate(16))


@instruction("DIV")
def div(m: Context, source: Sized) -> None:
    """Divide AX or DX:AX, unsigned."""
    _finish_division(m, source, arithmetic.long_division(m, dividend_of(m, source), source.get()))


@instruction("IDIV")
def idiv(m: Context, source: Sized) -> None:
    """Divide AX or DX:AX, signed; a REP prefix turns the quotient's sign."""
    negate = m.repeat is not None
    dividend = dividend_of(m, source)
    result = arithmetic.signed_division(m, dividend, source.get(), negate)
    _finish_division(m, source, result)


def dividend_of(m: Context, source: Sized) -> Value:
    """Return AX or DX:AX: twice as wide as the divisor."""
    low = m.get_register(AX, 16)
    if source.width == 8:
        return low
    return m.get_register(DX, 16).zero_extend(32) << 16 | low.zero_extend(32)


def _finish_division(m: Context, source: Sized, result: arithmetic.Division) -> None:
    remainder = AH if source.width == 8 else DX
    _pay_for_division(m, result)

    def store() -> None:
        m.set_register(AX, source.width, result.quotient)
        m.set_register(remainder, source.width, result.remainder)

    m.when(result.fits, store, lambda: fault(m))


def _pay_for_division(m: Context, result: arithmetic.Division) -> None:
    """Let time pass, but for a quotient that is seen to be too large before it is computed."""
    m.spend(result.divided.zero_extend(CYCLES) * m.cost.each)


@instruction("DAA")
def daa(m: Context) -> None:
    """Adjust AL after adding packed decimals."""
    al = RegisterOperand(m, AL, 8)
    al.set(arithmetic.decimal_adjust(m, al.get(), subtracting=False))


@instruction("DAS")
def das(m: Context) -> None:
    """Adjust AL after subtracting packed decimals."""
    al = RegisterOperand(m, AL, 8)
    al.set(arithmetic.decimal_adjust(m, al.get(), subtracting=True))


@instruction("AAA")
def aaa(m: Context) -> None:
    """Adjust AX after adding unpacked decimals."""
    ax = RegisterOperand(m, AX, 16)
    ax.set(arithmetic.ascii_adjust(m, ax.get(), subtracting=False))


@instruction("AAS")
def aas(m: Context) -> None:
    """Adjust AX after subtracting unpacked decimals."""
    ax = RegisterOperand(m, AX, 16)
    ax.set(arithmetic.ascii_adjust(m, ax.get(), subtracting=True))


@instruction("AAM")
def aam(m: Context, base: Sized) -> None:
    """Split AL into two digits of a base."""
    al = m.get_register(AL, 8)
    result = arithmetic.long_division(m, al.zero_extend(16), base.get())
    _pay_for_division(m, result)

    def store() -> None:
        m.set_register(AH, 8, result.quotient)
        m.set_register(AL, 8, result.remainder)
        arithmetic.logic(m, result.remainder)

    m.when(result.fits, store, lambda: fault(m))


@instruction("AAD")
def aad(m: Context, base: Sized) -> None:
    """Join two digits of a base in AL."""
    tens = m.get_register(AH, 8) * base.get()
    m.set_register(AX, 16, arithmetic.add(m, m.get_register(AL, 8), tens).zero_extend(16))


# -- strings -------------------------------------------------------------------------------------


def repeated(
    m: Context, one_round: Callable[[], None], *indexes: int, compares: bool = False
) -> None:
    """Do a string instruction once, or CX times under a REP prefix.

    ``indexes``: the registers that say where, SI and DI.

    CMPS and SCAS also end when ZF is no longer what the prefix asks for; the others take
    both prefixes alike.
    """
    repeat = m.repeat
    if repeat is None:
        one_round()
        return

    def counted() -> Value:
        left = m.get_register(CX, 16) - 1
        m.set_register(CX, 16, left)
        one_round()
        again = left.is_not_zero()
        if compares:
            again = again & (flags.zero(m) if repeat is Repeat.REPZ else ~flags.zero(m))
        return again

    m.when(m.get_register(CX, 16).is_not_zero(), lambda: m.rounds(counted, _round_cost(m, indexes)))


def _round_cost(m: Context, indexes: tuple[int, ...]) -> Value:
    """Return the cycles of a round: all of them find their words at even addresses or at odd ones.

    ``indexes``: the registers in which the addresses are.
    """
    cost = m.constant(m.cost.each, CYCLES)
    if m.cost.odd:
        for index in indexes:
            cost = cost + (m.get_register(index, 16) & 1).zero_extend(CYCLES) * m.cost.odd
    return cost


@instruction("MOVS")
def movs(m: Context, destination: Sized, source: Sized) -> None:
    """Copy an element from DS:SI to ES:DI."""

    def one_round() -> None:
        width = destination.width
        element = m.load(m.override(DS), m.get_register(SI, 16), width)
        m.store(ES, m.get_register(DI, 16), element)
        step_index(m, SI, width)
        step_index(m, DI, width)

    repeated(m, one_round, SI, DI)


@instruction("CMPS")
def cmps(m: Context, source: Sized, destination: Sized) -> None:
    """Compare an element at DS:SI with one at ES:DI."""

    def one_round() -> None:
        width = source.width
        a = m.load(m.override(DS), m.get_register(SI, 16), width)
        b = m.load(ES, m.get_register(DI, 16), width)
        arithmetic.subtract(m, a, b)
        step_index(m, SI, width)
        step_index(m, DI, width)

    repeated(m, one_round, SI, DI, compares=True)


@instruction("SCAS")
def scas(m: Context, accumulator: Sized, destination: Sized) -> None:
    """Compare the accumulator with an element at ES:DI."""

    def one_round() -> None:
        element = m.load(ES, m.get_register(DI, 16), accumulator.width)
        arithmetic.subtract(m, accumulator.get(), element)
        step_index(m, DI, accumulator.width)

    repeated(m, one_round, DI, compares=True)


@instruction("LODS")
def lods(m: Context, accumulator: Sized, source: Sized) -> None:
    """Load an element at DS:SI into the accumulator."""

    def one_round() -> None:
        accumulator.set(m.load(m.override(DS), m.get_register(SI, 16), accumulator.width))
        step_index(m, SI, accumulator.width)

    repeated(m, one_round, SI)


@instruction("STOS")
def stos(m: Context, destination: Sized, accumulator: Sized) -> None:
    """Store the accumulator at ES:DI."""

    def one_round() -> None:
        m.store(ES, m.get_register(DI, 16), accumulator.get())
        step_index(m, DI, accumulator.width)

    repeated(m, one_round, DI)


# -- control -------------------------------------------------------------------------------------


@instruction("JMP")
def jmp(m: Context, target: Sized) -> None:
    """Jump within the segment."""
    m.jump(target.get())


@instruction("JMPF")
def jmpf(m: Context, target: MemoryOperand) -> None:
    """Jump to a far address."""
    offset = target.get()
    jump_far(m, target.following().get(), offset)


@instruction("CALL")
def call(m: Context, target: Sized) -> None:
    """Call within the segment."""
    to = target.get()
    push(m, m.next_ip())
    m.jump(to)


@instruction("CALLF")
def callf(m: Context, target: MemoryOperand) -> None:
    """Call a far address."""
    offset, segment = target.get(), target.following().get()
    push(m, m.get_cell(Cell.CS))
    push(m, m.next_ip())
    jump_far(m, segment, offset)


@instruction("RET")
def ret(m: Context, release: Sized | None = None) -> None:
    """Return within the segment and release bytes of arguments."""
    to = pop(m)
    _release(m, release)
    m.jump(to)


@instruction("RETF")
def retf(m: Context, release: Sized | None = None) -> None:
    """Return to a far address and release bytes of arguments."""
    offset, segment = pop(m), pop(m)
    _release(m, release)
    jump_far(m, segment, offset)


def _release(m: Context, release: Sized | None) -> None:
    if release is not None:
        m.set_register(SP, 16, m.get_register(SP, 16) + release.get())


def _jump_if(ending: str, wanted: bool) -> Semantics:
    def operation(m: Context, target: Sized) -> None:
        condition = flags.CONDITIONS[ending](m)
        m.branch(condition if wanted else ~condition, target.get())

    operation.__doc__ = f"Jump if the condition {ending} is {wanted}."
    return operation


for _ending in flags.CONDITIONS:
    INSTRUCTIONS[f"J{_ending}"] = _jump_if(_ending, wanted=True)
    INSTRUCTIONS[f"JN{_ending}"] = _jump_if(_ending, wanted=False)


@instruction("LOOP")
def loop(m: Context, target: Sized) -> None:
    """Count CX down and jump unless it is 0."""
    m.branch(_count_down(m), target.get())


@instruction("LOOPZ")
def loopz(m: Context, target: Sized) -> None:
    """Count CX down and jump unless it is 0 or ZF is clear."""
    m.branch(_count_down(m) & flags.zero(m), target.get())


@instruction("LOOPNZ")
def loopnz(m: Context, target: Sized) -> None:
    """Count CX down and jump unless it is 0 or ZF is set."""
    m.branch(_count_down(m) & ~flags.zero(m), target.get())


def _count_down(m: Context) -> Value:
    left = m.get_register(CX, 16) - 1
    m.set_register(CX, 16, left)
    return left.is_not_zero()


@instruction("JCXZ")
def jcxz(m: Context, target: Sized) -> None:
    """Jump if CX is 0."""
    m.branch(m.get_register(CX, 16).is_zero(), target.get())


@instruction("INT")
def int_(m: Context, vector: Sized) -> None:
    """Call an interrupt's handler."""
    enter_interrupt(m, vector.get(), m.next_ip())


@instruction("INTO")
def into(m: Context) -> None:
    """Call the handler of INT 4 if OF is set."""
    vector = m.constant(OVERFLOW_VECTOR, 8)
    m.when(flags.overflow(m), lambda: enter_interrupt(m, vector, m.next_ip()))


@instruction("IRET")
def iret(m: Context) -> None:
    """Return from a handler."""
    offset, segment, word = pop(m), pop(m), pop(m)
    flags.set_word(m, word)
    jump_far(m, segment, offset)


@instruction("HLT")
def hlt(m: Context) -> None:
    """Stop until an interrupt."""
    m.halt()


@instruction("NOP", WAIT)
def nop(m: Context) -> None:
    """Do nothing (WAIT: the TEST pin is taken to be active)."""


def _set_flag(cell: Cell, value: int) -> Semantics:
    def operation(m: Context) -> None:
        m.set_cell(cell, m.constant(value, 16))

    operation.__doc__ = f"Set the cell {cell.name} to {value:#x}."
    return operation


for _mnemonic, _cell, _value in (
    ("CLC", Cell.CARRY, 0),
    ("STC", Cell.CARRY, 1),
    ("CLI", Cell.INTERRUPT, 0),
    ("CLD", Cell.DIRECTION, 1),
    ("STD", Cell.DIRECTION, 0xFFFF),
):
    INSTRUCTIONS[_mnemonic] = _set_flag(_cell, _value)


@instruction("CMC")
def cmc(m: Context) -> None:
    """Turn CF."""
    m.set_cell(Cell.CARRY, m.get_cell(Cell.CARRY) ^ 1)


@instruction("STI")
def sti(m: Context) -> None:
    """Let interrupts in, after the next instruction."""
    m.set_cell(Cell.INTERRUPT, m.constant(1, 16))
    m.hold_interrupts()
    m.flags_opened()
