"""The code around the next instruction, in the syntax that the user likes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from blink16.blinkenlights.picture import Picture
from blink16.blinkenlights.widgets.panel import Panel
from blink16.client import CodeLine, PointRole, RegisterValues
from blink16.client.code import name_in

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
_LOOPS: dict[str, Callable[[Flags], bool]] = {
    "loop": lambda f: True,
    "loope": lambda f: f("ZF"), "loopz": lambda f: f("ZF"),
    "loopne": lambda f: not f("ZF"), "loopnz": lambda f: not f("ZF"),
}  # fmt: skip
"""The same of those that count CX down, if that does not become 0."""


def jumps(mnemonic: str, registers: RegisterValues) -> bool | None:
    """Return whether a conditional jump or a loop will jump; None if it is neither."""
    if mnemonic == "jcxz":
        return registers.cx == 0
    if loops := _LOOPS.get(mnemonic):
        return registers.cx != 1 and loops(registers.flag)
    holds = _CONDITIONS.get(mnemonic[1:]) if mnemonic.startswith("j") else None
    return None if holds is None else holds(registers.flag)


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
        "it is known. A dot before a line says that control came from there; the title, if that is "
        "far away. Page up and down, and G, show other code; backspace goes back. i: Intel's or "
        "AT&T's syntax."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "turn_page(-1)", show=False),
        Binding("pagedown", "turn_page(1)", show=False),
        Binding("backspace", "follow", show=False),
    ]

    class Changed(Message):
        """The panel is to show other code."""

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
        self.address: int | None = None
        """Where the user wants to look; None: at the next instruction."""
        self._icount = -1
        self._file = ""
        """The source file that was shown last."""
        self._rows: list[CodeRow] = []

    # -- where it looks ----------------------------------------------------------------------

    def look_at(self, address: int | None) -> None:
        """Look at a linear address, until the machine moves; None: at the next instruction."""
        self.address = address
        self.post_message(self.Changed())

    def looked_at(self, icount: int) -> int | None:
        """Return where else the user looks while the machine stands at an instant, if he does."""
        return self.address if icount == self._icount else None

    def action_follow(self) -> None:
        """Look at the next instruction again."""
        self.look_at(None)

    def action_turn_page(self, pages: int) -> None:
        """Look at the first line that is seen, or the last one."""
        seen = [row.line.address for row in self._rows]
        if seen:
            first = seen[0] - (seen[0] == self.address)
            self.look_at(max(first, 0) if pages < 0 else seen[-1])

    def take(self, picture: Picture) -> None:
        """Follow a machine that has moved; say where it came from, if that is not seen."""
        if picture.state.icount != self._icount:
            self.address, self._icount = picture.code_at, picture.state.icount
        came = picture.came_from
        stays = picture.code_at is None
        seen = came is None or any(line.address == came for line in picture.code) or not stays
        name = "" if came is None else name_in(picture.symbols, came) or f"{came:05X}"
        away = "" if stays else "looks elsewhere"
        self.head("  ".join(filter(None, ("code", "" if seen else f"from {name}", away))))

    # -- drawing -----------------------------------------------------------------------------

    def strips(self, picture: Picture, columns: int, rows: int) -> list[Strip]:
        """Draw instructions; names and source lines on lines of their own before them."""
        drawn = list(self._all_rows(picture))
        at = picture.looks_at
        here = next((i for i, row in enumerate(drawn) if row.is_code and row.line.address == at), 0)
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
            (picture.registers.flags, picture.registers.cx) if here else None,
            line.address == picture.code_at,
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
        looked_at = line.address == picture.code_at
        ink = colors.text if here else colors.chosen if looked_at else colors.dim
        text.append(f"{line.cs:04X}:{line.ip:04X}", ink)
        shown = BYTES_SHOWN if columns >= ROOMY else LESS_BYTES_SHOWN if columns >= BYTES_TOO else 0
        if shown:
            more = colors.more if len(line.code) > shown else ""
            digits = line.code[:shown].hex() + more
            gap = "  " if columns >= ROOMY else " "
            text.append(f"{gap}{digits:<{2 * shown + 1}}", colors.faint if not here else colors.dim)
        mnemonic, _, operands = line.text.partition(" ")
        text.append(f" {mnemonic:<{6 if columns >= ROOMY else 5}} ", colors.mnemonic)
        target = _TARGET.match(line.text)
        if target:
            offset = int(target[1] or target[2], 16)
            text.append_text(self._target(line, offset, picture, here, columns >= BYTES_TOO))
        else:
            for piece in self._operands(operands):
                text.append_text(piece)
        if here:
            text.pad_right(max(columns - text.cell_len, 0))
            text.stylize(colors.here)
        return text

    def _target(
        self, line: CodeLine, offset: int, picture: Picture, here: bool, roomy: bool
    ) -> Text:
        colors = self.palette
        address = picture.registers.linear(line.cs, offset)
        found = picture.symbols.find(address)
        name = ""
        if found and found[1] < 0x1000:
            name = found[0].name + (f"+{found[1]}" if found[1] else "")
        text = Text(name or f"{offset:04X}", colors.target)
        if name and roomy:
            text.append(f" {offset:04X}", colors.dim)
        mnemonic = line.text.split()[0].lower()
        taken = jumps(mnemonic, picture.registers) if here else None
        arrow = " ↑" if address <= line.address else " ↓"
        if taken is not None:
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
        offset = None if self.has_selection else event.get_content_offset(self)
        if offset is None or not 0 <= offset.y < len(self._rows):
            return
        row = self._rows[offset.y]
        if row.name:
            self.post_message(self.FunctionChosen(row.line.address, row.line.name))
        elif row.is_code and (offset.x < MARGIN or event.chain > 1):
            self.post_message(self.BreakpointWanted(row.line.address))
