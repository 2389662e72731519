"""The keys of the PC/XT's keyboards, of 83 and of 101: scan codes, names and characters.

A key sends its scan code when it goes down, and the code with bit 7 set when it goes up.  Keys
that only the larger keyboard has twice send a prefix before it.
Source: IBM PC/XT Technical Reference (1986), keyboards; code page 437 is the PC's character set.
"""

from __future__ import annotations

import re

BREAK = 0x80
"""Set in the code of a key that goes up."""
CTRL, LEFT_SHIFT, RIGHT_SHIFT, ALT = 0x1D, 0x2A, 0x36, 0x38
CAPS_LOCK, NUM_LOCK, SCROLL_LOCK = 0x3A, 0x45, 0x46
PREFIX = 0xE0
GREY = PREFIX << 8
"""Added here to the scan codes of keys that send the prefix."""

CHARACTER_ROWS = (
    (0x01, "\x1b", ""),
    (0x02, "1234567890-=", "!@#$%^&*()_+"),
    (0x0E, "\b\t", ""),
    (0x10, "qwertyuiop[]\r", "QWERTYUIOP{}"),
    (0x1E, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (0x2B, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (0x39, " ", ""),
)
"""Rows of the US keyboard: the scan code of the first key, characters without and with shift."""
PLAIN = {
    ord(character): first + index
    for first, row, _ in CHARACTER_ROWS
    for index, character in enumerate(row)
}
"""The scan code of each character that needs no shift."""
SHIFTED = {
    ord(character): first + index
    for first, _, row in CHARACTER_ROWS
    for index, character in enumerate(row)
}
CONTROL = {
    **{letter & 0x1F: PLAIN[letter] for letter in range(ord("a"), ord("z") + 1)},
    0x00: 0x03,  # Ctrl-2
    0x1C: 0x2B,
    0x1D: 0x1B,
    0x1E: 0x07,
    0x1F: 0x0C,
}
"""The scan code of each character that Ctrl makes."""
_SAME_KEY = {0x0A: 0x1C, 0x7F: 0x0E}
"""What terminals and files have for Enter and Backspace."""

_CURSOR_PAD = {
    "home": 0x47,
    "up": 0x48,
    "pgup": 0x49,
    "left": 0x4B,
    "right": 0x4D,
    "end": 0x4F,
    "down": 0x50,
    "pgdn": 0x51,
    "ins": 0x52,
    "del": 0x53,
}
_FINAL_NAMES = ("up", "down", "right", "left", "home", "end")
_KEYPAD = (0x52, 0x4F, 0x50, 0x51, 0x4B, 0x4C, 0x4D, 0x47, 0x48, 0x49)
"""The keypad's digits; typed with Alt down they give the character of that number."""
MODIFIERS = {"ctrl": CTRL, "shift": LEFT_SHIFT, "alt": ALT}
NAMES = {
    **{chr(code): scan for code, scan in PLAIN.items() if chr(code).isprintable()},
    **{f"f{number}": 0x3A + number for number in range(1, 11)},
    **MODIFIERS,
    **dict.fromkeys(("esc", "escape"), 0x01),
    **dict.fromkeys(("enter", "return"), 0x1C),
    **_CURSOR_PAD,
    **{f"grey{name}": GREY | scan for name, scan in _CURSOR_PAD.items()},
    **{f"keypad{digit}": scan for digit, scan in enumerate(_KEYPAD)},
    "delete": 0x53,
    "insert": 0x52,
    "pageup": 0x49,
    "pagedown": 0x51,
    **dict.fromkeys(("prtsc", "print"), 0x37),
    **dict.fromkeys(("break", "scrolllock"), SCROLL_LOCK),
    "backspace": 0x0E,
    "tab": 0x0F,
    "space": 0x39,
    "minus": 0x0C,
    "rshift": RIGHT_SHIFT,
    "capslock": CAPS_LOCK,
    "numlock": NUM_LOCK,
    "f11": 0x57,
    "f12": 0x58,
    "keypad-": 0x4A,
    "keypad+": 0x4E,
    "keypad*": 0x37,
    "keypad.": 0x53,
    "keypad/": GREY | 0x35,
    "keypadenter": GREY | 0x1C,
    "rctrl": GREY | CTRL,
    "ralt": GREY | ALT,
}
"""Scan codes by the names that people write: ``a``, ``f1``, ``enter``, ``del``, …"""

_CHORDS = {"pause": ("ctrl", "numlock")}
_FINAL_BYTES = {
    **{byte: _CURSOR_PAD[name] for byte, name in zip(b"ABCDHF", _FINAL_NAMES, strict=True)},
    **{byte: 0x3B + number for number, byte in enumerate(b"PQRS")},
    ord("E"): 0x4C,  # the keypad's 5
    ord("M"): 0x1C,  # the keypad's Enter
    ord("Z"): 0x0F,  # Shift-Tab
}
"""Keys by the last byte of what xterm sends: ESC [ A, ESC O P, ESC [ 1 ; 5 A, ..."""
_NUMBERS = (1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 23, 24)
_EDITING = (0x47, 0x52, 0x53, 0x4F, 0x49, 0x51, 0x47, 0x4F)
_NUMBERED = dict(zip(_NUMBERS, (*_EDITING, *range(0x3B, 0x45), 0x57, 0x58), strict=True))
"""Keys by the number in what a VT220 sends: ESC [ 15 ~."""
_SEQUENCE = re.compile(
    rb"\x1b(?:\[\[(?P<console>[A-E])|\[(?P<number>\d{1,2})(?:;(?P<mods>\d))?~"
    rb"|(?:O|\[)(?:1?;?(?P<modifiers>\d))?(?P<final>[A-FHMPQRSZ])|(?P<alt>[ -NP-Z\\\]-~]))"
)
LONGEST_SEQUENCE = 7


def sequence(text: bytes) -> tuple[int, tuple[int, ...]] | None:
    """Return the length of the terminal's sequence that ``text`` begins with, and its chord.

    That is scan codes, modifiers first.  An escape and a character are that with Alt.  None:
    it begins with no sequence; an escape alone is that key.
    """
    found = _SEQUENCE.match(text)
    if found is None:
        return None
    if found["alt"]:
        code = found["alt"][0]
        if code in PLAIN:
            return 2, (ALT, PLAIN[code])
        return 2, (ALT, LEFT_SHIFT, SHIFTED[code])
    if found["console"]:
        scan: int | None = 0x3B + found["console"][0] - ord("A")
    elif found["number"]:
        scan = _NUMBERED.get(int(found["number"]))
    else:
        scan = _FINAL_BYTES[found["final"][0]]
    if scan is None:
        return None
    mods = int(found["mods"] or found["modifiers"] or b"1") - 1
    if found["final"] == b"Z":
        mods |= 1
    held = (key for bit, key in ((1, LEFT_SHIFT), (2, ALT), (4, CTRL)) if mods & bit)
    return found.end(), (*held, scan)


def stroke(*scan_codes: int) -> bytes:
    """Return the codes of keys that go down one after the other and up in reverse order."""
    up = (code | BREAK for code in reversed(scan_codes))
    return b"".join(map(_sent, (*scan_codes, *up)))


def _sent(scan_code: int) -> bytes:
    return scan_code.to_bytes(2 if scan_code > 0xFF else 1, "big")


def typed(text: bytes) -> bytes:
    """Return the scan codes that type ``text``, characters of the PC or a terminal's input."""
    codes, at = bytearray(), 0
    while at < len(text):
        length, keys = _first_key(text[at : at + LONGEST_SEQUENCE])
        codes += keys
        at += length
    return bytes(codes)


def _first_key(text: bytes) -> tuple[int, bytes]:
    """Return the length of a key's input, and its strokes."""
    found = sequence(text)
    if found is not None:
        return found[0], stroke(*found[1])
    return (2 if text.startswith(b"\r\n") else 1), _character(text[0])


def _character(code: int) -> bytes:
    if code in _SAME_KEY or code in PLAIN:
        return stroke(_SAME_KEY.get(code, 0) or PLAIN[code])
    if code in SHIFTED:
        return stroke(LEFT_SHIFT, SHIFTED[code])
    if code in CONTROL:
        return stroke(CTRL, CONTROL[code])
    digits = b"".join(stroke(_KEYPAD[int(digit)]) for digit in str(code))
    return bytes((ALT,)) + digits + bytes((ALT | BREAK,))


def chord(name: str) -> bytes:
    """Return the scan codes of keys pressed together, like ``f1`` or ``ctrl-alt-del``.

    ValueError names a key that there isn't.
    """
    codes = []
    for part in re.split("-(?!$)", name.lower()):
        for key in _CHORDS.get(part, (part,)):
            if key not in NAMES:
                raise ValueError(f"the keyboard has no key {key!r}")
            codes.append(NAMES[key])
    return stroke(*codes)
