"""What a guest changes in the host's folder: each change once, and its failure told again.

A change is done while a machine runs for the first time, and not in replays; but whether it
failed is the guest's to know at any time. So failures are kept beside what the host has said.
How each is undone is kept, too, for when history is cut before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from blink16.hostfs.hostfolder import HostFolder, HostPath, HostQuestion, os_error

MAX_KEPT = 10_000
"""Changes that can be undone."""
MAX_KEPT_BYTES = 64 << 20
"""Bytes of content kept for that."""


class Undo(NamedTuple):
    """How to undo a change."""

    act: Callable[[], None]
    """Raises OSError where the host is not as it was left."""
    size: int = 0
    """Bytes that are kept for it."""


class Change(NamedTuple):
    """One that was made."""

    time: int
    """From which instruction count on it is made."""
    path: str
    undo: Undo


class PutBack(NamedTuple):
    """What has become of the files that a dropped future has changed."""

    restored: tuple[str, ...] = ()
    """They are as they were."""
    left: tuple[str, ...] = ()
    """They stay as that future has left them."""
    others: bool = False
    """There are more of these, which nobody remembers."""


class HostChanges:
    """Makes changes, and knows when each was made.  ``count`` is part of its tree's state."""

    def __init__(
        self,
        host: HostFolder,
        *,
        writable: bool,
        effect: Callable[[Callable[[], None]], None],
        notice: Callable[[str], None],
        now: Callable[[], int],
    ) -> None:
        """See `FileTree`."""
        self._host = host
        self._writable = writable
        self._effect = effect
        self._notice = notice
        self._now = now
        self.count = 0
        self._made: deque[Change] = deque()
        self._kept_bytes = 0
        self._forgotten_until = -1
        """When the last change was made that can't be undone any more."""

    def do(self, act: Callable[[], None], path: HostPath, undo: Undo) -> None:
        """Make a change; OSError if the host refuses it, or refused it when it was made."""
        if not self._writable:
            return
        key = HostQuestion.CHANGE, (str(self.count),)
        self.count += 1

        def attempt() -> None:
            failed = 0
            try:
                act()
            except OSError as error:
                failed = error.errno or 0
                self._notice(f"can't change {'/'.join(path)} on the host: {error.strerror}")
            if failed or key in self._host.answers:
                self._host.answers[key] = failed
            if not failed:
                self._remember(Change(self._now(), "/".join(path), undo))

        self._effect(attempt)
        failed = self._host.answers.get(key)
        if isinstance(failed, int) and failed:
            raise os_error(failed, "/".join(path))

    def _remember(self, change: Change) -> None:
        self._made.append(change)
        self._kept_bytes += change.undo.size
        while len(self._made) > MAX_KEPT or self._kept_bytes > MAX_KEPT_BYTES:
            oldest = self._made.popleft()
            self._kept_bytes -= oldest.undo.size
            self._forgotten_until = oldest.time

    def undo_after(self, instant: int) -> PutBack:
        """Undo what was changed behind an instant that history is cut at, the last first."""
        paths: dict[str, bool] = {}
        while self._made and self._made[-1].time > instant:
            change = self._made.pop()
            self._kept_bytes -= change.undo.size
            try:
                change.undo.act()
            except OSError:
                paths[change.path] = False
            else:
                paths.setdefault(change.path, True)
        others = self._forgotten_until > instant
        self._forgotten_until = min(self._forgotten_until, instant)
        restored = tuple(path for path, whole in paths.items() if whole)
        left = tuple(path for path, whole in paths.items() if not whole)
        return PutBack(restored, left, others)
