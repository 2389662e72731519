"""The 8087's registers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from blink16.cpu.x87.opcodes import REGISTERS
from blink16.reports.look import Look
from blink16.reports.ranges import Word

if TYPE_CHECKING:  # most machines have none, and its modules take their time
    from blink16.cpu.x87.state import Coprocessor
from blink16.reports.registry import NoQuery, report


@dataclass(frozen=True, slots=True)
class FpuRegister:
    """A register of the stack that isn't empty."""

    number: int
    """From the stack's top on."""
    digits: str
    """Its 80 bits in hexadecimal: sign and exponent, then the significand."""
    value: str
    """In decimal, ``-infinity`` or ``NaN``."""


@dataclass(frozen=True, slots=True)
class FpuReport:
    """An 8087 or 80287; without a name there is none."""

    chip: str = ""
    stack: tuple[FpuRegister, ...] = ()
    control: Word = 0
    status: Word = 0
    tags: Word = 0
    instruction: int = 0
    """The linear address of the last one."""
    operand: int = 0
    opcode: Word = 0
    """Its last 11 bits."""


@report("fpu")
def fpu(look: Look, query: NoQuery) -> FpuReport:
    """The 8087's registers, those of its stack in decimal."""
    x87 = look.debugger.machine.registers.x87
    return FpuReport() if x87 is None else report_of(x87)


def report_of(x87: Coprocessor) -> FpuReport:
    """Return the report of an 8087."""
    from blink16.cpu.x87.decimals import decimal
    from blink16.cpu.x87.formats import to_temporary

    held = ((number, x87.get(number)) for number in range(REGISTERS))
    stack = tuple(
        FpuRegister(number, to_temporary(value)[::-1].hex().upper(), decimal(value))
        for number, value in held
        if value is not None
    )
    words = x87.control, x87.status_word, x87.tag_word, x87.instruction, x87.operand, x87.opcode
    return FpuReport(x87.kind.value, stack, *words)
