"""ELKS' sixteen signals: their numbers, and what they do to a process by default.

Source: ELKS' linuxmt/signal.h and arch/i86/kernel/signal.c.
"""

from __future__ import annotations

from enum import IntEnum

SIGNALS = 16


class ElksSignal(IntEnum):
    """Signal numbers."""

    SIGHUP = 1
    SIGINT = 2
    SIGQUIT = 3
    SIGWINCH = 4
    SIGSTOP = 5
    SIGABRT = 6
    SIGTSTP = 7
    SIGCONT = 8
    SIGKILL = 9
    SIGUSR1 = 10
    SIGSEGV = 11
    SIGCHLD = 12
    SIGPIPE = 13
    SIGALRM = 14
    SIGTERM = 15
    SIGURG = 16


DEFAULT, IGNORE = (0, 0), (0, 1)
"""What signal() is told instead of a handler's segment and offset."""
DEFAULTS = (DEFAULT,) * SIGNALS
UNCATCHABLE = frozenset({ElksSignal.SIGKILL, ElksSignal.SIGSTOP})
IGNORED_BY_DEFAULT = frozenset(
    {ElksSignal.SIGCONT, ElksSignal.SIGCHLD, ElksSignal.SIGWINCH, ElksSignal.SIGURG}
)
STOPPING = frozenset({ElksSignal.SIGSTOP, ElksSignal.SIGTSTP})


def bit(number: int) -> int:
    """Return the bit of a signal in a mask of pending ones."""
    return 1 << (number - 1)


def is_ignored(handler: tuple[int, int], number: int) -> bool:
    """Return whether a signal sent to a process that has this handler does nothing."""
    return handler == IGNORE or (handler == DEFAULT and number in IGNORED_BY_DEFAULT)


def name(number: int) -> str:
    """Return a signal's name for people."""
    return ElksSignal(number).name if 0 < number <= SIGNALS else f"signal {number}"
