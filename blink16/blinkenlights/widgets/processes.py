"""The processes of ELKS."""

from __future__ import annotations

from rich.text import Text

from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.widgets.list_panel import ListPanel
from blink16.reports.processes import ProcessesReport


class ProcessesPanel(ListPanel):
    """A process a line."""

    TITLE = "processes"
    EMPTY = "no processes are told here"
    HELP = "The processes of the guest's system: number, name, what each does. ▸ has the processor."
    SHAPES = (ProcessesReport,)

    def all_lines(self, picture: Picture, columns: int) -> list[Text]:
        """Draw a line a process."""
        report, colors = self.report(picture, ProcessesReport), self.palette
        lines = []
        for process in report.processes if report else ():
            is_current = report is not None and process.thread == report.current
            text = Text("▸ " if is_current else "  ", colors.changed, no_wrap=True)
            text.append(f"{process.pid:>5} ", colors.dim)
            text.append(f"{process.name}  ", colors.target)
            lines.append(text.append(process.state, colors.text))
        return lines
