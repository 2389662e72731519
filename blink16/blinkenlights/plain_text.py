"""Text that any terminal shows: one with few characters, too."""

from __future__ import annotations

from collections.abc import Callable

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from blink16.blinkenlights.glyphs import CP437

NOT_SHOWN = "\ufffd"
_IN_ASCII = str.maketrans(
    "…↑↓←→▶▸●◆╵━█▀▄·×╭╮╰╯─│┌┐└┘▁▔▏▎▕▊░▒▓⭘–—",
    ".^v<>>>*^'-#^_.x++++-|++++_-||||.:#o--",
)
_ON_A_PC = str.maketrans("…▶▸●◆╵━╭╮╰╯▁▔▏▎▕▊▂▃▅▆▇⭘×–—", "·►►•♦'─┌┐└┘_─│││▌▄▄▄██○x──")
_PC = frozenset(CP437) | frozenset(map(chr, range(0x20, 0x7F)))


def harmless(text: str) -> str:
    """Return a text of the same length, without what a terminal obeys instead of showing it."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else NOT_SHOWN for c in text)


class AsciiFilter(LineFilter):
    """Writes what looks most alike, ``?`` where nothing does."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the same in ASCII."""
        return [_with(segment, _plain) for segment in segments]


class PcFilter(LineFilter):
    """The same with the characters of a PC: of Linux's console, in its first font."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the same in characters of code page 437."""
        return [_with(segment, _of_pc) for segment in segments]


def _with(segment: Segment, drawn: Callable[[str], str]) -> Segment:
    if segment.text.isascii():
        return segment
    return Segment(drawn(segment.text), segment.style, segment.control)


def _plain(text: str) -> str:
    return text.translate(_IN_ASCII).encode("ascii", "replace").decode("ascii")


def _of_pc(text: str) -> str:
    return "".join(c if c in _PC else "?" for c in text.translate(_ON_A_PC))
