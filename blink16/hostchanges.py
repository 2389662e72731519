"""What a guest changes in the host's folder: each change once, and its failure told again.

A change is done while a machine runs for the first time, and not in replays; but whether it
failed is the guest's to know at any time. So failures are kept beside what the host has said.
"""

from __future__ import annotations

from collections.abc import Callable

from blink16.hostfolder import HostFolder, HostPath, HostQuestion, os_error

MAX_KEPT = 10_000
"""Changes whose time is remembered."""


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
        """``now``: the machine's instruction count.  See `FileTree` for the others."""
        self._host = host
        self._writable = writable
        self._effect = effect
        self._notice = notice
        self._now = now
        self.count = 0
        self._made: list[tuple[int, str]] = []

    def do(self, act: Callable[[], None], path: HostPath) -> None:
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
            if not failed and len(self._made) < MAX_KEPT:
                self._made.append((self._now(), "/".join(path)))

        self._effect(attempt)
        failed = self._host.answers.get(key)
        if isinstance(failed, int) and failed:
            raise os_error(failed, "/".join(path))

    def forget_after(self, instant: int) -> tuple[str, ...]:
        """Return what was changed behind an instant that history is cut at; it stays as it is."""
        paths = dict.fromkeys(path for time, path in self._made if time > instant)
        self._made = [(time, path) for time, path in self._made if time <= instant]
        return tuple(paths)
