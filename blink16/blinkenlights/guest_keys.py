"""The user's keys as the guest takes them: a PC's keyboard has chords, a terminal sends codes."""

from __future__ import annotations

import re

from textual import events

from blink16.client import Target

_CHARACTERS = {"enter": "\r", "tab": "\t", "space": " ", "backspace": "\b", "escape": "\x1b"}
_PC_NAMES = {
    "pageup": "pgup", "pagedown": "pgdn", "insert": "ins", "delete": "del", "escape": "esc",
    "print_screen": "prtsc", "caps_lock": "capslock", "num_lock": "numlock",
    "scroll_lock": "scrolllock", "add": "keypad+", "subtract": "keypad-", "multiply": "keypad*",
    "divide": "keypad/", "decimal": "keypad.", "kp_begin": "keypad5",
}  # fmt: skip
"""Keys that `monitor key` calls otherwise than Textual."""
_PC_SYMBOLS = {
    "equals_sign": "=", "semicolon": ";", "slash": "/", "backslash": "\\", "apostrophe": "'",
    "left_square_bracket": "[", "right_square_bracket": "]", "comma": ",", "full_stop": ".",
    "grave_accent": "`", "minus": "minus", "underscore": "minus", "circumflex_accent": "6",
    "at": "2", "@": "2",
}  # fmt: skip
"""The same of characters, with ctrl or alt: by the key on which a PC's keyboard has them."""
_PC_KEYS = {
    "up", "down", "left", "right", "home", "end", "enter", "tab", "space", "backspace", "pause",
    *_PC_NAMES, *(f"f{number}" for number in range(1, 13)),
}  # fmt: skip
_CURSOR = {"up": "A", "down": "B", "right": "C", "left": "D", "home": "H", "end": "F"}
_CODES = {
    "insert": "\x1b[2~", "delete": "\x1b[3~", "pageup": "\x1b[5~", "pagedown": "\x1b[6~",
    "f1": "\x1bOP", "f2": "\x1bOQ", "f3": "\x1bOR", "f4": "\x1bOS", "f5": "\x1b[15~",
    "f6": "\x1b[17~", "f7": "\x1b[18~", "f8": "\x1b[19~", "f9": "\x1b[20~", "f10": "\x1b[21~",
    "shift+tab": "\x1b[Z",
}  # fmt: skip
"""What a VT220 sends, by DEC's manual."""
_ALT = re.compile(r"(?:\x1b[\x01-\x1a -NP-Z\\-\x7f])+")
"""Not what begins a key's own sequence (ESC [ and ESC O), nor ESC itself."""
_SHIFT_BIT, _ALT_BIT, _CTRL_BIT = 1, 2, 4
"""Of a key with modifiers, by kitty's keyboard protocol."""
_CONTROLLED = "".join(map(chr, set(range(1, 27)) - set(b"\b\t\r")))
"""Characters that are letters with ctrl, and no keys of their own."""
_CONTROLS = {"at": 0, "left_square_bracket": 27, "backslash": 28, "circumflex_accent": 30,
             "underscore": 31}  # fmt: skip


def text_on_pc(event: events.Key) -> str | None:
    """Return what a PC gets as text, in its order: a key would overtake text that is not read yet.

    Escape is none: the next character would make it another key.
    """
    if event.key in _CHARACTERS and event.key != "escape":
        return _CHARACTERS[event.key]
    is_text = event.character and event.is_printable and on_pc(event) is None
    return event.character if is_text else None


def on_pc(event: events.Key) -> str | None:
    """Return a key as `monitor key` takes it; None if it is a character, or there is none such."""
    *held, name = event.key.split("+")
    if name == "pause" and "ctrl" in held:
        return "ctrl-break"
    if name in _PC_KEYS:
        return "-".join([*held, _PC_NAMES.get(name, name)])
    if name in _PC_SYMBOLS and held:
        return "-".join([*held, _PC_SYMBOLS[name]])
    if len(name) == 1 and name.isascii() and name.isalnum() and held:
        return "-".join([*held, name])
    return None


def with_alt(typed: str) -> str:
    """Return what a terminal has sent with Alt and a key told apart from what Textual takes it for.

    ESC and a character, read at once: f and b are ctrl-right and ctrl-left to Textual, digits
    what they are with a Macintosh's Option, and of others it forgets ESC.  In kitty's protocol they
    are themselves.
    """
    if not _ALT.fullmatch(typed):
        return typed
    return "".join(map(_kitty, typed[1::2]))


def _kitty(character: str) -> str:
    modifiers, code = 1 + _ALT_BIT, ord(character)
    if character in _CONTROLLED:
        modifiers, code = modifiers + _CTRL_BIT, code | 0x60
    elif character.isupper():
        modifiers, code = modifiers + _SHIFT_BIT, ord(character.lower())
    return f"\x1b[{code};{modifiers}u"


def on_terminal(event: events.Key, *, application: bool) -> str | None:
    """Return what a terminal sends for a key; None if that is nothing.

    ``application``: whether the program wants the other codes of the cursor keys.
    """
    *held, name = event.key.split("+")
    if not held and name in _CHARACTERS:
        return _CHARACTERS[name]
    if not held and name in _CURSOR:
        return f"\x1b{'O' if application else '['}{_CURSOR[name]}"
    if event.key in _CODES:
        return _CODES[event.key]
    alt = "\x1b" if "alt" in held else ""
    if "ctrl" in held:
        letter = len(name) == 1 and name.isalpha() and name.isascii()
        code = ord(name.upper()) & 0x1F if letter else _CONTROLS.get(name)
        return None if code is None else alt + chr(code)
    if alt:
        text = _CHARACTERS.get(name) or (name if len(name) == 1 else event.character)
        return text and alt + (text.upper() if "shift" in held else text)
    return event.character if event.character and event.is_printable else None


def typed(target: Target, text: str) -> None:
    """Give the guest a text; what its character set has not is left out."""
    text = text.encode("cp437", "ignore").decode("cp437")
    if text:
        target.type(text)
