"""fork() and vfork() to a client, and whom of the two processes it follows.

To gdb a fork makes another process, with a number of its own, and it goes on with one of the two:
it detaches from the child, or from the parent and calls the child's number from then on.  Here
both stay threads of one machine, since they share its memory, its time and its history; so what
changes is by which number the client calls the machine, and whom the debugger follows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from blink16.debugger import Debugger, Event, EventKind

STEP = 10_000
"""What numbers of processes differ by that mean the same machine: whose own is the lowest."""
KINDS = frozenset({EventKind.FORKED, EventKind.VFORKED})
APART = (
    "gdb holds the processes that fork() has made apart, but here they are threads of one machine"
    " and run together: set detach-on-fork on"
)


def machine_of(process: int) -> int:
    """Return the machine that a process number of the client's means."""
    return process % STEP if process > STEP else process


def birth_of(process: int) -> int:
    """Return which birth has given a process its number; 0 if it is the machine's own."""
    return process // STEP


@dataclass(slots=True)
class Births:
    """What a client has been told of forks in one machine."""

    debugger: Debugger
    followed: int = 0
    """The birth by whose number the client calls the machine; 0: by its own."""
    selected: int = 0
    """That of the process number which it has selected last."""
    program: str = ""
    """The file that it was last told the followed process executes."""
    told: int = 0
    """The last birth that was told, counted from 1."""
    _open: Event | None = field(default=None, repr=False)
    """That, until the client has left one of the two processes."""
    _owes_done: int = 0
    """The thread whose vfork() the client is to be told is over; 0: none."""

    def tell(self, event: Event) -> None:
        """Take note that the client is told of a fork."""
        self.told += 1
        self._open = event

    def leaves(self, process: int) -> bool:
        """Whether a client that detaches from a process means one of both that a fork has made.

        If not, it leaves the machine.
        """
        left, event = birth_of(process), self._open
        if event is not None and left == self.told:
            self._owes_done = event.parent if event.kind is EventKind.VFORKED else 0
            self._open = None
            return True
        if left != self.followed:
            return True  # it has been following another since
        if event is None:
            return False
        self._follow(event)
        return True

    def resume(self, process: int) -> None:
        """Take note of what the client resumes: before vfork() is over it detaches from nobody."""
        event, self._open = self._open, None
        if event is None:
            return
        if birth_of(process) == self.told:
            self._follow(event)
        else:
            self.debugger.on_notice(APART)

    def _follow(self, event: Event) -> None:
        self.followed, self._open = self.told, None
        self.debugger.family.follow(event.child, event.parent)

    def is_childs(self) -> bool:
        """Whether the client means a child by itself: its breakpoints are the parent's, too."""
        return self._open is not None and self.selected == self.told

    def take_done(self) -> int:
        """Return the thread whose vfork() the client is to be told now is over, or 0.

        It sets no breakpoints before; here parent and child have the same anyway.
        """
        owes, self._owes_done = self._owes_done, 0
        return owes
