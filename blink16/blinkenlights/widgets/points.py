"""Breakpoints, watchpoints and catches."""

from __future__ import annotations

from rich.text import Text

from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.widgets.panel import Panel


class PointsPanel(Panel):
    """What is set, a line each."""

    HELP = "Breakpoints and watchpoints. b sets one, B removes the last; w watches an address."

    def on_mount(self) -> None:
        """Give it a title."""
        self.border_title = "breakpoints"

    def lines(self, picture: Picture, columns: int, rows: int) -> list[Text]:
        """Draw them."""
        colors = self.palette
        if not picture.points:
            return [Text("none: b sets one here", colors.dim)]
        return [Text(f"{colors.dot} {point}", colors.text) for point in picture.points]
