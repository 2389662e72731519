"""What the line below completes: commands of the server, words that they know, names of places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from textual.suggester import Suggester

_ENTRY = re.compile(r"monitor (?P<name>\S+) ?(?P<usage>.*?)(?:\s{2,}(?P<summary>.*))?")
_WORD = re.compile(r"(?<![\w-])[a-z][a-z-]+(?![\w=.-])")


@dataclass(frozen=True, slots=True)
class KnownCommand:
    """A command of the server's, as its `help` tells of it."""

    name: str
    usage: str = ""
    """What stands behind the name, like ``N|start|end``."""
    summary: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """What is written behind it as it stands."""
        return tuple(_WORD.findall(self.usage))


def known_commands(help_text: str) -> dict[str, KnownCommand]:
    """Return the commands that a list tells of, a line each, by name."""
    entries = (_ENTRY.fullmatch(line.strip()) for line in help_text.splitlines())
    commands = (
        KnownCommand(entry["name"], entry["usage"].strip(), entry["summary"] or "")
        for entry in entries
        if entry is not None
    )
    return {command.name: command for command in commands}


class LastWord(Suggester):
    """Completes the last word of a line: the first as a command, if there are some, others as
    what that command knows, or as a name.
    """

    def __init__(self, commands: Mapping[str, KnownCommand], names: Iterable[str]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._commands = commands
        self._names = tuple(name for name in names if name.isprintable())

    async def get_suggestion(self, value: str) -> str | None:
        """Return the whole line, completed; None if nothing fits."""
        before, space, last = value.rpartition(" ")
        if not last:
            return None
        fitting = (word for word in self._candidates(before) if word.startswith(last))
        found = next((word for word in fitting if word != last), None)
        return None if found is None else before + space + found

    def _candidates(self, before: str) -> tuple[str, ...]:
        if self._commands and not before:
            return tuple(self._commands)
        command = self._commands.get(before.partition(" ")[0])
        if command is None:
            return self._names
        others = tuple(self._commands) if command.name == "help" else ()
        return (*command.words, *others, *self._names)
