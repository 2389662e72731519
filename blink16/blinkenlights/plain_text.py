"""The view on terminals that take no UTF-8."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_LIKE = str.maketrans(
    "…↑↓←→▶▸●◆╵━█▀▄·×╭╮╰╯─│┌┐└┘▁▔▏▎▕▊░▒▓⭘",
    ".^v<>>>*^'-#^_.x++++-|++++_-||||.:#o",
)


class AsciiFilter(LineFilter):
    """Writes what looks most alike, ``?`` where nothing does."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the same in ASCII."""
        return [
            segment
            if segment.text.isascii()
            else Segment(_plain(segment.text), segment.style, segment.control)
            for segment in segments
        ]


def _plain(text: str) -> str:
    return text.translate(_LIKE).encode("ascii", "replace").decode("ascii")
