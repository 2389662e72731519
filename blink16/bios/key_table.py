"""What each key gives with Shift, Ctrl and Alt: words of INT 16h.

Source: IBM PC/XT Technical Reference, "Keyboard encoding and usage".
"""

from __future__ import annotations

from dataclasses import dataclass

from blink16.devices import keys

FUNCTION_KEYS = range(0x3B, 0x45)
KEYPAD = range(0x47, 0x54)
KEYPAD_CHARACTERS = dict(zip(KEYPAD, "789-456+1230.", strict=True))
_KEYPAD_OPERATORS = (0x4A, 0x4E)
_KEYPAD_5 = 0x4C
_CTRL_KEYPAD = {
    0x4B: 0x73,  # left
    0x4D: 0x74,
    0x4F: 0x75,  # end
    0x51: 0x76,  # page down
    0x47: 0x77,  # home
    0x49: 0x84,  # page up
}
_PRINT_SCREEN, _CTRL_PRINT_SCREEN = 0x37, 0x7200
_F11 = range(0x57, 0x59)
_F11_WORDS, _SHIFT_F11, _CTRL_F11, _ALT_F11 = 0x85, 0x87, 0x89, 0x8B
GREY_KEYS = (*range(0x47, 0x4A), 0x4B, 0x4D, *range(0x4F, 0x54))
_CTRL_GREY = _CTRL_KEYPAD | {0x48: 0x8D, 0x50: 0x91, 0x52: 0x92, 0x53: 0x93}
_ALT_GREY = 0x50
"""Added to a grey key's scan code."""
GREY = keys.PREFIX
"""The low byte of grey cursor keys, the high byte of the other keys with a prefix."""
_SLASH = 0x35
LAST_OLD_WORD = 0x84
"""The greatest high byte of an 83-key keyboard's words."""
_SHIFT_F1, _CTRL_F1, _ALT_F1, _ALT_1 = 0x54, 0x5E, 0x68, 0x78
_TOP_ROW = range(0x02, 0x0E)
_LETTER_ROWS = (*range(0x10, 0x1A), *range(0x1E, 0x27), *range(0x2C, 0x33))
_LEFT_BRACKET = 0x1A
_TAB, _SPACE, _BACKSPACE, _ENTER, _ESCAPE = 0x0F, 0x39, 0x0E, 0x1C, 0x01
_CTRL_CHARACTERS = {_BACKSPACE: 0x7F, _ENTER: 0x0A, _SPACE: 0x20, _LEFT_BRACKET: 0x1B}


@dataclass(frozen=True, slots=True)
class Modifiers:
    """What is held down or locked while a key is pressed."""

    shift: bool = False
    ctrl: bool = False
    alt: bool = False
    caps_lock: bool = False
    num_lock: bool = False


def _swap(table: dict[int, int]) -> dict[int, int]:
    return {scan: code for code, scan in table.items()}


_PLAIN, _SHIFTED, _CONTROL = _swap(keys.PLAIN), _swap(keys.SHIFTED), _swap(keys.CONTROL)


def old_word(word: int) -> int | None:
    """Return what programs get that know 83 keys only; None: they don't get to know it."""
    high, low = word >> 8, word & 0xFF
    if high == GREY:
        return (_SLASH if low == ord("/") else _ENTER) << 8 | low
    if high > LAST_OLD_WORD:
        return None
    return high << 8 if low == GREY and high else word


def grey_word_of(scan: int, held: Modifiers) -> int | None:
    """Return what INT 16h gives for a key that sends the prefix."""
    if scan in GREY_KEYS:
        if held.alt:
            return (scan + _ALT_GREY) << 8
        return (_CTRL_GREY[scan] if held.ctrl else scan) << 8 | GREY
    if scan == _ENTER:
        return 0xA600 if held.alt else GREY << 8 | (0x0A if held.ctrl else 0x0D)
    if scan == _SLASH:
        return 0xA400 if held.alt else 0x9500 if held.ctrl else GREY << 8 | ord("/")
    return None


def word_of(scan: int, held: Modifiers) -> int | None:
    """Return what INT 16h gives for a key; None: that combination gives nothing."""
    if scan in _F11:
        first = _ALT_F11 if held.alt else _CTRL_F11 if held.ctrl else _F11_WORDS
        first = _SHIFT_F11 if held.shift and first == _F11_WORDS else first
        return first + scan - _F11[0] << 8
    if held.alt:
        return _with_alt(scan)
    if held.ctrl:
        return _with_ctrl(scan)
    if scan in FUNCTION_KEYS:
        return (scan + (_SHIFT_F1 - FUNCTION_KEYS[0] if held.shift else 0)) << 8
    if scan in KEYPAD:
        return _keypad(scan, digits=held.shift != held.num_lock)
    if scan == _TAB and held.shift:
        return scan << 8
    if scan == _PRINT_SCREEN:
        return None if held.shift else scan << 8 | ord("*")
    shift = held.shift != (held.caps_lock and scan in _LETTER_ROWS)
    code = _SHIFTED.get(scan, _PLAIN.get(scan)) if shift else _PLAIN.get(scan)
    return None if code is None else scan << 8 | code


def _keypad(scan: int, *, digits: bool) -> int | None:
    if digits or scan in _KEYPAD_OPERATORS:
        return scan << 8 | ord(KEYPAD_CHARACTERS[scan])
    return None if scan == _KEYPAD_5 else scan << 8


def _with_ctrl(scan: int) -> int | None:
    if scan in FUNCTION_KEYS:
        return (scan + _CTRL_F1 - FUNCTION_KEYS[0]) << 8
    if scan in _CTRL_KEYPAD:
        return _CTRL_KEYPAD[scan] << 8
    if scan == _PRINT_SCREEN:
        return _CTRL_PRINT_SCREEN
    if scan == _ESCAPE:
        return scan << 8 | 0x1B
    code = _CTRL_CHARACTERS.get(scan, _CONTROL.get(scan))
    return None if code is None else scan << 8 | code


def _with_alt(scan: int) -> int | None:
    if scan in FUNCTION_KEYS:
        return (scan + _ALT_F1 - FUNCTION_KEYS[0]) << 8
    if scan in _TOP_ROW:
        return (scan + _ALT_1 - _TOP_ROW[0]) << 8
    if scan in _LETTER_ROWS:
        return scan << 8
    return scan << 8 | 0x20 if scan == _SPACE else None
