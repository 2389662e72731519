"""What is under the cursor, and all keys."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from blink16.blinkenlights.keys import KEYS
from blink16.blinkenlights.palette import Palette


class HelpScreen(ModalScreen[None]):
    """A page over the panels; any key closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter,space", "dismiss", "close")
    ]

    def __init__(self, title: str, text: str, palette: Palette) -> None:
        """``title`` and ``text``: of the panel that is asked about."""
        super().__init__()
        self._about = title, text
        self._palette = palette

    def compose(self) -> ComposeResult:
        """Place the page."""
        title, text = self._about
        with VerticalScroll(id="help") as page:
            page.border_title = title
            page.border_subtitle = "esc closes"
            yield Static(Text(text + "\n", self._palette.text))
            yield Static(self._keys())

    def _keys(self) -> Table:
        table = Table.grid(padding=(0, 2))
        shown = [key for key in KEYS if key.keys]
        half = -(-len(shown) // 2)
        for left, right in zip(shown[:half], [*shown[half:], None], strict=False):
            cells = []
            for key in (left, right):
                cells.append(Text(key.shown_keys if key else "", self._palette.changed))
                cells.append(Text(key.title if key else "", self._palette.text))
            table.add_row(*cells)
        return table
