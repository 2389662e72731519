"""A panel of many lines, through which one scrolls; one of them shows at a time, in one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType

from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.widgets.panel import Panel
from blink16.reports.registry import of_shape


class ListPanel(Panel):
    """Lines below each other, from where one has scrolled to."""

    TITLE = ""
    EMPTY = "nothing"
    """What it says if there is no line."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "scroll_lines(-10)", show=False),
        Binding("pagedown", "scroll_lines(10)", show=False),
    ]
    _top = 0

    def on_mount(self) -> None:
        """Give it a title."""
        self.head(self.TITLE)

    def all_lines(self, picture: Picture, columns: int) -> Sequence[Text]:
        """Return all that there is."""
        raise NotImplementedError

    def lines(self, picture: Picture, columns: int, rows: int) -> Sequence[Text]:
        """Draw those that there is room for."""
        lines = self.all_lines(picture, columns) or [
            Text(self._why_empty(picture), self.palette.dim)
        ]
        self._top = max(0, min(self._top, len(lines) - rows))
        more = len(lines) - rows
        self.foot(f"{self._top + 1} of {len(lines)}" if more > 0 else "")
        return lines[self._top : self._top + rows]

    def _why_empty(self, picture: Picture) -> str:
        """Say that there is nothing, or that it is still looked for."""
        searched = [shape for shape in self.SHAPES if of_shape(shape).searches]
        is_coming = not picture.running and any(shape not in picture.reports for shape in searched)
        return self.palette.more if is_coming else self.EMPTY

    def action_scroll_lines(self, count: int) -> None:
        """Scroll."""
        self._top = max(0, self._top + count)
        self.refresh()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll up."""
        event.stop()
        self.action_scroll_lines(-2)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll down."""
        event.stop()
        self.action_scroll_lines(2)
