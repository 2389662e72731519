"""What all panels have in common: a frame with a title, and a picture to draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from rich.segment import Segment
from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from blink16.blinkenlights.palette import Palette, style
from blink16.blinkenlights.picture import MemoryWish, Picture


class Panel(Widget, can_focus=True):
    """A framed part of the screen that draws the last picture, the lines that changed."""

    picture: Picture | None = None
    HELP = ""
    """What the `?` key says of it."""
    SHAPES: tuple[type, ...] = ()
    """Reports that it shows, beside what each picture has."""
    _drawn: list[Strip] | None = None

    def show(self, picture: Picture) -> None:
        """Show a picture."""
        self.picture = picture
        self.take(picture)
        before = self._drawn
        if before is None or not self.display:
            self.refresh()
            return
        self._drawn = now = self._draw()
        if len(now) != len(before):
            super().refresh()
            return
        changed = [y for y, (new, old) in enumerate(zip(now, before, strict=True)) if new != old]
        if changed:
            super().refresh(*(Region(0, y, self.room[0], 1) for y in changed))

    def take(self, picture: Picture) -> None:
        """Remember of a picture what later ones are compared with."""

    @property
    def palette(self) -> Palette:
        """The colors of the theme."""
        return palette_of(self)

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
        return [self.drawn(text, columns) for text in self.lines(picture, columns, rows)[:rows]]

    def drawn(self, text: Text, columns: int) -> Strip:
        """Return a line as Textual draws it; one that is too long ends in an ellipsis."""
        if text.cell_len > columns:
            text = text.copy()
            text.truncate(columns, overflow="ellipsis")
        if not text.spans:
            return Strip([Segment(text.plain, style(text.style))])
        return Strip(text.render(self.app.console))

    def refresh(self, *regions: Any, **how: Any) -> Self:
        """Draw anew."""
        self._drawn = None
        return super().refresh(*regions, **how)

    def _draw(self) -> list[Strip]:
        """Return all lines within the frame, as wide as that."""
        columns, rows = self.room
        ground = self.rich_style
        strips = self.strips(self.picture, columns, rows)[:rows] if self.picture else []
        drawn = [strip.adjust_cell_length(columns, ground).apply_style(ground) for strip in strips]
        return drawn + [Strip.blank(columns, ground)] * (rows - len(drawn))

    def render_line(self, y: int) -> Strip:
        """Return one line; all are drawn with the first."""
        if self._drawn is None or len(self._drawn) != self.room[1]:
            self._drawn = self._draw()
        return self._drawn[y] if y < len(self._drawn) else Strip([])

    def plain_lines(self) -> list[str]:
        """Return what it shows, without colors."""
        if self.picture is None:
            return []
        columns, rows = self.room
        return [
            strip.text[:columns].rstrip()
            for strip in self.strips(self.picture, columns, rows)[:rows]
        ]


def palette_of(widget: Widget) -> Palette:
    """Return the colors of the theme."""
    palette = getattr(widget.app, "palette", None)
    return palette if isinstance(palette, Palette) else Palette.dark()
