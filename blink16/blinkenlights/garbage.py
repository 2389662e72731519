"""Collections of garbage: when nobody waits, as one takes as long as several pictures."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Sequence

from textual.strip import Strip

RARELY = 300
"""So many times as much garbage has to come before everything is looked at while there is no rest:
at 50 pictures a second that is some minutes, and some 50 MB.
"""


class Garbage:
    """What pictures leave, collected in moments without pictures.

    For a process that shows a view and does nothing else.
    """

    def __init__(self) -> None:
        """Count all that there is by now as staying."""
        gc.freeze()
        gc.set_threshold(*gc.get_threshold()[:2], RARELY)
        self._seen = self._collected = 0
        """Pictures that there had been at the last look, and at the last collection."""

    def look(self, pictures: int) -> None:
        """Collect if there has been no picture since the last look, but some before that."""
        has_rest, self._seen = pictures == self._seen, pictures
        if has_rest and pictures != self._collected:
            self._collected = pictures
            gc.collect()
            gc.freeze()  # what panels keep is never looked at again


def free_lines_at_once() -> None:
    """Have lines on the screen freed when the next ones are there, and not by a collection.

    Textual's strips keep what they were divided into; one that was asked for as a whole kept itself
    so, which was nine tenths of all garbage: after a long drag over the time bar a collection took
    more than a second.
    """
    divide = Strip.divide

    def divide_unless_whole(self: Strip, cuts: Iterable[int]) -> Sequence[Strip]:
        places = [cut for cut in cuts if cut <= self.cell_length]
        return [self] if places == [self.cell_length] else divide(self, places)

    Strip.divide = divide_unless_whole  # type: ignore[method-assign]
