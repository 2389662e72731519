"""A PC's text screen on a terminal that understands ANSI (ECMA-48) sequences."""

from __future__ import annotations

from blink16.bios.display import GLYPHS, DotScreen, Screen, TextScreen

HOME, CLEAR, RESET_COLORS = "\x1b[H", "\x1b[2J", "\x1b[0m"
SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"
_ANSI_COLOR = (0, 4, 2, 6, 1, 5, 3, 7)
"""A CGA's colors have blue in bit 0 and red in bit 2, ANSI's the other way round."""
NORMAL = 0x07


class Painter:
    """Knows what the terminal shows, and says what to send so that it shows another screen."""

    def __init__(self) -> None:
        self._shown: Screen | None = None
        self._fresh = True

    def paint(self, screen: Screen | None) -> str:
        """Return what turns the terminal's picture into ``screen``; empty if it is that."""
        if screen == self._shown and not self._fresh:
            return ""
        before = self._shown if not self._fresh else None
        self._shown, self._fresh = screen, False
        if isinstance(screen, TextScreen):
            return _text(screen, before)
        size = f"{screen.width}x{screen.height} dots" if isinstance(screen, DotScreen) else "off"
        return f"{RESET_COLORS}{CLEAR}{HOME}[the screen: {size}]{HIDE_CURSOR}"

    def end(self) -> str:
        """Return what leaves the terminal's cursor below the picture."""
        rows = self._shown.rows if isinstance(self._shown, TextScreen) else 1
        return f"{RESET_COLORS}\x1b[{rows};1H\r\n{SHOW_CURSOR}"


def _text(screen: TextScreen, before: Screen | None) -> str:
    old = b""
    if isinstance(before, TextScreen):
        same = (before.columns, before.rows) == (screen.columns, screen.rows)
        old = before.cells if same else b""
    parts = [] if old else [RESET_COLORS, CLEAR]
    width = 2 * screen.columns
    for row in range(screen.rows):
        place = slice(row * width, (row + 1) * width)
        if screen.cells[place] != old[place]:
            parts.append(f"\x1b[{row + 1};1H{_row(screen.cells[place])}")
    if screen.cursor is None:
        parts.append(HIDE_CURSOR)
    else:
        row, column = screen.cursor
        parts.append(f"\x1b[{row + 1};{column + 1}H{SHOW_CURSOR}")
    return "".join(parts)


def _row(cells: bytes) -> str:
    parts, last = [], None
    for at in range(0, len(cells), 2):
        code, attribute = cells[at], cells[at + 1]
        if attribute != last:
            parts.append(_colors(attribute))
            last = attribute
        parts.append(GLYPHS[code])
    return "".join([*parts, RESET_COLORS])


def _colors(attribute: int) -> str:
    if attribute == NORMAL:
        return RESET_COLORS
    foreground = (90 if attribute & 8 else 30) + _ANSI_COLOR[attribute & 7]
    background = 40 + _ANSI_COLOR[attribute >> 4 & 7]
    blink = ";5" if attribute & 0x80 else ""
    return f"\x1b[0;{foreground};{background}{blink}m"
