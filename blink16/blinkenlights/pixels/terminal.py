"""What a terminal can show: as the user says, as its environment tells, as it answers itself.

It is asked before Textual listens to it, while the view is imported.  Who does not answer in time
shows halves of characters; an answer that comes late is known to Textual, and harmless.
"""

from __future__ import annotations

import os
import re
import select
import struct
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from blink16.blinkenlights.terminal_kind import WITHOUT_ESCAPES

SECONDS = 0.25
"""A terminal has at least so long to answer."""
CELL = 10, 20
"""Dots of a character where nobody says: a VT340's, and what newer terminals pretend."""
MAX_ANSWER = 1 << 12
QUESTION = "\x1b[16t\x1b[c"
"""How many dots has a character (XTWINOPS), and what can you do (DA1)?  The second ends it."""
_ABILITIES = re.compile(rb"\x1b\[\?([0-9;]+)c")
_CELL = re.compile(rb"\x1b\[6;([0-9]{1,4});([0-9]{1,4})t")
SIXEL_ABILITY = b"4"


class PixelKind(StrEnum):
    """How dots are shown."""

    AUTO = "auto"
    """As is best; in a browser, which can, nothing is to be asked."""
    SIXEL = "sixel"
    KITTY = "kitty"
    BLOCKS = "blocks"
    """Two in a character."""


@dataclass(frozen=True, slots=True)
class Ability:
    """How a terminal shows dots, and how many a character has (columns, rows)."""

    kind: PixelKind = PixelKind.BLOCKS
    cell: tuple[int, int] = CELL


def by_environment(names: Mapping[str, str] = os.environ) -> PixelKind:
    """Return what is known of a terminal without asking it; AUTO if nothing is."""
    term = names.get("TERM", "")
    if term in WITHOUT_ESCAPES:
        return PixelKind.BLOCKS
    if names.get("TMUX") or term.startswith(("screen", "tmux")):
        return PixelKind.AUTO  # what lies behind can't be reached
    if term in ("xterm-kitty", "xterm-ghostty") or names.get("KITTY_WINDOW_ID"):
        return PixelKind.KITTY
    return PixelKind.AUTO


class Asking:
    """A question to the terminal on our standard streams, and its answer."""

    def __init__(self, wanted: PixelKind) -> None:
        """Ask, if that is wanted; `answer` waits for it."""
        self._thread = threading.Thread(target=self._ask, name="pixels", daemon=True)
        self._enough = threading.Event()
        self._found = Ability(wanted)
        if "TEXTUAL_DRIVER" in os.environ:
            return  # there is no terminal
        self._wanted = by_environment() if wanted is PixelKind.AUTO else wanted
        known = self._wanted is not PixelKind.AUTO
        self._found = Ability(self._wanted if known else PixelKind.BLOCKS)
        if self._wanted is not PixelKind.BLOCKS and sys.platform != "win32":
            self._thread.start()

    def answer(self) -> Ability:
        """Return what is known; what has had the time to answer has done so, or does not."""
        self._enough.set()
        if self._thread.ident is not None:
            self._thread.join()
        return self._found

    def _ask(self) -> None:
        with suppress(OSError, ValueError, ImportError):
            streams = sys.__stdin__, sys.__stderr__
            if streams[0] is not None and streams[1] is not None:
                self._found = self._understood(self._said(streams[0].fileno(), streams[1].fileno()))

    def _said(self, source: int, sink: int) -> bytes:
        said, until = b"", time.monotonic() + SECONDS
        with _silent(source):
            os.write(sink, QUESTION.encode())
            while not _ABILITIES.search(said) and len(said) < MAX_ANSWER:
                late = time.monotonic() >= until
                if late and self._enough.is_set():
                    break
                if select.select([source], [], [], 0 if late else 0.02)[0]:
                    said += os.read(source, MAX_ANSWER)
                elif late:
                    self._enough.wait(0.02)
        return said

    def _understood(self, said: bytes) -> Ability:
        abilities, cell = _ABILITIES.search(said), _CELL.search(said)
        kind = self._wanted
        if kind is PixelKind.AUTO:
            can = abilities is not None and SIXEL_ABILITY in abilities[1].split(b";")
            kind = PixelKind.SIXEL if can else PixelKind.BLOCKS
        size = (int(cell[2]), int(cell[1])) if cell else CELL
        return Ability(kind, size if all(size) else CELL)


@contextmanager
def _silent(terminal: int) -> Iterator[None]:
    """Let a terminal hand over what is typed at once, and not show it."""
    import termios

    before: list[Any] = termios.tcgetattr(terminal)
    quiet = [*before]
    quiet[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(terminal, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)


def cell_size(known: tuple[int, int]) -> tuple[int, int]:
    """Return the dots of a character by the terminal's size now; ``known`` if that has none."""
    with suppress(OSError, ValueError, ImportError, AttributeError):
        from fcntl import ioctl
        from termios import TIOCGWINSZ

        assert sys.__stderr__ is not None
        said = ioctl(sys.__stderr__.fileno(), TIOCGWINSZ, bytes(8))
        rows, columns, wide, high = struct.unpack("HHHH", said)
        if rows and columns and wide >= columns and high >= rows:
            return wide // columns, high // rows
    return known
