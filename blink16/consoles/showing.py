"""A PC's screen on the terminal of one peer: what to send to it, and when.  No I/O is done here."""

from __future__ import annotations

from typing import Protocol

PICTURE_SECONDS = 0.04
"""How long a picture stands, at least, before the screen is looked at again."""
USUAL_SIZE = (80, 25)
"""Columns and lines of a terminal that tells none: a PC's own."""
LARGEST = 512
"""Columns or lines that are used; what a peer tells may be up to 65535."""


class Picture(Protocol):
    """What one terminal shows (`viewer.Viewer`)."""

    def paint(self, size: tuple[int, int]) -> str:
        """Return what turns it into what is to be seen now; empty if it is that."""

    def end(self) -> str:
        """Return what makes the terminal its user's again."""


class Showing:
    """A picture, painted for a peer that has taken everything before: so one that reads slowly
    gets the newest picture, and never those that it has missed.
    """

    def __init__(self, picture: Picture, now: float) -> None:
        """Begin at a time in seconds; a moment later the peer will have told its size."""
        self._picture = picture
        self._next = now + PICTURE_SECONDS

    def rest(self, now: float) -> float:
        """Return the seconds until the next look at the screen."""
        return max(0.0, self._next - now)

    def paint(self, now: float, size: tuple[int, int] | None) -> bytes:
        """Return what to send, if it is time; ``size`` is the peer's, if it told it."""
        if now < self._next:
            return b""
        self._next = now + PICTURE_SECONDS
        return self._painted(size)

    def end(self, size: tuple[int, int] | None) -> bytes:
        """Return the last picture, and what leaves the peer's terminal usable."""
        return self._painted(size) + self._picture.end().encode()

    def _painted(self, size: tuple[int, int] | None) -> bytes:
        told = size or USUAL_SIZE
        columns, lines = (
            min(there or usual, LARGEST) for there, usual in zip(told, USUAL_SIZE, strict=True)
        )
        return self._picture.paint((columns, lines)).encode()
