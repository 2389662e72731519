"""The RAM at every checkpoint: for each page its versions, oldest first.

A checkpoint that kept the pages' old content (an undo log) would make a far jump walk all
logs in between.  One that kept all pages would cost a mebibyte.  Here a page's content is kept
once for each checkpoint at which it is new, and a page's content at *any* checkpoint is one
bisection away: a jump costs the pages that differ, however far it goes and in either
direction, and what lies ahead stays usable after going back.

The invariant: a page has a version labelled with a checkpoint's icount if that checkpoint's
``pages`` names the page, and one, its oldest, for the first checkpoint.  A page that never
changed has no versions at all.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from blink16.memory import PAGE_SIZE

VERSION_SIZE = PAGE_SIZE + 96
"""Bytes that keeping a version costs: the content, its object, its places in two lists."""


class PageVersions:
    """The content of each page at each checkpoint, by the checkpoint's icount."""

    def __init__(self) -> None:
        self.size = 0
        """Bytes that the versions take."""
        self._icounts: dict[int, list[int]] = {}
        self._contents: dict[int, list[bytes]] = {}

    def __contains__(self, page: int) -> bool:
        return page in self._icounts

    def pages(self) -> set[int]:
        """Return the pages that have versions."""
        return set(self._icounts)

    def begin(self, page: int, icount: int, content: bytes) -> None:
        """Give a page that had no versions its oldest."""
        self._icounts[page] = [icount]
        self._contents[page] = [content]
        self.size += VERSION_SIZE

    def at(self, page: int, icount: int) -> bytes:
        """Return the content of a page (that has versions) at a checkpoint."""
        return self._contents[page][bisect_right(self._icounts[page], icount) - 1]

    def insert(self, page: int, icount: int, content: bytes) -> None:
        """Add a version; there is none with this label."""
        place = bisect_right(self._icounts[page], icount)
        self._icounts[page].insert(place, icount)
        self._contents[page].insert(place, content)
        self.size += VERSION_SIZE

    def remove(self, page: int, icount: int) -> None:
        """Remove the version with this label."""
        place = bisect_left(self._icounts[page], icount)
        del self._icounts[page][place]
        del self._contents[page][place]
        self.size -= VERSION_SIZE

    def relabel(self, page: int, old: int, new: int) -> None:
        """Let the version of checkpoint ``old`` be that of ``new``; none lies between them."""
        self._icounts[page][bisect_left(self._icounts[page], old)] = new

    def forget_before(self, icount: int) -> None:
        """Let the first checkpoint be the one at ``icount``."""
        for page, icounts in self._icounts.items():
            oldest = bisect_right(icounts, icount) - 1
            del icounts[:oldest], self._contents[page][:oldest]
            icounts[0] = icount
            self.size -= oldest * VERSION_SIZE
