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
from blink16.monitor.folder import NO_FOLDER, Folder, FolderError
from blink16.words.numerals import NumeralError
from blink16.words.texts import meant

MAX_OUTPUT = 1 << 20
"""Characters of output that a command may have; the rest is cut off."""


class MonitorError(Exception):
    """A command that can't be carried out, and why, in one line."""


Body = Callable[[Debugger, Sequence[str]], str]
FolderBody = Callable[[Debugger, Sequence[str], Folder], str]


@dataclass(frozen=True, slots=True)
class MonitorCommand:
    """A command: how it is typed, and what it does."""

    name: str
    usage: str
    help: str
    """The whole help text."""
    run: FolderBody
    whole: bool = False
    """Whether it takes what is behind its name as one argument, spaces and all."""


COMMANDS: dict[str, MonitorCommand] = {}
ELSEWHERE = {
    "info": "monitor regs, lacks, disks or history, and gdb's own info",
    "system_reset": "monitor reset",
    "sendkey": "monitor key",
    "screendump": "monitor screen FILE.png",
    "savevm": "monitor bookmark NAME",
    "loadvm": "monitor seek NAME",
    "x": "x of gdb, or of LLDB",
    "xp": "x of gdb, or of LLDB",
    "halt": "Ctrl-C",
    "quit": "kill, of gdb or LLDB, and Ctrl-C in the server's terminal",
    "exit": "kill, of gdb or LLDB, and Ctrl-C in the server's terminal",
}
"""What users of QEMU's monitor, gdbserver and OpenOCD type, and what does it here."""


def command(usage: str, *, whole: bool = False) -> Callable[[Body], Body]:
    """Register a function as the command whose name is the first word of ``usage``.

    ``whole``: see `MonitorCommand`.
    """

    def register(body: Body) -> Body:
        _add(usage, whole, body.__doc__, lambda debugger, arguments, _: body(debugger, arguments))
        return body

    return register


def folder_command(usage: str, *, whole: bool = False) -> Callable[[FolderBody], FolderBody]:
    """Register a function, as `command` does, that is handed the host's files besides."""

    def register(body: FolderBody) -> FolderBody:
        _add(usage, whole, body.__doc__, body)
        return body

    return register


def _add(usage: str, whole: bool, documentation: str | None, run: FolderBody) -> None:
    name = usage.split()[0]
    if name in COMMANDS:
        raise ValueError(f"there is a monitor command {name} already")
    COMMANDS[name] = MonitorCommand(name, usage, inspect.cleandoc(documentation or ""), run, whole)


def perform(debugger: Debugger, line: str, folder: Folder = NO_FOLDER) -> str:
    """Carry out a line that the user typed; return what to show.  MonitorError if it failed.

    ``folder``: the host's files that the user may reach.
    """
    name, _, rest = (line.strip() or "help").partition(" ")
    try:
        found = find(name)
        arguments = [rest.strip()] if found.whole and rest else rest.split()
        text = found.run(debugger, arguments, folder)
    except (NumeralError, PointError, FolderError) as error:
        raise MonitorError(str(error)) from None
    except Interrupted:
        now = debugger.machine.icount
        raise MonitorError(f"interrupted; now at instruction {now}") from None
    finally:
        debugger.timeline.forget_interrupt()  # a late one is not for the next resume
    if len(text) > MAX_OUTPUT:
        text = f"{text[:MAX_OUTPUT]}\n(cut off after {MAX_OUTPUT} characters)"
    return text if not text or text.endswith("\n") else text + "\n"


def execute(debugger: Debugger, line: str, folder: Folder = NO_FOLDER) -> str:
    """Carry out a line that the user typed; return what to show, errors included."""
    try:
        return perform(debugger, line, folder)
    except MonitorError as error:
        return f"{error}\n"


def find(name: str) -> MonitorCommand:
    """Return the command of that name; MonitorError if there is none."""
    if name not in COMMANDS:
        if (ours := ELSEWHERE.get(name)) is not None:
            raise MonitorError(f"monitor {name} is another server's; here: {ours}")
        nearest = meant(name, COMMANDS)
        raise MonitorError(f"no monitor command {name[:40]!r}{nearest}; try monitor help")
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
