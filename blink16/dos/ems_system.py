"""INT 67h, what EMS 4.0 has for operating systems, who may keep programs from it.

There is one set of mapping registers, and no DMA through it.
Source: Lotus, Intel, Microsoft: Expanded Memory Specification 4.0, functions 26, 28, 29 and 30.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from construct import Int16ul, Struct

from blink16.dos.ems_pages import (
    PAGE_PARAGRAPHS,
    WINDOWS,
    EmsError,
    EmsStatus,
    ExpandedMemory,
)
from blink16.services import Guest

CONTEXT_SIZE = 4 * WINDOWS
"""Bytes that 4Eh takes to save the mapping."""
HARDWARE = Struct(
    "page_paragraphs" / Int16ul,
    "register_sets" / Int16ul,
    "context_size" / Int16ul,
    "dma_register_sets" / Int16ul,
    "dma_works_otherwise" / Int16ul,
)
_BOARD = HARDWARE.build(
    {
        "page_paragraphs": PAGE_PARAGRAPHS,
        "register_sets": 0,
        "context_size": CONTEXT_SIZE,
        "dma_register_sets": 0,
        "dma_works_otherwise": 0,
    }
)
SPREAD = 2654435761
"""Makes numbers that look like none of an instant."""


class SystemState(NamedTuple):
    """What an operating system has said."""

    enabled: bool = True
    key: int | None = None
    """What it must show again; None: nobody has asked yet."""
    context: tuple[int, int] = (0, 0)
    """The segment and offset where it keeps the mapping's context."""


class SystemAccess:
    """The functions and their state."""

    def __init__(self) -> None:
        self.state = SystemState()

    def restore(self, state: Any) -> None:
        """Take a state."""
        self.state = SystemState(*state)

    def function(self, guest: Guest, memory: ExpandedMemory) -> bool:
        """Do the function in AH; False if it is none of these."""
        match guest.registers.ah:
            case 0x59:
                self._hardware(guest, memory)
            case 0x5B:
                self._register_sets(guest)
            case 0x5C:
                pass  # before a warm boot: nothing has to be put in order
            case 0x5D:
                self._access(guest)
            case _:
                return False
        return True

    def _check_enabled(self) -> None:
        if not self.state.enabled:
            raise EmsError(EmsStatus.DENIED)

    def _hardware(self, guest: Guest, memory: ExpandedMemory) -> None:
        """59h: what the board is like to ES:DI (0); free raw pages in BX, all in DX (1)."""
        r = guest.registers
        match r.al:
            case 0:
                self._check_enabled()
                guest.memory.write(guest.linear(r.es, r.di), _BOARD)
            case 1:
                r.bx, r.dx = memory.free, memory.total
            case _:
                raise EmsError(EmsStatus.BAD_SUBFUNCTION)

    def _register_sets(self, guest: Guest) -> None:
        """5Bh: there is set 0 and no other, nor any for DMA."""
        r = guest.registers
        self._check_enabled()
        match r.al:
            case 0x00:
                r.bl = 0
                r.es, r.di = self.state.context
            case 0x01 if not r.bl:
                self.state = self.state._replace(context=(r.es, r.di))
            case 0x02:
                r.dx = CONTEXT_SIZE
            case 0x03 | 0x05:
                r.bl = 0  # none can be had
            case 0x01 | 0x04 if r.bl:
                raise EmsError(EmsStatus.NO_REGISTER_SETS)
            case 0x06 | 0x07 | 0x08 if r.bl:
                raise EmsError(EmsStatus.NO_DMA_REGISTERS)
            case 0x04 | 0x06 | 0x07 | 0x08:
                pass
            case _:
                raise EmsError(EmsStatus.BAD_SUBFUNCTION)

    def _access(self, guest: Guest) -> None:
        """5Dh: let programs have these functions (0) or not (1), or give the key back (2).

        The first who asks gets a key in BX:CX, which is to be shown from then on.
        """
        r = guest.registers
        if r.al > 2:
            raise EmsError(EmsStatus.BAD_SUBFUNCTION)
        key = self.state.key
        if key is not None and key != r.bx << 16 | r.cx:
            raise EmsError(EmsStatus.DENIED)
        if r.al == 2:
            if key is None:
                raise EmsError(EmsStatus.DENIED)
            self.state = SystemState(context=self.state.context)
            return
        if key is None:
            key = (guest.time + 1) * SPREAD & 0xFFFFFFFF
            r.bx, r.cx = key >> 16, key & 0xFFFF
        self.state = self.state._replace(enabled=r.al == 0, key=key)
