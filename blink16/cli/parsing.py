"""How an option is described, and the parser that reads a command line by its description."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, Flag, auto
from typing import Any, NamedTuple

from blink16 import __version__
from blink16.terminals import terminal
from blink16.words.complaints import OneLineParser


class Reach(Enum):
    """Where an option may be said, beside the command line."""

    TYPED = "nowhere else"
    FOLDER = "in the blink16.toml beside a program: it describes the machine, and harms nobody"
    FOLDER_FILE = "there too, with a file of that folder"


class Use(Flag):
    """What an option may do something for."""

    ELKS = auto()
    DOS = auto()
    BOOT = auto()
    """A disk that is booted by our BIOS."""
    BIOS = auto()
    """One that is booted by another (``--bios``)."""
    REPLAY = auto()
    """A recording, whose machine is as it was."""

    SYSTEM = ELKS | DOS
    """A program to which we are the system."""
    PC = DOS | BOOT | BIOS
    MADE = ELKS | PC
    """Any machine that is made anew."""
    ANY = MADE | REPLAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option of a command, or an argument: all that is known of it."""

    names: tuple[str, ...]
    """As typed, like ``("-o", "--output")``; one without a dash is an argument."""
    help: str
    metavar: str | None = None
    read: Callable[[str], Any] | None = None
    """From what is typed to a value; argparse.ArgumentTypeError says what is wrong.  None: text."""
    choices: tuple[str, ...] | None = None
    default: Any = None
    flag: bool = False
    """Whether it stands alone and means True."""
    often: bool = False
    """Whether it may be given often, and makes a list."""
    own: bool = False
    """Whether it belongs to the ``--machine`` before it, else to PROGRAM."""
    nargs: str | None = None
    into: str | None = None
    """The attribute that it sets, if its name says another."""
    action: type[argparse.Action] | None = None
    """What it does instead of setting an attribute."""
    reach: Reach = Reach.TYPED
    use: Use = Use.ANY
    """For what it does something; elsewhere who says it is told (`effects`)."""

    def add_to(self, parser: argparse._ActionsContainer) -> argparse.Action:
        """Let a parser, or one of its groups, know the option."""
        said = {
            "metavar": self.metavar,
            "type": self.read,
            "choices": self.choices,
            "nargs": self.nargs,
            "dest": self.into,
            "action": self._action(),
        }
        known: dict[str, Any] = {key: value for key, value in said.items() if value is not None}
        if not self.flag:
            known["default"] = [] if self.often and self.default is None else self.default
        return parser.add_argument(*self.names, help=self.help, **known)

    def _action(self) -> str | type[argparse.Action] | None:
        if self.action is not None:
            return self.action
        if self.own:
            return Own
        return "store_true" if self.flag else "append" if self.often else None


class OptionTable(NamedTuple):
    """Options under a title, as help shows them; without one, with the arguments."""

    title: str
    options: tuple[Option, ...]


class CommandLine(NamedTuple):
    """A command: its options, arguments last, and what its help says around them."""

    prog: str
    about: str
    tables: tuple[OptionTable, ...]
    examples: str


class Parser(OneLineParser):
    """The same, where output that fails ends in a status too."""

    def _print_message(self, message: str, file: object = None) -> None:
        """Show help on standard output (OutputError), a complaint on standard error."""
        if not message:
            return
        if file is not None and file is not sys.stderr:
            terminal.write(terminal.STDOUT, message.encode())
        else:
            terminal.say(message.removesuffix("\n"))


def parser(command: CommandLine) -> Parser:
    """Return a command's parser."""
    made = Parser(
        prog=command.prog,
        description=command.about,
        epilog=command.examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"{command.prog} {__version__}")
    for table in command.tables:
        group = made.add_argument_group(table.title) if table.title else made
        for option in table.options:
            added = option.add_to(group)
            if option.nargs == argparse.REMAINDER:
                added.required = False  # else argparse asks for them when PROGRAM is missing
    return made


def named(tables: Iterable[OptionTable]) -> dict[str, Option]:
    """Return the options by their names without dashes."""
    return {
        name.lstrip("-"): option
        for table in tables
        for option in table.options
        for name in option.names
    }


class Own(argparse.Action):
    """An option that belongs to the ``--machine`` before it, else to PROGRAM."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Set it; one whose default is a list may be given often."""
        machines = getattr(namespace, "machine", None)
        owner = machines[-1] if machines else namespace
        many = isinstance(self.default, list)
        setattr(owner, self.dest, [*getattr(owner, self.dest), values] if many else values)


class MachineBegins(argparse.Action):
    """Begins a machine; `Own` options that follow belong to it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Add it to the list."""
        own = {
            action.dest: action.default if isinstance(action.default, list) else None
            for action in parser._actions  # argparse has no public list of them
            if isinstance(action, Own)
        }
        namespace.machine = [*namespace.machine, argparse.Namespace(words=values, **own)]
