"""Who called whom."""

from __future__ import annotations

from rich.text import Text
from textual import events

from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.widgets.panel import Panel
from blink16.reports.frames import FrameLine, FramesReport


class FramesPanel(Panel):
    """The functions that are being executed, the innermost on top."""

    HELP = (
        "Who called whom: the innermost function on top, main near the bottom. A click shows the "
        "code where a function will go on."
    )

    SHAPES = (FramesReport,)

    def on_mount(self) -> None:
        """Give it a title."""
        self.head("frames")

    def lines(self, picture: Picture, columns: int, rows: int) -> list[Text]:
        """Draw a line a frame."""
        colors, lines = self.palette, []
        for frame in self._frames(picture):
            line = Text(no_wrap=True)
            line.append("▸" if frame.level == 0 else " ", colors.changed).append(" ")
            line.append(f"{frame.cs:04X}:{frame.ip:04X} ", colors.dim)
            name, plus, offset = frame.name.partition("+")
            line.append(name, colors.symbol if frame.level == 0 else colors.target)
            line.append(f"{plus}{offset}", colors.dim)
            lines.append(line)
        return lines

    def on_click(self, event: events.Click) -> None:
        """Show the code of a function that waits for what it called."""
        at = None if self.has_selection else event.get_content_offset(self)
        frames = () if self.picture is None else self._frames(self.picture)
        if at is not None and at.y < len(frames):
            self.post_message(self.CodeWanted(frames[at.y].address))

    def _frames(self, picture: Picture) -> tuple[FrameLine, ...]:
        report = self.report(picture, FramesReport)
        return () if report is None else report.frames
