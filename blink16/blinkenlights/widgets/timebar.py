"""The whole run as a strip: where it stands, bookmarks, stops; drag it to go there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import groupby

from rich.segment import Segment
from textual import events
from textual.content import Content
from textual.message import Message
from textual.strip import Strip

from blink16.blinkenlights.palette import style
from blink16.blinkenlights.past import Layer, LayerKind, LayerWish
from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.plain_text import harmless
from blink16.blinkenlights.widgets.panel import Panel

MAX_STOPS = 500
"""Instants that are remembered; then every other one is forgotten."""
ROWS = 2
"""The strip and its marks; each layer has a row of its own below."""
LEAST_HEIGHT = 26
"""Rows of a terminal in which layers get rows."""
Column = Callable[[int], int]
"""Of an instant."""


class TimeBar(Panel):
    """The recorded run from its first instruction to its last."""

    HELP = (
        "The whole run. Click or drag to be there; the wheel goes through it. ◆ are bookmarks (k "
        "sets one), ╵ are instants where you have stopped, green points tell of output; the bar is "
        "brighter where checkpoints lie. Below, how often the chosen function was called (y, or a "
        "click on its name in the code) and the chosen byte written (click one in memory)."
    )
    ALLOW_SELECT = False

    class Sought(Message):
        """The user wants to be at an instant."""

        def __init__(self, icount: int) -> None:
            super().__init__()
            self.icount = icount

    class Turned(Message):
        """The wheel was turned: back if negative."""

        def __init__(self, count: int) -> None:
            super().__init__()
            self.count = count

    class Wished(Message):
        """Other layers are wanted."""

    def on_mount(self) -> None:
        """Begin without stops."""
        self.head("time")
        self._stops: set[int] = set()
        self._dragging = False
        self._dragged_to: int | None = None
        """The column that the mouse was in last."""
        self._chosen: dict[LayerKind, LayerWish] = {}

    # -- layers ------------------------------------------------------------------------------

    @property
    def wishes_of_past(self) -> tuple[LayerWish, ...]:
        """The layers that the user wants."""
        return tuple(self._chosen[kind] for kind in LayerKind if kind in self._chosen)

    def choose(self, kind: LayerKind, address: int | None, name: str = "") -> None:
        """Show a layer, another one, or (None) no more; the same once more is none, too."""
        wish = None if address is None else LayerWish(kind, address, name or f"{address:05X}")
        if wish is None or self._chosen.get(kind) == wish:
            self._chosen.pop(kind, None)
        else:
            self._chosen[kind] = wish
        tall = self.app.size.height >= LEAST_HEIGHT
        self.styles.height = ROWS + 2 + len(self._chosen) if tall else None
        self.post_message(self.Wished())

    # -- drawing -----------------------------------------------------------------------------

    def take(self, picture: Picture) -> None:
        """Remember where the machine has stood."""
        if not picture.running:
            self._stops.add(picture.state.icount)
        if len(self._stops) > MAX_STOPS:
            self._stops = set(sorted(self._stops)[::2])
        where = "runs" if picture.running else "in the past" if picture.in_past else "now"
        told = [
            Content(f"time  {picture.state.icount:,}"),
            *(self._told(one, picture) for one in picture.layers),
        ]
        self.head(Content("   ").join(told))
        self.foot(f"{picture.history.start:,} … {picture.history.end:,}  {where}")

    def strips(self, picture: Picture, columns: int, rows: int) -> list[Strip]:
        """Draw the strip and, below it, the marks and the layers."""
        past = picture.history
        start, end = past.start, max(past.end, past.start + 1)

        def column(icount: int) -> int:
            return min(columns - 1, max(0, (icount - start) * (columns - 1) // (end - start)))

        bar = self._bar(picture, columns, column)
        if rows == 1:
            return [bar]
        marks = self._marks(picture, columns, column)
        layers = [self._layer(layer, picture, columns, column) for layer in picture.layers]
        return [bar, *(layers or [marks])] if rows == ROWS else [bar, marks, *layers]

    def _bar(self, picture: Picture, columns: int, column: Column) -> Strip:
        colors, now = self.palette, column(picture.state.icount)
        past, future = (colors.track, colors.bar_past), (colors.track, colors.bar_future)
        cells = [past] * now + [(colors.block, colors.bar_now)] + [future] * (columns - now - 1)
        for at in self.checkpoints(picture, column) - {now}:
            cells[at] = colors.track, colors.bar_checkpoint
        return _strip(cells)

    @staticmethod
    def checkpoints(picture: Picture, column: Column) -> set[int]:
        """Return the columns in which there are some: how many depends on this computer's speed."""
        return {column(place) for place in picture.history.places}

    def _marks(self, picture: Picture, columns: int, column: Column) -> Strip:
        colors, past = self.palette, picture.history
        cells = [(" ", colors.dim)] * columns

        def put(instants: Iterable[int], mark: str, ink: str) -> None:
            for icount in instants:
                if past.start <= icount <= past.end:
                    for at, character in enumerate(mark, column(icount)):
                        if at < columns:
                            cells[at] = (character, ink)

        put(picture.printed_at, colors.print_mark, colors.good)
        put(self._stops, colors.tick, colors.text)
        for name, icount in sorted(picture.bookmarks.items(), key=lambda item: item[1]):
            put([icount], colors.diamond + name, colors.mark)
        return _strip(cells)

    def _layer(self, layer: Layer, picture: Picture, columns: int, column: Column) -> Strip:
        """Draw how often something happened in each column's part of the run."""
        colors = self.palette
        counts: Counter[int] = Counter()
        for start, count in layer.parts:
            counts[column(start)] += count
        most, steps = max(counts.values(), default=1), len(colors.bars)
        cells = "".join(
            colors.bars[-(-counts[at] * steps // most) - 1] if counts[at] else " "
            for at in range(columns)
        )
        ink = colors.good if layer.wish.kind is LayerKind.CALLS else colors.bar_now
        return Strip([Segment(cells, style(ink))])

    def _told(self, layer: Layer, picture: Picture) -> Content:
        """Say what a layer shows."""
        colors = self.palette
        more = colors.more if layer.known < picture.history.end else ""
        told = harmless(f"{layer.count:,}{more} {layer.wish.title}")
        ink = colors.good if layer.wish.kind is LayerKind.CALLS else colors.changed.split()[0]
        return Content.styled(f"{colors.bars[-1]} {told}", ink if ink.startswith("#") else "")

    # -- the mouse ---------------------------------------------------------------------------

    def _icount(self, x: int) -> int:
        columns = max(self.room[0] - 1, 1)
        assert self.picture is not None
        past = self.picture.history
        return past.start + (past.end - past.start) * max(0, min(x, columns)) // columns

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Go there, and follow the mouse."""
        offset = event.get_content_offset(self)
        if self.picture is not None and offset is not None:
            self._dragged_to = None
            self.capture_mouse()
            self._drag(offset.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow the mouse; without a button it was let go of elsewhere."""
        if self._dragging and not event.button:
            self._let_go()
        elif self._dragging:
            self._drag(event.x - self.gutter.left)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Stay there."""
        self._let_go()

    def _drag(self, x: int) -> None:
        """Have the machine come to a column, if it is another than before."""
        self._dragging = True
        if x != self._dragged_to and self.picture is not None:
            self._dragged_to = x
            self.post_message(self.Sought(self._icount(x)))

    def _let_go(self) -> None:
        self._dragging = False
        self.release_mouse()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Go back in time."""
        event.stop()
        self.post_message(self.Turned(-1))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Go forward in time."""
        event.stop()
        self.post_message(self.Turned(1))


def _strip(cells: Iterable[tuple[str, str]]) -> Strip:
    """Return characters with their styles' names as Textual draws them."""
    runs = groupby(cells, key=lambda cell: cell[1])
    return Strip([Segment("".join(text for text, _ in run), style(ink)) for ink, run in runs])
