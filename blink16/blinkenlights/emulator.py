"""The terminal of a program that prints to one: its escape sequences, as pyte understands them.

They reach this picture of a terminal and nothing else: what is drawn of it are single characters
with colors.  The terminal can be seen as it was at any instant: it is kept whole at some places of
the output, and what was printed after the nearest one is shown to it again.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyte
import pyte.modes
from pyte.screens import Char, Cursor, Margins

COLUMNS, ROWS = 80, 25
"""Of an ELKS console."""
MAX_SCROLLED = 500
"""Lines that are kept after they have left the terminal at its top."""
KEPT_EVERY = 4096
"""Bytes of output between two instants at which it is kept whole."""
MAX_KEPT = 64
MAX_SEQUENCE = 256
"""Characters of an escape sequence; longer ones are taken for none."""
MAX_ANSWER = 64
"""Bytes that the terminal may have to say at once."""
_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-9:;<=>?]*[ -/]*[@-~]|[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|[ #%()][\x20-\x7e]|[^\[\]P^_X #%()])"
    r"|[\x00-\x08\x0a-\x1a\x1c-\x1f\x7f\t]|[^\x00-\x1f\x7f]+"
)
"""An escape sequence, a control character, or text."""
_PRIVATE = 5
"""How far pyte shifts the numbers of modes behind a question mark."""
APPLICATION_CURSOR = 1 << _PRIVATE


class TerminalCell(NamedTuple):
    """A character, with colors by name (``red``) or as six hexadecimal digits."""

    text: str
    ink: str
    ground: str
    bold: bool
    underlined: bool
    reversed: bool


class _Terminal(pyte.Screen):
    """A screen that keeps the lines that leave it, and what it has to say."""

    def __init__(self) -> None:
        self.scrolled: deque[dict[int, Char]] = deque(maxlen=MAX_SCROLLED)
        self.said = bytearray()
        super().__init__(COLUMNS, ROWS)

    def index(self) -> None:
        """Move down a line; keep the one that leaves the terminal."""
        top, bottom = self.margins or Margins(0, self.lines - 1)
        if self.cursor.y == bottom and top == 0:
            self.scrolled.append(dict(self.buffer[0]))
        super().index()

    def insert_lines(self, count: int | None = None) -> None:
        """Insert lines at the cursor's."""
        self._have_all_lines()
        super().insert_lines(count)

    def delete_lines(self, count: int | None = None) -> None:
        """Delete lines from the cursor's on."""
        self._have_all_lines()
        super().delete_lines(count)

    def _have_all_lines(self) -> None:
        """Have those, too, on which nothing was written: pyte lets others stay in their places."""
        for y in range(self.lines):
            self.buffer[y]

    def row(self, y: int) -> list[TerminalCell]:
        """Return a line, a cell a column; negative ones have left it."""
        line = self.buffer[y] if y >= 0 else self.scrolled[y]
        return [_cell(line.get(x, self.default_char)) for x in range(self.columns)]

    def write_process_input(self, data: str) -> None:
        """Keep what a terminal answers to the program."""
        self.said += data.encode("ascii", "ignore")[: MAX_ANSWER - len(self.said)]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A terminal as it was when so many bytes had been printed."""

    printed: int
    values: dict[str, Any]


class Emulator:
    """What a program's terminal shows."""

    def __init__(self) -> None:
        self._returns = False
        self.version = 0
        """Another one when it may look otherwise."""
        self._begin()

    def _begin(self) -> None:
        self.version += 1
        self._screen = _Terminal()
        if self._returns:
            self._screen.set_mode(pyte.modes.LNM)
        self._stream = _stream(self._screen)
        self._start = 0
        self._printed = b""
        self._rest = ""
        self._kept: list[_Kept] = []

    def return_at_line_feeds(self, wanted: bool) -> None:
        """Choose whether a LF returns to the first column, too: some consoles send no CR."""
        if wanted != self._returns:
            self._returns = wanted
            self._begin()

    # -- the output --------------------------------------------------------------------------

    def show(self, output: bytes, start: int = 0) -> bytes:
        """Show what had been printed by an instant; return what the terminal says to that.

        ``start``: how many bytes had been printed before those that are still known.  It says
        nothing if this is an instant of the past.
        """
        self._forget_until(start)
        is_new = output.startswith(self._printed) and start == self._start
        if not is_new:
            self._go_back(output, start)
        self._feed(output[len(self._printed) :])
        said = bytes(self._screen.said)
        self._screen.said.clear()
        return said if is_new else b""

    def _forget_until(self, start: int) -> None:
        """Forget bytes that the output has forgotten, too."""
        gone = start - self._start
        if 0 < gone <= len(self._printed):
            self._printed = self._printed[gone:]
            self._start = start
            self._kept = [
                _Kept(kept.printed - gone, kept.values)
                for kept in self._kept
                if kept.printed >= gone
            ]

    def _go_back(self, output: bytes, start: int) -> None:
        """Be as at the last instant that was kept and belongs to an output."""
        same = start == self._start
        printed = self._printed
        while same and self._kept:
            kept = self._kept[-1]
            if output.startswith(printed[: kept.printed]):
                self.version += 1
                _restore(self._screen, kept.values)
                self._stream = _stream(self._screen)
                self._printed, self._rest = printed[: kept.printed], ""
                return
            self._kept.pop()
        self._begin()
        self._start = start

    def _feed(self, data: bytes) -> None:
        for at in range(0, len(data), KEPT_EVERY):
            piece = data[at : at + KEPT_EVERY]
            self.version += 1
            self._printed += piece
            self._draw(self._rest + piece.decode("cp437"))
            last = self._kept[-1].printed if self._kept else 0
            if not self._rest and len(self._printed) - last >= KEPT_EVERY:
                self._kept.append(_Kept(len(self._printed), _saved(self._screen)))
                if len(self._kept) > MAX_KEPT:
                    del self._kept[::2]

    def _draw(self, text: str) -> None:
        """Show characters and whole escape sequences; keep the beginning of one."""
        at = 0
        while at < len(text):
            found = _SEQUENCE.match(text, at)
            if found is None:
                if len(text) - at < MAX_SEQUENCE:
                    break
                at += 1  # what begins like a sequence, and never ends
                continue
            at = found.end()
            try:
                self._stream.feed(found[0])
            except Exception:  # pyte takes some nonsense for calls of its own
                self._stream = _stream(self._screen)
        self._rest = text[at:]

    # -- the picture -------------------------------------------------------------------------

    @property
    def cursor(self) -> tuple[int, int] | None:
        """Row and column of the cursor; None if it is hidden."""
        cursor = self._screen.cursor
        return None if cursor.hidden else (cursor.y, min(cursor.x, COLUMNS - 1))

    @property
    def takes_application_keys(self) -> bool:
        """Whether the program has asked for the other codes of cursor keys."""
        return APPLICATION_CURSOR in self._screen.mode

    @property
    def is_empty(self) -> bool:
        """Whether nothing was printed yet."""
        return not self._printed

    @property
    def scrolled(self) -> int:
        """How many lines have left it at its top and are still known."""
        return len(self._screen.scrolled)

    def rows(self, first: int, count: int) -> Iterator[list[TerminalCell]]:
        """Yield rows; those with negative numbers have left it at its top."""
        for y in range(max(first, -self.scrolled), min(first + count, ROWS)):
            yield self._screen.row(y)

    @property
    def last_row(self) -> int:
        """The last row on which anything stands, the cursor at least."""
        lines = self._screen.buffer
        used = [y for y in range(ROWS) if y in lines and any(lines[y].values())]
        return max([*used, self._screen.cursor.y])


def _stream(screen: _Terminal) -> pyte.Stream:
    stream = pyte.Stream(screen)
    stream.use_utf8 = False  # line drawing is a character set of the terminal's
    return stream


def _cell(char: Char) -> TerminalCell:
    text = char.data[:1] or " "
    return TerminalCell(
        text if text.isprintable() else " ",
        char.fg.replace("bfight", "bright"),
        char.bg.replace("bfight", "bright"),
        char.bold,
        char.underscore,
        char.reverse,
    )


def _saved(screen: _Terminal) -> dict[str, Any]:
    """Return all that a terminal is, to go on from there later."""
    values = {name: value for name, value in vars(screen).items() if name not in ("said", "dirty")}
    values["buffer"] = {y: dict(line) for y, line in screen.buffer.items()}
    values["cursor"] = _copied(screen.cursor)
    values["mode"], values["tabstops"] = set(screen.mode), set(screen.tabstops)
    values["savepoints"] = list(screen.savepoints)
    values["scrolled"] = list(screen.scrolled)
    return values


def _restore(screen: _Terminal, values: dict[str, Any]) -> None:
    screen.reset()
    for name, value in values.items():
        if name == "buffer":
            for y, line in value.items():
                screen.buffer[y].update(line)
        elif name == "scrolled":
            screen.scrolled = deque(value, MAX_SCROLLED)
        elif name == "cursor":
            screen.cursor = _copied(value)
        else:
            setattr(screen, name, type(value)(value) if isinstance(value, set | list) else value)


def _copied(cursor: Cursor) -> Cursor:
    copy = Cursor(cursor.x, cursor.y, cursor.attrs)
    copy.hidden = cursor.hidden
    return copy
