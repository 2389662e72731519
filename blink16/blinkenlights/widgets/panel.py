"""What all panels have in common: a frame with a title, and a picture to draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from rich.segment import Segment
from rich.text import Text
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from blink16.blinkenlights.palette import Palette, style
from blink16.blinkenlights.picture import MemoryWish, Picture


class Panel(Widget, can_focus=True):
    """A framed part of the screen that draws the last picture."""

    picture: reactive[Picture | None] = reactive(None, always_update=True)
    HELP = ""
    """What the `?` key says of it."""
    SHAPES: tuple[type, ...] = ()
    """Reports that it shows, beside what each picture has."""
    _drawn: list[Strip] | None = None

    @property
    def palette(self) -> Palette:
        """The colors of the theme."""
        palette = getattr(self.app, "palette", None)
        return palette if isinstance(palette, Palette) else Palette.dark()

    @property
    def room(self) -> tuple[int, int]:
        """Columns and rows within the frame."""
        return max(self.content_size.width, 1), max(self.content_size.height, 1)

    @property
    def wishes(self) -> tuple[MemoryWish, ...]:
        """The memory that it shows."""
        return ()

    def lines(self, picture: Picture, columns: int, rows: int) -> Sequence[Text]:
        """Return what is to be drawn, a line each."""
        raise NotImplementedError

    def strips(self, picture: Picture, columns: int, rows: int) -> list[Strip]:
        """Return the same as Textual draws it; panels with many cells do this themselves."""
        console = self.app.console
        return [
            Strip(text.render(console) if text.spans else [Segment(text.plain, style(text.style))])
            for text in self.lines(picture, columns, rows)[:rows]
        ]

    def refresh(self, *regions: Any, **how: Any) -> Self:
        """Draw anew."""
        self._drawn = None
        return super().refresh(*regions, **how)

    def render_line(self, y: int) -> Strip:
        """Return one line; all are drawn with the first."""
        if self.picture is None:
            return Strip.blank(self.size.width, self.rich_style)
        columns, rows = self.room
        if self._drawn is None or len(self._drawn) != rows:
            drawn = self.strips(self.picture, columns, rows)[:rows]
            self._drawn = drawn + [Strip([])] * (rows - len(drawn))
        strip = self._drawn[y] if y < rows else Strip([])
        return strip.adjust_cell_length(columns, self.rich_style).apply_style(self.rich_style)

    def plain_lines(self) -> list[str]:
        """Return what it shows, without colors."""
        if self.picture is None:
            return []
        columns, rows = self.room
        return [
            strip.text[:columns].rstrip()
            for strip in self.strips(self.picture, columns, rows)[:rows]
        ]
