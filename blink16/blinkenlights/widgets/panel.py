"""What all panels have in common: a frame with a title, and a picture to draw."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Self, TypeVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.color import Color
from textual.content import Content
from textual.filter import LineFilter
from textual.geometry import Region, Size
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from blink16.blinkenlights.palette import Palette, style
from blink16.blinkenlights.picture import MemoryWish, Picture
from blink16.blinkenlights.plain_text import harmless

R = TypeVar("R")
SELECTED = Style(reverse=True)
MAX_KNOWN = 4000
"""Lines that are remembered as they were drawn."""


class Panel(Widget, can_focus=True):
    """A framed part of the screen that draws the last picture, the lines that changed.

    Each picture may change a line of each panel, so lines come to the screen by a shorter way than
    Textual's own: it draws the frame, and lines are put into that (`render_lines`).
    """

    class Resized(Message):
        """The panel has another size, and may want more of the machine for it."""

    class CodeWanted(Message):
        """The code at a linear address is to be seen."""

        def __init__(self, address: int) -> None:
            super().__init__()
            self.address = address

    picture: Picture | None = None
    HELP = ""
    """What the `?` key says of it."""
    SHAPES: tuple[type, ...] = ()
    """Reports that it shows, beside what each picture has."""
    _above: str | Content = ""
    _below = ""
    """What stands in the frame."""
    _ground, _background = Style.null(), Color(0, 0, 0)

    def __init__(self, *, name: str | None = None, id: str | None = None) -> None:
        super().__init__(name=name, id=id)
        self._drawn: list[Strip] | None = None
        """The lines within the frame; None: all are to be drawn."""
        self._framed: list[Strip] = []
        """All lines with the frame around them; none: it is to be drawn."""
        self._edges = Strip([]), Strip([])
        """What stands beside each line."""
        self._filters: Sequence[LineFilter] = ()
        self._known: dict[Hashable, Strip] = {}

    def head(self, text: str | Content) -> None:
        """Write into the frame, above."""
        if text != self._above:
            self._above = text
            self.border_title = shown(text)

    def foot(self, text: str) -> None:
        """Write into the frame, below."""
        if text != self._below:
            self._below = text
            self.border_subtitle = shown(text)

    def show(self, picture: Picture) -> None:
        """Show a picture."""
        self.picture = picture
        self.take(picture)
        if not self.region:
            return  # there is no place for it
        before = self._drawn
        if before is None:
            self.refresh()
            return
        now = self._draw()
        if not self._framed or len(now) != len(before):
            self.refresh()
            return
        self._drawn = now
        changed = [
            y
            for y, (new, old) in enumerate(zip(now, before, strict=True))
            if new is not old and new != old
        ]
        if changed:
            width, top = self.room[0], self.gutter.top
            for y in changed:
                self._framed[top + y] = self._between_edges(now[y])
            super().refresh(*(Region(0, y, width, rows) for y, rows in _runs(changed)))

    def on_resize(self) -> None:
        """Have more asked for, where there is room for more."""
        self.post_message(self.Resized())

    def take(self, picture: Picture) -> None:
        """Remember of a picture what later ones are compared with."""

    def report(self, picture: Picture, shape: type[R]) -> R | None:
        """Return a report of a picture, if it could be made."""
        found = picture.reports.get(shape)
        return found if isinstance(found, shape) else None

    @property
    def headline(self) -> str:
        """What stands in the frame, above."""
        return str(self._above)

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
        if not text.plain.isprintable():
            text = text.copy()
            text.plain = harmless(text.plain)
        if text.cell_len > columns:
            text = text.copy()
            text.truncate(columns, overflow="ellipsis")
        if not text.spans:
            return Strip([Segment(text.plain, style(text.style))])
        return Strip(text.render(self.app.console))

    def known(self, key: Hashable, draw: Callable[[], Strip]) -> Strip:
        """Return a line as it was drawn before, by all that it depends on."""
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            found = self._known[key] = draw()
        return found

    def refresh(self, *regions: Any, **how: Any) -> Self:
        """Draw anew."""
        self._drawn = None
        self._framed = []
        return super().refresh(*regions, **how)

    # -- what the user selects ---------------------------------------------------------------

    @property
    def has_selection(self) -> bool:
        """Whether text in it is selected, so that the mouse was drawn over it, and not clicked."""
        return self.text_selection is not None

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the text that is selected, and what is to stand behind it."""
        spans = ((line, selection.get_span(y)) for y, line in enumerate(self.plain_lines()))
        parts = [_part(line, *span) for line, span in spans if span is not None]
        return "\n".join(parts), "\n"

    # -- how it comes to the screen ----------------------------------------------------------

    def _draw(self) -> list[Strip]:
        """Return all lines within the frame, as wide as that."""
        columns, rows = self.room
        ground = self._ground
        strips = self.strips(self.picture, columns, rows)[:rows] if self.picture else []
        drawn = [strip.adjust_cell_length(columns, ground).apply_style(ground) for strip in strips]
        drawn += [Strip.blank(columns, ground)] * (rows - len(drawn))
        if (selection := self.text_selection) is not None:
            drawn = [_marked(strip, selection.get_span(y)) for y, strip in enumerate(drawn)]
        for line_filter in self._filters:
            drawn = [strip.apply_filter(line_filter, self._background) for strip in drawn]
        return drawn

    def render_line(self, y: int) -> Strip:
        """Return an empty line: others are put into the frame when that is there."""
        return Strip.blank(self.room[0], self._ground)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return lines with their frame; empty ones where the view has let it go already."""
        if not self.is_attached:
            return [Strip.blank(crop.width)] * crop.height
        if len(self._framed) != self.outer_size.height:
            self._frame(self.outer_size)
        lines = self._framed[crop.y : crop.bottom]
        if crop.column_span == (0, self.outer_size.width):
            return lines
        return [line.crop(*crop.column_span) for line in lines]

    def _frame(self, size: Size) -> None:
        """Draw the frame, and everything in it."""
        self._ground, self._background = self.rich_style, self.background_colors[1]
        self._filters, gutter = self.get_line_filters(), self.gutter
        drawn = self._draw()  # which may write into the frame
        framed = super().render_lines(size.region)
        if size.height > gutter.height and size.width > gutter.width:
            row = framed[gutter.top]
            self._edges = row.crop(0, gutter.left), row.crop(size.width - gutter.right, size.width)
            self._drawn = drawn
            inside = [self._between_edges(line) for line in drawn]
            framed[gutter.top : size.height - gutter.bottom] = inside
        self._framed = framed

    def _between_edges(self, line: Strip) -> Strip:
        left, right = self._edges
        return Strip(
            [*left, *line, *right], left.cell_length + line.cell_length + right.cell_length
        )

    def plain_lines(self) -> list[str]:
        """Return what it shows, without colors."""
        if self.picture is None:
            return []
        columns, rows = self.room
        return [
            strip.text[:columns].rstrip()
            for strip in self.strips(self.picture, columns, rows)[:rows]
        ]


def shown(text: str | Content) -> Content:
    """Return text as it stands, without markup, and with nothing a terminal would obey."""
    return text if isinstance(text, Content) else Content(harmless(text))


def _part(line: str, start: int, end: int) -> str:
    """Return a part of a line; its end is -1 where all that follows is meant."""
    return line[start:] if end == -1 else line[start:end]


def _marked(strip: Strip, span: tuple[int, int] | None) -> Strip:
    """Return a line with what is selected of it in reverse."""
    if span is None:
        return strip
    start, end = span[0], strip.cell_length if span[1] == -1 else span[1]
    before, selected, behind = (
        strip.crop(0, start),
        strip.crop(start, end),
        strip.crop(end, strip.cell_length),
    )
    plain = Strip([Segment(selected.text, SELECTED)])
    return Strip.join([before, plain, behind])


def _runs(rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield where rows follow each other: the first, and how many."""
    starts = [at for at in range(len(rows)) if not at or rows[at] != rows[at - 1] + 1]
    for at, behind in pairwise([*starts, len(rows)]):
        yield rows[at], behind - at


def palette_of(widget: Widget) -> Palette:
    """Return the colors of the theme."""
    palette = getattr(widget.app, "palette", None)
    return palette if isinstance(palette, Palette) else Palette.dark()
