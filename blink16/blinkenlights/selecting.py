"""Text that the user selects with the mouse, within one panel, and copies."""

from __future__ import annotations

from textual.geometry import Offset
from textual.screen import Screen
from textual.widget import Widget

from blink16.blinkenlights.widgets.panel import Panel


class PanelScreen(Screen[None]):
    """The screen that holds the panels: a selection does not leave the one in which it began."""

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        """Return what a selection meets there, and the column and row in it."""
        state = self._select_state if self._selecting else None
        panel = state.start.content_widget if state is not None else None
        if not isinstance(panel, Panel):
            panel = self.get_widget_at(x, y)[0]
            if not isinstance(panel, Panel):
                return super().get_widget_and_offset_at(x, y)
            if not panel.content_region.contains(x, y):
                return panel, None
        inside = panel.content_region
        column = max(0, min(x - inside.x, inside.width - 1))
        row = max(0, min(y - inside.y, inside.height - 1))
        return panel, Offset(column, row)

    def action_copy_text(self) -> None:
        """Copy what is selected; if nothing is, the key means something else."""
        super().action_copy_text()
        self.clear_selection()
        self.notify("copied", timeout=2)
