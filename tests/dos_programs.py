"""DOS programs of our own for tests, in tests/dos/: NAME.asm, and what nasm makes of it.

`run` runs one in a folder, with standard input or with keys that are typed on its keyboard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blink16.bios.program_keys import Keys
from blink16.console import Console
from blink16.cpu.engine import Stop, StopReason
from blink16.machine import Machine
from blink16.setup import loader

FOLDER = Path(__file__).parent / "dos"
SLICE = 1_000_000
MAX_INSTRUCTIONS = 60_000_000


@dataclass
class Session:
    """A program that runs, and what it has shown."""

    machine: Machine
    shown: list[tuple[str, bytes]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    stop: Stop | None = None

    def output(self, channel: str = "console") -> bytes:
        """Everything shown on a channel."""
        return b"".join(data for where, data in self.shown if where == channel)

    @property
    def status(self) -> int | None:
        """The exit status, if the program has ended."""
        ended = self.stop is not None and self.stop.reason is StopReason.EXITED
        return self.stop.status if ended and self.stop is not None else None

    def run(self, budget: int = MAX_INSTRUCTIONS) -> Stop:
        """Run until the program ends, fails, or waits for input that nobody brings."""
        end = self.machine.icount + budget
        while self.machine.icount < end:
            self.stop = self.machine.run(min(SLICE, end - self.machine.icount))
            if self.stop.reason is not StopReason.BUDGET:
                return self.stop
        raise AssertionError(f"still running after {budget} instructions: {self.output()!r}")

    def type(self, keys: bytes) -> Stop:
        """Type keys on the keyboard, and run on."""
        self.machine.receive(Keys.CHANNEL, keys)
        return self.run()


def path(name: str) -> Path:
    """Return a program's file."""
    return next(p for suffix in (".com", ".exe") if (p := FOLDER / (name + suffix)).exists())


def start(
    name: str | Path,
    arguments: Sequence[str] = (),
    *,
    stdin: bytes | None = None,
    **options: Any,
) -> Session:
    """Return a program before its first instruction.

    ``stdin``: what a pipe brings; None: a keyboard is there.
    """
    file = path(name) if isinstance(name, str) else name
    options.setdefault("root", FOLDER)
    loaded = loader.load(loader.read(str(file)), arguments, loader.Options(**options))
    session = Session(loaded.machine)
    loaded.machine.on_output = lambda channel, data: session.shown.append((channel, data))
    loaded.machine.on_notice = session.notices.append
    if stdin is None:
        loaded.machine.receive(Keys.CHANNEL, b"")
    else:
        loaded.machine.receive(Console.CHANNEL, stdin)
        loaded.machine.receive(Console.CHANNEL, b"")
    return session


def run(name: str | Path, arguments: Sequence[str] = (), **options: Any) -> Session:
    """Run a program until it ends or waits."""
    options.setdefault("stdin", b"")
    session = start(name, arguments, **options)
    session.run()
    return session
