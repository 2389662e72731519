"""Where the program spent its last instructions."""

from __future__ import annotations

from collections import Counter

from rich.text import Text

from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.widgets.list_panel import ListPanel
from blink16.reports.profile import ProfileReport

SAMPLES = 600
"""Of a machine that runs: so many are counted."""
BAR = 12


class ProfilePanel(ListPanel):
    """Functions by how many instructions were theirs, the most first."""

    TITLE = "profile"
    EMPTY = "nothing was executed yet"
    HELP = (
        "Where the last million instructions were executed, by function. While the machine runs, "
        "where it was seen so far."
    )
    SHAPES = (ProfileReport,)

    def on_mount(self) -> None:
        """Begin to count."""
        super().on_mount()
        self._seen: list[str] = []

    def take(self, picture: Picture) -> None:
        """Count where a machine that runs was seen."""
        if picture.running:
            found = picture.symbols.find(picture.registers.pc)
            self._seen.append(found[0].name if found else f"{picture.registers.pc & ~0xFF:05X}")
            del self._seen[:-SAMPLES]
        else:
            self._seen.clear()

    def all_lines(self, picture: Picture, columns: int) -> list[Text]:
        """Draw a bar and a share for each."""
        report = self.report(picture, ProfileReport)
        if self._seen:
            counted = Counter(self._seen).most_common()
        elif report is not None:
            counted = [(line.name or f"{line.address:05X}", line.counted) for line in report.lines]
        else:
            return []
        return [self._line(name, count, sum(n for _, n in counted)) for name, count in counted]

    def _line(self, name: str, count: int, total: int) -> Text:
        colors, share = self.palette, count / max(total, 1)
        text = Text(no_wrap=True)
        text.append(f"{100 * share:5.1f}% ", colors.text)
        text.append(colors.track * round(BAR * share), colors.bar_past)
        text.append(colors.track * (BAR - round(BAR * share)), colors.faint)
        return text.append(f" {name}", colors.target)
