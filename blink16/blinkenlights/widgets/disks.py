"""The drives of a PC."""

from __future__ import annotations

from rich.text import Text

from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.widgets.list_panel import ListPanel
from blink16.reports.disks import DisksReport


class DisksPanel(ListPanel):
    """A drive a line, and the disk in it."""

    TITLE = "disks"
    EMPTY = "this machine was not booted from a disk"
    HELP = "The drives and their disks. `:disk A games.img` puts another one in."
    SHAPES = (DisksReport,)

    def all_lines(self, picture: Picture, columns: int) -> list[Text]:
        """Draw a line a drive."""
        report, colors = self.report(picture, DisksReport), self.palette
        lines = []
        for drive in report.drives if report else ():
            text = Text(f"{drive.letter}: ", colors.target, no_wrap=True)
            text.append(drive.name or "empty", colors.text if drive.name else colors.dim)
            if drive.name:
                kib = drive.cylinders * drive.heads * drive.sectors // 2
                shape = f"  {drive.cylinders}/{drive.heads}/{drive.sectors}  {kib:,} KiB"
                text.append(shape, colors.dim)
            for holds, word in ((drive.read_only, "write-protected"), (drive.changed, "changed")):
                text.append(f"  {word}" if holds else "", colors.changed)
            lines.append(text)
        return lines
