"""How signals end a process: what it has begun is undone, and its status tells which it was.

By default SIGTERM and SIGHUP end a process on the spot: an IDE ends its debug adapter so, and a
terminal that is closed its programs.  Folders then stay, and terminals as they were being used.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SIGNAL_STATUS = 128
"""Added to a signal's number, it is the exit status that shells give to its victim."""
LEAVE_SECONDS = 5.0
"""So long what was begun may take to be undone before a further signal cuts that short."""
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")


def ending_signals() -> list[signal.Signals]:
    """Return the signals that end us, where this system has them: SIGHUP not under ``nohup``."""
    found: list[signal.Signals] = [getattr(signal, n) for n in _NAMES if hasattr(signal, n)]
    hang_up = getattr(signal, "SIGHUP", None)
    return [n for n in found if n != hang_up or signal.getsignal(n) is not signal.SIG_IGN]


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Let a signal end the block as SystemExit does, with the status that shells expect.

    Ctrl-C is Python's KeyboardInterrupt within the block, for whoever minds it there.  For
    programs that block or run in asyncio, in the main thread; see `nurseries.until_signal` for
    trio.  Whoever sends several signals at once is as patient as who sends one.
    """
    first: float | None = None

    def leave(number: int, frame: FrameType | None) -> None:
        nonlocal first
        now = time.monotonic()
        if first is None or now - first > LEAVE_SECONDS:
            first = now
            raise SystemExit(SIGNAL_STATUS + number)

    before = {n: signal.signal(n, leave) for n in ending_signals() if n != signal.SIGINT}
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(SIGNAL_STATUS + signal.SIGINT) from None
    finally:
        for number, handler in before.items():
            with suppress(TypeError):  # None: it was not set from Python
                signal.signal(number, handler)
