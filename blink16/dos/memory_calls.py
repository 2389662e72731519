"""INT 21h, memory: blocks, the strategy by which they are found, and the link of upper memory."""

from __future__ import annotations

from collections.abc import Callable

from blink16.dos import arena, memory_areas
from blink16.dos.arena import Strategy
from blink16.dos.errors import CallFailed, Code
from blink16.dos.memory_areas import UPPER_FIRST, UPPER_ONLY
from blink16.dos.system import DosSystem
from blink16.services import DONE, Guest, Outcome


def allocate(dos: DosSystem, guest: Guest) -> Outcome:
    """48h: BX paragraphs; their segment in AX."""
    r = guest.registers
    r.ax = memory_areas.allocate(dos, guest.memory, r.bx, dos.state.psp).data
    return DONE


def free(dos: DosSystem, guest: Guest) -> Outcome:
    """49h: free the block at ES."""
    segment = guest.registers.es
    arena.release(guest.memory, memory_areas.first_of(dos, segment), segment)
    return DONE


def resize(dos: DosSystem, guest: Guest) -> Outcome:
    """4Ah: make the block at ES BX paragraphs large."""
    r = guest.registers
    segment = r.es
    arena.resize(guest.memory, memory_areas.first_of(dos, segment), segment, r.bx)
    return DONE


def strategy(dos: DosSystem, guest: Guest) -> Outcome:
    """58h: get (0) or set (1) the allocation strategy, get (2) or set (3) upper memory's link."""
    r = guest.registers
    match r.al:
        case 0:
            r.ax = dos.state.strategy
        case 1:
            if r.bx & ~(UPPER_FIRST | UPPER_ONLY) > Strategy.LAST_FIT:
                raise CallFailed(Code.INVALID_FUNCTION)
            dos.change(strategy=r.bx)
        case 2:
            r.al = dos.state.upper_linked
        case 3 if r.bx <= 1:
            memory_areas.link(dos, guest.memory, on=bool(r.bx))
        case _:
            raise CallFailed(Code.INVALID_FUNCTION)
    return DONE


CALLS: dict[int, Callable[[DosSystem, Guest], Outcome]] = {
    0x48: allocate,
    0x49: free,
    0x4A: resize,
    0x58: strategy,
}
