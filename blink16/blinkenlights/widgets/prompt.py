"""The line in which the user answers what a key has asked."""

from __future__ import annotations

from enum import StrEnum

from textual import events
from textual.message import Message
from textual.widgets import Input


class Purpose(StrEnum):
    """What the line is for."""

    COMMAND = "command"
    GO = "go"
    FIND = "find"
    WATCH = "watch"
    EDIT = "edit"


_HINTS = {
    Purpose.COMMAND: ("command", "what `monitor` takes in gdb: help, seek 100, last-write lines…"),
    Purpose.GO: ("go to", "seg:off, a symbol, ds:si, five hex digits"),
    Purpose.FIND: ("find", "a text, or bytes in hex"),
    Purpose.WATCH: ("watch", "a place, and how many bytes: lines 2"),
    Purpose.EDIT: ("store", "PLACE=BYTES in hex; in the past this drops the recorded future"),
}


class Prompt(Input):
    """One line of text, with a hint at what is wanted."""

    class Closed(Message):
        """The user has answered, or (no text) thinks better of it."""

        def __init__(self, purpose: Purpose, text: str) -> None:
            super().__init__()
            self.purpose = purpose
            self.text = text

    def ask(self, purpose: Purpose) -> None:
        """Open it."""
        self._purpose = purpose
        self.border_title, self.placeholder = _HINTS[purpose]
        self.value = ""
        self.display = True
        self.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the answer."""
        event.stop()
        self._close(event.value.strip())

    def on_key(self, event: events.Key) -> None:
        """Close it without an answer."""
        if event.key == "escape":
            event.stop()
            event.prevent_default()
            self._close("")

    def _close(self, text: str) -> None:
        self.display = False
        self.post_message(self.Closed(self._purpose, text))
