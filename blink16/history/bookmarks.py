"""Names that the user gives to instants."""

from __future__ import annotations

import re
from collections.abc import Callable

MAX_BOOKMARKS = 1000
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,39}")
RESERVED = frozenset({"start", "end"})


class BookmarkError(ValueError):
    """A bookmark that can't be set or found, and why."""


class Bookmarks:
    """Instants (instruction counts) by name."""

    def __init__(self) -> None:
        self._icounts: dict[str, int] = {}
        self.on_change: Callable[[], None] = lambda: None
        """Called when a bookmark was set or removed."""

    def set(self, icount: int, name: str | None = None) -> str:
        """Name an instant (anew, if the name is in use); return the name, made up if None.

        BookmarkError if the name is none or there are too many.
        """
        if name is None:
            name = next(
                n for i in range(1, MAX_BOOKMARKS + 2) if (n := f"b{i}") not in self._icounts
            )
        if not _NAME.fullmatch(name) or name in RESERVED:
            raise BookmarkError(
                f"{name[:40]!r} can't be a bookmark's name: letter first, no spaces"
            )
        if name not in self._icounts and len(self._icounts) >= MAX_BOOKMARKS:
            raise BookmarkError(f"there are {MAX_BOOKMARKS} bookmarks already")
        self._icounts[name] = icount
        self.on_change()
        return name

    def find(self, name: str) -> int:
        """Return a bookmark's instant; BookmarkError if there is none of that name."""
        if name not in self._icounts:
            raise BookmarkError(f"no bookmark {name[:40]!r}; see monitor bookmarks")
        return self._icounts[name]

    def all(self) -> list[tuple[int, str]]:
        """Return instants and names, oldest first."""
        return sorted((icount, name) for name, icount in self._icounts.items())

    def drop_after(self, icount: int) -> list[str]:
        """Remove those later than an instant; return their names."""
        gone = [name for at, name in self.all() if at > icount]
        for name in gone:
            del self._icounts[name]
        if gone:
            self.on_change()
        return gone
