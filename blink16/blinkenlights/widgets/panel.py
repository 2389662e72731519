"""What all panels have in common: a frame with a title, and a picture to draw."""

from __future__ import annotations

from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from blink16.blinkenlights.palette import Palette
from blink16.blinkenlights.picture import Picture


class Panel(Widget, can_focus=True):
    """A framed part of the screen that draws the last picture."""

    picture: reactive[Picture | None] = reactive(None)
    HELP = ""
    """What the `?` key says of it."""

    @property
    def palette(self) -> Palette:
        """The colors of the theme."""
        palette = getattr(self.app, "palette", None)
        return palette if isinstance(palette, Palette) else Palette.dark()

    @property
    def room(self) -> tuple[int, int]:
        """Columns and rows within the frame."""
        return max(self.content_size.width, 1), max(self.content_size.height, 1)

    def lines(self, picture: Picture, columns: int, rows: int) -> list[Text]:
        """Return what is to be drawn, a line each."""
        raise NotImplementedError

    def render(self) -> Text:
        """Draw the picture."""
        if self.picture is None:
            return Text("")
        columns, rows = self.room
        lines = self.lines(self.picture, columns, rows)[:rows]
        for line in lines:
            line.truncate(columns)
        return Text("\n", no_wrap=True).join(lines)
