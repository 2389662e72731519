"""What the program has asked its system for, as it happens."""

from __future__ import annotations

from rich.text import Text

from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.widgets.list_panel import ListPanel
from blink16.reports.calls import CallsReport


class CallsPanel(ListPanel):
    """The last calls of DOS or ELKS, the newest on top."""

    TITLE = "calls"
    EMPTY = "no calls before now"
    HELP = (
        "The calls of DOS, BIOS services of its kind, or ELKS up to this instant, with arguments "
        "and results, the newest on top; before each, when it was done."
    )
    SHAPES = (CallsReport,)

    def all_lines(self, picture: Picture, columns: int) -> list[Text]:
        """Draw a line a call."""
        report, colors = self.report(picture, CallsReport), self.palette
        if report is None:
            return []
        lines = []
        for call in reversed(report.calls):
            who, space, what = call.text.partition(" ")
            if not space or not who.endswith("]"):
                who, what = "", call.text
            name, bracket, rest = what.partition("(")
            text = Text(f"{call.icount:>9,} ", colors.dim, no_wrap=True)
            text.append(name, colors.target)
            text.append(bracket + rest, colors.text)
            lines.append(text.append(f"  {who}" if who else "", colors.dim))
        return lines
