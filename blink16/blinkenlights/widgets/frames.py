"""Who called whom."""

from __future__ import annotations

from rich.text import Text
from textual import events

from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.widgets.panel import Panel


class FramesPanel(Panel):
    """The functions that are being executed, the innermost on top."""

    HELP = (
        "Who called whom: the innermost function on top, main near the bottom. A click shows the "
        "code where a function will go on."
    )

    def on_mount(self) -> None:
        """Give it a title."""
        self.head("frames")

    def lines(self, picture: Picture, columns: int, rows: int) -> list[Text]:
        """Draw a line a frame."""
        colors, lines = self.palette, []
        for frame in picture.frames:
            line = Text(no_wrap=True)
            line.append("▸ " if frame.level == 0 else "  ", colors.changed)
            line.append(f"{frame.cs:04X}:{frame.ip:04X} ", colors.dim)
            name, plus, offset = frame.name.partition("+")
            line.append(name, colors.symbol if frame.level == 0 else colors.target)
            line.append(f"{plus}{offset}", colors.dim)
            lines.append(line)
        return lines

    def on_click(self, event: events.Click) -> None:
        """Show the code of a function that waits for what it called."""
        at = None if self.has_selection else event.get_content_offset(self)
        if at is not None and self.picture is not None and at.y < len(self.picture.frames):
            self.post_message(self.CodeWanted(self.picture.frames[at.y].address))
