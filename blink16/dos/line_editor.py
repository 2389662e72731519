"""Editing a line as DOS does it (INT 21h/0Ah), with F1 to F6 working on the line before.

Sans-IO: keys go in, what is to be shown comes out.
Source: MS-DOS 3.3 User's Guide, "DOS editing keys".
"""

from __future__ import annotations

from typing import NamedTuple

CTRL_Z = 0x1A
BACKSPACE, TAB, LF, CR, ESCAPE, DELETED = 0x08, 0x09, 0x0A, 0x0D, 0x1B, 0x7F
F1, F2, F3, F4, F5, F6 = range(0x3B, 0x41)
LEFT, RIGHT, INSERT, DELETE = 0x4B, 0x4D, 0x52, 0x53
TAB_WIDTH = 8
BELL = b"\a"


class Line(NamedTuple):
    """A line that is being typed."""

    limit: int
    """Characters that it may have."""
    template: bytes = b""
    """The line before."""
    column: int = 0
    """Where on the screen it begins."""
    text: bytes = b""
    taken: int = 0
    """Characters of the template used up."""
    inserting: bool = False
    waits_for: int = 0
    """F2 or F4, which want to know a character."""
    ended: bool = False


Typed = tuple[Line, bytes]
"""A line, and what to show."""


def press(line: Line, code: int, scan: int = 0) -> Typed:
    """Take a key: a character, or (0) a key without one by its scan code."""
    if line.waits_for:
        return _up_to(line, code)
    if code == 0:
        return _function(line, scan)
    if code == CR:
        return line._replace(ended=True), b"\r"
    if code in (BACKSPACE, DELETED):
        return _back(line)
    if code == ESCAPE:
        return line._replace(text=b"", taken=0), b"\\\r\n" + b" " * line.column
    if code == LF:
        return line, b"\r\n"
    return _add(line, bytes((code,)), uses=not line.inserting)


def _add(line: Line, characters: bytes, *, uses: bool = True) -> Typed:
    """Append characters as far as there is room; ``uses``: they replace the template's."""
    shown = b""
    for code in characters:
        if len(line.text) >= line.limit:
            return line, shown + BELL
        shown += _picture(code, _end(line))
        taken = min(line.taken + uses, len(line.template))
        line = line._replace(text=line.text + bytes((code,)), taken=taken)
    return line, shown


def _back(line: Line) -> Typed:
    if not line.text:
        return line, b""
    shorter = line._replace(text=line.text[:-1], taken=max(0, line.taken - 1))
    return shorter, b"\b \b" * (_end(line) - _end(shorter))


def _function(line: Line, scan: int) -> Typed:
    rest = line.template[line.taken :]
    match scan:
        case 0x3B | 0x4D:  # F1, right
            return _add(line, rest[:1])
        case 0x3D:  # F3
            return _add(line, rest)
        case 0x3C | 0x3E:  # F2, F4
            return line._replace(waits_for=scan), b""
        case 0x3F:  # F5
            return line._replace(template=line.text, text=b"", taken=0), b"@\r\n"
        case 0x40:  # F6
            return _add(line, bytes((CTRL_Z,)))
        case 0x4B:  # left
            return _back(line)
        case 0x52:  # Insert
            return line._replace(inserting=not line.inserting), b""
        case 0x53:  # Delete
            return line._replace(taken=min(line.taken + 1, len(line.template))), b""
    return line, b""


def _up_to(line: Line, code: int) -> Typed:
    """Copy (F2) or skip (F4) the template up to a character."""
    wanted, line = line.waits_for, line._replace(waits_for=0)
    at = line.template.find(bytes((code,)), line.taken + 1)
    if at < 0 or not code:
        return line, b""
    if wanted == F4:
        return line._replace(taken=at), b""
    return _add(line, line.template[line.taken : at])


def _picture(code: int, column: int) -> bytes:
    """Return how a character is shown at a column."""
    if code == TAB:
        return b" " * (TAB_WIDTH - column % TAB_WIDTH)
    return b"^" + bytes((code + 0x40,)) if code < 0x20 else bytes((code,))


def _end(line: Line) -> int:
    """Return the column behind the line."""
    column = line.column
    for code in line.text:
        column += len(_picture(code, column))
    return column
