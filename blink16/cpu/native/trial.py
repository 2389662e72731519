"""The first native start, in a process of its own, whose death takes nobody with it.

LLVM answers some surprises of a platform by aborting the process: no exception, nothing to catch.
So a child (`first_start`) compiles the interpreter, links it, and runs a guest on it and in
translated code; only then do we take the object file that it made.
"""

from __future__ import annotations

import signal
import subprocess
import sys

from blink16.cpu.hot import NO_BOARD, HotBoard
from blink16.cpu.model import Model
from blink16.cpu.native import children
from blink16.cpu.native.ahead import PATIENCE
from blink16.cpu.native.compiler import Compiler, NativeError
from blink16.cpu.native.interpreter import module_text

MAX_IMAGE = 16 << 20
"""Bytes of a sound object file."""
_CRASHES = ("SIGABRT", "SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGTRAP", "SIGSYS")
_EMULATOR = "qemu: uncaught target signal"
"""qemu-user's own line below what a crashed process has said: it repeats the signal."""
_WINDOWS_CRASH = 0xC0000000
"""Exit statuses from here on are exceptions; 3 is that of abort()."""


class DiedError(NativeError):
    """The child crashed: native code is nothing for this computer, as it is."""


def first_start(
    model: Model,
    level: int,
    board: HotBoard = NO_BOARD,
    *,
    probed: bool = False,
    key: bytes = b"",
) -> bytes:
    """Return the object file of a processor's interpreter, which a child has made and tried.

    ``level``: how much LLVM optimises it.  ``key``: where the child is to put it in the cache if
    we are gone by then.  DiedError if the child crashed, NativeError if it can't.
    """
    if not children.can_start():
        text = module_text(model, board, probed=probed, level=level)
        return Compiler().compile(text, level)  # there is no Python that we could start
    words = key.hex(), *(["probed"] if probed else [])
    try:
        child = children.start([*command(model, level, board), *words], subprocess.PIPE)
    except OSError as error:
        raise NativeError(f"no process can be started to try it: {error.strerror}") from error
    with child:
        try:
            image, said = child.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            raise NativeError(f"its first start took more than {PATIENCE:.0f} seconds") from None
    last = _last_line(said.decode("utf-8", "replace"))
    death = _death(child.returncode)
    if death is not None:
        raise DiedError(f"its first start crashed ({death}{f': {last}' if last else ''})")
    if child.returncode or not 0 < len(image) <= MAX_IMAGE:
        raise NativeError(last or f"its first start ended with status {child.returncode}")
    return image


def command(model: Model, level: int, board: HotBoard = NO_BOARD) -> list[str]:
    """Return the command that makes the object file and writes it to standard output."""
    module = "blink16.cpu.native.first_start"
    return children.python(module, model.name, str(level), board.source)


def _last_line(said: str) -> str:
    """Return the last line of what a child said itself, shortened."""
    lines = [line for line in said.splitlines() if line.strip() and _EMULATOR not in line]
    return lines[-1][:200] if lines else ""


def _death(status: int) -> str | None:
    """Return how a process crashed, by its exit status; None if it didn't."""
    if status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            return None
        return name if name in _CRASHES else None
    windows = sys.platform == "win32" and (status >= _WINDOWS_CRASH or status == 3)
    return f"status {status:#x}" if windows else None
