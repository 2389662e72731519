"""What a program's system says to faults and to interrupts that nobody handles: a signal.

The services here are the defaults; a guest that hooks a vector never reaches them.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from blink16.services import Chassis, Guest, Outcome, Service, Trap, caller_address

VECTORS = 256
DIVIDE_ERROR, SINGLE_STEP, INT3, INTO = 0, 1, 3, 4
INT3_OPCODE, INT_OPCODE = 0xCC, 0xCD


class Signal(IntEnum):
    """POSIX signal numbers."""

    SIGILL = 4
    SIGTRAP = 5
    SIGFPE = 8


Fault = Callable[[Guest], Trap]
FaultAnswer = Callable[[Guest, Trap], Outcome]
"""What a system makes of a fault."""


def hang_faults(
    chassis: Chassis, *, unhandled: bool = False, answer: FaultAnswer = lambda guest, trap: trap
) -> None:
    """Answer INT 0, 1, 3 and 4 with a signal, and every other interrupt if ``unhandled``.

    Call it before hanging services of one's own.
    """
    vectors = range(VECTORS) if unhandled else ()
    services = {vector: _nobody_handles(vector) for vector in vectors}
    services |= {DIVIDE_ERROR: divide_error, SINGLE_STEP: _single_step}
    services |= {INT3: _int3, INTO: _overflow}
    for vector, fault in services.items():
        chassis.hang_service(vector, _answered(fault, answer))


def _answered(fault: Fault, answer: FaultAnswer) -> Service:
    return lambda guest: answer(guest, fault(guest))


def divide_error(guest: Guest) -> Trap:
    """INT 0."""
    # the 8086 leaves the address behind the division on the stack
    return Trap(Signal.SIGFPE, f"divide error in the instruction before {_place(guest)}")


def _single_step(guest: Guest) -> Trap:
    return Trap(Signal.SIGTRAP, f"single step at {_place(guest)}", resumable=True)


def _int3(guest: Guest) -> Trap:
    segment, offset = caller_address(guest)
    one_byte = guest.memory.read(guest.linear(segment, offset - 1), 1)[0] == INT3_OPCODE
    place = _place(guest, 1 if one_byte else 2)
    return Trap(Signal.SIGTRAP, f"INT 3 at {place}", resumable=True)


def _overflow(guest: Guest) -> Trap:
    return Trap(Signal.SIGFPE, f"overflow, INTO at {_place(guest, 1)}", resumable=True)


def _nobody_handles(vector: int) -> Fault:
    def service(guest: Guest) -> Trap:
        segment, offset = caller_address(guest)
        called = guest.memory.read(guest.linear(segment, offset - 2), 1)[0] == INT_OPCODE
        place = _place(guest, 2 if called else 0)  # a later processor's faults return to the cause
        text = f"INT {vector:02X}h at {place}, which nobody handles"
        return Trap(Signal.SIGILL, text, resumable=True)

    return service


def _place(guest: Guest, back: int = 0) -> str:
    """Return segment:offset of the caller, ``back`` bytes before the return address."""
    segment, offset = caller_address(guest)
    return f"{segment:04X}:{(offset - back) & 0xFFFF:04X}"
