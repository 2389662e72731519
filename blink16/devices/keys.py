"""The 83 keys of the PC/XT's keyboard: their scan codes, names and characters.

A key sends its scan code when it goes down, and the code with bit 7 set when it goes up.
Source: IBM PC/XT Technical Reference, keyboard; code page 437 is the PC's character set.
"""

from __future__ import annotations

BREAK = 0x80
"""Set in the code of a key that goes up."""
CTRL, LEFT_SHIFT, RIGHT_SHIFT, ALT = 0x1D, 0x2A, 0x36, 0x38
CAPS_LOCK, NUM_LOCK, SCROLL_LOCK = 0x3A, 0x45, 0x46

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

MODIFIERS = {"ctrl": CTRL, "shift": LEFT_SHIFT, "alt": ALT}
NAMES = {
    **{chr(code): scan for code, scan in PLAIN.items() if chr(code).isprintable()},
    **{f"f{number}": 0x3A + number for number in range(1, 11)},
    **MODIFIERS,
    **dict.fromkeys(("esc", "escape"), 0x01),
    **dict.fromkeys(("enter", "return"), 0x1C),
    **dict.fromkeys(("del", "delete"), 0x53),
    **dict.fromkeys(("ins", "insert"), 0x52),
    **dict.fromkeys(("pgup", "pageup"), 0x49),
    **dict.fromkeys(("pgdn", "pagedown"), 0x51),
    **dict.fromkeys(("prtsc", "print"), 0x37),
    **dict.fromkeys(("break", "scrolllock"), SCROLL_LOCK),
    "backspace": 0x0E,
    "tab": 0x0F,
    "space": 0x39,
    "minus": 0x0C,
    "rshift": RIGHT_SHIFT,
    "capslock": CAPS_LOCK,
    "numlock": NUM_LOCK,
    "home": 0x47,
    "up": 0x48,
    "left": 0x4B,
    "right": 0x4D,
    "end": 0x4F,
    "down": 0x50,
    "keypad-": 0x4A,
    "keypad5": 0x4C,
    "keypad+": 0x4E,
}
"""Scan codes by the names that people write: ``a``, ``f1``, ``enter``, ``del``, …"""

SEQUENCES = {
    b"\x1b[A": 0x48,
    b"\x1b[B": 0x50,
    b"\x1b[C": 0x4D,
    b"\x1b[D": 0x4B,
    b"\x1bOA": 0x48,
    b"\x1bOB": 0x50,
    b"\x1bOC": 0x4D,
    b"\x1bOD": 0x4B,
    b"\x1b[H": 0x47,
    b"\x1b[F": 0x4F,
    b"\x1b[1~": 0x47,
    b"\x1b[2~": 0x52,
    b"\x1b[3~": 0x53,
    b"\x1b[4~": 0x4F,
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
"""What terminals (xterm, VT220) send for keys that have no character."""
LONGEST_SEQUENCE = max(map(len, SEQUENCES))
_KEYPAD = (0x52, 0x4F, 0x50, 0x51, 0x4B, 0x4C, 0x4D, 0x47, 0x48, 0x49)
"""The keypad's digits; typed with Alt down they give the character of that number."""


def stroke(*scan_codes: int) -> bytes:
    """Return the codes of keys that go down one after the other and up in reverse order."""
    return bytes(scan_codes) + bytes(code | BREAK for code in reversed(scan_codes))


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
    for length in range(len(text), 2, -1):
        if text[:length] in SEQUENCES:
            return length, stroke(SEQUENCES[text[:length]])
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
    names = name.lower().split("-") if len(name) > 1 and not name.endswith("-") else [name.lower()]
    for key in names:
        if key not in NAMES:
            raise ValueError(f"the keyboard has no key {key!r}")
    return stroke(*(NAMES[key] for key in names))
