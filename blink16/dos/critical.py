"""Critical errors: INT 24h asks the program what a call is to do about a drive that can't."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from blink16.dos import tables
from blink16.dos.errors import CRITICAL_BASE, CriticalError
from blink16.dos.interrupts import SAVED_SIZE, load_registers, nest, save_registers
from blink16.dos.system import DosSystem
from blink16.services import DONE, Guest, Outcome

CRITICAL_VECTOR = 0x24
WRITING, IN_DIRECTORY, IN_DATA = 0x01, 0x04, 0x06
MAY_FAIL, MAY_RETRY, MAY_IGNORE = 0x08, 0x10, 0x20
DATA_CALLS = frozenset(bytes.fromhex("1415212227283f40"))
"""Calls that read or write what is in a file; others look for its directory entry."""
COUNTED_CALLS = (0x3F, 0x40)
"""Those that return in AX how much they have read or written."""
BLOCK_DEVICE = 4


class Action(IntEnum):
    """INT 24h's answer, in AL."""

    IGNORE = 0
    RETRY = 1
    ABORT = 2
    FAIL = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What to do about an error of that code."""

    action: Action
    code: int


def ask(dos: DosSystem, guest: Guest, error: CriticalError) -> Outcome:
    """Run the program's INT 24h, with the call's registers below it on the stack."""
    r = guest.registers
    code = CRITICAL_BASE + error.kind
    place = IN_DATA | MAY_IGNORE if r.ah in DATA_CALLS else IN_DIRECTORY
    dos.change(critical=code, error=code)
    r.sp -= SAVED_SIZE
    save_registers(guest, r.ss, r.sp)
    r.ah = place | MAY_FAIL | MAY_RETRY | (WRITING if error.writing else 0)
    r.al, r.di = error.drive, error.kind
    r.bp, r.si = tables.SEGMENT, tables.device_offset(BLOCK_DEVICE)
    nest(guest, CRITICAL_VECTOR, dos.critical_stub)
    return DONE


def answer(dos: DosSystem, guest: Guest) -> Answer:
    """Take INT 24h's answer, and the call's registers back.

    Nonsense is a failure, and so is Ignore where it was not allowed.
    """
    r = guest.registers
    action = Action(r.al) if r.al in set(Action) else Action.FAIL
    load_registers(guest, r.ss, r.sp)
    r.sp += SAVED_SIZE
    if action is Action.IGNORE and r.ah not in DATA_CALLS:
        action = Action.FAIL
    return Answer(action, dos.state.critical or CRITICAL_BASE)
