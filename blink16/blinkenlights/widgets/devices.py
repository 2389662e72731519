"""What the chips of a PC do."""

from __future__ import annotations

from rich.text import Text

from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.widgets.list_panel import ListPanel
from blink16.reports.devices import DevicesReport


class DevicesPanel(ListPanel):
    """PIC, PIT, UARTs and DMA, in words."""

    TITLE = "devices"
    EMPTY = "no chips here, or the machine runs"
    HELP = (
        "The chips of the PC: which interrupts are asked for and masked (PIC), what the three "
        "timers count (PIT), how the serial ports are set (COM), what DMA transfers."
    )
    SHAPES = (DevicesReport,)

    def all_lines(self, picture: Picture, columns: int) -> list[Text]:
        """Draw a chip's name, and what is to be said of it below."""
        report, colors = self.report(picture, DevicesReport), self.palette
        lines: list[Text] = []
        for device in report.devices if report else ():
            lines.append(Text(device.name, colors.target, no_wrap=True))
            lines += [Text(f"  {fact}", colors.text, no_wrap=True) for fact in device.facts]
        return lines
