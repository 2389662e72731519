"""The line at the bottom: what the most common keys do, as many as there is room for."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget

from blink16.blinkenlights.keys import KEYS, Key
from blink16.blinkenlights.palette import Palette
from blink16.blinkenlights.widgets.panel import palette_of

LAST = ("help", "quit")
"""Actions that are told at the right end of it, however little room there is."""


class KeyLine(Widget):
    """Keys with a word for each; a click does what they do."""

    class Pressed(Message):
        """An action was clicked."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action_name = action

    _spans: tuple[tuple[range, Key], ...] = ()

    def render(self) -> Text:
        """Draw those that there is room for, whole."""
        columns, colors = self.size.width, palette_of(self)
        told = [key for key in KEYS if key.footer]
        last = [key for key in told if key.action in LAST]
        room = columns - sum(_width(key) for key in last)
        line, spans = Text(no_wrap=True), []
        for key in told:
            if key not in last and line.cell_len + _width(key) <= room:
                spans.append((_add(line, key, colors), key))
        line.append(" " * max(room - line.cell_len, 0))
        spans += [(_add(line, key, colors), key) for key in last]
        self._spans = tuple(spans)
        return line

    def on_click(self, event: events.Click) -> None:
        """Do what the key does."""
        event.stop()
        at = event.get_content_offset(self)
        for span, key in self._spans:
            if at is not None and at.x in span:
                self.post_message(self.Pressed(key.action))


def _add(line: Text, key: Key, colors: Palette) -> range:
    """Add a key to a line; return its columns."""
    start = line.cell_len
    line.append(" ").append(_first(key), colors.changed)
    line.append(f" {key.footer} ", colors.hint)
    return range(start, line.cell_len)


def _first(key: Key) -> str:
    return key.shown_keys.split()[0]


def _width(key: Key) -> int:
    return Text(f" {_first(key)} {key.footer} ").cell_len
