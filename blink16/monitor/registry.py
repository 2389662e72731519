"""Commands of ours that users type behind gdb's ``monitor``: one function each.

A command is a function of the debugger and its arguments that returns text for the user, and
raises `MonitorError` with one clear line.  It runs in a worker thread while the machine stands,
so it may take its time.  Its docstring is its help; the first line is what ``help`` lists.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from blink16.breakpoints import PointError
from blink16.debugger import Debugger
from blink16.history import Interrupted
from blink16.numerals import NumeralError

MAX_OUTPUT = 1 << 20
"""Characters of output that a command may have; the rest is cut off."""


class MonitorError(Exception):
    """A command that can't be carried out, and why, in one line."""


Body = Callable[[Debugger, Sequence[str]], str]


@dataclass(frozen=True, slots=True)
class MonitorCommand:
    """A command: how it is typed, and what it does."""

    name: str
    usage: str
    run: Body
    whole: bool = False
    """Whether it takes what is behind its name as one argument, spaces and all."""

    @property
    def help(self) -> str:
        """The whole help text."""
        return inspect.cleandoc(self.run.__doc__ or "")


COMMANDS: dict[str, MonitorCommand] = {}


def command(usage: str, *, whole: bool = False) -> Callable[[Body], Body]:
    """Register a function as the command whose name is the first word of ``usage``.

    ``whole``: see `MonitorCommand`.
    """

    def register(body: Body) -> Body:
        name = usage.split()[0]
        if name in COMMANDS:
            raise ValueError(f"there is a monitor command {name} already")
        COMMANDS[name] = MonitorCommand(name, usage, body, whole)
        return body

    return register


def perform(debugger: Debugger, line: str) -> str:
    """Carry out a line that the user typed; return what to show.  MonitorError if it failed."""
    name, _, rest = (line.strip() or "help").partition(" ")
    try:
        found = find(name)
        arguments = [rest.strip()] if found.whole and rest else rest.split()
        text = found.run(debugger, arguments)
    except (NumeralError, PointError) as error:
        raise MonitorError(str(error)) from None
    except Interrupted:
        now = debugger.machine.icount
        raise MonitorError(f"interrupted; now at instruction {now}") from None
    finally:
        debugger.timeline.forget_interrupt()  # a late one is not for the next resume
    if len(text) > MAX_OUTPUT:
        text = f"{text[:MAX_OUTPUT]}\n(cut off after {MAX_OUTPUT} characters)"
    return text if not text or text.endswith("\n") else text + "\n"


def execute(debugger: Debugger, line: str) -> str:
    """Carry out a line that the user typed; return what to show, errors included."""
    try:
        return perform(debugger, line)
    except MonitorError as error:
        return f"{error}\n"


def find(name: str) -> MonitorCommand:
    """Return the command of that name; MonitorError if there is none."""
    if name not in COMMANDS:
        raise MonitorError(f"no monitor command {name[:40]!r}; try monitor help")
    return COMMANDS[name]


def give(debugger: Debugger, channel: str, data: bytes) -> None:
    """Give the machine input; MonitorError if too much waits already."""
    if not debugger.receive(channel, data):
        raise MonitorError("too much input waits for this machine: let it run first")


def no_arguments(arguments: Sequence[str]) -> None:
    """Refuse arguments where a command takes none."""
    if arguments:
        raise MonitorError(f"unexpected argument {arguments[0][:40]!r}")


@command("help [NAME]")
def help_(debugger: Debugger, arguments: Sequence[str]) -> str:
    """List the monitor commands, or explain one."""
    if arguments:
        wanted = find(arguments[0])
        return f"monitor {wanted.usage}\n{wanted.help}"
    width = max(len(entry.usage) for entry in COMMANDS.values())
    entries = sorted(COMMANDS.values(), key=lambda entry: entry.name)
    return "\n".join(
        f"monitor {entry.usage:{width}}  {entry.help.partition(chr(10))[0]}" for entry in entries
    )
