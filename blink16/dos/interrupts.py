"""How a service lets the guest run something before the service's caller goes on.

A service ends with its stub's IRET, so a frame pushed before it decides where that leads.
"""

from __future__ import annotations

from blink16.cpu.registers import IF, TF
from blink16.memory import linear
from blink16.services import Guest


def push_frame(guest: Guest, segment: int, offset: int) -> None:
    """Push what an interrupt pushes, so that the next IRET leads to ``segment:offset``."""
    r = guest.registers
    flags = r.flags & ~(IF | TF)
    r.sp -= 6
    for at, value in ((4, flags), (2, segment), (0, offset)):
        guest.memory.write_word(linear(r.ss, r.sp + at), value)


def again(guest: Guest) -> None:
    """Let the stub's IRET lead to the stub itself: the service is called once more."""
    push_frame(guest, guest.registers.cs, guest.registers.ip)


def nest(guest: Guest, vector: int) -> None:
    """Let the stub's IRET lead to an interrupt's handler, whose IRET leads to the stub."""
    again(guest)
    offset = guest.memory.read_word(vector * 4)
    segment = guest.memory.read_word(vector * 4 + 2)
    push_frame(guest, segment, offset)
