"""The code around the next instruction, in the syntax that the user likes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from rich.text import Text
from textual import events
from textual.message import Message
from textual.strip import Strip

from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.widgets.panel import Panel
from blink16.client import CodeLine, PointRole

_TOKEN = re.compile(
    r"(?P<size>\b(?:byte|word|dword|far|near|short)\b)"
    r"|(?P<register>%?\b(?:[abcd][xhl]|[sbi]p|[sd]i|[cdes]s)\b)"
    r"|(?P<number>\$?-?\b0x[0-9a-f]+\b|\b[0-9A-F]+h\b)|(?P<rest>.)",
    re.IGNORECASE,
)
_TARGET = re.compile(r"^(?:call|j\w+|loop\w*)\s+(?:([0-9A-F]+)h|0x([0-9a-f]+))$", re.IGNORECASE)
BYTES_TOO, ROOMY = 48, 60
"""Columns from which on an instruction's bytes are shown, and more of them."""
MARGIN = 2
"""Columns."""
LESS_BYTES_SHOWN, BYTES_SHOWN = 4, 6
Flags = Callable[[str], bool]
_CONDITIONS: dict[str, Callable[[Flags], bool]] = {
    "o": lambda f: f("OF"), "no": lambda f: not f("OF"),
    "b": lambda f: f("CF"), "c": lambda f: f("CF"), "nae": lambda f: f("CF"),
    "nb": lambda f: not f("CF"), "nc": lambda f: not f("CF"), "ae": lambda f: not f("CF"),
    "z": lambda f: f("ZF"), "e": lambda f: f("ZF"),
    "nz": lambda f: not f("ZF"), "ne": lambda f: not f("ZF"),
    "be": lambda f: f("CF") or f("ZF"), "na": lambda f: f("CF") or f("ZF"),
    "a": lambda f: not (f("CF") or f("ZF")), "nbe": lambda f: not (f("CF") or f("ZF")),
    "s": lambda f: f("SF"), "ns": lambda f: not f("SF"),
    "p": lambda f: f("PF"), "pe": lambda f: f("PF"),
    "np": lambda f: not f("PF"), "po": lambda f: not f("PF"),
    "l": lambda f: f("SF") != f("OF"), "nge": lambda f: f("SF") != f("OF"),
    "ge": lambda f: f("SF") == f("OF"), "nl": lambda f: f("SF") == f("OF"),
    "le": lambda f: f("ZF") or f("SF") != f("OF"), "ng": lambda f: f("ZF") or f("SF") != f("OF"),
    "g": lambda f: not f("ZF") and f("SF") == f("OF"),
    "nle": lambda f: not f("ZF") and f("SF") == f("OF"),
}  # fmt: skip
"""By a conditional jump's letters: whether flags let it jump."""


class CodeRow(NamedTuple):
    """A row of the panel: an instruction, or what stands before it."""

    line: CodeLine
    name: str = ""
    number: int = 0
    """Of a source line."""
    source: str = ""

    @property
    def is_code(self) -> bool:
        """Whether it is the instruction itself."""
        return not self.name and not self.number


class CodePanel(Panel):
    """Instructions: where, bytes, what they do; the next one on a band of its own."""

    HELP = (
        "The next instruction is on the bright band. The wheel goes through time: up is the past. "
        "A click in the margin, F9 or b sets a breakpoint. "
        "Green lines are the names of functions and variables, numbered ones the source, where "
        "it is known. A dot before a line says that control came from there. i: Intel's or AT&T's "
        "syntax."
    )

    class TimeWheel(Message):
        """The wheel was turned on the code: so many instructions, back if negative."""

        def __init__(self, count: int) -> None:
            super().__init__()
            self.count = count

    class BreakpointWanted(Message):
        """A breakpoint is to be set or removed at a linear address."""

        def __init__(self, address: int) -> None:
            super().__init__()
            self.address = address

    class FunctionChosen(Message):
        """A name was clicked: of the code at a linear address."""

        def __init__(self, address: int, name: str) -> None:
            super().__init__()
            self.address = address
            self.name = name

    def on_mount(self) -> None:
        """Give it a title."""
        self.head("code")
        self._file = ""
        """The source file that was shown last."""
        self._rows: list[CodeRow] = []

    def strips(self, picture: Picture, columns: int, rows: int) -> list[Strip]:
        """Draw instructions; names and source lines on lines of their own before them."""
        drawn = list(self._all_rows(picture))
        pc = picture.registers.pc
        here = next((i for i, row in enumerate(drawn) if row.is_code and row.line.address == pc), 0)
        top = max(0, min(here - rows // 3, len(drawn) - rows))
        drawn = drawn[top : top + rows]
        self._rows = drawn
        breakpoints = {p.address for p in picture.points if p.role is PointRole.EXECUTE}
        return [self._strip(row, picture, columns, breakpoints) for row in drawn]

    def _all_rows(self, picture: Picture) -> Iterator[CodeRow]:
        sources = picture.sources
        for line in picture.code:
            if line.name and "+" not in line.name:
                yield CodeRow(line, name=f"{line.name}:")
            if sources is not None and (source := sources.line_from(line.address)) is not None:
                self._file = source.file
                yield CodeRow(line, number=source.number, source=source.text)
            yield CodeRow(line)
        self.foot(self._file)

    def _strip(self, row: CodeRow, picture: Picture, columns: int, breakpoints: set[int]) -> Strip:
        """Draw a line, or return it as it was drawn before."""
        line = row.line
        here = line.address == picture.registers.pc
        key = (
            row,
            columns,
            line.address in breakpoints,
            picture.registers.flags if here else -1,
            line.address == picture.came_from,
            self.palette,
        )

        def draw() -> Strip:
            if row.name:
                text = Text(row.name, self.palette.symbol, no_wrap=True)
            elif row.number:
                text = Text(f"{row.number:>6} ", self.palette.dim, no_wrap=True)
                text.append(row.source.rstrip(), self.palette.source)
            else:
                text = self._line(line, picture, columns, breakpoints)
            return self.drawn(text, columns)

        return self.known(key, draw)

    def _line(self, line: CodeLine, picture: Picture, columns: int, breakpoints: set[int]) -> Text:
        colors, here = self.palette, line.address == picture.registers.pc
        text = Text(no_wrap=True)
        text.append(colors.dot if line.address in breakpoints else " ", colors.breakpoint)
        came = line.address == picture.came_from
        text.append(colors.arrow if here else "·" if came else " ", colors.changed)
        text.append(" " if columns >= ROOMY else "")
        text.append(f"{line.cs:04X}:{line.ip:04X}", colors.dim if not here else colors.text)
        shown = BYTES_SHOWN if columns >= ROOMY else LESS_BYTES_SHOWN if columns >= BYTES_TOO else 0
        if shown:
            more = colors.more if len(line.code) > shown else ""
            digits = line.code[:shown].hex() + more
            text.append(f"  {digits:<{2 * shown + 1}}", colors.faint if not here else colors.dim)
        mnemonic, _, operands = line.text.partition(" ")
        text.append(f" {mnemonic:<6} ", colors.mnemonic)
        target = _TARGET.match(line.text)
        if target:
            text.append_text(self._target(line, int(target[1] or target[2], 16), picture, here))
        else:
            for piece in self._operands(operands):
                text.append_text(piece)
        if here:
            text.pad_right(max(columns - text.cell_len, 0))
            text.stylize(colors.here)
        return text

    def _target(self, line: CodeLine, offset: int, picture: Picture, here: bool) -> Text:
        colors = self.palette
        address = picture.registers.linear(line.cs, offset)
        found = picture.symbols.find(address)
        name = ""
        if found and found[1] < 0x1000:
            name = found[0].name + (f"+{found[1]}" if found[1] else "")
        text = Text(name or f"{offset:04X}", colors.target)
        if name:
            text.append(f" {offset:04X}", colors.dim)
        mnemonic = line.text.split()[0].lower()
        jumps = _CONDITIONS.get(mnemonic[1:]) if mnemonic.startswith("j") else None
        arrow = " ↑" if address < line.address else " ↓"
        if here and jumps is not None:
            taken = jumps(picture.registers.flag)
            text.append(f"{arrow} taken" if taken else "  not taken", colors.changed)
        elif mnemonic != "call":
            text.append(arrow, colors.dim)
        return text

    def _operands(self, operands: str) -> Iterator[Text]:
        colors = self.palette
        styles = {"size": colors.dim, "register": colors.register, "number": colors.number}
        for token in _TOKEN.finditer(operands):
            yield Text(token[0], styles.get(token.lastgroup or "", colors.text))

    # -- the mouse ---------------------------------------------------------------------------

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Go back in time."""
        event.stop()
        self.post_message(self.TimeWheel(-1))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Go forward in time."""
        event.stop()
        self.post_message(self.TimeWheel(1))

    def on_click(self, event: events.Click) -> None:
        """Set or remove a breakpoint, if the margin was clicked, or the line twice."""
        offset = event.get_content_offset(self)
        if offset is None or not 0 <= offset.y < len(self._rows):
            return
        row = self._rows[offset.y]
        if row.name:
            self.post_message(self.FunctionChosen(row.line.address, row.line.name))
        elif row.is_code and (offset.x < MARGIN or event.chain > 1):
            self.post_message(self.BreakpointWanted(row.line.address))
