"""What the program has asked its system for, as it happens."""

from __future__ import annotations

from rich.text import Text

from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.widgets.list_panel import ListPanel
from blink16.reports.calls import CallsReport, RecentCallsReport


class CallsPanel(ListPanel):
    """The last calls of DOS or ELKS, the newest on top."""

    TITLE = "calls"
    EMPTY = "no calls before now"
    HELP = (
        "The calls of DOS or ELKS up to this instant, with arguments and results, the newest on "
        "top; before each, when it was done. Of a system that was booted from a disk, some are "
        "left out while it runs, where there are too many; they come when the machine stands."
    )
    SHAPES = (CallsReport, RecentCallsReport)

    def all_lines(self, picture: Picture, columns: int) -> list[Text]:
        """Draw a line a call."""
        looked_for = self.report(picture, CallsReport)
        seen = self.report(picture, RecentCallsReport)
        calls = (*(looked_for.calls if looked_for else ()), *(seen.calls if seen else ()))
        now = picture.state.icount
        known = {call.icount: call.text for call in calls if call.icount <= now}
        return [self._line(icount, known[icount]) for icount in sorted(known, reverse=True)]

    def _line(self, icount: int, told: str) -> Text:
        """Draw a call: when, what, the result set apart, and whose it was."""
        colors = self.palette
        who, space, what = told.partition(" ")
        if not space or not who.endswith("]"):
            who, what = "", told
        name, bracket, rest = what.partition("(")
        arguments, equals, result = rest.rpartition(" = ")
        text = Text(f"{icount:>11,} ", colors.dim, no_wrap=True)
        text.append(name, colors.target).append(bracket, colors.dim)
        text.append(arguments if equals else rest, colors.text)
        text.append(equals, colors.dim)
        text.append(
            result if equals else "", colors.changed if result[:1] == "-" else colors.number
        )
        return text.append(f"  {who}" if who else "", colors.dim)
