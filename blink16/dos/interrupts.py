"""How a service lets the guest run something before the service's caller goes on.

A service ends with its stub's IRET, so a frame pushed before it decides where that leads.
"""

from __future__ import annotations

from blink16.cpu.registers import IF, TF
from blink16.memory import Memory
from blink16.services import Guest

FRAME_SIZE = 6
SAVED = ("ax", "bx", "cx", "dx", "si", "di", "bp", "ds", "es")
"""The registers that INT 21h keeps on its caller's stack, from the lowest address on."""
SAVED_SIZE = 2 * len(SAVED)


def push_frame(guest: Guest, segment: int, offset: int, flags: int | None = None) -> None:
    """Push what an interrupt pushes, so that the next IRET leads to ``segment:offset``."""
    r = guest.registers
    flags = r.flags & ~(IF | TF) if flags is None else flags
    r.sp -= FRAME_SIZE
    for at, value in ((4, flags), (2, segment), (0, offset)):
        guest.memory.write_word(guest.linear(r.ss, r.sp + at), value)


def far_pointer(memory: Memory, address: int) -> tuple[int, int]:
    """Return the segment and offset of a far pointer at a linear address."""
    return memory.read_word(address + 2), memory.read_word(address)


def vector(guest: Guest, number: int) -> tuple[int, int]:
    """Return the segment and offset of an interrupt's handler."""
    return far_pointer(guest.memory, number * 4)


def lead(guest: Guest, number: int, back: tuple[int, int]) -> None:
    """Let an interrupt lead to ``back``, a segment and an offset."""
    segment, offset = back
    guest.memory.write_word(number * 4, offset)
    guest.memory.write_word(number * 4 + 2, segment)


def again(guest: Guest) -> None:
    """Let the stub's IRET lead to the stub itself: the service is called once more."""
    push_frame(guest, guest.registers.cs, guest.registers.ip)


def nest(guest: Guest, number: int, back: tuple[int, int]) -> None:
    """Let the stub's IRET lead to an interrupt's handler, whose IRET leads to ``back``."""
    push_frame(guest, *back)
    push_frame(guest, *vector(guest, number))


def registers_of(guest: Guest) -> tuple[int, ...]:
    """Return the registers that INT 21h keeps, in their order."""
    return tuple(getattr(guest.registers, name) for name in SAVED)


def set_registers(guest: Guest, values: tuple[int, ...]) -> None:
    """Set them again."""
    for name, value in zip(SAVED, values, strict=True):
        setattr(guest.registers, name, value)


def save_registers(guest: Guest, segment: int, offset: int) -> None:
    """Write the registers to ``segment:offset`` as INT 21h pushes them."""
    data = b"".join(value.to_bytes(2, "little") for value in registers_of(guest))
    guest.memory.write(guest.linear(segment, offset), data)


def load_registers(guest: Guest, segment: int, offset: int) -> None:
    """Read back what `save_registers` wrote."""
    data = guest.memory.read(guest.linear(segment, offset), SAVED_SIZE)
    words = (int.from_bytes(data[at : at + 2], "little") for at in range(0, SAVED_SIZE, 2))
    set_registers(guest, tuple(words))
