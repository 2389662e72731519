"""Whom of a guest's processes a client follows at forks: parents are left for their children."""

from __future__ import annotations

from blink16.machine import Machine

FIRST_THREAD = 1


class Family:
    """The process that is followed, while it lives, and those that were left for it."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._followed = FIRST_THREAD
        self._left: dict[int, int] = {}
        """Threads, and from which instant on they are left."""

    def follow(self, child: int, parent: int) -> None:
        """Leave a process for its child from now on: no breakpoint stops it, while that lives."""
        self._followed = child
        self._left[parent] = self._machine.icount

    def follows(self, thread: int) -> bool:
        """Whether a process is the one that is followed, or if that does not live: any is."""
        table = self._machine.process_table
        if thread == self._followed or table is None:
            return True
        return all(one.thread != self._followed for one in table.processes())

    @property
    def follows_child(self) -> bool:
        """Whether the client has gone over to the child of a fork."""
        return self._followed != FIRST_THREAD

    def is_followed_child(self, thread: int) -> bool:
        """Whether a process is the child of a fork to which the client has gone over."""
        return self.follows_child and thread == self._followed

    def has_left(self) -> bool:
        """Whether the client has gone over to some child."""
        return bool(self._left)

    def tells(self, thread: int) -> bool:
        """Whether to tell what a process does that makes others of it: of the followed one alone.

        Once it has ended there is none: gdb, told of a fork by a process that it does not know,
        makes one up, and dies of it some forks later.
        """
        return thread == self._followed or self._machine.process_table is None

    def is_left(self) -> bool:
        """Whether the process that has the processor is one that was left."""
        table = self._machine.process_table
        if not self._left or table is None:
            return False
        current = table.current()
        since = self._left.get(current)
        return since is not None and since <= self._machine.icount and not self.follows(current)

    def forget(self) -> None:
        """Follow the first process again, and leave none (a client left)."""
        self._left.clear()
        self._followed = FIRST_THREAD
