"""What instructions of the 8087 are made of: a table, the stack with its exceptions, operands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from blink16.cpu.x87 import formats
from blink16.cpu.x87.opcodes import SIZES, Escape, EscapeOperand
from blink16.cpu.x87.reals import INDEFINITE, Category, Real, classify
from blink16.cpu.x87.rounding import DENORMAL, INVALID, Exceptions
from blink16.cpu.x87.state import Coprocessor

BEFORE = int(Exceptions.INVALID | Exceptions.DENORMAL | Exceptions.ZERO_DIVIDE)
"""Exceptions that are found before there is a result."""
FORBID_STORES = BEFORE | int(Exceptions.OVERFLOW | Exceptions.UNDERFLOW)


class Companion(Protocol):
    """The processor beside the 8087, during one instruction."""

    def fetch(self, size: int) -> bytes:
        """Read the operand in memory."""
        ...

    def store(self, data: bytes) -> None:
        """Write the operand in memory."""
        ...

    def answer(self, word: int) -> None:
        """Set AX."""
        ...


class AbandonedError(Exception):
    """An instruction that an exception forbids, which isn't masked."""


Operation = Callable[[Coprocessor, Escape, int, Companion], None]
"""``int``: the number of the other register, where there is one."""
OPERATIONS: dict[str, Operation] = {}


def operation(*mnemonics: str) -> Callable[[Operation], Operation]:
    """Enter a function into `OPERATIONS`."""

    def enter(function: Operation) -> Operation:
        for mnemonic in mnemonics:
            OPERATIONS[mnemonic] = function
        return function

    return enter


def signal(x87: Coprocessor, raised: Exceptions, forbidding: int = BEFORE) -> None:
    """Note exceptions; give the instruction up if one that isn't masked forbids it."""
    bits = int(raised)  # a number: flags of an enum are slow
    if not bits:
        return
    forbids = bits & forbidding & ~x87.control
    if forbids & BEFORE:
        bits &= BEFORE  # it got no further
    x87.status |= bits
    if forbids:
        raise AbandonedError


def read(x87: Coprocessor, number: int) -> Real | None:
    """Return ST(number); None, which is invalid, if it is empty and that is masked."""
    value = x87.get(number)
    if value is None:
        signal(x87, INVALID)
    return value


def push(x87: Coprocessor, value: Real) -> None:
    """Push; on a register that isn't empty that is invalid, and gives the indefinite."""
    if x87.get(-1) is not None:
        signal(x87, INVALID)
        value = INDEFINITE
    x87.rotate(-1)
    x87.put(0, value)


def pop(x87: Coprocessor) -> None:
    """Empty the top, and have the one below."""
    x87.free(0)
    x87.rotate(1)


_LOADS: dict[EscapeOperand, Callable[[bytes], Real]] = {
    EscapeOperand.SHORT_REAL: formats.from_short,
    EscapeOperand.LONG_REAL: formats.from_long,
    EscapeOperand.TEMPORARY_REAL: formats.from_temporary,
    EscapeOperand.PACKED_DECIMAL: formats.from_packed_bcd,
    **{
        form: lambda data: formats.from_integer(int.from_bytes(data, "little", signed=True))
        for form in (
            EscapeOperand.WORD_INTEGER,
            EscapeOperand.SHORT_INTEGER,
            EscapeOperand.LONG_INTEGER,
        )
    },
}
_DENORMALS = {
    EscapeOperand.SHORT_REAL: Category.UNNORMAL,
    EscapeOperand.LONG_REAL: Category.UNNORMAL,
    EscapeOperand.TEMPORARY_REAL: Category.DENORMAL,
}
"""What denormals in memory become."""


def source(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> Real | None:
    """Return the other operand: that in memory, or in a register, which may be empty (`read`)."""
    load = _LOADS.get(escape.operand)
    if load is None:
        return read(x87, number)
    value = load(companion.fetch(SIZES[escape.operand]))
    if classify(value) is _DENORMALS.get(escape.operand):
        signal(x87, DENORMAL)
    return value
