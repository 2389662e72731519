"""Breakpoints, watchpoints and catches."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.message import Message

from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.widgets.panel import Panel
from blink16.client import SetPoint
from blink16.reports.points import PointLine, PointsReport
from blink16.reports.state import PointRole


class PointsPanel(Panel):
    """What is set, a line each."""

    HELP = (
        "Breakpoints and watchpoints. b sets one, B removes the last; w watches an address. "
        "A click on one takes it away. Those with a pale dot are another debugger's."
    )

    class Removed(Message):
        """A point of ours was clicked."""

        def __init__(self, point: SetPoint) -> None:
            super().__init__()
            self.point = point

    SHAPES = (PointsReport,)

    def on_mount(self) -> None:
        """Give it a title."""
        self.head("breakpoints")

    def lines(self, picture: Picture, columns: int, rows: int) -> list[Text]:
        """Draw them: ours, then those that another debugger has set."""
        colors = self.palette
        ours = {point.address for point in picture.points}
        drawn = [Text(f"{colors.dot} {point}", colors.text) for point in picture.points]
        report = picture.reports.get(PointsReport)
        for line in report.points if isinstance(report, PointsReport) else ():
            if line.address not in ours:
                drawn.append(self._others(line))
        more = len(drawn) - rows
        if more > 0:
            drawn = [*drawn[: rows - 1], Text(f"  {more + 1} more", colors.dim)]
        return drawn or [Text("none: b sets one here", colors.dim)]

    def _others(self, line: PointLine) -> Text:
        colors = self.palette
        what = "" if line.role is PointRole.EXECUTE else f"{line.role} of {line.length} at "
        text = Text(f"{colors.dot} ", colors.dim, no_wrap=True)
        text.append(f"{what}{line.address:05X}", colors.text)
        text.append(f" {line.name}" if line.name else "", colors.target)
        return text.append(" if …" if line.has_condition else "", colors.dim)

    def on_click(self, event: events.Click) -> None:
        """Have a point of ours removed."""
        at = None if self.has_selection else event.get_content_offset(self)
        points = self.picture.points if self.picture is not None else ()
        if at is not None and at.y < len(points):
            self.post_message(self.Removed(points[at.y]))
