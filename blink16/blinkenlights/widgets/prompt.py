"""The line in which the user answers what a key has asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from blink16.blinkenlights.completion import KnownCommand, LastWord


class Purpose(StrEnum):
    """What the line is for."""

    COMMAND = "command"
    GO = "go"
    CODE = "code"
    FIND = "find"
    BREAK = "break"
    CATCH = "catch"
    WATCH = "watch"
    EDIT = "edit"
    MARK = "mark"
    CONFIRM = "confirm"


_HINTS = {
    Purpose.COMMAND: ("command", "what `monitor` takes in gdb: help, seek 100, last-write lines…"),
    Purpose.GO: ("go to", "seg:off, a symbol, ds:si, five hex digits"),
    Purpose.CODE: ("code at", "a function, seg:off, cs:ip, five hex digits, FILE:LINE"),
    Purpose.FIND: ("find", 'a text, or bytes in hex; "…" for a text that looks like hex'),
    Purpose.BREAK: ("break", "PLACE [if CONDITION]: plot, 1000:0020 if al == 72"),
    Purpose.CATCH: ("catch", "int 21 ah=3d, elks open, exec"),
    Purpose.WATCH: ("watch", "PLACE [BYTES] [read|write|access] [if CONDITION]: lines 2"),
    Purpose.MARK: (
        "show calls of",
        "a function, or any PLACE in code; the same again: no more",
    ),
    Purpose.EDIT: ("store", "PLACE=BYTES in hex: lines=07"),
    Purpose.CONFIRM: ("this drops the recorded future", "y: go on   anything else: leave it"),
}
_NAMED = (
    Purpose.COMMAND,
    Purpose.GO,
    Purpose.CODE,
    Purpose.BREAK,
    Purpose.WATCH,
    Purpose.EDIT,
    Purpose.MARK,
)
"""Where symbols are completed."""


class Prompt(Input):
    """One line of text, with a hint at what is wanted; right completes."""

    class Closed(Message):
        """The user has answered, or (no text) thinks better of it."""

        def __init__(self, purpose: Purpose, text: str) -> None:
            super().__init__()
            self.purpose = purpose
            self.text = text

    purpose = Purpose.COMMAND
    _history: dict[Purpose, list[str]] = {}  # noqa: RUF012
    _back = 0
    _commands: Mapping[str, KnownCommand] = {}

    def ask(self, purpose: Purpose, value: str = "") -> None:
        """Open it."""
        self.purpose = purpose
        self.border_title, self.placeholder = _HINTS[purpose]
        self.value = value
        self.cursor_position = len(value)
        self._back = 0
        self.display = True
        self.focus()

    def complete(self, commands: Mapping[str, KnownCommand], names: Iterable[str]) -> None:
        """Complete commands, and names of places and instants, where they fit."""
        self._commands = commands if self.purpose is Purpose.COMMAND else {}
        self.suggester = LastWord(self._commands, names if self.purpose in _NAMED else ())
        self._tell_usage(self.value)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what belongs behind the command that is being written."""
        self._tell_usage(event.value)

    def _tell_usage(self, value: str) -> None:
        command = self._commands.get(value.partition(" ")[0])
        told = f"{command.name} {command.usage}: {command.summary}" if command else ""
        self.border_subtitle = Content(told)

    def _answer(self) -> None:
        text = self.value.strip()
        if text and self.purpose is not Purpose.CONFIRM:
            self._past.append(text)
        self._close(text)

    @property
    def _past(self) -> list[str]:
        """What was answered before, the newest last."""
        return self._history.setdefault(self.purpose, [])

    def on_key(self, event: events.Key) -> None:
        """Close it, with an answer or without; bring back earlier ones; complete.

        Enter is taken here, since Textual's binding would come behind keys that were pressed after
        it; those that are on their way when the line closes are for who gets the keyboard then.
        """
        match event.key:
            case _ if not self.display:
                self.app.post_message(events.Key(event.key, event.character))
            case "enter":
                self._answer()
            case "escape":
                self._close("")
            case "up" | "down":
                step = 1 if event.key == "up" else -1
                self._back = max(0, min(self._back + step, len(self._past)))
                self.value = self._past[-self._back] if self._back else ""
                self.cursor_position = len(self.value)
            case "tab":
                self.action_cursor_right()
            case _:
                return
        event.stop()
        event.prevent_default()

    def _close(self, text: str) -> None:
        self.display = False
        self.post_message(self.Closed(self.purpose, text))
