"""What the program has printed, and by when: so it can be shown as it was at any instant."""

from __future__ import annotations

from bisect import bisect_right

MAX_OUTPUT = 1 << 18
"""Bytes that are kept: the last ones."""
MAX_MARKS = 4096
"""Instants that are kept; then every other one is forgotten."""


class Output:
    """The program's output with the instants by which it had come.

    Nothing is printed while a machine goes through its past, so each byte comes once.
    """

    def __init__(self) -> None:
        self._data = b""
        self._instants: list[int] = []
        self._lengths: list[int] = []
        self.start = 0
        """Bytes that came before those that are kept."""

    @property
    def instants(self) -> tuple[int, ...]:
        """The instruction counts at which there was new output."""
        return tuple(self._instants)

    def add(self, data: bytes, icount: int) -> None:
        """Take what has come by an instant; what had come later is of a past that is no more."""
        if not data:
            return
        while self._instants and self._instants[-1] > icount:
            self._instants.pop()
            self._lengths.pop()
        kept = self._lengths[-1] if self._lengths else 0
        self._data = self._data[:kept] + data
        self._instants.append(icount)
        self._lengths.append(len(self._data))
        if len(self._data) > MAX_OUTPUT:
            gone = len(self._data) - MAX_OUTPUT
            self._data = self._data[gone:]
            self.start += gone
            self._lengths = [max(0, length - gone) for length in self._lengths]
        if len(self._instants) > MAX_MARKS:
            last = self._instants[-1], self._lengths[-1]
            self._instants, self._lengths = self._instants[::2], self._lengths[::2]
            if self._instants[-1] != last[0]:
                self._instants.append(last[0])
                self._lengths.append(last[1])

    def until(self, icount: int) -> bytes:
        """Return what had been printed by an instant."""
        at = bisect_right(self._instants, icount)
        return self._data[: self._lengths[at - 1]] if at else b""
