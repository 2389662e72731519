"""A PC's screen on a terminal that understands ANSI (ECMA-48) sequences."""

from __future__ import annotations

from dataclasses import replace

from blink16.bios import picture
from blink16.bios.picture import mono_colors
from blink16.bios.screen_content import GLYPHS, DotScreen, ScreenContent, TextScreen
from blink16.screens.halfblocks import MANY_COLORS, rows_of

HOME, CLEAR, RESET_COLORS = "\x1b[H", "\x1b[2J", "\x1b[0m"
CLEAR_BELOW, REVERSE = "\x1b[J", "\x1b[0;7m"
SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"
_ANSI_COLOR = (0, 4, 2, 6, 1, 5, 3, 7)
"""A CGA's colors have blue in bit 0 and red in bit 2, ANSI's the other way round."""
NORMAL = 0x07
UNKNOWN_SIZE = (0, 0)
"""Of a terminal on which there is room for everything."""
USUAL_SIZE = (80, 25)
FLAT = 4
"""Characters of so few lines are dots: who makes a screen of them draws pictures."""


class Painter:
    """Knows what the terminal shows, and says what to send so that it shows another screen.

    A terminal smaller than the screen shows the part around the cursor.
    """

    def __init__(self, *, keeps_cursor: bool = False, colors: int = MANY_COLORS) -> None:
        """``keeps_cursor``: where none is shown it goes to a corner, as on a terminal that may
        leave us any time, and whose cursor nobody would switch on again.  ``colors``: how many
        the terminal has for pictures of dots.
        """
        self._colors = colors
        self._rows: list[str] = []
        """Of a picture of dots that the terminal shows."""
        self._keeps_cursor = keeps_cursor
        self._shown: ScreenContent | None = None
        self._size = UNKNOWN_SIZE
        self._status = ""
        self._top = 0
        """The screen's first row on the terminal."""
        self._fresh = True

    def paint(
        self, screen: ScreenContent | None, size: tuple[int, int] = UNKNOWN_SIZE, status: str = ""
    ) -> str:
        """Return what turns the terminal's picture into ``screen``; empty if it is that.

        ``size``: the terminal's columns and lines.  ``status``: a text for its last line, which
        is not used for the screen then; there is none where the size is not known.
        """
        if size[0] <= 0:
            size, status = UNKNOWN_SIZE, ""
        if size != self._size or bool(status) != bool(self._status):
            self._fresh = True
        if isinstance(screen, TextScreen) and screen.height <= FLAT:
            screen = picture.dots_of(screen)
        if isinstance(screen, TextScreen):
            screen = self._part(screen, size[0], size[1] - bool(status))
        changed = self._fresh or screen != self._shown
        room = USUAL_SIZE if size == UNKNOWN_SIZE else (size[0], size[1] - bool(status))
        painted = self._picture(screen, *room) if changed else ""
        changed = changed or status != self._status
        self._shown, self._size, self._fresh, self._status = screen, size, False, status
        return painted + self._bottom_line() + self._cursor(screen) if changed else ""

    def end(self) -> str:
        """Return what leaves the terminal's cursor below the picture."""
        rows = len(self._rows) or 1
        if isinstance(self._shown, TextScreen):
            rows = self._shown.rows
        return f"{RESET_COLORS}\x1b[{rows};1H\r\n{SHOW_CURSOR}{CLEAR_BELOW}"

    def _picture(self, screen: ScreenContent | None, columns: int, lines: int) -> str:
        if isinstance(screen, TextScreen):
            return _text(screen, None if self._fresh else self._shown)
        if screen is None:
            return f"{RESET_COLORS}{CLEAR}{HOME}[the screen: off]"
        return self._dots(screen, columns, max(lines, 1))

    def _dots(self, screen: DotScreen, columns: int, lines: int) -> str:
        """Return what draws a picture of dots: the rows that are other than before."""
        rows = rows_of(screen, columns, lines, self._colors)
        known = not self._fresh and isinstance(self._shown, DotScreen)
        known = known and len(self._rows) == len(rows)
        parts = [] if known else [RESET_COLORS, CLEAR]
        old = self._rows if known else [""] * len(rows)
        self._rows = rows
        for number, (row, before) in enumerate(zip(rows, old, strict=True), 1):
            if row != before:
                parts.append(f"\x1b[{number};1H{row}{RESET_COLORS}")
        return "".join(parts)

    def _bottom_line(self) -> str:
        columns, lines = self._size
        if not self._status:
            return ""
        text = "".join(c if c.isprintable() else "?" for c in self._status)[: columns - 1]
        return f"\x1b[{lines};1H{REVERSE}{text:{columns - 1}}{RESET_COLORS}"

    def _cursor(self, screen: ScreenContent | None) -> str:
        cursor = screen.cursor if isinstance(screen, TextScreen) else None
        if cursor is None and not self._keeps_cursor:
            return HIDE_CURSOR
        columns, lines = self._size
        row, column = cursor or (lines - 1, columns - 1)
        return f"\x1b[{row + 1};{column + 1}H{SHOW_CURSOR}"

    def _part(self, screen: TextScreen, columns: int, lines: int) -> TextScreen:
        """Return what there is room for of a screen: the rows around the cursor."""
        if columns <= 0 or lines <= 0 or (screen.columns <= columns and screen.rows <= lines):
            self._top = 0
            return screen
        columns, lines = min(columns, screen.columns), min(lines, screen.rows)
        row, column = screen.cursor or (self._top, screen.columns)
        self._top = min(max(self._top, row - lines + 1), row, screen.rows - lines)
        width = 2 * screen.columns
        starts = range(self._top * width, (self._top + lines) * width, width)
        cells = b"".join(screen.cells[at : at + 2 * columns] for at in starts)
        cursor = (row - self._top, column) if column < columns else None
        return replace(screen, columns=columns, rows=lines, cells=cells, cursor=cursor)


def _text(screen: TextScreen, before: ScreenContent | None) -> str:
    old = b""
    if isinstance(before, TextScreen):
        same = (before.columns, before.rows) == (screen.columns, screen.rows)
        old = before.cells if same else b""
    parts = [] if old else [RESET_COLORS, CLEAR]
    width = 2 * screen.columns
    for row in range(screen.rows):
        place = slice(row * width, (row + 1) * width)
        if screen.cells[place] != old[place]:
            parts.append(f"\x1b[{row + 1};1H{_row(screen.cells[place], screen)}")
    return "".join(parts)


def _row(cells: bytes, screen: TextScreen) -> str:
    parts, last = [], None
    for at in range(0, len(cells), 2):
        code, attribute = cells[at], cells[at + 1]
        if attribute != last:
            colors = _shades if screen.mono else _colors
            parts.append(colors(attribute, screen.blinking))
            last = attribute
        parts.append(GLYPHS[code])
    return "".join([*parts, RESET_COLORS])


def _shades(attribute: int, blinking: bool) -> str:
    """Return what a monochrome adapter makes of an attribute."""
    foreground, background = mono_colors(attribute, blinking=blinking)
    parts = ["0"]
    if foreground == background == 0:
        parts.append("8")
    elif background & 7:
        parts.append("7")
    elif foreground & 8:
        parts.append("1")
    if attribute & 7 == 1:
        parts.append("4")
    if attribute & 0x80 and blinking:
        parts.append("5")
    return f"\x1b[{';'.join(parts)}m"


def _colors(attribute: int, blinking: bool) -> str:
    if attribute == NORMAL:
        return RESET_COLORS
    high = attribute & 0x80
    foreground = (90 if attribute & 8 else 30) + _ANSI_COLOR[attribute & 7]
    background = (100 if high and not blinking else 40) + _ANSI_COLOR[attribute >> 4 & 7]
    blink = ";5" if high and blinking else ""
    return f"\x1b[0;{foreground};{background}{blink}m"
