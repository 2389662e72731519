"""The keyboard as INT 16h has it, typed on the console: characters with their scan codes.

A terminal sends characters, and sequences that begin with an escape for other keys; `next_key`
turns them into what an IBM keyboard's BIOS would return.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from blink16.bios.data_area import DataArea
from blink16.console import Console
from blink16.cpu.registers import ZF
from blink16.services import DONE, WAIT, Guest, Outcome, Service, Trap, set_caller_flag

SIGHUP = 1
INPUT_ENDED = Trap(SIGHUP, "the machine waits for a key, but the input has ended")

# rows of the US keyboard, each with the scan code of its first key, unshifted and shifted
_ROWS = (
    (0x01, "\x1b", ""),
    (0x02, "1234567890-=", "!@#$%^&*()_+"),
    (0x0E, "\b\t", "\x7f"),
    (0x10, "qwertyuiop[]\r", "QWERTYUIOP{}"),
    (0x1E, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (0x2B, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (0x39, " ", ""),
)
SCAN_CODES = {
    ord(character): first + index
    for first, plain, shifted in _ROWS
    for row in (plain, shifted)
    for index, character in enumerate(row)
}
_LETTER_KEYS = {letter & 0x1F: SCAN_CODES[letter] for letter in range(ord("a"), ord("z") + 1)}
_OTHER_CONTROLS = {0x1C: 0x2B, 0x1D: 0x1B, 0x1E: 0x07, 0x1F: 0x0C, 0x00: 0x03}
ENTER, BACKSPACE, LF, DEL = 0x0D, 0x08, 0x0A, 0x7F

SEQUENCES = {
    b"\x1b[A": 0x48,
    b"\x1b[B": 0x50,
    b"\x1b[C": 0x4D,
    b"\x1b[D": 0x4B,
    b"\x1b[H": 0x47,
    b"\x1b[F": 0x4F,
    b"\x1b[2~": 0x52,
    b"\x1b[3~": 0x53,
    b"\x1b[5~": 0x49,
    b"\x1b[6~": 0x51,
    b"\x1bOP": 0x3B,
    b"\x1bOQ": 0x3C,
    b"\x1bOR": 0x3D,
    b"\x1bOS": 0x3E,
    b"\x1b[15~": 0x3F,
    b"\x1b[17~": 0x40,
    b"\x1b[18~": 0x41,
    b"\x1b[19~": 0x42,
    b"\x1b[20~": 0x43,
    b"\x1b[21~": 0x44,
}
"""What terminals (xterm, VT220) send for keys that have no character: arrows, F1 to F10, …"""


@dataclass(frozen=True, slots=True)
class Key:
    """A key as INT 16h returns it, and how many bytes of input it was."""

    scan_code: int
    character: int
    length: int = 1

    @property
    def word(self) -> int:
        """The key as it stands in AX."""
        return self.scan_code << 8 | self.character


def next_key(pending: bytes) -> Key | None:
    """Return the first key of the input; None if there is none."""
    if not pending:
        return None
    for sequence, scan_code in SEQUENCES.items():
        if pending.startswith(sequence):
            return Key(scan_code, 0, len(sequence))
    code = pending[0]
    if pending.startswith(b"\r\n"):
        return Key(SCAN_CODES[ENTER], ENTER, 2)
    if code == LF:
        return Key(SCAN_CODES[ENTER], ENTER)
    if code == DEL:
        return Key(SCAN_CODES[BACKSPACE], BACKSPACE)
    scan_code = SCAN_CODES.get(code, _LETTER_KEYS.get(code, _OTHER_CONTROLS.get(code, 0)))
    return Key(scan_code, code)


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
