"""Keys that change what is seen of the machine."""

from __future__ import annotations

from textual.widget import Widget

from blink16.blinkenlights.panels import SLOT, PanelsApp
from blink16.blinkenlights.widgets.code import CodePanel
from blink16.blinkenlights.widgets.help import HelpScreen
from blink16.blinkenlights.widgets.memory import MemoryPanel
from blink16.blinkenlights.widgets.panel import Panel
from blink16.client import Syntax


class LookActions(PanelsApp):
    """Panels, columns, syntax and themes."""

    def action_memory_mode(self) -> None:
        """Show memory as characters, hex, words, code: in the panel with the focus, or in all."""
        focused = self.focused
        panels = [focused] if isinstance(focused, MemoryPanel) else list(self.query(MemoryPanel))
        for panel in panels:
            panel.next_mode()

    def action_panel(self, name: str) -> None:
        """Show a panel where the frames are; the same key brings these back."""
        wanted = self.query_one(f"#{name}", Panel)
        show = "frames" if wanted.display else name
        for other in SLOT.values():
            self.query_one(f"#{other}").display = other == show
        self.query_one("#middle").display = True
        self.screen.set_class(show != "frames", "-peek")
        self.call_after_refresh(self._want_more)

    def action_syntax(self) -> None:
        """Write code in the other syntax."""
        self._syntax = Syntax.ATT if self._syntax is Syntax.INTEL else Syntax.INTEL
        self._want_more()

    def action_column(self, name: str) -> None:
        """Show or hide a column."""
        column = self.query_one(f"#{name}")
        column.display = not column.display
        self.call_after_refresh(self._want_more)

    def action_enlarge(self) -> None:
        """Give the panel with the focus the whole terminal, or take it back."""
        if self.screen.maximized is not None:
            self.screen.minimize()
        elif isinstance(self.focused, Panel):
            self.screen.maximize(self.focused)
        self.call_after_refresh(self._want_more)

    def action_theme(self) -> None:
        """Change between dark and light."""
        self._theme_name = "light" if self._theme_name == "dark" else "dark"
        self._dress()

    def action_help(self) -> None:
        """Say what the panel under the mouse shows, or the one with the focus."""
        panel = self._under_cursor() or self.query_one(CodePanel)
        self.push_screen(HelpScreen(str(panel.border_title or ""), panel.HELP, self.palette))

    def _under_cursor(self) -> Panel | None:
        under = self.mouse_over
        while under is not None and not isinstance(under, Panel):
            under = under.parent if isinstance(under.parent, Widget) else None
        return under or (self.focused if isinstance(self.focused, Panel) else None)
