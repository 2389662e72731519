"""How an AT's BIOS goes on after a reset: byte 0Fh of the CMOS says what the program wants.

A program that was in protected mode, or that only wants the processor's state to be a fresh one,
leaves a code there and an address at 0040:0067, and has the processor reset.

Source: IBM PC/AT Technical Reference, BIOS listing of TEST1 (shutdown return points) and BLOCKMOVE;
Ralf Brown's CMOS memory map, 0Fh.
"""

from __future__ import annotations

from enum import IntEnum

from blink16.bios.rom import Rom
from blink16.bios.timer import CmosClock
from blink16.devices.rtc import CmosRegister

_TO_DATA_AREA = bytes.fromhex("b84000 8ed8")  # mov ax, 40h / mov ds, ax
_FLUSH_AND_END = bytes.fromhex("e460 b020 e6a0 e620")  # in al, 60h / EOI to both 8259As
_JUMP = bytes.fromhex("ff2e6700")  # jmp far [67h]
_STACK = bytes.fromhex("8e166900 8b266700")  # mov ss, [69h] / mov sp, [67h]
_FROM_BLOCK_MOVE = bytes.fromhex("1f 07 61 30e4 fb ca0200")
"""pop ds / pop es / popa / xor ah, ah / sti / retf 2"""


class Shutdown(IntEnum):
    """What the program wants; all others are a self-test."""

    JUMP_AFTER_EOI = 0x05
    BLOCK_MOVE = 0x09
    JUMP = 0x0A
    IRET = 0x0B
    RETF = 0x0C


ROUTINES = {
    Shutdown.JUMP_AFTER_EOI: _FLUSH_AND_END + _TO_DATA_AREA + _JUMP,
    Shutdown.BLOCK_MOVE: _TO_DATA_AREA + _STACK + _FROM_BLOCK_MOVE,
    Shutdown.JUMP: _TO_DATA_AREA + _JUMP,
    Shutdown.IRET: _TO_DATA_AREA + _STACK + b"\xcf",
    Shutdown.RETF: _TO_DATA_AREA + _STACK + b"\xcb",
}
"""What goes on there, all in ROM; the stack is that at 0040:0067, or none is needed."""


class Resumption:
    """The ways back from a reset."""

    def __init__(self, rom: Rom) -> None:
        self._routines = {int(code): rom.add(routine) for code, routine in ROUTINES.items()}

    def take(self, clock: CmosClock) -> int | None:
        """Return the offset of the routine that is wanted, once; None: there is to be a test."""
        code = clock[CmosRegister.SHUTDOWN]
        if code:
            clock[CmosRegister.SHUTDOWN] = 0
        return self._routines.get(code)
