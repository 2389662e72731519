"""What is under the cursor, and all keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.console import Group
from rich.table import Column, Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from blink16.blinkenlights.keys import GROUPS, KeyGroup
from blink16.blinkenlights.palette import Palette
from blink16.blinkenlights.widgets.panel import shown

A_COLUMN = 56
"""Columns of the terminal for one of keys."""
MAX_COLUMNS = 3
FOR_NAMES = 15
"""Columns of the terminal for a key's names."""


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
        self._count = 0

    def compose(self) -> ComposeResult:
        """Place the page."""
        title, text = self._about
        self._count = self._room
        with VerticalScroll(id="help") as page:
            page.border_title = shown(title)
            page.border_subtitle = "esc closes"
            yield Static(Text(text + "\n", self._palette.text))
            with Horizontal(id="help-keys"):
                for groups in _columns(self._count):
                    yield Static(Group(*(self._keys_of(group) for group in groups)))

    async def on_resize(self) -> None:
        """Make as many columns as there is room for now."""
        if self._room != self._count:
            await self.recompose()

    @property
    def _room(self) -> int:
        return max(1, min(self.app.size.width // A_COLUMN, MAX_COLUMNS))

    def _keys_of(self, group: KeyGroup) -> Group:
        colors = self._palette
        table = Table.grid(Column(width=FOR_NAMES), Column(), padding=(0, 1))
        for key in group.keys:
            if key.keys:
                table.add_row(Text(key.shown_keys, colors.changed), Text(key.title, colors.text))
        return Group(Text(group.title, colors.symbol), table, "")


def _columns(count: int) -> Sequence[Sequence[KeyGroup]]:
    """Return which groups stand below each other, about as many keys in each column."""
    height = -(-sum(map(_rows, GROUPS)) // count)
    columns: list[list[KeyGroup]] = [[]]
    for group in GROUPS:
        full = sum(map(_rows, columns[-1])) + _rows(group) // 2 > height
        if full and len(columns) < count:
            columns.append([])
        columns[-1].append(group)
    return columns


def _rows(group: KeyGroup) -> int:
    return sum(1 for key in group.keys if key.keys) + 2
