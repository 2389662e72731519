"""The user's keys as the guest takes them: a PC's keyboard has chords, a terminal sends codes."""

from __future__ import annotations

from textual import events

from blink16.client import Target

_CHARACTERS = {"enter": "\r", "tab": "\t", "space": " ", "backspace": "\b", "escape": "\x1b"}
_PC_NAMES = {
    "pageup": "pgup", "pagedown": "pgdn", "insert": "ins", "delete": "del", "escape": "esc",
}  # fmt: skip
"""Keys that `monitor key` calls otherwise than Textual."""
_PC_KEYS = {
    "up", "down", "left", "right", "home", "end", "enter", "tab", "space", "backspace",
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
_CONTROLS = {"at": 0, "left_square_bracket": 27, "backslash": 28, "circumflex_accent": 30,
             "underscore": 31}  # fmt: skip


def on_pc(event: events.Key) -> str | None:
    """Return a key as `monitor key` takes it; None if it is a character, or there is none such."""
    *held, name = event.key.split("+")
    known = name in _PC_KEYS or (len(name) == 1 and name.isascii() and bool(held))
    if not known:
        return None
    return "-".join([*held, _PC_NAMES.get(name, name)])


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
    if "ctrl" in held:
        letter = len(name) == 1 and name.isalpha() and name.isascii()
        code = ord(name.upper()) & 0x1F if letter else _CONTROLS.get(name)
        return None if code is None else chr(code)
    if held == ["alt"] and len(name) == 1:
        return "\x1b" + name
    return event.character if event.character and event.is_printable else None


def typed(target: Target, text: str) -> None:
    """Give the guest a text; what its character set has not is left out."""
    text = text.encode("cp437", "ignore").decode("cp437")
    if text:
        target.type(text)
