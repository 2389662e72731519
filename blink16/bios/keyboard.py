"""INT 16h for programs without a keyboard: characters from the console, with their scan codes.

A terminal sends characters, and sequences that begin with an escape for other keys; `next_key`
turns them into what an IBM keyboard's BIOS would return.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from blink16.bios.data_area import DataArea
from blink16.bios.key_table import Modifiers, word_of
from blink16.console import Console
from blink16.cpu.registers import ZF
from blink16.devices import keys
from blink16.services import DONE, WAIT, Guest, Outcome, Service, Trap, set_caller_flag

SIGHUP = 1
INPUT_ENDED = Trap(SIGHUP, "the machine waits for a key, but the input has ended")

ENTER, BACKSPACE, LF, DEL = 0x0D, 0x08, 0x0A, 0x7F
SCAN_CODES = {**keys.CONTROL, **keys.SHIFTED, **keys.PLAIN, DEL: keys.PLAIN[BACKSPACE]}
"""The scan code of the key that makes a character, with Shift or Ctrl or alone."""


@dataclass(frozen=True, slots=True)
class KeyStroke:
    """A key as INT 16h returns it, and how many bytes of input it was."""

    scan_code: int
    character: int
    length: int = 1

    @property
    def word(self) -> int:
        """The key as it stands in AX."""
        return self.scan_code << 8 | self.character


def next_key(pending: bytes) -> KeyStroke | None:
    """Return the first key of the input; None if there is none."""
    if not pending:
        return None
    for sequence, scan_code in keys.SEQUENCES.items():
        if pending.startswith(sequence):
            return KeyStroke((word_of(scan_code, Modifiers()) or 0) >> 8, 0, len(sequence))
    code = pending[0]
    if pending.startswith(b"\r\n"):
        return KeyStroke(SCAN_CODES[ENTER], ENTER, 2)
    if code == LF:
        return KeyStroke(SCAN_CODES[ENTER], ENTER)
    if code == DEL:
        return KeyStroke(SCAN_CODES[BACKSPACE], BACKSPACE)
    return KeyStroke(SCAN_CODES.get(code, 0), code)


def _read(console: Console, guest: Guest) -> Outcome:
    key = next_key(console.peek())
    if key is None:
        # nothing waits: read tells whether anything can come
        return WAIT if console.read(1) is None else INPUT_ENDED
    console.read(key.length)
    guest.registers.ax = key.word
    return DONE


def _peek(console: Console, guest: Guest) -> Outcome:
    key = next_key(console.peek())
    set_caller_flag(guest, ZF, key is None)
    guest.registers.ax = 0 if key is None else key.word
    return DONE


def _shift_flags(console: Console, guest: Guest) -> Outcome:
    guest.registers.al = DataArea(guest.memory).shift_flags & 0xFF
    return DONE


_FUNCTIONS = {
    0x00: _read,
    0x01: _peek,
    0x02: _shift_flags,
    0x10: _read,
    0x11: _peek,
    0x12: _shift_flags,
}


def _int16(console: Console, guest: Guest) -> Outcome:
    function = _FUNCTIONS.get(guest.registers.ah)
    return DONE if function is None else function(console, guest)


def service(console: Console) -> Service:
    """Return INT 16h for a console."""
    return partial(_int16, console)
