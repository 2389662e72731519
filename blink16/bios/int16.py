"""INT 16h of a PC with a keyboard: keys out of the buffer that INT 09h fills.

Source: IBM PC/XT Technical Reference (1986), BIOS listing of KEYBOARD_IO.
"""

from __future__ import annotations

from blink16.bios.data_area import DataArea
from blink16.bios.int09 import RIGHT_ALT, RIGHT_CTRL
from blink16.bios.key_buffer import KeyBuffer, is_empty
from blink16.bios.key_table import old_word
from blink16.bios.program_keys import PipedKeys
from blink16.bios.rom import HLT, SEGMENT, STI, Rom, goto, jump
from blink16.bios.rom_keyboard import ask_each_time, let_look, looks_in_vain
from blink16.bios.unknown import no_function
from blink16.console import Console
from blink16.cpu.registers import ZF
from blink16.services import DONE, Guest, Outcome, set_caller_flag

NO_ROOM = 1
QUIET_FUNCTIONS = frozenset({0x03, 0x04, 0x09, 0x0A, 0x55, 0x92, 0xA2, 0xED, 0xFF})
"""Repeat rate and click, which an XT's keyboard hasn't got, and questions who is there."""
LOCKS_AND_LEFT = 0x73


class KeyboardService:
    """INT 16h.  The wait for a key is real code in ROM: STI, HLT, and the service again."""

    def __init__(self, console: Console, pipe: PipedKeys | None = None) -> None:
        """``console``: whose input is typed; ``pipe``: what else may bring keys."""
        self._console = console
        self._pipe = pipe
        self._wait = 0

    def finish(self, rom: Rom, stub: int) -> None:
        """Put the routine that waits into ROM; ``stub`` is the offset of this service's stub."""
        self._wait = rom.add(STI + HLT + jump(SEGMENT, stub))

    def __call__(self, guest: Guest) -> Outcome:
        """Do the function in AH."""
        match guest.registers.ah:
            case 0x00 | 0x10 as function:
                return self._read(guest, old=function == 0x00) or DONE
            case 0x01 | 0x11 as function:
                return self._peek(guest, old=function == 0x01)
            case 0x02:
                guest.registers.al = DataArea(guest.memory).shift_flags & 0xFF
            case 0x12:
                guest.registers.ax = shift_states(DataArea(guest.memory))
            case 0x05:
                stored = KeyBuffer(guest.memory).put(guest.registers.cx)
                guest.registers.al = 0 if stored else NO_ROOM
            case function if function not in QUIET_FUNCTIONS:
                no_function(guest, 0x16)
        return DONE

    def _read(self, guest: Guest, *, old: bool) -> Outcome | None:
        word = self._first(guest, old=old)
        if word is not None:
            KeyBuffer(guest.memory).take()
            guest.registers.ax = word
            return None
        if self._pipe is not None:
            outcome = self._pipe.wait(guest)
            if outcome is not None:
                return outcome
        self._starve(guest)
        goto(guest, self._wait)
        return None

    def _peek(self, guest: Guest, *, old: bool) -> Outcome:
        word = self._first(guest, old=old)
        set_caller_flag(guest, ZF, word is None)
        if word is None:
            return self._looked_in_vain(guest) or DONE
        guest.registers.ax = word
        return DONE

    def _looked_in_vain(self, guest: Guest) -> Outcome | None:
        """Note that there was no key; how the call ends if that is the end of the program."""
        if self._pipe is not None and not self._pipe.is_attached:
            ask_each_time(guest.memory)
            return self._pipe.poll(guest)
        looks = looks_in_vain(guest.memory)
        let_look(guest.memory)
        if self._pipe is not None:
            return self._pipe.poll(guest, looks)
        self._starve(guest)
        return None

    def _first(self, guest: Guest, *, old: bool) -> int | None:
        """Return the oldest key, from the pipe if none has been typed."""
        word = first_key(guest, old=old)
        if word is None and self._pipe is not None and self._pipe.supply(guest):
            return first_key(guest, old=old)
        return word

    def _starve(self, guest: Guest) -> None:
        """Ask for input from outside, unless some is being typed."""
        if not self._console.peek():
            guest.looked_in_vain()


def first_key(guest: Guest, *, old: bool) -> int | None:
    """Return the oldest key; ``old``: as 83 keys would give it, dropping those that can't."""
    if is_empty(guest.memory):
        return None
    buffer = KeyBuffer(guest.memory)
    for _ in range(len(buffer) + 1):
        word = buffer.first()
        seen = old_word(word) if old and word is not None else word
        if word is None or seen is not None:
            return seen
        buffer.take()
    return None


def shift_states(area: DataArea) -> int:
    """Return the word of 12h: left and right keys apart, and no bits for Insert and pause."""
    flags = area.shift_flags
    right = area.keyboard_state & (RIGHT_CTRL | RIGHT_ALT)
    return flags & 0xFF | (flags >> 8 & LOCKS_AND_LEFT | right) << 8
