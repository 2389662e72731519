"""Keys that change what is seen of the machine."""

from __future__ import annotations

from dataclasses import replace

from textual import on
from textual.widget import Widget

from blink16.blinkenlights.emulator import COLUMNS, ROWS
from blink16.blinkenlights.panels import PanelsApp
from blink16.blinkenlights.widgets.code import CodePanel
from blink16.blinkenlights.widgets.console import ConsolePanel
from blink16.blinkenlights.widgets.help import HelpScreen
from blink16.blinkenlights.widgets.memory import MemoryPanel
from blink16.blinkenlights.widgets.panel import Panel
from blink16.client import Syntax


class LookActions(PanelsApp):
    """Panels, columns, syntax and themes."""

    _large_console = False
    """Whether the console has the whole terminal only while the guest has the keys."""

    def action_memory_mode(self) -> None:
        """Show memory as characters, hex, words, code: in the panel with the focus, or in all."""
        focused = self.focused
        panels = [focused] if isinstance(focused, MemoryPanel) else list(self.query(MemoryPanel))
        for panel in panels:
            panel.next_mode()

    def action_panel(self, name: str) -> None:
        """Show a panel where the frames are; the same key brings these back."""
        shown = self.board.shown
        again = shown.slot == name and shown.is_asked_for
        slot = "frames" if again else name
        self.board.want(replace(shown, slot=slot, is_asked_for=not again, middle=True))
        self.call_after_refresh(self._want_more)

    def action_syntax(self) -> None:
        """Write code in the other syntax."""
        self._syntax = Syntax.ATT if self._syntax is Syntax.INTEL else Syntax.INTEL
        self._want_more()

    def action_column(self, name: str) -> None:
        """Show or hide a column: ``middle`` or ``right``."""
        shown = self.board.shown
        if name == "middle":
            self.board.want(replace(shown, middle=not shown.middle))
        else:
            self.board.want(replace(shown, right=not shown.right))
        self.call_after_refresh(self._want_more)

    def action_enlarge(self) -> None:
        """Give the panel with the focus the whole terminal, or take it back."""
        if self.screen.maximized is not None:
            self.screen.minimize()
        elif isinstance(self.focused, Panel):
            self._maximize(self.focused)
        self.call_after_refresh(self._want_more)

    def _maximize(self, panel: Panel) -> None:
        """Enlarge a panel; the guest's screen, which needs all rows, also over the lines below."""
        for name in ("#status", "#keys"):
            self.query_one(name).set_class(not isinstance(panel, ConsolePanel), "-beside-large")
        self.screen.maximize(panel)

    def action_keyboard(self) -> None:
        """Let the user type to the guest, and see its screen, large if it had no room."""
        console = self.query_one(ConsolePanel)
        columns, rows = console.room
        if not console.region.area or columns < COLUMNS or rows < ROWS:
            self._large_console = self.screen.maximized is None
            self._maximize(console)
        console.focus()
        self._say("your keys are the guest's; F12 or ctrl-] takes them back", "information")
        self.call_after_refresh(self._want_more)

    @on(ConsolePanel.Left)
    def _on_console_left(self) -> None:
        if self._large_console and self.screen.maximized is not None:
            self.screen.minimize()
        self._large_console = False
        self.query_one(CodePanel).focus()
        self.call_after_refresh(self._want_more)

    def action_suspend_process(self) -> None:
        """Give the terminal back to the shell until that lets us go on."""
        if self._driver is not None and self._driver.can_suspend:
            super().action_suspend_process()
        else:
            self._say("there is no shell here")

    def action_redraw(self) -> None:
        """Draw everything, where something else has written on the terminal."""
        self.refresh(layout=True)

    def action_theme(self) -> None:
        """Change between dark and light."""
        self._theme_name = "light" if self._theme_name == "dark" else "dark"
        self._dress()

    _has_mouse = True

    def action_mouse(self) -> None:
        """Leave the mouse to the terminal, which selects text with it; or take it back."""
        switch = "_disable_mouse_support" if self._has_mouse else "_enable_mouse_support"
        if (change := getattr(self._driver, switch, None)) is not None:
            change()
        self._has_mouse = not self._has_mouse
        self._say("the mouse is ours" if self._has_mouse else "the mouse is the terminal's; M")

    def action_help(self) -> None:
        """Say what the panel under the mouse shows, or the one with the focus."""
        panel = self._under_cursor() or self.query_one(CodePanel)
        self.push_screen(HelpScreen(panel.headline, panel.HELP, self.palette))

    def _under_cursor(self) -> Panel | None:
        under = self.mouse_over
        while under is not None and not isinstance(under, Panel):
            under = under.parent if isinstance(under.parent, Widget) else None
        return under or (self.focused if isinstance(self.focused, Panel) else None)
