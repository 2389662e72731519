"""What the program has printed, and by when: so it can be shown as it was at any instant."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

MAX_OUTPUT = 1 << 18
"""Bytes that are kept: the last ones."""
MAX_MARKS = 4096
"""Instants that are kept; then every other one is forgotten."""


class Output:
    """The program's output with the instants by which it had come.

    What comes while the machine runs is known to have come by the instant of a picture; the
    history, asked later, tells when exactly (`correct`).
    """

    def __init__(self) -> None:
        self._data = b""
        self._instants: list[int] = []
        self._lengths: list[int] = []
        self.start = 0
        """Bytes that came before those that are kept."""
        self.known = 0
        """Up to this instant all is known exactly."""

    @property
    def instants(self) -> tuple[int, ...]:
        """The instruction counts at which there was new output."""
        return tuple(self._instants)

    def add(self, data: bytes, icount: int) -> None:
        """Take what has come by an instant; what had come later is of a past that is no more."""
        if data:
            icount = max(icount, self.known + 1)
            self._cut(bisect_right(self._instants, icount))
            self._append(icount, data)
            self._bound()

    def is_known(self, icount: int) -> bool:
        """Whether what was printed until an instant is known exactly."""
        return 0 < icount <= self.known

    def end(self, icount: int) -> None:
        """Mind that the run ends at an instant: what was known of later ones is no more so."""
        self.known = min(self.known, icount)

    def correct(self, until: int, pieces: Iterable[tuple[int, bytes]]) -> None:
        """Put what is known exactly, from `known` until an instant, in place of what was there.

        ``pieces``: the instruction counts by which they had come, and the bytes.
        """
        first, behind = (bisect_right(self._instants, at) for at in (self.known, until))
        later = [(self._instants[at], self._piece(at)) for at in range(behind, len(self._instants))]
        self._cut(first)
        for icount, data in (*pieces, *later):
            self._append(icount, data)
        self.known = until
        self._bound()

    def until(self, icount: int) -> bytes:
        """Return what had been printed by an instant."""
        at = bisect_right(self._instants, icount)
        return self._data[: self._lengths[at - 1]] if at else b""

    def _piece(self, at: int) -> bytes:
        return self._data[self._lengths[at - 1] if at else 0 : self._lengths[at]]

    def _cut(self, count: int) -> None:
        """Keep the first pieces."""
        del self._instants[count:], self._lengths[count:]
        self._data = self._data[: self._lengths[-1] if self._lengths else 0]

    def _append(self, icount: int, data: bytes) -> None:
        self._data += data
        self._instants.append(icount)
        self._lengths.append(len(self._data))

    def _bound(self) -> None:
        """Forget what is too much."""
        if len(self._data) > MAX_OUTPUT:
            gone = len(self._data) - MAX_OUTPUT
            self._data = self._data[gone:]
            self.start += gone
            first = bisect_left(self._lengths, gone + 1)
            self._instants = self._instants[first:]
            self._lengths = [length - gone for length in self._lengths[first:]]
        if len(self._instants) > MAX_MARKS:
            kept = slice(len(self._instants) % 2 ^ 1, None, 2)  # the last is always kept
            self._instants, self._lengths = self._instants[kept], self._lengths[kept]
