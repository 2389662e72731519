"""What each instruction of the 8087 does to its stack, its words and memory.

An instruction is a function of the 8087, of what was decoded, and of the processor beside it, which
fetches and stores operands.  What numbers come out is `arithmetic`'s; here it is decided where they
go.  What an exception that isn't masked forbids, is not done: an invalid operation, a division by
zero or a denormal operand leaves the operands, and an overflow or underflow leaves memory.
"""

from __future__ import annotations

from blink16.cpu.x87 import administration, calculations, transfers  # register
from blink16.cpu.x87.opcodes import Escape
from blink16.cpu.x87.operations import OPERATIONS, AbandonedError, Companion
from blink16.cpu.x87.state import Coprocessor

__all__ = ["administration", "calculations", "execute", "transfers"]


def execute(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    """Do an instruction that the chip has (`opcodes.find_on`).

    ``number``: the low bits of ModR/M, which name a register where they don't name memory.
    """
    try:
        OPERATIONS[escape.mnemonic](x87, escape, number, companion)
    except AbandonedError:
        pass
    finally:
        x87.settle()
