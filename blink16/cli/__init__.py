"""The commands and what their arguments mean.

What they import takes a third of a second: native code begins to be made before, where there is
none yet.
"""

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from blink16.cpu.native import ahead

__all__ = ["ask_main", "run_main", "server_main"]

_PROCESSOR, _DEFAULT_PROCESSOR = "--cpu", "8086"
_BOARD = "blink16.devices.hot:BOARD"
_UNUSED = {"-h", "--help", "--version", "reference"}
"""Words with which a command executes nothing, or on the reference engine."""


def run_main(words: Sequence[str] | None = None) -> int:
    """Run the command ``blink16`` and return its exit status."""
    _begin(words)
    with _importing():
        from blink16.cli import main

    return main.run_main(words)


def server_main(words: Sequence[str] | None = None) -> int:
    """Run the command ``blink16-server`` and return its exit status."""
    _begin(words)
    with _importing():
        from blink16.cli import main

    return main.server_main(words)


def ask_main(words: Sequence[str] | None = None) -> int:
    """Run the command ``blink16-ask`` and return its exit status."""
    with _importing():
        from blink16.cli import main

    return main.ask_main(words)


@contextmanager
def _importing() -> Iterator[None]:
    """End as at any other time if Ctrl-C comes while modules are imported."""
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(128 + signal.SIGINT) from None


def _begin(words: Sequence[str] | None) -> None:
    """Begin with native code, for the processor that is asked for, if it is in the usual way."""
    typed = " ".join(sys.argv[1:] if words is None else words).replace("=", " ")
    if _UNUSED.isdisjoint(typed.split()):
        _, _, behind = typed.partition(_PROCESSOR + " ")
        processor, *_ = [*behind.split(), _DEFAULT_PROCESSOR]
        ahead.begin(processor, _BOARD)
