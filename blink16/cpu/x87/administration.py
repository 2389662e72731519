"""The 8087's control: its words, its environment and state, and the stack without its numbers."""

from __future__ import annotations

from blink16.cpu.x87.opcodes import SIZES, CoprocessorKind, Escape, EscapeOperand
from blink16.cpu.x87.operations import Companion, operation, pop
from blink16.cpu.x87.state import (
    ALL_EXCEPTIONS,
    CONDITION,
    INTERRUPT_MASK,
    STATE_SIZE,
    Coprocessor,
)


@operation("FNOP", "FSETPM")
def _nothing(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    """Do nothing; in real mode FSETPM shows nowhere."""


@operation("FINIT")
def _initialize(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    x87.initialize()


@operation("FENI", "FDISI")
def _mask_interrupts(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    if x87.kind is CoprocessorKind.I8087:  # an 80287 does nothing
        on = escape.mnemonic == "FDISI"
        x87.control = x87.control & ~INTERRUPT_MASK | (INTERRUPT_MASK if on else 0)


@operation("FCLEX")
def _clear_exceptions(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    x87.status &= CONDITION


@operation("FLDCW")
def _load_control(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    x87.set_control(int.from_bytes(companion.fetch(SIZES[escape.operand]), "little"))


@operation("FSTCW")
def _store_control(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    companion.store(x87.control.to_bytes(2, "little"))


@operation("FSTSW")
def _store_status(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    if escape.operand is EscapeOperand.ACCUMULATOR:
        companion.answer(x87.status_word)
    else:
        companion.store(x87.status_word.to_bytes(2, "little"))


@operation("FLDENV")
def _load_environment(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    x87.load_environment(companion.fetch(SIZES[escape.operand]))


@operation("FSTENV")
def _store_environment(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    companion.store(x87.environment())
    x87.control |= ALL_EXCEPTIONS


@operation("FRSTOR")
def _load_state(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    x87.load(companion.fetch(STATE_SIZE))


@operation("FSAVE")
def _store_state(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    companion.store(x87.save())
    x87.initialize()


@operation("FINCSTP", "FDECSTP")
def _move_top(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    x87.rotate(1 if escape.mnemonic == "FINCSTP" else -1)


@operation("FFREE")
def _free(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    x87.free(number)


@operation("FFREEP")
def _free_and_pop(x87: Coprocessor, escape: Escape, number: int, companion: Companion) -> None:
    x87.free(number)
    pop(x87)
