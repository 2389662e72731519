"""The lines of several files: a table of cues, which numbers with the top bit refer to."""

from __future__ import annotations

from bisect import bisect_right

from construct import Container, GreedyBytes, Int16ul, PrefixedArray, Struct

SPECIAL = 0x8000
"""In a line's number: it is one of this table."""
CUE = Struct("cue" / Int16ul, "file" / Int16ul, "line" / Int16ul, "column" / Int16ul)
CUES = Struct(
    "cues" / PrefixedArray(Int16ul, CUE),
    "files" / PrefixedArray(Int16ul, Int16ul),
    "names" / GreedyBytes,
)
"""``files``: where in ``names``, which end with a NUL, each file's is."""


class Cues:
    """The lines of several files, for numbers that say so."""

    def __init__(self, table: bytes, file: str) -> None:
        self._file = file
        self._cues: list[Container] = []
        self._files: list[str] = []
        if table:
            found = CUES.parse(table)
            self._cues = list(found.cues)
            self._files = [
                found.names[at:].partition(b"\0")[0].decode("latin-1") for at in found.files
            ]
        self._starts = [cue.cue for cue in self._cues]

    def line(self, number: int) -> tuple[str, int]:
        """Return the file and the line of a number."""
        at = bisect_right(self._starts, number & ~SPECIAL) - 1
        if not number & SPECIAL or at < 0:
            return self._file, number & ~SPECIAL
        cue = self._cues[at]
        file = self._files[cue.file] if cue.file < len(self._files) else self._file
        return file, cue.line + (number & ~SPECIAL) - cue.cue
