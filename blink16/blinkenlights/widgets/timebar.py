"""The whole run as a strip: where it stands, bookmarks, stops; drag it to go there."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.message import Message

from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.widgets.panel import Panel

MAX_STOPS = 500
"""Instants that are remembered; then every other one is forgotten."""


class TimeBar(Panel):
    """The recorded run from its first instruction to its last."""

    HELP = (
        "The whole run. Click or drag to be there; the wheel goes through it. ◆ are bookmarks (k "
        "sets one), ╵ are instants where you have stopped, green points tell of output; the bar is "
        "brighter where checkpoints lie."
    )

    class Sought(Message):
        """The user wants to be at an instant."""

        def __init__(self, icount: int) -> None:
            super().__init__()
            self.icount = icount

    def on_mount(self) -> None:
        """Begin without stops."""
        self.border_title = "time"
        self._stops: set[int] = set()
        self._dragging = False

    def take(self, picture: Picture) -> None:
        """Remember where the machine has stood."""
        self._stops.add(picture.state.icount)
        if len(self._stops) > MAX_STOPS:
            self._stops = set(sorted(self._stops)[::2])
        where = "in the past" if picture.in_past else "now"
        self.border_title = f"time  {picture.state.icount:,}"
        self.border_subtitle = f"{picture.history.start:,} … {picture.history.end:,}  {where}"

    def lines(self, picture: Picture, columns: int, rows: int) -> list[Text]:
        """Draw the strip and, below it, the marks."""
        colors, state, past = self.palette, picture.state, picture.history
        start, end = past.start, max(past.end, past.start + 1)

        def column(icount: int) -> int:
            return min(columns - 1, max(0, (icount - start) * (columns - 1) // (end - start)))

        now = column(state.icount)
        checkpoints = {column(place) for place in past.places}
        printed = {column(icount) for icount in picture.printed_at if start <= icount <= end}
        bar = Text(colors.track * now, colors.bar_past, no_wrap=True)
        bar.append(colors.block, colors.bar_now)
        bar.append(colors.track * (columns - now - 1), colors.bar_future)
        for at in checkpoints - {now}:
            bar.stylize(colors.bar_checkpoint, at, at + 1)
        marks = [colors.print_mark if at in printed else " " for at in range(columns)]
        styles = [colors.good if at in printed else colors.dim for at in range(columns)]
        for stop in self._stops:
            if start <= stop <= end:
                marks[column(stop)] = colors.tick
                styles[column(stop)] = colors.text
        for name, icount in sorted(picture.bookmarks.items(), key=lambda item: item[1]):
            at = column(icount)
            for offset, character in enumerate(colors.diamond + name):
                if at + offset < columns:
                    marks[at + offset] = character
                    styles[at + offset] = colors.mark
        below = Text(no_wrap=True)
        for character, style in zip(marks, styles, strict=True):
            below.append(character, style)
        return [bar, below]

    def _icount(self, x: int) -> int:
        columns = max(self.room[0] - 1, 1)
        assert self.picture is not None
        past = self.picture.history
        return past.start + (past.end - past.start) * max(0, min(x, columns)) // columns

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Go there, and follow the mouse."""
        offset = event.get_content_offset(self)
        if self.picture is not None and offset is not None:
            self._dragging = True
            self.capture_mouse()
            self.post_message(self.Sought(self._icount(offset.x)))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow the mouse."""
        if self._dragging and self.picture is not None:
            self.post_message(self.Sought(self._icount(event.x - 1)))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Stay there."""
        self._dragging = False
        self.release_mouse()
