"""Where each panel lies, in a terminal of any size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.widget import Widget

from blink16.blinkenlights.emulator import COLUMNS, ROWS

FRAME = 2
"""Columns, and rows, of a panel's frame."""
MEDIUM, WIDE = 100, 160
"""From so many columns on there is room for the guest's screen, and for a third column."""
NARROW_MEMORY, MEDIUM_MEMORY, WIDE_MEMORY = 40, 44, 74
"""The right column: 32 bytes in a row, the same with air, 64 bytes."""
REGISTERS = 8
LEAST = 3
"""Rows of a panel with one line."""
LEAST_COLUMNS = 24
CODE_WITH_BYTES = 52
"""Columns in which code has its bytes beside it."""
HIGH = 26
"""Rows from which on there is room for another panel beside the code."""
LOW = 18
"""Rows from which on a narrow terminal shows the guest's, too."""
CONSOLE = Size(COLUMNS + FRAME + 2, ROWS + FRAME)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the user wants to see."""

    slot: str = "frames"
    """The panel in the place that several share."""
    is_asked_for: bool = False
    """Whether the user wants that panel, so that it is shown where there is little room, too."""
    middle: bool = True
    """That place, breakpoints, and the guest's screen."""
    right: bool = True
    """Registers and memory."""

    @property
    def peeks(self) -> bool:
        """Whether the panel takes the place of others, where there is little room."""
        return self.middle and (self.is_asked_for or self.slot != "frames")

    @property
    def beside(self) -> str:
        """The panel beside the guest's screen, where there is room for another."""
        return "calls" if self.slot != "calls" else "profile"


class _Row(NamedTuple):
    """A panel in a column."""

    name: str
    weight: int
    """Its share of what is left."""
    rows: int = 0
    """If not 0, it has so many rows and no share."""


def places(size: Size, shown: Shown) -> dict[str, Region]:
    """Return where panels lie; those for which there is no room are not among them."""
    width, height = size
    memory = NARROW_MEMORY if width < MEDIUM else MEDIUM_MEMORY if width < WIDE else WIDE_MEMORY
    memory = min(memory, width // 2) if shown.right and width >= 2 * LEAST_COLUMNS else 0
    whole = Region(0, 0, width, height)
    left, right = whole.split_vertical(width - memory)
    found: dict[str, Region] = {}
    if memory:
        found |= _column(right, _right_rows(size, shown))
    if width < MEDIUM and not memory and shown.peeks:
        return found | {shown.slot: left}
    if not shown.middle or height < (LOW if width < MEDIUM else 2 * LEAST):
        return found | {"code": left}
    rows = CONSOLE.height if height >= 2 * CONSOLE.height else max(height * 2 // 5, LEAST)
    above, below = left.split_horizontal(left.height - rows)
    if width < WIDE:
        return found | {"code": above, "console": below}
    code, side = above.split_vertical(max(above.width * 3 // 5, CODE_WITH_BYTES))
    found |= {"code": code} | _column(side, _side_rows(side, shown))
    if below.width - CONSOLE.width < LEAST_COLUMNS:
        return found | {"console": below}
    console, beside = below.split_vertical(CONSOLE.width)
    return found | {"console": console, shown.beside: beside}


def _side_rows(side: Region, shown: Shown) -> Sequence[_Row]:
    """Return what the column beside the code is to hold, from the top."""
    slot, points = _Row(shown.slot, 1), _Row("points", 0, 6)
    if side.height >= HIGH and shown.slot == "frames":
        return slot, _Row("profile", 1), points
    return slot, points


def _right_rows(size: Size, shown: Shown) -> Sequence[_Row]:
    """Return what the right column is to hold, from the top."""
    registers = _Row("registers", 0, REGISTERS if size.height >= 26 else REGISTERS - 1)
    write, stack = _Row("memory-write", 2), _Row("memory-stack", 2)
    if size.width >= WIDE:
        code, read = _Row("memory-code", 2), _Row("memory-read", 2)
        return registers, code, read, write, stack
    if size.width < MEDIUM:
        below = (_Row("points", 1),) if shown.slot == "frames" else ()
        return (
            (registers, _Row(shown.slot, 1), *below) if shown.peeks else (registers, write, stack)
        )
    if not shown.middle:
        return registers, _Row("memory-read", 2), write, stack
    slot = _Row(shown.slot, 2 if shown.slot == "frames" else 5)
    points = _Row("points", 0, LEAST + 1 if size.height < 40 else 6)
    read_too = (_Row("memory-read", 2),) if size.height >= 40 else ()
    return registers, slot, points, *read_too, write, stack


def _column(area: Region, rows: Sequence[_Row]) -> dict[str, Region]:
    """Divide a column; what comes last goes first where there is no room."""
    kept = list(rows)
    while kept and sum(row.rows or LEAST for row in kept) > area.height:
        kept.pop()
    if not kept:
        return {rows[0].name: area}
    left = area.height - sum(row.rows for row in kept)
    weight = sum(row.weight for row in kept)
    found, top = {}, area.y
    for row in kept:
        share = row.rows or max(LEAST, left * row.weight // weight)
        if row is kept[-1]:
            share = area.bottom - top
        elif not row.rows:
            left, weight = left - share, weight - row.weight
        found[row.name] = Region(area.x, top, area.width, share)
        top += share
    return found


class PanelLayout(Layout):
    """Puts the panels into their places."""

    name = "panels"

    def __init__(self) -> None:
        self.shown = Shown()
        self.found: Mapping[str, Region] = {}

    def arrange(
        self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True
    ) -> ArrangeResult:
        """Return the place of each panel that has one."""
        self.found = places(size, self.shown)
        return [
            WidgetPlacement(self.found[child.id], NULL_OFFSET, NULL_SPACING, child)
            for child in children
            if child.id in self.found
        ]


class Board(Widget):
    """Holds the panels."""

    def __init__(self, *children: Widget, id: str) -> None:
        super().__init__(*children, id=id)
        self.panel_layout = PanelLayout()

    @property
    def layout(self) -> Layout:
        """Our own."""
        return self.panel_layout

    def want(self, shown: Shown) -> None:
        """Show other panels."""
        if shown != self.panel_layout.shown:
            self.panel_layout.shown = shown
            for child in self.children:  # Textual arranges the parents of these anew
                child.refresh(layout=True)

    @property
    def shown(self) -> Shown:
        """What the user wants to see."""
        return self.panel_layout.shown
