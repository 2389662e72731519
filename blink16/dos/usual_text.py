"""When native code may do the calls that show text by itself (`hot_text`).

A call that the service has done, and in which all was usual, lets native code do the next ones.
What changes DOS' state, or happens between two runs, ends that.
"""

from __future__ import annotations

from blink16.cpu.registers import Cell
from blink16.devices.cells import (
    TEXT,
    TEXT_FAST,
    TEXT_FILE,
    TEXT_PSP,
    TEXT_STACK,
    TEXT_VIDEO,
    USUAL,
    USUAL_SHOWN,
    USUAL_TEXT,
)
from blink16.dos.hooked_output import FAST_OUTPUT_VECTOR, VIDEO_VECTOR
from blink16.memory import linear
from blink16.services import Chassis, Guest

_CS, _IP = int(Cell.CS), int(Cell.IP)
_VECTOR = 0x21 * 4


class UsualText:
    """DOS' part of what native code knows, and the stack of the last call, which both note."""

    def __init__(self, state: bytearray) -> None:
        """``state``: the machine's packed state (`Registers.state`)."""
        self.usual, self._text = USUAL.view(state), TEXT.view(state)
        self.last_stack = TEXT.element(TEXT_STACK).view(state)
        """SS and, above, SP at the current process's last call, at its interrupt's frame."""
        self._stub = 0

    def begin(self, chassis: Chassis) -> None:
        """Let text be usual from here on, where all vectors are DOS' own."""
        memory = chassis.memory
        self._stub = linear(memory.read_word(_VECTOR + 2), memory.read_word(_VECTOR))
        for index, at in ((TEXT_VIDEO, VIDEO_VECTOR * 4), (TEXT_FAST, FAST_OUTPUT_VECTOR * 4)):
            self._text[index] = memory.read_word(at) | memory.read_word(at + 2) << 16

    def allow(self, guest: Guest, psp: int, file: int) -> None:
        """Let native code do the next call; this one was done at INT 21h's own stub, or in vain.

        ``psp``: the current one's segment; ``file``: CON's number in the system file table.
        """
        cells, text = guest.registers.cells, self._text
        if cells[_CS] * 16 + cells[_IP] == self._stub and guest.may_say_later:
            text[TEXT_PSP], text[TEXT_FILE] = psp << 4, file
            self.usual[USUAL_TEXT] = self._stub

    def forbid(self) -> None:
        """Let services do what comes next."""
        self.usual[USUAL_TEXT] = self.usual[USUAL_SHOWN] = 0

    @property
    def stack(self) -> tuple[int, int]:
        """`last_stack`, taken apart."""
        both = self.last_stack[0]
        return both & 0xFFFF, both >> 16

    @stack.setter
    def stack(self, where: tuple[int, int]) -> None:
        self.last_stack[0] = where[0] | where[1] << 16
