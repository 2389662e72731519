"""Keys as a terminal or a pipe sends them, with the scan codes that an IBM keyboard gives.

A terminal sends characters, and sequences that begin with an escape for other keys; `next_key`
turns them into what an IBM keyboard's BIOS would return.
"""

from __future__ import annotations

from dataclasses import dataclass

from blink16.bios.key_table import Modifiers, word_of
from blink16.devices import keys

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
    found = keys.sequence(pending[: keys.LONGEST_SEQUENCE])
    if found is not None:
        return _chord(*found)
    code = pending[0]
    if pending.startswith(b"\r\n"):
        return KeyStroke(SCAN_CODES[ENTER], ENTER, 2)
    if code == LF:
        return KeyStroke(SCAN_CODES[ENTER], ENTER)
    if code == DEL:
        return KeyStroke(SCAN_CODES[BACKSPACE], BACKSPACE)
    return KeyStroke(SCAN_CODES.get(code, 0), code)


def _chord(length: int, codes: tuple[int, ...]) -> KeyStroke:
    *held, scan = codes
    modifiers = Modifiers(
        shift=keys.LEFT_SHIFT in held, ctrl=keys.CTRL in held, alt=keys.ALT in held
    )
    word = word_of(scan, modifiers) or 0
    return KeyStroke(word >> 8, word & 0xFF, length)
